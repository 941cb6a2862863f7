"""What is known of one transactional id, as a value: each change makes the next one, and that is the next record.

    producer id, epoch    who may write now. An epoch lower than this one is fenced.
    version 1             InitProducerId gives a greater epoch; all of a producer's transactions have the same
    version 2 (KIP-890)   the end of each transaction gives a greater epoch, which is that of the marker and of the next
                          transaction: a record that arrives late cannot get into a later transaction

    epoch under version 2           5         6           6            6
                                 Ongoing   Prepare*   Complete*   Ongoing ...   EndTxn with 5 again: the same answer, 6

Epochs end at 32767. 32766 is the last that a client gets, so that there is always one more to fence it with; then the
id gets a new producer id, and epochs begin at 0.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.transaction.states import TransactionState
from kafkalite.errors import KafkaError
from kafkalite.types import NO_PRODUCER_EPOCH, NO_PRODUCER_ID, ProducerId, TopicPartition

EPOCH_MAX = 2**15 - 1

NO_START = -1
"""Start of a transaction that has not begun."""

EPOCH_BUMP_VERSION = 2
"""From this version of transactions on, the end of one gives the next epoch."""


def is_epoch_exhausted(epoch: int) -> bool:
    """Is this the last that a client gets under one producer id?"""
    return epoch >= EPOCH_MAX - 1


class ProducerIdAndEpoch(NamedTuple):
    producer_id: ProducerId
    epoch: int


class Transaction(NamedTuple):
    """One transactional id (Kafka's `TransactionMetadata`)."""

    producer_id: ProducerId
    producer_epoch: int
    """-1 of an id that is just being given its first."""
    timeout_ms: int
    """How long a transaction may stay open; the client's wish, within transaction.max.timeout.ms."""
    state: TransactionState
    partitions: frozenset[TopicPartition]
    """Which may have records of the transaction, and get a marker at its end."""
    start_ms: int
    """When the first partition was added; NO_START before that."""
    updated_ms: int
    """Of the last change; ids expire by it."""
    previous_producer_id: ProducerId = NO_PRODUCER_ID
    """That of the record before this one."""
    next_producer_id: ProducerId = NO_PRODUCER_ID
    """While it is being ended with the last epoch of its producer id: the one it gets."""
    last_producer_epoch: int = NO_PRODUCER_EPOCH
    """The epoch before, for a producer that asks again because it missed the answer. Not in the log."""
    client_version: int = 0
    """Version of transactions of whom spoke last: 2, or 0 for all before (measured)."""

    @classmethod
    def new(cls, producer_id: ProducerId, timeout_ms: int, now_ms: int) -> Transaction:
        """Of an id that is not in the log yet."""
        return cls(
            producer_id=producer_id,
            producer_epoch=NO_PRODUCER_EPOCH,
            timeout_ms=timeout_ms,
            state=TransactionState.EMPTY,
            partitions=frozenset(),
            start_ms=NO_START,
            updated_ms=now_ms,
        )

    @property
    def producer(self) -> ProducerIdAndEpoch:
        return ProducerIdAndEpoch(self.producer_id, self.producer_epoch)

    @property
    def is_epoch_exhausted(self) -> bool:
        return is_epoch_exhausted(self.producer_epoch)

    def with_next_epoch(
        self, timeout_ms: int, expected_epoch: int | None, now_ms: int
    ) -> Transaction:
        """InitProducerId. `expected_epoch` is that of a producer that goes on after an error, None of a new one.

        Raises KafkaError PRODUCER_FENCED when somebody else was initialized since. The epoch before the present one
        is told the present one: that producer has missed the answer.
        """
        epoch, last_epoch = self.producer_epoch + 1, NO_PRODUCER_EPOCH
        if expected_epoch is not None:
            if self.producer_epoch in (NO_PRODUCER_EPOCH, expected_epoch):
                last_epoch = self.producer_epoch
            elif expected_epoch == self.last_producer_epoch:
                epoch, last_epoch = self.producer_epoch, self.last_producer_epoch
            else:
                raise KafkaError(ErrorCode.PRODUCER_FENCED)
        assert epoch < EPOCH_MAX, "the last epoch is for fencing"
        return self._in(TransactionState.EMPTY)._replace(
            producer_epoch=epoch,
            last_producer_epoch=last_epoch,
            timeout_ms=timeout_ms,
            partitions=frozenset(),
            start_ms=NO_START,
            updated_ms=now_ms,
        )

    def with_producer_id(
        self, producer_id: ProducerId, timeout_ms: int, now_ms: int, *, same_producer: bool
    ) -> Transaction:
        """InitProducerId when the epochs are used up; `same_producer`: it may ask once more with the last of them."""
        return self._in(TransactionState.EMPTY)._replace(
            producer_id=producer_id,
            producer_epoch=0,
            last_producer_epoch=self.producer_epoch if same_producer else NO_PRODUCER_EPOCH,
            timeout_ms=timeout_ms,
            partitions=frozenset(),
            start_ms=NO_START,
            updated_ms=now_ms,
        )

    def with_partitions(
        self, added: Collection[TopicPartition], now_ms: int, client_version: int
    ) -> Transaction:
        """The transaction with these in it too; it begins if there is none."""
        return self._in(TransactionState.ONGOING)._replace(
            partitions=self.partitions.union(added),
            start_ms=now_ms if self.state.is_at_rest else self.start_ms,
            updated_ms=now_ms,
            client_version=client_version,
        )

    def ending(
        self,
        commit: bool,
        now_ms: int,
        client_version: int,
        next_producer_id: ProducerId = NO_PRODUCER_ID,
    ) -> Transaction:
        """How it ends is decided."""
        epoch, last_epoch = self.producer_epoch, self.last_producer_epoch
        if client_version >= EPOCH_BUMP_VERSION:
            epoch, last_epoch = min(epoch + 1, EPOCH_MAX), epoch
        return self._in(
            TransactionState.PREPARE_COMMIT if commit else TransactionState.PREPARE_ABORT
        )._replace(
            producer_epoch=epoch,
            last_producer_epoch=last_epoch,
            next_producer_id=next_producer_id,
            # What has not begun has no start, and DescribeTransactions wants one.
            start_ms=now_ms if self.state.is_at_rest else self.start_ms,
            updated_ms=now_ms,
            client_version=client_version,
        )

    def fenced(
        self, now_ms: int, transaction_version: int, next_producer_id: ProducerId
    ) -> Transaction:
        """Aborted though its producer did not ask for it, and may not go on: its epoch is taken away from it.

        `transaction_version` is the cluster's. Under version 1 nobody gets the new epoch. Under version 2 it is as if the
        producer had aborted, so that it is told the new epoch if it asks before others do.
        """
        if transaction_version >= EPOCH_BUMP_VERSION:
            return self.ending(False, now_ms, transaction_version, next_producer_id)
        return self.ending(False, now_ms, 0)._replace(
            producer_epoch=min(self.producer_epoch + 1, EPOCH_MAX),
            last_producer_epoch=NO_PRODUCER_EPOCH,
        )

    def completed(self, now_ms: int) -> Transaction:
        """All markers are written."""
        committed = self.state == TransactionState.PREPARE_COMMIT
        rotates = self.next_producer_id != NO_PRODUCER_ID
        return self._in(
            TransactionState.COMPLETE_COMMIT if committed else TransactionState.COMPLETE_ABORT
        )._replace(
            producer_id=self.next_producer_id if rotates else self.producer_id,
            producer_epoch=0 if rotates else self.producer_epoch,
            next_producer_id=NO_PRODUCER_ID,
            partitions=frozenset(),
            updated_ms=now_ms,
        )

    def _in(self, state: TransactionState) -> Transaction:
        """In another state, with everything else as it is."""
        assert self.state in state.valid_previous, (
            f"{self.state.name} does not lead to {state.name}"
        )
        return self._replace(state=state, previous_producer_id=self.producer_id)
