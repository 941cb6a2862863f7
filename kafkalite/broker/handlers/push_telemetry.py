"""PushTelemetry: v0. Takes a client's metrics, in the form of OpenTelemetry, and puts them away unread (KIP-714).

Not advertised, as in a Kafka without a plugin that reads them; answered all the same.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.push_telemetry import PushTelemetryRequest, PushTelemetryResponse

from kafkalite.broker.handlers.get_telemetry_subscriptions import subscription_id, subscription_of
from kafkalite.broker.request import RequestContext
from kafkalite.types import Uuid

API_KEY = ApiKey.PUSH_TELEMETRY

_RESERVED_IDS = 2
"""The lowest ids are no client's (`Uuid.RESERVED`)."""


def handle(context: RequestContext, request: PushTelemetryRequest) -> PushTelemetryResponse:
    return PushTelemetryResponse(error_code=_check(context, request))


def _check(context: RequestContext, request: PushTelemetryRequest) -> ErrorCode:
    instance_id = Uuid(request.client_instance_id)
    if int.from_bytes(instance_id) < _RESERVED_IDS:
        return ErrorCode.INVALID_REQUEST
    asked = subscription_of(context, instance_id)
    if request.subscription_id != subscription_id(asked, instance_id):
        return ErrorCode.UNKNOWN_SUBSCRIPTION_ID
    if request.compression_type not in [*Compression]:
        return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    if len(request.metrics) > context.broker.config.telemetry_max_bytes:
        return ErrorCode.TELEMETRY_TOO_LARGE
    return ErrorCode.NONE
