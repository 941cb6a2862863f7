"""Where transactional ids are kept: in the partitions of `__transaction_state` that this broker leads.

A change is decided on what is committed, and nothing else is decided for the same id until it is committed or has
failed (`Entry.pending`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.ports import KeyValue, PartitionWriter
from kafkalite.coordination.runtime import Shards, answer_for_failed_append
from kafkalite.coordination.transaction.records import encode, encode_tombstone
from kafkalite.coordination.transaction.shard import Entry, TransactionShard
from kafkalite.coordination.transaction.states import TransactionState
from kafkalite.coordination.transaction.transaction import Transaction
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.types import Offset

_log = logging.getLogger(__name__)

TRANSACTION_STATE_TOPIC = "__transaction_state"


class TransactionStore:
    """The ids of all partitions, and how their changes get into the log."""

    def __init__(
        self,
        writer: PartitionWriter,
        partition_count: int,
        coordinator_epoch: Callable[[int], int],
        transaction_version: Callable[[], int],
    ) -> None:
        """As for `TransactionCoordinator`."""
        self._coordinator_epoch = coordinator_epoch
        self._transaction_version = transaction_version
        self._shards: Shards[TransactionShard] = Shards(
            TRANSACTION_STATE_TOPIC, partition_count, writer
        )

    def partition_for(self, transactional_id: str) -> int:
        return self._shards.partition_for(transactional_id)

    def is_loaded(self, partition: int) -> bool:
        return self._shards.is_active(partition)

    @property
    def is_loading(self) -> bool:
        return self._shards.is_loading

    def begin_loading(self, partition: int) -> None:
        self._shards.begin_loading(partition)

    def load(self, partition: int, log: Iterable[KeyValue]) -> TransactionShard:
        """We lead `partition`, and this is its log."""
        shard = TransactionShard(partition, self._coordinator_epoch(partition))
        shard.replay_all(log)
        self._shards.activate(partition, shard)
        return shard

    def unload(self, partition: int) -> None:
        """We lead `partition` no longer; what is under way there comes to nothing here."""
        shard = self._shards.deactivate(partition)
        if shard is not None:
            shard.is_closed = True

    def shards(self) -> Iterable[TransactionShard]:
        return [shard for _, shard in self._shards.active()]

    def shard_of(self, transactional_id: str) -> TransactionShard:
        """KafkaError INVALID_REQUEST, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS."""
        if not transactional_id:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "a transactional id cannot be empty")
        return self._shards.shard_for(transactional_id)

    def write(
        self, shard: TransactionShard, entry: Entry, changed: Transaction
    ) -> Deferred[Transaction]:
        """Make `changed` what is known of the id, once it is committed; fails with KafkaError in the coordinator's terms."""
        assert not shard.is_closed, "nothing is decided where somebody else leads"
        entry.pending = changed.state
        record = encode(entry.transactional_id, changed, self._transaction_version())
        written = self._shards.append(shard.partition, [record])
        was_known_at_once = written.done
        out: Deferred[Transaction] = Deferred()

        def committed(done: Deferred[Offset]) -> None:
            entry.pending = None
            try:
                done.result()
                if shard.is_closed:
                    raise KafkaError(ErrorCode.NOT_COORDINATOR)
            except KafkaError as error:
                if entry.transaction.producer_epoch < 0:
                    shard.forget(entry)
                if not was_known_at_once and not shard.is_closed:
                    # The log took it and then could not keep it: what it holds now, only a replay can tell.
                    self.unload(shard.partition)
                code = answer_for_failed_append(error, ErrorCode.UNKNOWN_SERVER_ERROR)
                out.fail(KafkaError(code, error.message))
            else:
                entry.transaction = changed
                out.resolve(changed)

        written.on_done(committed)
        return out

    def remove(self, shard: TransactionShard, entries: list[Entry]) -> None:
        """Forget these ids, with one batch of tombstones."""
        for entry in entries:
            entry.pending = TransactionState.DEAD

        def written(done: Deferred[Offset]) -> None:
            for entry in entries:
                entry.pending = None
            try:
                done.result()
            except KafkaError as error:
                _log.warning("transactional ids could not be removed: %s", error)
            else:
                for entry in entries:
                    shard.forget(entry)

        tombstones = [encode_tombstone(entry.transactional_id) for entry in entries]
        self._shards.append(shard.partition, tombstones).on_done(written)
