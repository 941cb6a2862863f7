"""The target: which tasks each member should have, as of a group epoch."""

from __future__ import annotations

from collections.abc import Mapping

from kafkalite.coordination.group.streams import records
from kafkalite.coordination.group.streams.assignor import (
    AssignableMember,
    AssignableSubtopology,
    assign,
)
from kafkalite.coordination.group.streams.configured_topology import ConfiguredTopology
from kafkalite.coordination.group.streams.group import StreamsGroup
from kafkalite.coordination.group.streams.member import StreamsMember
from kafkalite.coordination.group.streams.tasks import Tasks
from kafkalite.coordination.ports import KeyValue
from kafkalite.types import MemberId


def compute_target(
    group: StreamsGroup,
    members: Mapping[MemberId, StreamsMember],
    configured: ConfiguredTopology,
    standby_replicas: int,
    epoch: int,
    now_ms: int,
) -> tuple[Mapping[MemberId, Tasks], list[KeyValue]]:
    """Targets of all `members`, and the records that put them in place of those that the group has.

    While topics are missing, everybody's target is empty.
    """
    targets: Mapping[MemberId, Tasks] = dict.fromkeys(members, Tasks())
    if configured.is_ready:
        targets = assign(
            [
                AssignableMember(member_id, member.process_id, group.target(member_id))
                for member_id, member in members.items()
            ],
            [
                AssignableSubtopology(name, each.task_count, bool(each.state_changelog_topics))
                for name, each in configured.subtopologies.items()
            ],
            standby_replicas,
        )
    changed = [
        records.target(group.group_id, member_id, tasks)
        for member_id, tasks in targets.items()
        if group.targets.get(member_id) != tasks
    ]
    return targets, [*changed, records.target_epoch(group.group_id, epoch, now_ms)]
