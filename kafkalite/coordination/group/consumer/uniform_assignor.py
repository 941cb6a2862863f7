"""The `uniform` assignor: every member gets as many partitions as the others, and keeps what it has where that allows it.

Do all members read the same topics, the numbers differ by one at most, and no more moves than that takes
(`_share_alike`). Otherwise each topic is spread over its own readers by how much these have of other topics
(`_Balance`), which comes close to even where subscriptions overlap. Racks play no part, as in Kafka 4.3. Kafka's
counterparts are `UniformHomogeneousAssignmentBuilder` and `UniformHeterogeneousAssignmentBuilder`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import Final

from kafkalite.coordination.group.modern.assignor import Assignable, Subscriber
from kafkalite.coordination.group.modern.partitions import Partitions, partitions_of
from kafkalite.types import MemberId, Uuid

_ROUNDS_MAX: Final = 16
"""Of balancing overlapping subscriptions. Each round about halves the imbalance; most groups need one."""

_Targets = dict[MemberId, list[tuple[Uuid, int]]]


class UniformAssignor:
    name = "uniform"

    def assign(
        self, subscribers: Mapping[MemberId, Subscriber], assignable: Assignable
    ) -> dict[MemberId, Partitions]:
        if not subscribers:
            return {}
        if len({each.topic_ids for each in subscribers.values()}) == 1:
            targets = _share_alike(subscribers, assignable)
        else:
            targets = _Balance(subscribers, assignable).targets()
        return {
            member_id: partitions_of((topic_id, (number,)) for topic_id, number in target)
            for member_id, target in targets.items()
            if target
        }


def _share_alike(subscribers: Mapping[MemberId, Subscriber], assignable: Assignable) -> _Targets:
    """All read the same: each keeps up to its quota, and what is over goes to those below theirs."""
    unassigned = {
        (topic_id, number): None for topic_id, numbers in assignable.items() for number in numbers
    }
    kept: _Targets = {}
    least, extra = divmod(len(unassigned), len(subscribers))
    for member_id, subscriber in subscribers.items():
        had = [each for each in _pairs(subscriber) if each in unassigned]
        quota = least + (len(had) > least and extra > 0)
        extra -= quota - least
        kept[member_id] = had[:quota]
        for partition in kept[member_id]:
            del unassigned[partition]
    rest = iter(unassigned)
    for target in kept.values():
        missing = least - len(target)
        if missing >= 0 and extra > 0:
            missing, extra = missing + 1, extra - 1
        target += [next(rest) for _ in range(missing)]
    assert next(rest, None) is None, "the quotas add up to all partitions"
    return kept


class _Balance:
    """Readers of different topics. Members count as loaded by all they have, of whatever topic."""

    def __init__(self, subscribers: Mapping[MemberId, Subscriber], assignable: Assignable) -> None:
        self._members = list(subscribers)
        self._load = [0] * len(self._members)
        self._readers: dict[Uuid, list[int]] = {topic_id: [] for topic_id in assignable}
        self._owners: dict[Uuid, dict[int, int | None]] = {
            topic_id: dict.fromkeys(numbers) for topic_id, numbers in assignable.items()
        }
        for index, subscriber in enumerate(subscribers.values()):
            for topic_id in subscriber.topic_ids:
                self._readers[topic_id].append(index)
            for topic_id, number in _pairs(subscriber):
                if topic_id not in subscriber.topic_ids:
                    continue
                owners = self._owners[topic_id]
                if number in owners and owners[number] is None:
                    self._give(topic_id, number, index)
        self._topics = sorted(
            (topic_id for topic_id in assignable if self._readers[topic_id]), key=self._rank
        )

    def targets(self) -> _Targets:
        for topic_id in self._topics:
            self._hand_out(topic_id)
        contested = [each for each in self._topics if len(self._readers[each]) > 1]
        for _ in range(_ROUNDS_MAX):
            moved = [self._even_out(topic_id) for topic_id in contested]
            if not any(moved):
                break
        targets: _Targets = {member_id: [] for member_id in self._members}
        for topic_id in self._topics:
            for number, owner in self._owners[topic_id].items():
                assert owner is not None
                targets[self._members[owner]].append((topic_id, number))
        return targets

    def _rank(self, topic_id: Uuid) -> tuple[float, int, Uuid]:
        """Topics with many partitions for each reader first: the others even out what they leave uneven."""
        readers = len(self._readers[topic_id])
        return -len(self._owners[topic_id]) / readers, readers, topic_id

    def _give(self, topic_id: Uuid, number: int, index: int) -> None:
        before = self._owners[topic_id][number]
        if before is not None:
            self._load[before] -= 1
        self._owners[topic_id][number] = index
        self._load[index] += 1

    def _hand_out(self, topic_id: Uuid) -> None:
        """What nobody has goes to whichever reader has least."""
        owners = self._owners[topic_id]
        free = [number for number, owner in owners.items() if owner is None]
        if not free:
            return
        least = [(self._load[index], index) for index in self._readers[topic_id]]
        heapq.heapify(least)
        for number in free:
            load, index = least[0]
            self._give(topic_id, number, index)
            heapq.heapreplace(least, (load + 1, index))

    def _even_out(self, topic_id: Uuid) -> bool:
        """Move partitions of the topic from readers with most to readers with least, while that makes them more alike.
        False when nothing was moved."""
        load = self._load
        owned: dict[int, list[int]] = {index: [] for index in self._readers[topic_id]}
        for number, owner in self._owners[topic_id].items():
            assert owner is not None
            owned[owner].append(number)
        # An entry counts while it tells the load of the moment; each change of a load adds one
        most = [(-load[index], index) for index in owned]
        least = [(load[index], index) for index in owned]
        heapq.heapify(most)
        heapq.heapify(least)
        moved = False
        while most:
            giver, taker = most[0][1], least[0][1]
            if -most[0][0] != load[giver] or not owned[giver]:
                heapq.heappop(most)
                continue
            if least[0][0] != load[taker]:
                heapq.heappop(least)
                continue
            if load[giver] - load[taker] <= 1:
                break
            number = owned[giver].pop()
            owned[taker].append(number)
            self._give(topic_id, number, taker)
            for index in (giver, taker):
                heapq.heappush(most, (-load[index], index))
                heapq.heappush(least, (load[index], index))
            moved = True
        return moved


def _pairs(subscriber: Subscriber) -> Iterator[tuple[Uuid, int]]:
    """What it was to have so far, in a fixed order."""
    for topic_id, numbers in subscriber.target.items():
        for number in sorted(numbers):
            yield topic_id, number
