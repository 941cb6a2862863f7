"""A consumer group as ConsumerGroupDescribe shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kafkalite_protocol.messages.consumer_group_describe import ConsumerGroupDescribeResponse

from kafkalite.coordination.group.consumer.group import ConsumerGroup
from kafkalite.coordination.group.consumer.member import ConsumerMember
from kafkalite.coordination.group.modern.partitions import Partitions
from kafkalite.coordination.ports import TopicView
from kafkalite.types import Uuid

DescribedGroup = ConsumerGroupDescribeResponse.DescribedGroup

_CLASSIC_MEMBER = 0
_CONSUMER_MEMBER = 1


def describe_group(
    group: ConsumerGroup, default_assignor: str, topics: TopicView
) -> DescribedGroup:
    """Topics that are gone are left out of the assignments."""
    return DescribedGroup(
        group_id=group.group_id,
        group_state=group.state_name,
        group_epoch=group.epoch,
        assignment_epoch=group.assignment_epoch,
        assignor_name=group.preferred_assignor() or default_assignor,
        members=[
            _describe_member(member, group.target(member.member_id), topics)
            for member in group.members.values()
        ],
    )


def _describe_member(
    member: ConsumerMember, target: Partitions, topics: TopicView
) -> ConsumerGroupDescribeResponse.Member:
    metadata = member.metadata
    current = member.current
    owned: dict[Uuid, list[int]] = {}
    for partitions in (current.assigned, current.pending_revocation):
        for topic_id, numbers in partitions.items():
            owned.setdefault(topic_id, []).extend(numbers)
    return ConsumerGroupDescribeResponse.Member(
        member_id=member.member_id,
        instance_id=metadata.instance_id,
        rack_id=metadata.rack_id,
        member_epoch=current.epoch,
        client_id=metadata.client_id,
        client_host=metadata.client_host,
        subscribed_topic_names=sorted(metadata.topic_names),
        subscribed_topic_regex=metadata.topic_regex,
        assignment=_assignment(owned, topics),
        target_assignment=_assignment(target, topics),
        member_type=_CLASSIC_MEMBER if member.uses_classic_protocol else _CONSUMER_MEMBER,
    )


def _assignment(
    partitions: Mapping[Uuid, Collection[int]], topics: TopicView
) -> ConsumerGroupDescribeResponse.Assignment:
    return ConsumerGroupDescribeResponse.Assignment(
        topic_partitions=[
            ConsumerGroupDescribeResponse.TopicPartitions(
                topic_id=topic_id, topic_name=name, partitions=sorted(numbers)
            )
            for topic_id, numbers in partitions.items()
            if (name := topics.topic_name(topic_id)) is not None
        ]
    )
