"""What members of the classic protocol say and are told, between its bytes and the coordinator's terms.

Subscriptions come with JoinGroup, assignments go with SyncGroup; both in Kafka's `ConsumerProtocol`, by topic name.
"""

from __future__ import annotations

from collections.abc import Sequence

from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.messages.consumer_protocol_assignment import ConsumerProtocolAssignment
from kafkalite_protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription

from kafkalite.coordination.group.classic.consumer_protocol import read_subscription
from kafkalite.coordination.group.classic.member import Protocol
from kafkalite.coordination.group.modern.partitions import Partitions, partitions_of
from kafkalite.coordination.ports import TopicView

_INT16_BYTES = 2


def subscription_of(protocols: Sequence[Protocol]) -> ConsumerProtocolSubscription | None:
    """A member subscribes alike under all its protocols; None when this is no subscription."""
    return read_subscription(protocols[0].metadata) if protocols else None


def owned_partitions(subscription: ConsumerProtocolSubscription, topics: TopicView) -> Partitions:
    """What the member says it owns; topics that are gone are left out."""
    pairs = (
        (topics.topic_id(each.topic), each.partitions) for each in subscription.owned_partitions
    )
    return partitions_of((topic_id, numbers) for topic_id, numbers in pairs if topic_id is not None)


def read_assignment(assignment: bytes, topics: TopicView) -> Partitions | None:
    """What a classic group's leader assigned to a member; None when it cannot be told: not in this format, or with
    something of the assignor's own in it."""
    if not assignment:
        return {}
    version = int.from_bytes(assignment[:_INT16_BYTES], "big", signed=True)
    known = min(version, ConsumerProtocolAssignment.MAX_VERSION)
    try:
        read = ConsumerProtocolAssignment.decode(max(known, 0), assignment, _INT16_BYTES)
    except ProtocolError:
        return None
    if version < 0 or read.user_data:
        return None
    pairs = ((topics.topic_id(each.topic), each.partitions) for each in read.assigned_partitions)
    return partitions_of((topic_id, numbers) for topic_id, numbers in pairs if topic_id is not None)


def write_assignment(
    partitions: Partitions, protocols: Sequence[Protocol], topics: TopicView
) -> bytes:
    """In the version in which the member subscribed. Topics that are gone are left out."""
    version = int.from_bytes(protocols[0].metadata[:_INT16_BYTES], "big", signed=True)
    version = min(version, ConsumerProtocolAssignment.MAX_VERSION)
    body = ConsumerProtocolAssignment(
        assigned_partitions=[
            ConsumerProtocolAssignment.TopicPartition(topic=name, partitions=sorted(numbers))
            for topic_id, numbers in partitions.items()
            if (name := topics.topic_name(topic_id)) is not None
        ],
        user_data=None,
    )
    return version.to_bytes(_INT16_BYTES, "big", signed=True) + body.encode(version)
