"""What a partition asks the transaction coordinator before a batch opens a transaction in it (KIP-890).

Without that, a batch that comes late, after its transaction has ended, would open one that nobody ends.

    the transaction is open in the partition already    nothing is asked
    the client adds partitions itself (before v12 of Produce, v5 of TxnOffsetCommit)
                                                        is it in the transaction? `transaction.partition.verification.enable`
    later versions                                      the coordinator adds it now

Between the coordinator's yes and the append nothing else may happen: the append is made in the callback of the answer.

Kafka: ReplicaManager.handleProduceAppend, AddPartitionsToTxnManager.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.replica import Replica
from kafkalite.clock import Clock
from kafkalite.config import BrokerConfig
from kafkalite.coordination.transaction.coordinator import (
    PartitionCodes,
    Producer,
    TransactionCoordinator,
)
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError
from kafkalite.timer import Timer

_IMPLICIT_ADD_VERSION = 2
"""Of transactions: partitions are added by what is written to them."""


class ClientSupport(Enum):
    """What the version of a request says its client can do."""

    ADDS_PARTITIONS = "adds partitions itself"
    """And does not know TRANSACTION_ABORTABLE."""
    KNOWS_ABORTABLE = "adds partitions itself, and knows TRANSACTION_ABORTABLE"
    LEAVES_ADDING = "leaves the adding to the partition"

    @staticmethod
    def of_produce(version: int) -> ClientSupport:
        return _support(version, knows_from=11)

    @staticmethod
    def of_offset_commit(version: int) -> ClientSupport:
        """By the version of TxnOffsetCommit."""
        return _support(version, knows_from=4)


def _support(version: int, knows_from: int) -> ClientSupport:
    if version < knows_from:
        return ClientSupport.ADDS_PARTITIONS
    if version == knows_from:
        return ClientSupport.KNOWS_ABORTABLE
    return ClientSupport.LEAVES_ADDING


class TransactionVerifier:
    """See the module. Answers never fail; they name the partitions that were asked for, and no others."""

    def __init__(
        self,
        coordinator: TransactionCoordinator,
        config: Callable[[], BrokerConfig],
        timer: Timer,
        clock: Clock,
    ) -> None:
        self._coordinator = coordinator
        self._config = config
        self._timer = timer
        self._clock = clock

    def verify(
        self, producer: Producer, replicas: Collection[Replica], support: ClientSupport
    ) -> Deferred[PartitionCodes]:
        """May the producer write to these partitions in its transaction? The codes are those that partitions answer with:
        NONE, INVALID_PRODUCER_EPOCH, INVALID_PRODUCER_ID_MAPPING, INVALID_TXN_STATE or TRANSACTION_ABORTABLE: not a part of
        the transaction; CONCURRENT_TRANSACTIONS, and those of a coordinator that is not there.
        """
        asked = [
            replica.topic_partition
            for replica in replicas
            if not replica.log.producer_state.has_ongoing(producer.producer_id, producer.epoch)
        ]
        adds = support is ClientSupport.LEAVES_ADDING
        if not asked or not (adds or self._config().transaction_partition_verification_enable):
            return resolved({})
        codes = (
            self._coordinator.add_partitions(producer, asked, _IMPLICIT_ADD_VERSION)
            if adds
            else resolved(self._coordinator.verify_partitions(producer, asked))
        )
        return codes.then(lambda found: {tp: _told(code, support) for tp, code in found.items()})

    def verify_patiently(
        self, producer: Producer, replicas: Collection[Replica], support: ClientSupport
    ) -> Deferred[PartitionCodes]:
        """As `verify`; where the producer's last transaction is still being ended, asked again for
        `add.partitions.to.txn.retry.backoff.max.ms`: so that the first batch of the next one need not be sent twice."""
        first = self.verify(producer, replicas, support)
        if support is not ClientSupport.LEAVES_ADDING or (
            first.done and not _is_concurrent(first.result())
        ):
            return first
        config = self._config()
        patience_ms = min(
            config.add_partitions_to_txn_retry_backoff_max_ms, config.request_timeout_ms
        )
        deadline_ms = self._clock.monotonic_ms() + patience_ms
        out: Deferred[PartitionCodes] = Deferred()

        def answered(done: Deferred[PartitionCodes]) -> None:
            codes = done.result()
            if _is_concurrent(codes) and self._clock.monotonic_ms() < deadline_ms:
                self._timer.schedule(config.add_partitions_to_txn_retry_backoff_ms, again)
            else:
                out.resolve(codes)

        def again() -> None:
            self.verify(producer, replicas, support).on_done(answered)

        first.on_done(answered)
        return out

    def check_late(self, producer: Producer, replica: Replica, support: ClientSupport) -> None:
        """What was verified some time ago, does it still hold? KafkaError INVALID_TXN_STATE when not."""
        adds = support is ClientSupport.LEAVES_ADDING
        if not (adds or self._config().transaction_partition_verification_enable):
            return
        if replica.log.producer_state.has_ongoing(producer.producer_id, producer.epoch):
            return
        tp = replica.topic_partition
        if self._coordinator.verify_partitions(producer, [tp])[tp] != ErrorCode.NONE:
            raise KafkaError(
                ErrorCode.INVALID_TXN_STATE, "the transaction ended before the batch was appended"
            )


def _is_concurrent(codes: PartitionCodes) -> bool:
    return ErrorCode.CONCURRENT_TRANSACTIONS in codes.values()


def _told(code: ErrorCode, support: ClientSupport) -> ErrorCode:
    """The coordinator's codes in the terms of those who write to partitions."""
    if code is ErrorCode.PRODUCER_FENCED:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    if code is ErrorCode.TRANSACTION_ABORTABLE and support is ClientSupport.ADDS_PARTITIONS:
        return ErrorCode.INVALID_TXN_STATE
    return code
