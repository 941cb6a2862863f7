"""CreateDelegationToken: v1-v3. Refused, see `delegation_tokens.py`. v3: a token for somebody else."""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.create_delegation_token import (
    CreateDelegationTokenRequest,
    CreateDelegationTokenResponse,
)

from kafkalite.broker.handlers.delegation_tokens import ANONYMOUS, NOT_ALLOWED
from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.CREATE_DELEGATION_TOKEN


def handle(
    _context: RequestContext, request: CreateDelegationTokenRequest
) -> CreateDelegationTokenResponse:
    owner = ANONYMOUS
    if request.owner_principal_name:
        owner = request.owner_principal_type or "", request.owner_principal_name
    return CreateDelegationTokenResponse(
        NOT_ALLOWED,
        *owner,
        *ANONYMOUS,
        issue_timestamp_ms=-1,
        expiry_timestamp_ms=-1,
        max_timestamp_ms=-1,
    )
