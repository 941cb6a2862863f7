"""The states of a transactional id, as data: what each means, what it answers, where it leads.

             partitions added             EndTxn                    markers are in all partitions
    Empty ------------------> Ongoing ------------> PrepareCommit -------------------------------> CompleteCommit
      ^                       ^  |                                                                     |
      |                       |  +-- EndTxn, timeout,                                                  |
      |                       |      InitProducerId --> PrepareAbort --------------------------> CompleteAbort
      |                       +------------------------------------------------------------------------+
      +------------------------------------------ InitProducerId ----------------------------------------+

    Empty, Complete* --> PrepareAbort     a client of transaction version 2 aborts what it has not begun
    Empty, Complete* --> Dead             the id has expired

While one state is being left for another (the record is not committed yet, or markers are under way) everything is
answered with CONCURRENT_TRANSACTIONS.
"""

from __future__ import annotations

from enum import IntEnum


class TransactionState(IntEnum):
    """By their numbers in `__transaction_state` (Kafka's `TransactionState`)."""

    EMPTY = 0
    """A producer id has been given out; nothing was written under it.
    InitProducerId: the next epoch. Partitions are added -> ONGOING; an abort (version 2) -> PREPARE_ABORT."""

    ONGOING = 1
    """Some partitions are, or may be, written to.
    More of them may be added. EndTxn -> PREPARE_COMMIT, PREPARE_ABORT; InitProducerId, timeout -> PREPARE_ABORT."""

    PREPARE_COMMIT = 2
    """It is decided and durable that the transaction commits; markers are being written.
    All markers are in place -> COMPLETE_COMMIT."""

    PREPARE_ABORT = 3
    """It is decided and durable that the transaction aborts; markers are being written.
    All markers are in place -> COMPLETE_ABORT."""

    COMPLETE_COMMIT = 4
    """The transaction is committed everywhere.
    Partitions are added -> ONGOING; InitProducerId -> EMPTY."""

    COMPLETE_ABORT = 5
    """The transaction is aborted everywhere.
    Partitions are added -> ONGOING; InitProducerId -> EMPTY."""

    DEAD = 6
    """The id has expired, and its tombstone is being written. Never in the log."""

    PREPARE_EPOCH_FENCE = 7
    """In Kafka for a moment in memory, before an abort that the producer did not ask for; here the two are one step.
    Never in the log; a name that ListTransactions may be asked for."""

    @property
    def title(self) -> str:
        """As Kafka spells it in DescribeTransactions and ListTransactions."""
        return _TITLES[self]

    @property
    def valid_previous(self) -> frozenset[TransactionState]:
        """The states that lead here."""
        return _VALID_PREVIOUS[self]

    @property
    def is_preparing(self) -> bool:
        """The end is decided, and markers have still to be written."""
        return self in (TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT)

    @property
    def is_at_rest(self) -> bool:
        """Nothing is open: the id may get another epoch, or expire."""
        return self in _AT_REST


_S = TransactionState

_AT_REST = frozenset({_S.EMPTY, _S.COMPLETE_COMMIT, _S.COMPLETE_ABORT})

_TITLES: dict[TransactionState, str] = {
    _S.EMPTY: "Empty",
    _S.ONGOING: "Ongoing",
    _S.PREPARE_COMMIT: "PrepareCommit",
    _S.PREPARE_ABORT: "PrepareAbort",
    _S.COMPLETE_COMMIT: "CompleteCommit",
    _S.COMPLETE_ABORT: "CompleteAbort",
    _S.DEAD: "Dead",
    _S.PREPARE_EPOCH_FENCE: "PrepareEpochFence",
}

STATE_OF_TITLE = {title: state for state, title in _TITLES.items()}

_VALID_PREVIOUS: dict[TransactionState, frozenset[TransactionState]] = {
    _S.EMPTY: _AT_REST,
    _S.ONGOING: _AT_REST | {_S.ONGOING},
    _S.PREPARE_COMMIT: frozenset({_S.ONGOING}),
    _S.PREPARE_ABORT: _AT_REST | {_S.ONGOING},
    _S.COMPLETE_COMMIT: frozenset({_S.PREPARE_COMMIT}),
    _S.COMPLETE_ABORT: frozenset({_S.PREPARE_ABORT}),
    _S.DEAD: _AT_REST,
    _S.PREPARE_EPOCH_FENCE: frozenset(),
}
