"""SaslAuthenticate: v0-v2. On a listener without SASL nobody authenticates: ILLEGAL_SASL_STATE, as Kafka answers."""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.sasl_authenticate import (
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
)

from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.SASL_AUTHENTICATE


def handle(_context: RequestContext, _request: SaslAuthenticateRequest) -> SaslAuthenticateResponse:
    return SaslAuthenticateResponse(
        error_code=ErrorCode.ILLEGAL_SASL_STATE,
        error_message="This listener has no SASL, and you are connected already.",
    )
