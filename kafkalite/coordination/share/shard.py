"""The state of one partition of `__share_group_state`, as its log tells it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from kafkalite_protocol.errors import ProtocolError

from kafkalite.coordination.ports import KeyValue
from kafkalite.coordination.share.persister import UNINITIALIZED_START_OFFSET
from kafkalite.coordination.share.records import (
    SharePartitionKey,
    ShareState,
    Snapshot,
    Update,
    decode,
)
from kafkalite.coordination.share.state_batches import merge
from kafkalite.types import UNKNOWN_LEADER_EPOCH, LeaderEpoch

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Entry:
    """One share partition."""

    state: ShareState
    leader_epoch: LeaderEpoch
    """The highest that has read or written: older leaders are fenced."""
    state_epoch: int
    updates: int = 0
    """Since the last snapshot."""


class ShareShard:
    """The share partitions whose keys hash to one partition."""

    def __init__(self) -> None:
        self.entries: dict[SharePartitionKey, Entry] = {}
        self.record_count = 0
        """Records in the log since it was pruned."""

    def replay_all(self, log: Iterable[KeyValue]) -> None:
        """Take in a whole log. A record that cannot be read is left out with a warning: one bad record must not keep
        all share groups of the partition from being served."""
        for key, value in log:
            try:
                record = decode(key, value)
            except ProtocolError as error:
                _log.warning(
                    "a record of __share_group_state cannot be read and is left out: %s", error
                )
            else:
                if record is not None:
                    self.apply(record)

    def apply(self, record: Snapshot | Update) -> None:
        """Take in one record."""
        self.record_count += 1
        if isinstance(record, Update):
            self._update(record)
        elif record.state is None:
            self.entries.pop(record.key, None)
        else:
            self._snapshot(record.key, record.state)

    def _snapshot(self, key: SharePartitionKey, state: ShareState) -> None:
        entry = self.entries.get(key)
        if entry is None:
            self.entries[key] = Entry(state, state.leader_epoch, state.state_epoch)
            return
        entry.state = state
        entry.leader_epoch = max(entry.leader_epoch, state.leader_epoch)
        entry.state_epoch = max(entry.state_epoch, state.state_epoch)
        entry.updates = 0

    def _update(self, update: Update) -> None:
        entry = self.entries.get(update.key)
        if entry is None:
            _log.warning("an update of %s has no snapshot before it and is left out", update.key)
            return
        entry.state = updated(entry.state, update)
        entry.leader_epoch = max(entry.leader_epoch, update.leader_epoch)
        entry.updates += 1


def updated(state: ShareState, update: Update) -> ShareState:
    """`state` with what `update` changes."""
    start_offset = (
        state.start_offset
        if update.start_offset == UNINITIALIZED_START_OFFSET
        else update.start_offset
    )
    leader_epoch = (
        state.leader_epoch if update.leader_epoch == UNKNOWN_LEADER_EPOCH else update.leader_epoch
    )
    return state._replace(
        start_offset=start_offset,
        leader_epoch=leader_epoch,
        delivery_complete_count=update.delivery_complete_count,
        batches=merge(state.batches, update.batches, start_offset),
    )
