"""RenewDelegationToken: v1-v2. Refused, see `delegation_tokens.py`."""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.renew_delegation_token import (
    RenewDelegationTokenRequest,
    RenewDelegationTokenResponse,
)

from kafkalite.broker.handlers.delegation_tokens import NOT_ALLOWED
from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.RENEW_DELEGATION_TOKEN


def handle(
    _context: RequestContext, _request: RenewDelegationTokenRequest
) -> RenewDelegationTokenResponse:
    return RenewDelegationTokenResponse(NOT_ALLOWED, expiry_timestamp_ms=-1)
