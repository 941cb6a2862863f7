"""A share group as ShareGroupDescribe shows it."""

from __future__ import annotations

from kafkalite_protocol.messages.share_group_describe import ShareGroupDescribeResponse

from kafkalite.coordination.group.share.group import ShareGroup
from kafkalite.coordination.group.share.heartbeats import ASSIGNOR
from kafkalite.coordination.group.share.member import ShareMember
from kafkalite.coordination.ports import TopicView

DescribedGroup = ShareGroupDescribeResponse.DescribedGroup


def describe_group(group: ShareGroup, topics: TopicView) -> DescribedGroup:
    """Topics that are gone are left out of the assignments."""
    return DescribedGroup(
        group_id=group.group_id,
        group_state=group.state_name,
        group_epoch=group.epoch,
        assignment_epoch=group.assignment_epoch,
        assignor_name=ASSIGNOR.name,
        members=[_describe_member(member, topics) for member in group.members.values()],
    )


def _describe_member(member: ShareMember, topics: TopicView) -> ShareGroupDescribeResponse.Member:
    metadata = member.metadata
    return ShareGroupDescribeResponse.Member(
        member_id=member.member_id,
        rack_id=metadata.rack_id,
        member_epoch=member.epoch,
        client_id=metadata.client_id,
        client_host=metadata.client_host,
        subscribed_topic_names=sorted(metadata.topic_names),
        assignment=ShareGroupDescribeResponse.Assignment(
            topic_partitions=[
                ShareGroupDescribeResponse.TopicPartitions(
                    topic_id=topic_id, topic_name=name, partitions=sorted(numbers)
                )
                for topic_id, numbers in member.current.assigned.items()
                if (name := topics.topic_name(topic_id)) is not None
            ]
        ),
    )
