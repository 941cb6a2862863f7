"""The transaction coordinator (KIP-98, KIP-890): what the handlers and the partitions call.

    InitProducerId        the id and epoch under which one producer writes; whoever had one before is fenced
    add partitions        AddPartitionsToTxn, AddOffsetsToTxn, and what a Produce of version 12 adds by itself
    EndTxn                Prepare* is written -> the client is answered -> markers -> Complete* is written

Deferreds fail with KafkaError only. Codes and their order as in Kafka 4.3's TransactionCoordinator.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.clock import Clock
from kafkalite.coordination.ports import KeyValue, MarkerWriter, PartitionWriter
from kafkalite.coordination.transaction import decisions, expiry
from kafkalite.coordination.transaction.markers import Completions
from kafkalite.coordination.transaction.shard import Entry, TransactionShard
from kafkalite.coordination.transaction.states import TransactionState
from kafkalite.coordination.transaction.store import TransactionStore
from kafkalite.coordination.transaction.transaction import (
    EPOCH_BUMP_VERSION,
    ProducerIdAndEpoch,
    Transaction,
)
from kafkalite.deferred import Deferred, chain, failed, resolved
from kafkalite.errors import KafkaError
from kafkalite.timer import Timer
from kafkalite.types import NO_PRODUCER_ID, ProducerId, TopicPartition

_log = logging.getLogger(__name__)


class Producer(NamedTuple):
    """Who speaks: a transactional id, and the producer id and epoch it was given."""

    transactional_id: str
    producer_id: ProducerId
    epoch: int

    @property
    def id_and_epoch(self) -> ProducerIdAndEpoch:
        return ProducerIdAndEpoch(self.producer_id, self.epoch)


PartitionCodes = Mapping[TopicPartition, ErrorCode]


@dataclass(frozen=True, slots=True)
class TransactionConfig:
    """Made from the broker's configuration by the composition root."""

    max_timeout_ms: int = 900_000
    """transaction.max.timeout.ms"""
    id_expiration_ms: int = 604_800_000
    """transactional.id.expiration.ms"""


class TransactionCoordinator:
    """Transactions whose ids hash to partitions of `__transaction_state` that this broker leads."""

    def __init__(
        self,
        writer: PartitionWriter,
        markers: MarkerWriter,
        timer: Timer,
        clock: Clock,
        partition_count: int,
        *,
        next_producer_id: Callable[[], Deferred[ProducerId]],
        coordinator_epoch: Callable[[int], int],
        transaction_version: Callable[[], int],
        config: TransactionConfig | None = None,
    ) -> None:
        """`partition_count` is that of `__transaction_state`, and `coordinator_epoch(partition)` the epoch under which
        we lead that partition. `transaction_version` is the cluster's finalized feature level of the moment.
        """
        self._config = config or TransactionConfig()
        self._clock = clock
        self._timer = timer
        self._next_producer_id = next_producer_id
        self._transaction_version = transaction_version
        self._store = TransactionStore(
            writer, partition_count, coordinator_epoch, transaction_version
        )
        self._completions = Completions(markers, timer, clock, self._store.write)

    # -- partitions -------------------------------------------------------------------------------------------------

    def partition_for(self, transactional_id: str) -> int:
        """The partition of `__transaction_state` whose leader coordinates the id."""
        return self._store.partition_for(transactional_id)

    def is_loaded(self, partition: int) -> bool:
        return self._store.is_loaded(partition)

    @property
    def is_loading(self) -> bool:
        """Is the log of some partition still being read: then not all ids that are ours are known."""
        return self._store.is_loading

    def begin_loading(self, partition: int) -> None:
        """Answer COORDINATOR_LOAD_IN_PROGRESS until `load_partition`."""
        self._store.begin_loading(partition)

    def load_partition(self, partition: int, log: Iterable[KeyValue]) -> None:
        """We lead `partition`: serve the ids that its log tells, and finish what was prepared."""
        shard = self._store.load(partition, log)
        if any(entry.transaction.state.is_preparing for entry in shard.entries.values()):
            # Not from here: other coordinators and replicas may still be loading.
            self._timer.schedule(0, lambda: self._finish_prepared(shard))

    def _finish_prepared(self, shard: TransactionShard) -> None:
        if shard.is_closed:
            return
        for entry in list(shard.entries.values()):
            if entry.transaction.state.is_preparing:
                self._completions.begin(shard, entry)

    def unload_partition(self, partition: int) -> None:
        """Another broker leads `partition`, and finishes what is under way."""
        self._store.unload(partition)

    def entries(self) -> Iterator[Entry]:
        """Every transactional id that is coordinated here."""
        for shard in self._store.shards():
            yield from shard.entries.values()

    def find(self, transactional_id: str) -> Entry | None:
        """KafkaError INVALID_REQUEST, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS."""
        return self._store.shard_of(transactional_id).entries.get(transactional_id)

    # -- InitProducerId ---------------------------------------------------------------------------------------------

    def init_producer_id(
        self,
        transactional_id: str,
        timeout_ms: int,
        expected: ProducerIdAndEpoch | None,
        spare_id: ProducerId = NO_PRODUCER_ID,
    ) -> Deferred[ProducerIdAndEpoch]:
        """Give out the next epoch of the id; a transaction that is open is aborted first, and the client told to come
        again (CONCURRENT_TRANSACTIONS). `expected` is what a producer that goes on after an error has had."""

        def with_spare(spare: ProducerId) -> Deferred[ProducerIdAndEpoch]:
            return self.init_producer_id(transactional_id, timeout_ms, expected, spare)

        try:
            shard = self._store.shard_of(transactional_id)
            if not 0 < timeout_ms <= self._config.max_timeout_ms:
                raise KafkaError(
                    ErrorCode.INVALID_TRANSACTION_TIMEOUT,
                    f"a transaction may take from 1 to {self._config.max_timeout_ms} ms",
                )
            entry = shard.entries.get(transactional_id)
            if spare_id == NO_PRODUCER_ID and _needs_producer_id(entry):
                return chain(self._next_producer_id(), with_spare)
            if entry is None:
                new = Transaction.new(spare_id, timeout_ms, self._clock.now_ms())
                entry = shard.entries[transactional_id] = Entry(transactional_id, new)
            _check_settled(entry)
            changed = decisions.initialized(
                entry.transaction,
                timeout_ms,
                expected,
                self._clock.now_ms(),
                self._transaction_version(),
                spare_id,
            )
        except KafkaError as error:
            return failed(error)
        if changed.state == TransactionState.PREPARE_ABORT:
            return chain(self._prepare(shard, entry, changed), _come_again)
        return self._store.write(shard, entry, changed).then(lambda written: written.producer)

    # -- partitions of a transaction --------------------------------------------------------------------------------

    def verify_partitions(
        self, producer: Producer, partitions: Collection[TopicPartition]
    ) -> PartitionCodes:
        """Are these in the ongoing transaction of `producer`? Changes nothing (AddPartitionsToTxn, verify only).

        NONE; TRANSACTION_ABORTABLE: not in it; INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS,
        NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS for all of them.
        """
        try:
            transaction = self._existing(producer)[1].transaction
            decisions.check_producer(transaction, producer.id_and_epoch)
            if transaction.state.is_preparing:
                raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)
        except KafkaError as error:
            return dict.fromkeys(partitions, error.code)
        return {
            tp: ErrorCode.NONE if tp in transaction.partitions else ErrorCode.TRANSACTION_ABORTABLE
            for tp in partitions
        }

    def add_partitions(
        self,
        producer: Producer,
        partitions: Collection[TopicPartition],
        client_transaction_version: int,
    ) -> Deferred[PartitionCodes]:
        """Make these part of the transaction, which begins if there is none; resolved once that is committed, at once
        when they were in it. Never fails: the same code for all partitions. `client_transaction_version` is 2 for an
        implicit add (Produce v12+, TxnOffsetCommit v5+).
        """
        try:
            shard, entry = self._existing(producer)
            _check_settled(entry)
            changed = decisions.with_partitions(
                entry.transaction,
                producer.id_and_epoch,
                partitions,
                self._clock.now_ms(),
                client_transaction_version,
            )
        except KafkaError as error:
            return resolved(dict.fromkeys(partitions, error.code))
        if changed is None:
            return resolved(dict.fromkeys(partitions, ErrorCode.NONE))
        out: Deferred[PartitionCodes] = Deferred()

        def written(done: Deferred[Transaction]) -> None:
            code = ErrorCode.NONE
            try:
                done.result()
            except KafkaError as error:
                code = error.code
            out.resolve(dict.fromkeys(partitions, code))

        self._store.write(shard, entry, changed).on_done(written)
        return out

    def _existing(self, producer: Producer) -> tuple[TransactionShard, Entry]:
        shard = self._store.shard_of(producer.transactional_id)
        entry = shard.entries.get(producer.transactional_id)
        if entry is None:
            raise KafkaError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
        return shard, entry

    # -- EndTxn -----------------------------------------------------------------------------------------------------

    def end_transaction(
        self,
        producer: Producer,
        commit: bool,
        client_transaction_version: int,
        spare_id: ProducerId = NO_PRODUCER_ID,
    ) -> Deferred[ProducerIdAndEpoch]:
        """Commit or abort; resolved once that is certain to happen, before the markers are written. The value is what
        a client of version 2 goes on with."""

        def with_spare(spare: ProducerId) -> Deferred[ProducerIdAndEpoch]:
            return self.end_transaction(producer, commit, client_transaction_version, spare)

        bumps = client_transaction_version >= EPOCH_BUMP_VERSION
        try:
            shard, entry = self._existing(producer)
            if not bumps:
                decisions.check_producer(entry.transaction, producer.id_and_epoch)
            _check_settled(entry)
            if bumps and spare_id == NO_PRODUCER_ID and _needs_producer_id(entry):
                return chain(self._next_producer_id(), with_spare)
            changed = decisions.ended(
                entry.transaction,
                producer.id_and_epoch,
                commit,
                self._clock.now_ms(),
                client_transaction_version,
                spare_id,
            )
        except KafkaError as error:
            return failed(error)
        if changed is None:
            return resolved(entry.transaction.producer)
        return self._prepare(shard, entry, changed).then(
            lambda prepared: prepared.completed(0).producer
        )

    def _prepare(
        self, shard: TransactionShard, entry: Entry, prepared: Transaction
    ) -> Deferred[Transaction]:
        """Write Prepare*, and when it is committed send the markers, which nobody waits for."""
        out: Deferred[Transaction] = Deferred()

        def written(done: Deferred[Transaction]) -> None:
            try:
                transaction = done.result()
            except KafkaError as error:
                out.fail(error)
                return
            out.resolve(transaction)
            self._completions.begin(shard, entry)

        self._store.write(shard, entry, prepared).on_done(written)
        return out

    # -- time -------------------------------------------------------------------------------------------------------

    def abort_timed_out(self) -> None:
        """Fence and abort what has been open for too long; every transaction.abort.timed.out.transaction.cleanup.interval.ms."""
        for shard in self._store.shards():
            for entry in expiry.timed_out(shard, self._clock.now_ms()):
                self._abort_late(shard, entry)

    def _abort_late(self, shard: TransactionShard, entry: Entry) -> None:
        late = entry.transaction

        def abort(spare_id: ProducerId) -> None:
            if shard.is_closed or entry.pending is not None or entry.transaction is not late:
                return
            _log.info("the transaction of %s has timed out", entry.transactional_id)
            fenced = late.fenced(self._clock.now_ms(), self._transaction_version(), spare_id)
            self._prepare(shard, entry, fenced).on_done(_warn_if_failed)

        if late.is_epoch_exhausted:
            self._next_producer_id().then(abort).on_done(_warn_if_failed)
        else:
            abort(NO_PRODUCER_ID)

    def remove_expired(self) -> None:
        """Forget ids that nobody uses; every transaction.remove.expired.transaction.cleanup.interval.ms."""
        for shard in self._store.shards():
            due = expiry.expired(shard, self._clock.now_ms(), self._config.id_expiration_ms)
            for start in range(0, len(due), expiry.TOMBSTONES_PER_BATCH_MAX):
                self._store.remove(shard, due[start : start + expiry.TOMBSTONES_PER_BATCH_MAX])


def _needs_producer_id(entry: Entry | None) -> bool:
    return entry is None or entry.transaction.is_epoch_exhausted


def _check_settled(entry: Entry) -> None:
    if entry.pending is not None:
        raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)


def _come_again(_: Transaction) -> Deferred[ProducerIdAndEpoch]:
    return failed(KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS))


def _warn_if_failed(done: Deferred[Transaction] | Deferred[None]) -> None:
    try:
        done.result()
    except KafkaError as error:
        _log.info("a transaction that timed out cannot be aborted yet: %s", error)
