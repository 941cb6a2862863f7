"""A share group as records of `__consumer_offsets`, all values of version 0:

    key type   key               value
    10         group, member     what the member said
    11         group             group epoch, hash of the subscribed topics
    12         group             assignment epoch; tag 0: when it was computed
    13         group, member     target assignment
    14         group, member     member epoch and what it was told to have
    15         group             partitions whose durable state is being initialised, is there, is being deleted

A member leaves by tombstones of 14, 13 and 10, in this order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from kafkalite_protocol.messages.share_group_current_member_assignment_key import (
    ShareGroupCurrentMemberAssignmentKey as CurrentKey,
)
from kafkalite_protocol.messages.share_group_current_member_assignment_value import (
    ShareGroupCurrentMemberAssignmentValue as CurrentValue,
)
from kafkalite_protocol.messages.share_group_member_metadata_key import (
    ShareGroupMemberMetadataKey as MemberKey,
)
from kafkalite_protocol.messages.share_group_member_metadata_value import (
    ShareGroupMemberMetadataValue as MemberValue,
)
from kafkalite_protocol.messages.share_group_metadata_key import ShareGroupMetadataKey as EpochKey
from kafkalite_protocol.messages.share_group_metadata_value import (
    ShareGroupMetadataValue as EpochValue,
)
from kafkalite_protocol.messages.share_group_state_partition_metadata_key import (
    ShareGroupStatePartitionMetadataKey as StateKey,
)
from kafkalite_protocol.messages.share_group_state_partition_metadata_value import (
    ShareGroupStatePartitionMetadataValue as StateValue,
)
from kafkalite_protocol.messages.share_group_target_assignment_member_key import (
    ShareGroupTargetAssignmentMemberKey as TargetKey,
)
from kafkalite_protocol.messages.share_group_target_assignment_member_value import (
    ShareGroupTargetAssignmentMemberValue as TargetValue,
)
from kafkalite_protocol.messages.share_group_target_assignment_metadata_key import (
    ShareGroupTargetAssignmentMetadataKey as TargetEpochKey,
)
from kafkalite_protocol.messages.share_group_target_assignment_metadata_value import (
    ShareGroupTargetAssignmentMetadataValue as TargetEpochValue,
)

from kafkalite.coordination.group.modern.partitions import Partitions, partitions_of
from kafkalite.coordination.group.record_bytes import (
    decode_key,
    decode_value,
    encode_record,
    tombstone_of,
)
from kafkalite.coordination.group.share.member import CurrentAssignment, MemberMetadata
from kafkalite.coordination.group.share.state_partitions import (
    StatePartitions,
    TopicPartitions,
    Topics,
)
from kafkalite.coordination.ports import KeyValue
from kafkalite.types import GroupId, MemberId, Uuid

MEMBER: Final = MemberKey.RECORD_KEY
GROUP_EPOCH: Final = EpochKey.RECORD_KEY
TARGET_EPOCH: Final = TargetEpochKey.RECORD_KEY
TARGET: Final = TargetKey.RECORD_KEY
CURRENT: Final = CurrentKey.RECORD_KEY
STATE_PARTITIONS: Final = StateKey.RECORD_KEY

_STABLE: Final = 0
"""The one state of a member that is written."""


def group_epoch(group_id: GroupId, epoch: int, metadata_hash: int) -> KeyValue:
    return encode_record(
        EpochKey(group_id=group_id), EpochValue(epoch=epoch, metadata_hash=metadata_hash)
    )


def group_epoch_tombstone(group_id: GroupId) -> KeyValue:
    return tombstone_of(EpochKey(group_id=group_id))


def member_metadata(group_id: GroupId, member_id: MemberId, metadata: MemberMetadata) -> KeyValue:
    value = MemberValue(
        rack_id=metadata.rack_id,
        client_id=metadata.client_id,
        client_host=metadata.client_host,
        subscribed_topic_names=sorted(metadata.topic_names),
    )
    return encode_record(MemberKey(group_id=group_id, member_id=member_id), value)


def member_metadata_tombstone(group_id: GroupId, member_id: MemberId) -> KeyValue:
    return tombstone_of(MemberKey(group_id=group_id, member_id=member_id))


def target_epoch(group_id: GroupId, epoch: int, timestamp_ms: int) -> KeyValue:
    value = TargetEpochValue(assignment_epoch=epoch, assignment_timestamp=timestamp_ms)
    return encode_record(TargetEpochKey(group_id=group_id), value)


def target_epoch_tombstone(group_id: GroupId) -> KeyValue:
    return tombstone_of(TargetEpochKey(group_id=group_id))


def target(group_id: GroupId, member_id: MemberId, partitions: Partitions) -> KeyValue:
    value = TargetValue(
        topic_partitions=[
            TargetValue.TopicPartition(topic_id=topic_id, partitions=sorted(numbers))
            for topic_id, numbers in partitions.items()
        ]
    )
    return encode_record(TargetKey(group_id=group_id, member_id=member_id), value)


def target_tombstone(group_id: GroupId, member_id: MemberId) -> KeyValue:
    return tombstone_of(TargetKey(group_id=group_id, member_id=member_id))


def current(group_id: GroupId, member_id: MemberId, assignment: CurrentAssignment) -> KeyValue:
    value = CurrentValue(
        member_epoch=assignment.epoch,
        previous_member_epoch=assignment.previous_epoch,
        state=_STABLE,
        assigned_partitions=[
            CurrentValue.TopicPartitions(topic_id=topic_id, partitions=sorted(numbers))
            for topic_id, numbers in assignment.assigned.items()
        ],
    )
    return encode_record(CurrentKey(group_id=group_id, member_id=member_id), value)


def current_tombstone(group_id: GroupId, member_id: MemberId) -> KeyValue:
    return tombstone_of(CurrentKey(group_id=group_id, member_id=member_id))


def state_partitions(group_id: GroupId, state: StatePartitions) -> KeyValue:
    value = StateValue(
        initializing_topics=_topics(state.initializing),
        initialized_topics=_topics(state.initialized),
        deleting_topics=[
            StateValue.TopicInfo(topic_id=topic_id, topic_name=name)
            for topic_id, name in state.deleting.items()
        ],
    )
    return encode_record(StateKey(group_id=group_id), value)


def state_partitions_tombstone(group_id: GroupId) -> KeyValue:
    return tombstone_of(StateKey(group_id=group_id))


def _topics(topics: Topics) -> list[StateValue.TopicPartitionsInfo]:
    return [
        StateValue.TopicPartitionsInfo(
            topic_id=topic_id, topic_name=topic.name, partitions=sorted(topic.numbers)
        )
        for topic_id, topic in topics.items()
    ]


# Reading. ProtocolError when a record is damaged.


def read_group(key: bytes) -> GroupId:
    """The group of a key that has nothing else, of types 11, 12 and 15."""
    return GroupId(decode_key(EpochKey, key).group_id)


def read_member(key: bytes) -> tuple[GroupId, MemberId]:
    """Group and member of a key of types 10, 13 and 14."""
    read = decode_key(MemberKey, key)
    return GroupId(read.group_id), MemberId(read.member_id)


def read_group_epoch(value: bytes) -> tuple[int, int]:
    """Epoch and metadata hash."""
    read = decode_value(EpochValue, value)
    return read.epoch, read.metadata_hash


def read_target_epoch(value: bytes) -> tuple[int, int]:
    """Epoch and timestamp."""
    read = decode_value(TargetEpochValue, value)
    return read.assignment_epoch, read.assignment_timestamp


def read_member_metadata(value: bytes) -> MemberMetadata:
    read = decode_value(MemberValue, value)
    return MemberMetadata(
        read.rack_id, read.client_id, read.client_host, frozenset(read.subscribed_topic_names)
    )


def read_target(value: bytes) -> Partitions:
    read = decode_value(TargetValue, value)
    return partitions_of((Uuid(each.topic_id), each.partitions) for each in read.topic_partitions)


def read_current(value: bytes) -> CurrentAssignment:
    read = decode_value(CurrentValue, value)
    assigned = ((Uuid(each.topic_id), each.partitions) for each in read.assigned_partitions)
    return CurrentAssignment(read.member_epoch, read.previous_member_epoch, partitions_of(assigned))


def read_state_partitions(value: bytes) -> StatePartitions:
    read = decode_value(StateValue, value)
    return StatePartitions(
        _read_topics(read.initializing_topics),
        _read_topics(read.initialized_topics),
        {Uuid(each.topic_id): each.topic_name for each in read.deleting_topics},
    )


def _read_topics(topics: Iterable[StateValue.TopicPartitionsInfo]) -> Topics:
    """Kafka may write a topic without partitions."""
    return {
        Uuid(each.topic_id): TopicPartitions(each.topic_name, frozenset(each.partitions))
        for each in topics
        if each.partitions
    }
