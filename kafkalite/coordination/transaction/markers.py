"""The way from Prepare* to Complete*: a marker for each partition of the transaction, and then the last record.

What is prepared is finished, whatever happens: a partition that cannot take its marker now is tried again, and after a
restart all begins anew from the record of Prepare*. A marker that is there already is no harm.

Kafka: TransactionMarkerChannelManager, TransactionMarkerRequestCompletionHandler.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.clock import Clock
from kafkalite.coordination.ports import MarkerWriter, TransactionMarker
from kafkalite.coordination.transaction.shard import Entry, TransactionShard
from kafkalite.coordination.transaction.states import TransactionState
from kafkalite.coordination.transaction.transaction import Transaction
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.timer import Timer
from kafkalite.types import TopicPartition

_log = logging.getLogger(__name__)

RETRY_MS = 100
"""What is in the way (a flush that failed, a partition without a leader) does not pass in less; clients of the id wait."""

_DONE = frozenset({ErrorCode.NONE, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION})
"""A partition that was deleted has nothing left to be decided."""

_FENCED = frozenset({ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.TRANSACTION_COORDINATOR_FENCED})

Write = Callable[[TransactionShard, Entry, Transaction], Deferred[Transaction]]


class Completions:
    """Finishes what is prepared."""

    def __init__(self, markers: MarkerWriter, timer: Timer, clock: Clock, write: Write) -> None:
        """`write` puts the entry's next state into the log, and fails with KafkaError in the coordinator's terms."""
        self._markers = markers
        self._timer = timer
        self._clock = clock
        self._write = write

    def begin(self, shard: TransactionShard, entry: Entry) -> None:
        """Finish `entry`, which has just been prepared or was found so in the log."""
        assert entry.transaction.state.is_preparing, "only what is prepared can be finished"
        assert entry.pending is None, "it is being finished already"
        entry.pending = _goal(entry)
        self._send(shard, entry)

    def _send(self, shard: TransactionShard, entry: Entry) -> None:
        if shard.is_closed:
            return
        transaction = entry.transaction
        if not transaction.partitions:
            self._complete(shard, entry)
            return
        marker = TransactionMarker(
            transaction.producer_id,
            transaction.producer_epoch,
            transaction.state == TransactionState.PREPARE_COMMIT,
            shard.coordinator_epoch,
            tuple(sorted(transaction.partitions)),
            transaction.client_version,
        )
        self._markers.write(marker).on_done(lambda done: self._sent(shard, entry, done.result()))

    def _sent(
        self, shard: TransactionShard, entry: Entry, codes: Mapping[TopicPartition, ErrorCode]
    ) -> None:
        if shard.is_closed:
            return
        fenced = [tp for tp, code in codes.items() if code in _FENCED]
        if fenced:
            # As in Kafka, which leaves it so until somebody else leads the partition.
            _log.error(
                "the transaction of %s cannot be finished: %s has been told of a newer epoch",
                entry.transactional_id,
                fenced[0],
            )
            return
        done = {tp for tp, code in codes.items() if code in _DONE}
        # Those that are left are what DescribeTransactions shows, for whoever asks why it takes so long.
        entry.transaction = entry.transaction._replace(
            partitions=entry.transaction.partitions - done
        )
        if entry.transaction.partitions:
            self._timer.schedule(RETRY_MS, lambda: self._send(shard, entry))
        else:
            self._complete(shard, entry)

    def _complete(self, shard: TransactionShard, entry: Entry) -> None:
        if shard.is_closed:
            return

        def written(done: Deferred[Transaction]) -> None:
            try:
                done.result()
            except KafkaError:
                if not shard.is_closed:
                    entry.pending = _goal(entry)
                    self._timer.schedule(RETRY_MS, lambda: self._complete(shard, entry))

        completed = entry.transaction.completed(self._clock.now_ms())
        self._write(shard, entry, completed).on_done(written)


def _goal(entry: Entry) -> TransactionState:
    committed = entry.transaction.state == TransactionState.PREPARE_COMMIT
    return TransactionState.COMPLETE_COMMIT if committed else TransactionState.COMPLETE_ABORT
