"""What groups have committed, and what waits for the end of a transaction; for one partition of `__consumer_offsets`.

    commit                  counts at once
    transactional commit    pending: counts once its producer's COMMIT marker comes, never after an ABORT
    both for one partition  the one that is later in the log counts in the end, whenever the marker comes
    tombstone               takes the committed offset and all that is pending

Kafka: OffsetMetadataManager.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from kafkalite.coordination.group.offset_records import CommittedOffset
from kafkalite.types import GroupId, ProducerId, TopicPartition

_Place = tuple[GroupId, TopicPartition]


class _Pending(NamedTuple):
    """One partition's commit in an open transaction."""

    number: int
    """Its place among all transactional commits, in the order of the log."""
    committed: CommittedOffset | None
    """None when a later commit counts already: there is nothing left to put, but the partition is still unstable."""


class OffsetStore:
    """Committed offsets by group. An offset is here exactly while the log holds a value for it that counts.

    A client that uses no group management makes its group known by its first commit. The group is forgotten with its
    tombstone, not with its last offset (as in Kafka).
    """

    def __init__(self) -> None:
        self._by_group: dict[GroupId, dict[TopicPartition, CommittedOffset]] = {}
        self._pending: dict[ProducerId, dict[_Place, _Pending]] = {}
        self._producers: dict[GroupId, dict[TopicPartition, set[ProducerId]]] = {}
        """Who has something pending, by what it is for: the same as `_pending`, seen from the other side."""
        self._next_number = 0

    def __contains__(self, group_id: GroupId) -> bool:
        return group_id in self._by_group

    def group_ids(self) -> Collection[GroupId]:
        return self._by_group.keys()

    def of_group(self, group_id: GroupId) -> dict[TopicPartition, CommittedOffset]:
        """What the group has committed, in the order of the first commits; not to be changed."""
        return self._by_group.get(group_id, {})

    def pending_of_group(self, group_id: GroupId) -> Collection[TopicPartition]:
        """The partitions that the group has something pending for; not to be changed."""
        return self._producers.get(group_id, {})

    def of_topics(self, topics: Collection[str]) -> Iterator[tuple[GroupId, TopicPartition]]:
        """Every partition of these topics that a group has something committed or pending for, once."""
        for group_id, offsets in self._by_group.items():
            for tp in {**offsets, **dict.fromkeys(self.pending_of_group(group_id))}:
                if tp.topic in topics:
                    yield group_id, tp

    def put(self, group_id: GroupId, tp: TopicPartition, committed: CommittedOffset) -> None:
        self._by_group.setdefault(group_id, {})[tp] = committed
        self._outdate((group_id, tp), self._next_number)

    def put_pending(
        self,
        producer_id: ProducerId,
        group_id: GroupId,
        tp: TopicPartition,
        committed: CommittedOffset,
    ) -> None:
        """It counts once `end_transaction` says so."""
        pending = _Pending(self._next_number, committed)
        self._next_number += 1
        self._by_group.setdefault(group_id, {})
        self._pending.setdefault(producer_id, {})[group_id, tp] = pending
        self._producers.setdefault(group_id, {}).setdefault(tp, set()).add(producer_id)

    def end_transaction(self, producer_id: ProducerId, *, committed: bool) -> None:
        """The producer's marker has come: what it had pending counts, or never will."""
        ended = self._pending.pop(producer_id, {})
        for place, pending in ended.items():
            self._forget_producer(place, producer_id)
            if committed and pending.committed is not None:
                group_id, tp = place
                self._by_group.setdefault(group_id, {})[tp] = pending.committed
                self._outdate(place, pending.number)

    def remove(self, group_id: GroupId, tp: TopicPartition) -> None:
        """A tombstone."""
        offsets = self._by_group.get(group_id)
        if offsets is not None:
            offsets.pop(tp, None)
        for producer_id in self._producers_at((group_id, tp)):
            self._forget_producer((group_id, tp), producer_id)
            del self._pending[producer_id][group_id, tp]

    def forget_if_empty(self, group_id: GroupId) -> None:
        if not self._by_group.get(group_id, True) and group_id not in self._producers:
            del self._by_group[group_id]

    def _outdate(self, place: _Place, number: int) -> None:
        """What is pending for `place` and came before `number` will not count any more."""
        for producer_id in self._producers_at(place):
            if self._pending[producer_id][place].number < number:
                self._pending[producer_id][place] = _Pending(number, None)

    def _producers_at(self, place: _Place) -> tuple[ProducerId, ...]:
        group_id, tp = place
        producers = self._producers.get(group_id)
        return () if producers is None else tuple(producers.get(tp, ()))

    def _forget_producer(self, place: _Place, producer_id: ProducerId) -> None:
        group_id, tp = place
        partitions = self._producers[group_id]
        partitions[tp].discard(producer_id)
        if not partitions[tp]:
            del partitions[tp]
            if not partitions:
                del self._producers[group_id]
