"""Short ways to write the requests of streams groups, and what a scenario does before it asks."""

from __future__ import annotations

from typing import Any

from kafkalite_protocol.messages.create_partitions import CreatePartitionsRequest
from kafkalite_protocol.messages.delete_topics import DeleteTopicsRequest
from kafkalite_protocol.messages.describe_configs import DescribeConfigsRequest
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest
from kafkalite_protocol.messages.streams_group_current_member_assignment_value import (
    StreamsGroupCurrentMemberAssignmentValue,
)
from kafkalite_protocol.messages.streams_group_describe import StreamsGroupDescribeRequest
from kafkalite_protocol.messages.streams_group_heartbeat import StreamsGroupHeartbeatRequest
from kafkalite_protocol.messages.streams_group_member_metadata_value import (
    StreamsGroupMemberMetadataValue,
)
from kafkalite_protocol.messages.streams_group_metadata_value import StreamsGroupMetadataValue
from kafkalite_protocol.messages.streams_group_target_assignment_member_value import (
    StreamsGroupTargetAssignmentMemberValue,
)
from kafkalite_protocol.messages.streams_group_target_assignment_metadata_value import (
    StreamsGroupTargetAssignmentMetadataValue,
)
from kafkalite_protocol.messages.streams_group_topology_value import StreamsGroupTopologyValue
from kafkalite_protocol.record_batch import batches
from kafkalite_protocol.records import read_records

from kafkalite_compat.checks import eventually
from kafkalite_compat.differential.requests.internal_topics import (
    decode_value,
    encode_value,
    key_type,
    partition_for,
)
from kafkalite_compat.differential.requests.records import fetch, part
from kafkalite_compat.differential.side import Side

Topology = StreamsGroupHeartbeatRequest.Topology
CopartitionGroup = StreamsGroupHeartbeatRequest.CopartitionGroup

_GROUP_RESOURCE = 32


def internal_topic(name: str, partitions: int = 0, **configs: str) -> Any:
    return StreamsGroupHeartbeatRequest.TopicInfo(
        name,
        partitions,
        0,
        [
            StreamsGroupHeartbeatRequest.KeyValue(key.replace("_", "."), value)
            for key, value in configs.items()
        ],
    )


def subtopology(number: str, *source_topics: str, **fields: Any) -> Any:
    return StreamsGroupHeartbeatRequest.Subtopology(
        subtopology_id=number, source_topics=list(source_topics), **fields
    )


def topology(*subtopologies: Any, epoch: int = 0) -> Any:
    return StreamsGroupHeartbeatRequest.Topology(epoch, list(subtopologies))


def tasks(*names: str) -> list[Any]:
    """`0_1` is task 1 of subtopology 0."""
    found: dict[str, list[int]] = {}
    for name in names:
        subtopology_id, partition = name.split("_")
        found.setdefault(subtopology_id, []).append(int(partition))
    return [StreamsGroupHeartbeatRequest.TaskIds(*each) for each in found.items()]


def join(group_id: str, member_id: str, what: Any, **fields: Any) -> StreamsGroupHeartbeatRequest:
    values = {
        "member_epoch": 0,
        "endpoint_information_epoch": -1,
        "rebalance_timeout_ms": 30_000,
        "topology": what,
        "active_tasks": [],
        "standby_tasks": [],
        "warmup_tasks": [],
        "process_id": f"process-of-{member_id}",
        "client_tags": [],
    } | fields
    return StreamsGroupHeartbeatRequest(group_id=group_id, member_id=member_id, **values)


def heartbeat(
    group_id: str, member_id: str, epoch: int, **fields: Any
) -> StreamsGroupHeartbeatRequest:
    """Says nothing that has not changed, as members do most of the time."""
    return StreamsGroupHeartbeatRequest(
        group_id=group_id,
        member_id=member_id,
        member_epoch=epoch,
        **{"endpoint_information_epoch": 0, **fields},
    )


def owning(group_id: str, member_id: str, epoch: int, *active: str, **fields: Any) -> Any:
    """A heartbeat that says which active tasks the member has."""
    values = {
        "active_tasks": tasks(*active),
        "standby_tasks": [],
        "warmup_tasks": [],
    } | fields
    return heartbeat(group_id, member_id, epoch, **values)


def leave(group_id: str, member_id: str, epoch: int = -1, **fields: Any) -> Any:
    return heartbeat(group_id, member_id, epoch, **fields)


def describe(*group_ids: str, authorized: bool = False) -> StreamsGroupDescribeRequest:
    return StreamsGroupDescribeRequest(list(group_ids), authorized)


def configs_of(*topics: str) -> DescribeConfigsRequest:
    """Of what the application asks for."""
    names = ["cleanup.policy", "segment.bytes"]
    return DescribeConfigsRequest(
        [DescribeConfigsRequest.DescribeConfigsResource(2, topic, names) for topic in topics]
    )


# Preparation, not written down


def configure(side: Side, group_id: str, **configs: str) -> None:
    """Group configs. Kafka's defaults make a member wait 3 s for its first tasks and 1 s for others."""
    settings = {
        "streams.initial.rebalance.delay.ms": "0",
        "streams.assignment.interval.ms": "0",
    } | {f"streams.{key.replace('_', '.')}": value for key, value in configs.items()}
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(_GROUP_RESOURCE, group_id)
    resource.configs = [
        IncrementalAlterConfigsRequest.AlterableConfig(name, 0, value)
        for name, value in settings.items()
    ]
    answer = side.client.ask(IncrementalAlterConfigsRequest([resource]), 1)
    assert answer.responses[0].error_code == 0, answer
    side.catch_up()


def topic(side: Side, name: str, partitions: int) -> str:
    side.new_topic(name, partitions)
    side.catch_up()
    return name


def grow(side: Side, name: str, partitions: int) -> None:
    more = CreatePartitionsRequest.CreatePartitionsTopic(name, partitions, None)
    answer = side.client.ask(CreatePartitionsRequest([more], 10_000), 3)
    assert answer.results[0].error_code == 0, answer
    side.catch_up()


def delete(side: Side, name: str) -> None:
    answer = side.client.ask(
        DeleteTopicsRequest(topics=[DeleteTopicsRequest.DeleteTopicState(name)], timeout_ms=10_000),
        6,
    )
    assert answer.responses[0].error_code == 0, answer
    side.catch_up()


def wait_for_no_status(side: Side, request: StreamsGroupHeartbeatRequest) -> None:
    """Send a heartbeat that changes nothing until the group has nothing to complain of."""
    eventually("the group is ready", lambda: not side.client.ask(request, 0).status)


# What the broker wrote


def note_records(side: Side, label: str, group_id: str) -> None:
    """Write down the bytes of every record of `__consumer_offsets` that is about this group.

    The hash of the topics depends on their ids, and two brokers assign at two times: these are put to 0.
    """
    partition = partition_for(group_id)
    answer = side.client.ask(fetch(("__consumer_offsets", part(partition))), 11)
    data = bytearray(answer.responses[0].partitions[0].records)
    found = [
        (record.key.hex(), None if record.value is None else _comparable(record.key, record.value))
        for batch in batches(data)
        for record in read_records(batch)
        if record.key is not None and group_id.encode() in bytes(record.key)
    ]
    assert found
    side.note(label, found)


def _comparable(key: bytes, value: bytes) -> str:
    body = _VALUES.get(key_type(key))
    if body is None:
        return value.hex()
    read = decode_value(body, value)
    assert encode_value(0, read) == bytes(value), "there is one way to write it"
    if isinstance(read, StreamsGroupMetadataValue):
        assert read.metadata_hash, "there are topics"
        read.metadata_hash = 0
    if isinstance(read, StreamsGroupTargetAssignmentMetadataValue):
        assert read.assignment_timestamp, "it was assigned some time"
        read.assignment_timestamp = 0
    return encode_value(0, read).hex()


_VALUES = {
    value.RECORD_KEY: value
    for value in (
        StreamsGroupCurrentMemberAssignmentValue,
        StreamsGroupMemberMetadataValue,
        StreamsGroupMetadataValue,
        StreamsGroupTargetAssignmentMemberValue,
        StreamsGroupTargetAssignmentMetadataValue,
        StreamsGroupTopologyValue,
    )
}
