"""A consumer group as records of `__consumer_offsets`, all values of version 0:

    key type   key               value
    3          group             group epoch; tag 0: hash of the subscribed topics
    4          group             (topics and racks, of Kafka before 4.1; only tombstones are written)
    5          group, member     what the member said; tag 0: what it said in JoinGroup
    6          group             assignment epoch; tag 0: when it was computed
    7          group, member     target assignment
    8          group, member     member epoch, state, assigned partitions and those to be given up
    16         group, regex      the topics that match

A member leaves by tombstones of 8, 7 and 5, in this order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from kafkalite_protocol.messages.consumer_group_current_member_assignment_key import (
    ConsumerGroupCurrentMemberAssignmentKey as CurrentKey,
)
from kafkalite_protocol.messages.consumer_group_current_member_assignment_value import (
    ConsumerGroupCurrentMemberAssignmentValue as CurrentValue,
)
from kafkalite_protocol.messages.consumer_group_member_metadata_key import (
    ConsumerGroupMemberMetadataKey as MemberKey,
)
from kafkalite_protocol.messages.consumer_group_member_metadata_value import (
    ConsumerGroupMemberMetadataValue as MemberValue,
)
from kafkalite_protocol.messages.consumer_group_metadata_key import (
    ConsumerGroupMetadataKey as EpochKey,
)
from kafkalite_protocol.messages.consumer_group_metadata_value import (
    ConsumerGroupMetadataValue as EpochValue,
)
from kafkalite_protocol.messages.consumer_group_partition_metadata_key import (
    ConsumerGroupPartitionMetadataKey as LegacyMetadataKey,
)
from kafkalite_protocol.messages.consumer_group_regular_expression_key import (
    ConsumerGroupRegularExpressionKey as RegexKey,
)
from kafkalite_protocol.messages.consumer_group_regular_expression_value import (
    ConsumerGroupRegularExpressionValue as RegexValue,
)
from kafkalite_protocol.messages.consumer_group_target_assignment_member_key import (
    ConsumerGroupTargetAssignmentMemberKey as TargetKey,
)
from kafkalite_protocol.messages.consumer_group_target_assignment_member_value import (
    ConsumerGroupTargetAssignmentMemberValue as TargetValue,
)
from kafkalite_protocol.messages.consumer_group_target_assignment_metadata_key import (
    ConsumerGroupTargetAssignmentMetadataKey as TargetEpochKey,
)
from kafkalite_protocol.messages.consumer_group_target_assignment_metadata_value import (
    ConsumerGroupTargetAssignmentMetadataValue as TargetEpochValue,
)

from kafkalite.coordination.group.classic.member import Protocol
from kafkalite.coordination.group.consumer.member import (
    ClassicMetadata,
    CurrentAssignment,
    MemberMetadata,
    MemberState,
    PartitionEpochs,
)
from kafkalite.coordination.group.modern.partitions import Partitions, partitions_of
from kafkalite.coordination.group.record_bytes import (
    decode_key,
    decode_value,
    encode_record,
    tombstone_of,
)
from kafkalite.coordination.ports import KeyValue
from kafkalite.types import GroupId, MemberId, Uuid

GROUP_EPOCH: Final = EpochKey.RECORD_KEY
LEGACY_METADATA: Final = LegacyMetadataKey.RECORD_KEY
MEMBER: Final = MemberKey.RECORD_KEY
TARGET_EPOCH: Final = TargetEpochKey.RECORD_KEY
TARGET: Final = TargetKey.RECORD_KEY
CURRENT: Final = CurrentKey.RECORD_KEY
REGEX: Final = RegexKey.RECORD_KEY


class ResolvedRegex(NamedTuple):
    """The topics that matched a subscribed regex when it was last looked at."""

    topics: frozenset[str]
    version: int
    """Offset of the metadata image it was matched against."""
    timestamp_ms: int


def group_epoch(group_id: GroupId, epoch: int, metadata_hash: int) -> KeyValue:
    return encode_record(
        EpochKey(group_id=group_id), EpochValue(epoch=epoch, metadata_hash=metadata_hash)
    )


def group_epoch_tombstone(group_id: GroupId) -> KeyValue:
    return tombstone_of(EpochKey(group_id=group_id))


def legacy_metadata_tombstone(group_id: GroupId) -> KeyValue:
    return tombstone_of(LegacyMetadataKey(group_id=group_id))


def member_metadata(group_id: GroupId, member_id: MemberId, metadata: MemberMetadata) -> KeyValue:
    value = MemberValue(
        instance_id=metadata.instance_id,
        rack_id=metadata.rack_id,
        client_id=metadata.client_id,
        client_host=metadata.client_host,
        subscribed_topic_names=sorted(metadata.topic_names),
        subscribed_topic_regex=metadata.topic_regex,
        rebalance_timeout_ms=metadata.rebalance_timeout_ms,
        server_assignor=metadata.server_assignor,
    )
    # Not as an argument: Kafka's default is an empty struct, so null is written, in a tag of its own
    value.classic_member_metadata = _classic(metadata.classic)
    return encode_record(MemberKey(group_id=group_id, member_id=member_id), value)


def _classic(classic: ClassicMetadata | None) -> MemberValue.ClassicMemberMetadata | None:
    if classic is None:
        return None
    return MemberValue.ClassicMemberMetadata(
        session_timeout_ms=classic.session_timeout_ms,
        supported_protocols=[
            MemberValue.ClassicProtocol(name=each.name, metadata=each.metadata)
            for each in classic.protocols
        ],
    )


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
        state=assignment.state,
        assigned_partitions=_with_epochs(assignment.assigned),
        partitions_pending_revocation=_with_epochs(assignment.pending_revocation),
    )
    return encode_record(CurrentKey(group_id=group_id, member_id=member_id), value)


def current_tombstone(group_id: GroupId, member_id: MemberId) -> KeyValue:
    return tombstone_of(CurrentKey(group_id=group_id, member_id=member_id))


def regex(group_id: GroupId, expression: str, resolved: ResolvedRegex) -> KeyValue:
    value = RegexValue(
        topics=sorted(resolved.topics), version=resolved.version, timestamp=resolved.timestamp_ms
    )
    return encode_record(RegexKey(group_id=group_id, regular_expression=expression), value)


def regex_tombstone(group_id: GroupId, expression: str) -> KeyValue:
    return tombstone_of(RegexKey(group_id=group_id, regular_expression=expression))


def _with_epochs(partitions: PartitionEpochs) -> list[CurrentValue.TopicPartitions]:
    return [
        CurrentValue.TopicPartitions(
            topic_id=topic_id,
            partitions=sorted(epochs),
            assignment_epochs=[epochs[number] for number in sorted(epochs)],
        )
        for topic_id, epochs in partitions.items()
    ]


# Reading. ProtocolError when a record is damaged.


def read_group(key: bytes) -> GroupId:
    """The group of a key that has nothing else, of types 3, 4 and 6."""
    return GroupId(decode_key(EpochKey, key).group_id)


def read_member(key: bytes) -> tuple[GroupId, MemberId]:
    """Group and member of a key of types 5, 7 and 8."""
    read = decode_key(MemberKey, key)
    return GroupId(read.group_id), MemberId(read.member_id)


def read_regex_key(key: bytes) -> tuple[GroupId, str]:
    read = decode_key(RegexKey, key)
    return GroupId(read.group_id), read.regular_expression


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
    classic = read.classic_member_metadata
    return MemberMetadata(
        instance_id=read.instance_id,
        rack_id=read.rack_id,
        client_id=read.client_id,
        client_host=read.client_host,
        rebalance_timeout_ms=read.rebalance_timeout_ms,
        topic_names=frozenset(read.subscribed_topic_names),
        topic_regex=read.subscribed_topic_regex or "",
        server_assignor=read.server_assignor,
        classic=None
        if classic is None
        else ClassicMetadata(
            classic.session_timeout_ms,
            tuple(Protocol(each.name, each.metadata) for each in classic.supported_protocols),
        ),
    )


def read_target(value: bytes) -> Partitions:
    read = decode_value(TargetValue, value)
    return partitions_of((Uuid(each.topic_id), each.partitions) for each in read.topic_partitions)


def read_current(value: bytes) -> CurrentAssignment:
    read = decode_value(CurrentValue, value)
    try:
        state = MemberState(read.state)
    except ValueError:
        state = MemberState.UNKNOWN
    return CurrentAssignment(
        epoch=read.member_epoch,
        previous_epoch=read.previous_member_epoch,
        state=state,
        assigned=_read_epochs(read.assigned_partitions, read.member_epoch),
        pending_revocation=_read_epochs(read.partitions_pending_revocation, read.member_epoch),
    )


def _read_epochs(
    topics: Iterable[CurrentValue.TopicPartitions], member_epoch: int
) -> Mapping[Uuid, Mapping[int, int]]:
    """Kafka before 4.3 wrote no epochs: then the member's counts, which lets nothing older pass."""
    found: dict[Uuid, dict[int, int]] = {}
    for topic in topics:
        epochs = topic.assignment_epochs
        if not epochs or len(epochs) != len(topic.partitions):
            epochs = [member_epoch] * len(topic.partitions)
        of_topic = found.setdefault(Uuid(topic.topic_id), {})
        of_topic.update(zip(topic.partitions, epochs, strict=True))
    return found


def read_regex(value: bytes) -> ResolvedRegex:
    read = decode_value(RegexValue, value)
    return ResolvedRegex(frozenset(read.topics), read.version, read.timestamp)
