"""How a member gets from the tasks it has to those it should have (KIP-1071, Kafka's `CurrentAssignmentBuilder`).

    tasks to give up    it is told to, keeps its epoch, and gets nothing new until it says it has
    tasks to take over  only those that are free: an active task while no other member has it, and no task that
                        the member's process has in another role, as both would use one state directory

The states are described at `MemberState`. Everything here is pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.streams.member import MemberState, StreamsMember
from kafkalite.coordination.group.streams.tasks import NOTHING_HELD, HeldTasks, TaskId, Tasks
from kafkalite.errors import KafkaError


class TaskHolders(Protocol):
    """Which processes have a task now, assigned or not yet given up."""

    def active_process(self, task: TaskId) -> str | None: ...

    def has_copy(self, process_id: str, task: TaskId) -> bool:
        """Does this process have the task as a standby or a warm-up?"""
        ...


def reconcile(
    member: StreamsMember,
    target_epoch: int,
    target: Tasks,
    holders: TaskHolders,
    owned: Tasks | None,
) -> StreamsMember:
    """The member's next step, or the same member when it can take none.

    `owned` is what it says it has, None when it does not say. KafkaError FENCED_MEMBER_EPOCH when it must rejoin.
    """
    match member.state:
        case MemberState.STABLE:
            if member.epoch == target_epoch:
                return member
            return _towards(member, member.epoch, target_epoch, target, holders, owned)
        case MemberState.UNREVOKED_TASKS:
            if owned is None or member.revoking.overlaps(owned):
                return member
            return _towards(member, member.epoch + 1, target_epoch, target, holders, owned)
        case MemberState.UNRELEASED_TASKS:
            return _towards(member, member.epoch, target_epoch, target, holders, owned)
        case MemberState.UNKNOWN:
            if owned != Tasks():
                raise KafkaError(
                    ErrorCode.FENCED_MEMBER_EPOCH,
                    "The member's state is not known to this version: it must give up all tasks and rejoin.",
                )
            return _towards(member, target_epoch, target_epoch, target, holders, owned)


def _towards(
    member: StreamsMember,
    epoch: int,
    target_epoch: int,
    target: Tasks,
    holders: TaskHolders,
    owned: Tasks | None,
) -> StreamsMember:
    """`epoch` is the one to stay in while there are tasks to give up."""
    process_id = member.process_id
    has = member.assigned

    def busy(task: TaskId) -> bool:
        return holders.active_process(task) is not None or holders.has_copy(process_id, task)

    def busy_here(task: TaskId) -> bool:
        return holders.active_process(task) == process_id or holders.has_copy(process_id, task)

    new_active = target.active - has.active.keys()
    new_standby = target.standby - has.standby
    new_warmup = target.warmup - has.warmup
    kept_active = {task: since for task, since in has.active.items() if task in target.active}
    kept = HeldTasks(kept_active, has.standby & target.standby, has.warmup & target.warmup)
    revoking = HeldTasks(
        {task: since for task, since in has.active.items() if task not in target.active},
        has.standby - target.standby,
        has.warmup - target.warmup,
    )
    if not revoking.is_empty and (owned is None or revoking.overlaps(owned)):
        return replace(
            member,
            state=MemberState.UNREVOKED_TASKS,
            epoch=epoch,
            previous_epoch=member.epoch,
            assigned=kept,
            revoking=revoking,
        )
    unreleased = HeldTasks(
        dict.fromkeys(filter(busy, new_active), target_epoch),
        frozenset(filter(busy_here, new_standby)),
        frozenset(filter(busy_here, new_warmup)),
    )
    return replace(
        member,
        state=MemberState.STABLE if unreleased.is_empty else MemberState.UNRELEASED_TASKS,
        epoch=target_epoch,
        previous_epoch=member.epoch,
        assigned=HeldTasks(
            kept_active | dict.fromkeys(new_active - unreleased.active.keys(), target_epoch),
            kept.standby | (new_standby - unreleased.standby),
            kept.warmup | (new_warmup - unreleased.warmup),
        ),
        revoking=NOTHING_HELD,
    )
