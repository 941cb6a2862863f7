"""Bringing one member towards its target: what it is to give up, what it may have, and in which epoch it is then.

    state                  asked                                         next
    STABLE                 target of another epoch                       `_towards_target`
                           subscription changed                          topics it no longer reads are to be given up
    UNREVOKED_PARTITIONS   not reported gone yet                         stays (more to give up if the subscription changed)
                           gone                                          `_towards_target`
    UNRELEASED_PARTITIONS                                                `_towards_target`
    UNKNOWN                joins again, owning nothing                   `_towards_target`
                           anything else                                 FENCED_MEMBER_EPOCH

Pure; Kafka's counterpart is `CurrentAssignmentBuilder`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.consumer.member import (
    NO_PARTITION_EPOCHS,
    ConsumerMember,
    CurrentAssignment,
    MemberState,
    PartitionEpochs,
)
from kafkalite.coordination.group.modern.partitions import Partitions
from kafkalite.errors import KafkaError
from kafkalite.types import MemberId, Uuid


class Situation(NamedTuple):
    """What a member's next assignment depends on, beside the member."""

    target_epoch: int
    target: Partitions
    owner_of: Callable[[Uuid, int], MemberId | None]
    """Who may be reading a partition."""
    subscribed: frozenset[Uuid]
    """The topics that the member reads now; a target may be older than that."""
    subscription_changed: bool
    owned: Partitions | None
    """What the member says it owns; None when it does not say."""


def reconcile(member: ConsumerMember, situation: Situation) -> CurrentAssignment:
    """The member's next assignment; the one it has when there is nothing to be done."""
    current = member.current
    changed = situation.subscription_changed
    match current.state:
        case MemberState.STABLE:
            if current.epoch != situation.target_epoch:
                return _towards_target(member, situation)
            return _without_unsubscribed(current, situation) if changed else current
        case MemberState.UNREVOKED_PARTITIONS:
            if _still_owns(situation.owned, current.pending_revocation):
                return _without_unsubscribed(current, situation) if changed else current
            return _towards_target(member, situation)
        case MemberState.UNRELEASED_PARTITIONS:
            return _towards_target(member, situation)
        case MemberState.UNKNOWN:
            if situation.owned is None or situation.owned:
                raise KafkaError(
                    ErrorCode.FENCED_MEMBER_EPOCH,
                    "The state of this member is not known here: give up all partitions and join again.",
                )
            return _towards_target(member, situation)


def _towards_target(member: ConsumerMember, situation: Situation) -> CurrentAssignment:
    """Keep what is in the target; give up the rest first; then take what nobody else owns."""
    current = member.current
    kept: dict[Uuid, Mapping[int, int]] = {}
    revoked: dict[Uuid, Mapping[int, int]] = {}
    free: dict[Uuid, frozenset[int]] = {}
    waits = False
    for topic_id in dict.fromkeys([*situation.target, *current.assigned]):
        wanted = (
            situation.target.get(topic_id, frozenset())
            if topic_id in situation.subscribed
            else frozenset()
        )
        has = current.assigned.get(topic_id, {})
        kept_here = {number: epoch for number, epoch in has.items() if number in wanted}
        missing = wanted - has.keys()
        free_here = frozenset(
            number
            for number in missing
            if situation.owner_of(topic_id, number) in (None, member.member_id)
        )
        waits = waits or len(free_here) < len(missing)
        if kept_here:
            kept[topic_id] = kept_here
        if len(kept_here) < len(has):
            revoked[topic_id] = {
                number: epoch for number, epoch in has.items() if number not in wanted
            }
        if free_here:
            free[topic_id] = free_here

    if revoked and _still_owns(situation.owned, revoked):
        return CurrentAssignment(
            epoch=current.epoch,
            previous_epoch=current.epoch,
            state=MemberState.UNREVOKED_PARTITIONS,
            assigned=kept,
            pending_revocation=revoked,
        )
    for topic_id, numbers in free.items():
        taken = dict.fromkeys(numbers, situation.target_epoch)
        kept[topic_id] = {**kept.get(topic_id, {}), **taken}
    return CurrentAssignment(
        epoch=situation.target_epoch,
        previous_epoch=current.epoch,
        state=MemberState.UNRELEASED_PARTITIONS if waits else MemberState.STABLE,
        assigned=kept,
        pending_revocation=NO_PARTITION_EPOCHS,
    )


def _without_unsubscribed(current: CurrentAssignment, situation: Situation) -> CurrentAssignment:
    """The topics that the member no longer reads are to be given up, before a target without them is there."""
    dropped = {
        topic_id: epochs
        for topic_id, epochs in current.assigned.items()
        if topic_id not in situation.subscribed
    }
    if not dropped:
        return current
    kept = {each: epochs for each, epochs in current.assigned.items() if each not in dropped}
    pending = {
        topic_id: {**current.pending_revocation.get(topic_id, {}), **dropped.get(topic_id, {})}
        for topic_id in dict.fromkeys([*current.pending_revocation, *dropped])
    }
    if _still_owns(situation.owned, pending):
        return CurrentAssignment(
            epoch=current.epoch,
            previous_epoch=current.epoch,
            state=MemberState.UNREVOKED_PARTITIONS,
            assigned=kept,
            pending_revocation=pending,
        )
    return CurrentAssignment(
        epoch=current.epoch,
        previous_epoch=current.epoch,
        state=current.state,
        assigned=kept,
        pending_revocation=current.pending_revocation,
    )


def _still_owns(owned: Partitions | None, revoked: PartitionEpochs) -> bool:
    """A member that does not say what it owns may own anything."""
    if owned is None:
        return True
    return any(
        not numbers.isdisjoint(revoked.get(topic_id, {}).keys())
        for topic_id, numbers in owned.items()
    )
