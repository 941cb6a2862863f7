"""Groups that change their type while they have members (group.consumer.migration.policy), and keep what they committed.

    upgrade     a member of the consumer protocol joins a classic group of consumers
                its members go on in the consumer group, each with what it has
    downgrade   the last member of the consumer protocol goes, members of the classic one remain
                they go on in a classic group, which begins with a rebalance

Both are one batch: the tombstones of the one group and the records of the other. A group without members changes its
type whatever the policy.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.classic import records as classic_records
from kafkalite.coordination.group.classic.consumer_protocol import CONSUMER_PROTOCOL_TYPE
from kafkalite.coordination.group.classic.group import ClassicGroup
from kafkalite.coordination.group.classic.member import Member
from kafkalite.coordination.group.classic.states import GroupState
from kafkalite.coordination.group.config import GroupCoordinatorConfig
from kafkalite.coordination.group.consumer.draft import Draft
from kafkalite.coordination.group.consumer.group import ConsumerGroup
from kafkalite.coordination.group.consumer.member import (
    ClassicMetadata,
    ConsumerMember,
    CurrentAssignment,
    MemberMetadata,
)
from kafkalite.coordination.group.consumer.subscription_bytes import (
    read_assignment,
    subscription_of,
    write_assignment,
)
from kafkalite.coordination.group.modern.metadata_hash import group_hash
from kafkalite.coordination.group.modern.partitions import Partitions
from kafkalite.coordination.ports import TopicView
from kafkalite.errors import KafkaError
from kafkalite.types import MemberId

_UPGRADES: Final = frozenset({"bidirectional", "upgrade"})
_DOWNGRADES: Final = frozenset({"bidirectional", "downgrade"})


# Upgrade


def upgrade(classic: ClassicGroup, config: GroupCoordinatorConfig, topics: TopicView) -> Draft:
    """A draft of the consumer group that `classic` becomes. KafkaError GROUP_ID_NOT_FOUND when it may not."""
    tombstones = classic.tombstones()
    if classic.is_empty:
        return Draft(ConsumerGroup(classic.group_id), tombstones)
    _check_upgrade(classic, config)
    draft = Draft(ConsumerGroup(classic.group_id), tombstones)
    members = [_upgraded(classic, member, topics) for member in classic.members.values()]
    for member, _ in members:
        draft.put_metadata(member.member_id, member.metadata)
    metadata_hash = group_hash(draft.group.subscribed_topics(), topics)
    draft.put_epoch(classic.generation_id, metadata_hash)
    for member, assigned in members:
        draft.put_target(member.member_id, assigned)
    draft.put_assignment_epoch(classic.generation_id, 0)
    for member, _ in members:
        draft.put_current(member.member_id, member.current)
    return draft


def _check_upgrade(classic: ClassicGroup, config: GroupCoordinatorConfig) -> None:
    if config.consumer_migration_policy not in _UPGRADES:
        raise _not_upgraded(classic, "group.consumer.migration.policy does not allow it")
    if not classic.uses_consumer_protocol:
        raise _not_upgraded(classic, "its members are not consumers")
    if len(classic.members) > config.consumer_max_size:
        raise _not_upgraded(classic, "it has more members than group.consumer.max.size")


def _upgraded(
    classic: ClassicGroup, member: Member, topics: TopicView
) -> tuple[ConsumerMember, Partitions]:
    """A member as it goes on in the consumer group, and what it has."""
    protocols = tuple(member.protocols)
    subscription = subscription_of(
        [each for each in protocols if each.name == classic.protocol_name] or protocols
    )
    assigned = read_assignment(member.assignment, topics)
    if subscription is None or assigned is None:
        raise _not_upgraded(classic, "what an assignor of its own told its members cannot be read")
    epoch = classic.generation_id
    metadata = MemberMetadata(
        instance_id=member.instance_id,
        rack_id=subscription.rack_id or None,
        client_id=member.client_id,
        client_host=member.client_host,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        topic_names=frozenset(subscription.topics),
        classic=ClassicMetadata(member.session_timeout_ms, protocols),
    )
    current = CurrentAssignment(
        epoch=epoch,
        previous_epoch=epoch,
        assigned={
            topic_id: dict.fromkeys(sorted(numbers), epoch)
            for topic_id, numbers in assigned.items()
        },
    )
    return ConsumerMember(member.member_id, metadata, current), assigned


def _not_upgraded(classic: ClassicGroup, reason: str) -> KafkaError:
    return KafkaError(
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"The group {classic.group_id} cannot become a consumer group: {reason}.",
    )


# Downgrade


def may_downgrade(
    group: ConsumerGroup, leaving: Collection[MemberId], config: GroupCoordinatorConfig
) -> bool:
    """Are there members left without these, all of the classic protocol, and may it be?"""
    staying = [member for member_id, member in group.members.items() if member_id not in leaving]
    return (
        bool(staying)
        and all(member.uses_classic_protocol for member in staying)
        and config.consumer_migration_policy in _DOWNGRADES
        and len(staying) <= config.max_size
    )


def downgrade(draft: Draft, leaving: Collection[MemberId], topics: TopicView, now_ms: int) -> None:
    """The classic group of those who stay, in the group's epoch as its generation."""
    group = draft.group
    classic = ClassicGroup(group.group_id)
    assignments: dict[MemberId, bytes] = {}
    for member in group.members.values():
        if member.member_id in leaving:
            continue
        metadata = member.metadata
        assert metadata.classic is not None
        protocols = list(metadata.classic.protocols)
        classic.add(
            Member(
                member_id=member.member_id,
                instance_id=metadata.instance_id,
                client_id=metadata.client_id,
                client_host=metadata.client_host,
                rebalance_timeout_ms=metadata.rebalance_timeout_ms,
                session_timeout_ms=metadata.classic.session_timeout_ms,
                protocol_type=CONSUMER_PROTOCOL_TYPE,
                protocols=protocols,
            )
        )
        target = group.target(member.member_id)
        assignments[member.member_id] = write_assignment(target, protocols, topics)
    classic.generation_id = group.epoch
    classic.protocol_name = classic.select_protocol()
    classic.state = GroupState.STABLE
    classic.state_timestamp_ms = now_ms
    draft.end(classic_records.group_metadata(classic, assignments))
