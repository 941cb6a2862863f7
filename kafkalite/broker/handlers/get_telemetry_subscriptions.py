"""GetTelemetrySubscriptions: v0. Which metrics a client shall send, and how often (KIP-714). Not advertised, as in a Kafka
without a plugin that takes them; answered all the same.

The subscription's id is a checksum of what is asked of the client, so nothing is remembered between requests. Kafka
remembers, and refuses a client that asks again too soon.
"""

from __future__ import annotations

import struct
from typing import Final

from crc32c import crc32c
from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.messages.get_telemetry_subscriptions import (
    GetTelemetrySubscriptionsRequest,
    GetTelemetrySubscriptionsResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.metadata.client_metrics import Subscription, subscription_for
from kafkalite.types import ZERO_UUID, Uuid

API_KEY = ApiKey.GET_TELEMETRY_SUBSCRIPTIONS

ACCEPTED: Final = (Compression.ZSTD, Compression.LZ4, Compression.GZIP, Compression.SNAPPY)
"""In the order of preference."""


def handle(
    context: RequestContext, request: GetTelemetrySubscriptionsRequest
) -> GetTelemetrySubscriptionsResponse:
    instance_id = Uuid(request.client_instance_id)
    if instance_id == ZERO_UUID:
        instance_id = Uuid(context.broker.random.randbytes(16))
    subscription = subscription_of(context, instance_id)
    return GetTelemetrySubscriptionsResponse(
        client_instance_id=instance_id,
        subscription_id=subscription_id(subscription, instance_id),
        accepted_compression_types=[*ACCEPTED],
        push_interval_ms=subscription.interval_ms,
        telemetry_max_bytes=context.broker.config.telemetry_max_bytes,
        delta_temporality=True,
        requested_metrics=[*subscription.metrics],
    )


def subscription_of(context: RequestContext, instance_id: Uuid) -> Subscription:
    """What the client that asks is asked for now."""
    from base64 import urlsafe_b64encode

    connection = context.connection
    client = {
        "client_instance_id": urlsafe_b64encode(instance_id).rstrip(b"=").decode(),
        "client_id": context.client_id or "",
        "client_software_name": connection.client_software_name,
        "client_software_version": connection.client_software_version,
        "client_source_address": connection.client_host,
        "client_source_port": str(connection.client_port),
    }
    return subscription_for(context.broker.control_plane.image, client)


def subscription_id(subscription: Subscription, instance_id: Uuid) -> int:
    """Changes with what is asked for; an int32."""
    number: int = struct.unpack(
        ">i", struct.pack(">I", crc32c(repr(subscription).encode() + instance_id))
    )[0]
    return number
