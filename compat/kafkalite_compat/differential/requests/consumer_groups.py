"""Short ways to write the requests of consumer groups (KIP-848), and groups to begin with."""

from __future__ import annotations

import struct
from typing import Any

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.consumer_group_describe import ConsumerGroupDescribeRequest
from kafkalite_protocol.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest
from kafkalite_protocol.messages.consumer_protocol_assignment import ConsumerProtocolAssignment
from kafkalite_protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest

from kafkalite_compat.checks import eventually
from kafkalite_compat.differential.requests.groups import join, sync
from kafkalite_compat.differential.side import Side

_GROUP_RESOURCE = 32


def beat(
    group_id: str,
    member_id: str,
    epoch: int,
    names: list[str] | None = None,
    owned: dict[bytes, list[int]] | None = None,
    **fields: Any,
) -> ConsumerGroupHeartbeatRequest:
    values = {"instance_id": None, "rack_id": None, "server_assignor": None} | fields
    values.setdefault("subscribed_topic_regex", None)
    return ConsumerGroupHeartbeatRequest(
        group_id=group_id,
        member_id=member_id,
        member_epoch=epoch,
        subscribed_topic_names=names,
        topic_partitions=None
        if owned is None
        else [ConsumerGroupHeartbeatRequest.TopicPartitions(*each) for each in owned.items()],
        **values,
    )


def enter(group_id: str, member_id: str, *names: str, **fields: Any) -> Any:
    """A member's first heartbeat, with the assignor whose answer depends on no hash map."""
    values = {"rebalance_timeout_ms": 60_000, "server_assignor": "range"} | fields
    topics = values.pop("names", list(names))
    return beat(group_id, member_id, 0, topics, {}, **values)


def describe_consumer(*group_ids: str, operations: bool = False) -> Any:
    return ConsumerGroupDescribeRequest(list(group_ids), operations)


def subscribed(*topics: str, version: int = 3, **owned: list[int]) -> bytes:
    Partition = ConsumerProtocolSubscription.TopicPartition
    body = ConsumerProtocolSubscription(
        topics=list(topics),
        user_data=None,
        owned_partitions=[Partition(name.replace("_", "-"), own) for name, own in owned.items()],
    )
    return struct.pack(">h", version) + body.encode(version)


def assigned(topic: str, partitions: list[int], user_data: bytes | None = None) -> bytes:
    Partition = ConsumerProtocolAssignment.TopicPartition
    body = ConsumerProtocolAssignment([Partition(topic, partitions)], user_data)
    return struct.pack(">h", 3) + body.encode(3)


def classic_join(group_id: str, member_id: str, *topics: str, **fields: Any) -> Any:
    owned = fields.pop("owned", {})
    metadata = subscribed(*topics, **owned)
    values = {"protocols": {"range": metadata, "roundrobin": metadata}} | fields
    return join(group_id, member_id, **values)


# Preparation, not written down


def assign_at_once(side: Side, *group_ids: str) -> None:
    """Assignments are computed with every change, so that nothing depends on how fast the requests come."""
    for group_id in group_ids:
        resource = IncrementalAlterConfigsRequest.AlterConfigsResource(_GROUP_RESOURCE, group_id)
        name = "consumer.assignment.interval.ms"
        resource.configs = [IncrementalAlterConfigsRequest.AlterableConfig(name, 0, "0")]
        answer = side.client.ask(IncrementalAlterConfigsRequest([resource]), 1)
        assert answer.responses[0].error_code == ErrorCode.NONE, answer
    side.catch_up()


def topic_that_groups_see(side: Side, name: str, partitions: int = 1) -> str:
    """Kafka's coordinator hears of topics a little later than its clients do."""
    side.new_topic(name, partitions)
    group_id = f"looks-for-{name}"
    answer = side.client.ask(enter(group_id, "probe", name), 1)
    epoch = answer.member_epoch

    def is_assigned() -> bool:
        nonlocal answer, epoch
        if answer.assignment is not None and answer.assignment.topic_partitions:
            return True
        answer = side.client.ask(beat(group_id, "probe", epoch), 1)
        epoch = answer.member_epoch
        return False

    eventually(f"groups see {name}", is_assigned)
    side.client.ask(beat(group_id, "probe", -1), 1)
    return name


def classic_group(side: Side, group_id: str, topic: str, partitions: list[int]) -> tuple[str, int]:
    """A Stable classic group of one consumer; its member id and generation."""
    answer = side.client.ask(classic_join(group_id, "", topic), 3)
    assert answer.error_code == ErrorCode.NONE, answer
    assignment = {answer.member_id: assigned(topic, partitions)}
    request = sync(group_id, answer.generation_id, answer.member_id, assignment)
    assert side.client.ask(request, 3).error_code == ErrorCode.NONE
    return answer.member_id, answer.generation_id


def ask_masked(side: Side, label: str, request: Any, version: int) -> Any:
    """Ask, and write the answer down without the ids that the broker makes."""
    answer = side.client.ask(request, version)
    side.count += 1
    side.note(f"{label} v{version}", type(answer).decode(version, answer.encode(version)))
    masked = side.transcript[-1].value
    for name in ("member_id", "leader"):
        if masked.get(name):
            masked[name] = "some"
    return answer
