"""SaslHandshake: v0-v1. On a listener without SASL there is nothing to agree on: ILLEGAL_SASL_STATE, as Kafka answers."""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse

from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.SASL_HANDSHAKE


def handle(_context: RequestContext, _request: SaslHandshakeRequest) -> SaslHandshakeResponse:
    return SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE)
