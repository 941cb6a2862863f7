"""The assignor of share groups, `simple`: balance first, then as few changes as possible (Kafka's `SimpleAssignor`).

    members M, partitions P     each partition is shared by ceil(M / P) members
                                each member has its part of these P * ceil(M / P) places, to within one

All partitions are one pool while everybody reads the same topics; otherwise each topic is a pool for those who read it.
A partition nobody could take any more (whoever has room has it already) stays with fewer members: moving others about
for the sake of that is not worth it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from kafkalite.coordination.group.modern.assignor import Assignable, Subscriber
from kafkalite.coordination.group.modern.partitions import Partitions, pairs_of, partitions_of
from kafkalite.types import MemberId, Uuid

Partition = tuple[Uuid, int]


class SimpleAssignor:
    """An `Assignor`."""

    name: Final = "simple"

    def assign(
        self, subscribers: Mapping[MemberId, Subscriber], assignable: Assignable
    ) -> dict[MemberId, Partitions]:
        had = {member_id: set(pairs_of(each.target)) for member_id, each in subscribers.items()}
        given: dict[MemberId, set[Partition]] = {member_id: set() for member_id in subscribers}
        for members, partitions in _pools(subscribers, assignable):
            for member_id, share in _Pool(members, partitions, had).distribute().items():
                given[member_id] |= share
        return {
            member_id: partitions_of((topic_id, [number]) for topic_id, number in sorted(share))
            for member_id, share in given.items()
        }


def _pools(
    subscribers: Mapping[MemberId, Subscriber], assignable: Assignable
) -> list[tuple[list[MemberId], list[Partition]]]:
    """Members, and what is to be distributed among them."""
    if len({each.topic_ids for each in subscribers.values()}) <= 1:
        everything = [
            (topic_id, number) for topic_id in assignable for number in assignable[topic_id]
        ]
        return [(list(subscribers), everything)]
    return [
        (
            [each for each in subscribers if topic_id in subscribers[each].topic_ids],
            [(topic_id, number) for number in numbers],
        )
        for topic_id, numbers in assignable.items()
    ]


class _Pool:
    """One distribution in the making."""

    def __init__(
        self,
        members: Sequence[MemberId],
        partitions: Sequence[Partition],
        had: Mapping[MemberId, set[Partition]],
    ) -> None:
        self._sharing = -(-len(members) // len(partitions)) if partitions else 0
        places = self._sharing * len(partitions)
        self._room = {
            member_id: _part(places, index + 1, len(members)) - _part(places, index, len(members))
            for index, member_id in enumerate(members)
        }
        in_pool = set(partitions)
        self._shares = {member_id: had[member_id] & in_pool for member_id in members}
        self._holders: dict[Partition, list[MemberId]] = {each: [] for each in partitions}
        for member_id in members:
            for partition in self._shares[member_id]:
                self._holders[partition].append(member_id)

    def distribute(self) -> dict[MemberId, set[Partition]]:
        self._take_from_partitions_shared_by_too_many()
        self._take_from_members_with_too_many()
        self._fill_up()
        return self._shares

    def _take_from_partitions_shared_by_too_many(self) -> None:
        for partition, holders in self._holders.items():
            too_many = len(holders) - self._sharing
            if too_many > 0:
                # From those who have too many themselves first; the sort is stable
                for member_id in sorted(holders, key=lambda each: not self._is_overfull(each))[
                    :too_many
                ]:
                    self._take(member_id, partition)

    def _take_from_members_with_too_many(self) -> None:
        for member_id, share in self._shares.items():
            for partition in sorted(share)[: max(0, len(share) - self._room[member_id])]:
                self._take(member_id, partition)

    def _fill_up(self) -> None:
        """Go round those who have room, so that it fills up evenly."""
        waiting = [each for each in self._shares if self._has_room(each)]
        at = 0
        for partition, holders in self._holders.items():
            refused = 0
            while waiting and len(holders) < self._sharing and refused < len(waiting):
                at %= len(waiting)
                member_id = waiting[at]
                if member_id in holders:
                    refused += 1
                    at += 1
                    continue
                refused = 0
                holders.append(member_id)
                self._shares[member_id].add(partition)
                if self._has_room(member_id):
                    at += 1
                else:
                    del waiting[at]

    def _take(self, member_id: MemberId, partition: Partition) -> None:
        self._shares[member_id].discard(partition)
        self._holders[partition].remove(member_id)

    def _is_overfull(self, member_id: MemberId) -> bool:
        return len(self._shares[member_id]) > self._room[member_id]

    def _has_room(self, member_id: MemberId) -> bool:
        return len(self._shares[member_id]) < self._room[member_id]


def _part(places: int, count: int, members: int) -> int:
    """How many of the places the first `count` members have."""
    return -(-places * count // members)
