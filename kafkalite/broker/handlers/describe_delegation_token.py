"""DescribeDelegationToken: v1-v3. Refused, see `delegation_tokens.py`. v3: who asked for a token."""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.describe_delegation_token import (
    DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse,
)

from kafkalite.broker.handlers.delegation_tokens import NOT_ALLOWED
from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.DESCRIBE_DELEGATION_TOKEN


def handle(
    _context: RequestContext, _request: DescribeDelegationTokenRequest
) -> DescribeDelegationTokenResponse:
    return DescribeDelegationTokenResponse(NOT_ALLOWED)
