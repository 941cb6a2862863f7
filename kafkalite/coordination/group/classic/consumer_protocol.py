"""What consumers tell each other through the metadata of JoinGroup (Kafka's `ConsumerProtocol`).

    | int16 version | body |       subscription: topics, user data, v1+ owned partitions, v2+ generation, v3+ rack

Opaque to a classic group, except where the broker has to know which topics are read.
"""

from __future__ import annotations

from typing import Final

from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription

CONSUMER_PROTOCOL_TYPE: Final = "consumer"

_INT16_BYTES: Final = 2


def read_subscription(metadata: bytes) -> ConsumerProtocolSubscription | None:
    """A member's subscription; None when it is not one. Of a version to come, what we know of it is read."""
    if len(metadata) < _INT16_BYTES:
        return None
    version = int.from_bytes(metadata[:_INT16_BYTES], "big", signed=True)
    if version < ConsumerProtocolSubscription.MIN_VERSION:
        return None
    try:
        return ConsumerProtocolSubscription.decode(
            min(version, ConsumerProtocolSubscription.MAX_VERSION), metadata, _INT16_BYTES
        )
    except ProtocolError:
        return None
