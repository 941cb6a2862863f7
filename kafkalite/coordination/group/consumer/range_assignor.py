"""The `range` assignor: of each topic, every member gets one run of neighbouring partitions.

    topic of 5, members a b c    a: 0 1    b: 2 3    c: 4

Members stand in one order for all topics, so topics with equally many partitions and the same readers are joined
partition by partition. The order is that of instance ids, then of member ids: a static member that comes back under a
new member id gets the same partitions. Kafka's counterpart is `RangeAssignor`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kafkalite.coordination.group.modern.assignor import Assignable, Subscriber
from kafkalite.coordination.group.modern.partitions import Partitions
from kafkalite.types import MemberId, Uuid


class RangeAssignor:
    name = "range"

    def assign(
        self, subscribers: Mapping[MemberId, Subscriber], assignable: Assignable
    ) -> dict[MemberId, Partitions]:
        targets: dict[MemberId, dict[Uuid, frozenset[int]]] = {each: {} for each in subscribers}
        order = sorted(subscribers, key=lambda each: _rank(each, subscribers[each]))
        for topic_id, partitions in assignable.items():
            readers = [each for each in order if topic_id in subscribers[each].topic_ids]
            for member_id, run in zip(readers, _runs(list(partitions), len(readers)), strict=True):
                if run:
                    targets[member_id][topic_id] = frozenset(run)
        return {member_id: target for member_id, target in targets.items() if target}


def _rank(member_id: MemberId, subscriber: Subscriber) -> tuple[bool, str]:
    """Static members first."""
    instance_id = subscriber.instance_id
    return (True, member_id) if instance_id is None else (False, instance_id)


def _runs(partitions: Sequence[int], count: int) -> list[Sequence[int]]:
    """`count` runs that differ in length by one at most, the longer ones first."""
    if count == 0:
        return []
    least, longer = divmod(len(partitions), count)
    runs, start = [], 0
    for index in range(count):
        end = start + least + (index < longer)
        runs.append(partitions[start:end])
        start = end
    return runs
