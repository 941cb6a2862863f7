"""The state of one partition of `__transaction_state`, as its log tells it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from kafkalite_protocol.errors import ProtocolError

from kafkalite.coordination.ports import KeyValue
from kafkalite.coordination.transaction.records import decode
from kafkalite.coordination.transaction.states import TransactionState
from kafkalite.coordination.transaction.transaction import Transaction

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Entry:
    """One transactional id."""

    transactional_id: str
    transaction: Transaction
    """What is committed in the log."""
    pending: TransactionState | None = None
    """Where it is on its way to. One change at a time: others are told CONCURRENT_TRANSACTIONS."""


class TransactionShard:
    """The transactional ids that hash to one partition."""

    def __init__(self, partition: int, coordinator_epoch: int) -> None:
        """`coordinator_epoch` is the leader epoch under which we lead the partition."""
        self.partition = partition
        self.coordinator_epoch = coordinator_epoch
        self.entries: dict[str, Entry] = {}
        self.is_closed = False
        """Somebody else leads the partition: what is under way here comes to nothing."""

    def replay_all(self, log: Iterable[KeyValue]) -> None:
        """Take in a whole log. A record that cannot be read is left out with a warning: one bad record must not keep
        all transactional ids of the partition from being served."""
        for key, value in log:
            try:
                self.replay(key, value)
            except ProtocolError as error:
                _log.warning(
                    "a record of __transaction_state cannot be read and is left out: %s", error
                )

    def replay(self, key: bytes, value: bytes | None) -> None:
        record = decode(key, value)
        if record is None:
            return
        transactional_id, transaction = record
        if transaction is None:
            self.entries.pop(transactional_id, None)
        else:
            self.entries[transactional_id] = Entry(transactional_id, transaction)

    def forget(self, entry: Entry) -> None:
        """The id is gone, or it never got into the log."""
        if self.entries.get(entry.transactional_id) is entry:
            del self.entries[entry.transactional_id]
