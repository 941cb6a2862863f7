"""The transaction coordinator among the parts of a broker, and the words that several handlers of transactions share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.coordinator_ports import ReplicaWriter
from kafkalite.coordination.ports import MarkerWriter
from kafkalite.coordination.transaction.coordinator import (
    TransactionConfig,
    TransactionCoordinator,
)
from kafkalite.coordination.transaction.store import TRANSACTION_STATE_TOPIC

if TYPE_CHECKING:
    from kafkalite.broker.broker import Broker

TRANSACTION_VERSION = "transaction.version"

_FENCED_VERSION = 2


def transaction_coordinator(
    broker: Broker, markers: MarkerWriter, partition_count: int
) -> TransactionCoordinator:
    """With the broker's replicas to write to; `partition_count` is that of `__transaction_state`."""
    config = broker.config
    return TransactionCoordinator(
        ReplicaWriter(broker.replicas, broker.clock),
        markers,
        broker.timer,
        broker.clock,
        partition_count,
        next_producer_id=broker.producer_ids.next,
        coordinator_epoch=lambda partition: (
            broker.replicas.get(TRANSACTION_STATE_TOPIC, partition).leader_epoch
        ),
        transaction_version=lambda: broker.image.features.get(TRANSACTION_VERSION, 0),
        config=TransactionConfig(
            max_timeout_ms=config.transaction_max_timeout_ms,
            id_expiration_ms=config.transactional_id_expiration_ms,
        ),
    )


def code_for(code: ErrorCode, api_version: int, fenced_version: int = _FENCED_VERSION) -> ErrorCode:
    """PRODUCER_FENCED is known to clients from `fenced_version` of an API on; before, it is INVALID_PRODUCER_EPOCH."""
    if code == ErrorCode.PRODUCER_FENCED and api_version < fenced_version:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    return code
