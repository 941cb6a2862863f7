"""Consumer groups (KIP-848): membership, reconciliation, commits, members of the classic protocol, and the records of it all."""

from __future__ import annotations

import struct
from itertools import groupby
from typing import Any

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.consumer_group_current_member_assignment_key import (
    ConsumerGroupCurrentMemberAssignmentKey,
)
from kafkalite_protocol.messages.consumer_group_current_member_assignment_value import (
    ConsumerGroupCurrentMemberAssignmentValue,
)
from kafkalite_protocol.messages.consumer_group_describe import ConsumerGroupDescribeRequest
from kafkalite_protocol.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest
from kafkalite_protocol.messages.consumer_group_member_metadata_key import (
    ConsumerGroupMemberMetadataKey,
)
from kafkalite_protocol.messages.consumer_group_member_metadata_value import (
    ConsumerGroupMemberMetadataValue,
)
from kafkalite_protocol.messages.consumer_group_metadata_key import ConsumerGroupMetadataKey
from kafkalite_protocol.messages.consumer_group_metadata_value import ConsumerGroupMetadataValue
from kafkalite_protocol.messages.consumer_group_partition_metadata_key import (
    ConsumerGroupPartitionMetadataKey,
)
from kafkalite_protocol.messages.consumer_group_partition_metadata_value import (
    ConsumerGroupPartitionMetadataValue,
)
from kafkalite_protocol.messages.consumer_group_regular_expression_key import (
    ConsumerGroupRegularExpressionKey,
)
from kafkalite_protocol.messages.consumer_group_regular_expression_value import (
    ConsumerGroupRegularExpressionValue,
)
from kafkalite_protocol.messages.consumer_group_target_assignment_member_key import (
    ConsumerGroupTargetAssignmentMemberKey,
)
from kafkalite_protocol.messages.consumer_group_target_assignment_member_value import (
    ConsumerGroupTargetAssignmentMemberValue,
)
from kafkalite_protocol.messages.consumer_group_target_assignment_metadata_key import (
    ConsumerGroupTargetAssignmentMetadataKey,
)
from kafkalite_protocol.messages.consumer_group_target_assignment_metadata_value import (
    ConsumerGroupTargetAssignmentMetadataValue,
)
from kafkalite_protocol.messages.consumer_protocol_assignment import ConsumerProtocolAssignment
from kafkalite_protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription
from kafkalite_protocol.messages.group_metadata_key import GroupMetadataKey
from kafkalite_protocol.messages.group_metadata_value import GroupMetadataValue
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest
from kafkalite_protocol.record_batch import batches
from kafkalite_protocol.records import read_records

from kafkalite_compat.checks import eventually
from kafkalite_compat.differential.masking import whole_batches
from kafkalite_compat.differential.requests.groups import (
    commit,
    coordinator_is_there,
    delete,
    delete_offsets,
    describe,
    fetch_offsets,
    heartbeat,
    join,
    leave,
    list_groups,
    sync,
)
from kafkalite_compat.differential.requests.internal_topics import partition_for
from kafkalite_compat.differential.requests.records import fetch, part
from kafkalite_compat.differential.side import Side

_GROUP_RESOURCE = 32
_UNKNOWN = bytes(range(16))

_RECORDS: dict[int, tuple[Any, Any]] = {
    2: (GroupMetadataKey, GroupMetadataValue),
    3: (ConsumerGroupMetadataKey, ConsumerGroupMetadataValue),
    4: (ConsumerGroupPartitionMetadataKey, ConsumerGroupPartitionMetadataValue),
    5: (ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue),
    6: (ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue),
    7: (ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue),
    8: (ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue),
    16: (ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue),
}


# Requests


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


def records_of(
    side: Side, group_id: str, names: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """Every record of the group in `__consumer_offsets` that is not an offset, decoded.

    Members are called by `names`. Records of one type in a row are in the order of a hash map in Kafka, here by member.
    """
    found: list[dict[str, Any]] = []
    partition = partition_for(group_id)
    offset = 0
    while True:
        answer = side.client.ask(fetch(("__consumer_offsets", part(partition, offset))), 12)
        data = whole_batches(bytes(answer.responses[0].partitions[0].records or b""))
        if not data:
            return found
        for batch in batches(bytearray(data)):
            offset = batch.last_offset + 1
            decoded = [_record(bytes(each.key), each.value) for each in read_records(batch)]
            ours = [one for one in decoded if one is not None and one.pop("group") == group_id]
            for one in ours:
                one["member"] = (names or {}).get(one["member"], one["member"])
            for _, run in groupby(ours, key=lambda one: one["type"]):
                found += sorted(run, key=lambda one: (one["member"], one["regex"]))
            if ours:
                found.append({"type": "end of the batch"})


def _record(key: bytes, value: Any) -> dict[str, Any] | None:
    record_type = struct.unpack(">h", key[:2])[0]
    if record_type not in _RECORDS:
        return None
    key_class, value_class = _RECORDS[record_type]
    read_key = key_class.decode(0, key, 2)
    read_value = None
    if value is not None:
        data = bytes(value)
        read_value = value_class.decode(struct.unpack(">h", data[:2])[0], data, 2)
        for name in ("metadata_hash", "assignment_timestamp", "timestamp", "version"):
            if getattr(read_value, name, 0):
                setattr(read_value, name, 1)
        if hasattr(read_value, "current_state_timestamp"):
            read_value.current_state_timestamp = 1
    return {
        "type": record_type,
        "group": getattr(read_key, "group_id", None) or getattr(read_key, "group", None),
        "member": getattr(read_key, "member_id", ""),
        "regex": getattr(read_key, "regular_expression", ""),
        "value": read_value,
    }


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


# Scenarios


def consumer_requests(side: Side) -> None:
    """What is wrong in itself."""
    coordinator_is_there(side)
    topic = topic_that_groups_see(side, "consumer-requests", 2)
    group = "consumer-requests-group"
    for version in (0, 1):
        for label, request in (
            ("no group id", enter("", "a", topic)),
            ("blank group id", enter(" ", "a", topic)),
            ("no member id, epoch 1", beat(group, "", 1)),
            ("blank member id, epoch 1", beat(group, " ", 1)),
            ("no member id, leaves", beat(group, "", -1)),
            ("no member id, goes away", beat(group, "", -2, instance_id="i")),
            ("no topics", enter(group, "a", names=None)),
            ("empty instance", enter(group, "a", topic, instance_id="")),
            ("blank instance", enter(group, "a", topic, instance_id=" ")),
            ("empty rack", enter(group, "a", topic, rack_id="")),
            ("blank rack", enter(group, "a", topic, rack_id=" ")),
            ("no rebalance timeout", enter(group, "a", topic, rebalance_timeout_ms=-1)),
            (
                "owns what it joins for",
                beat(group, "a", 0, [topic], {_UNKNOWN: [0]}, rebalance_timeout_ms=1),
            ),
            ("owns null", beat(group, "a", 0, [topic], rebalance_timeout_ms=1)),
            ("epoch -2 without instance", beat(group, "a", -2)),
            ("epoch -3", beat(group, "a", -3)),
            ("unknown assignor", enter(group, "a", topic, server_assignor="sticky")),
            ("empty assignor", enter(group, "a", topic, server_assignor="")),
            ("unknown group", beat(group, "a", 1)),
            ("leaves unknown group", beat(group, "a", -1)),
            ("goes away from unknown group", beat(group, "a", -2, instance_id="i")),
        ):
            side.ask(label, request, version)
    side.ask("no member id joins", enter(group, "", topic), 1)
    for expression in ("[", "a**", "(?=a)", "a{1001}", "\\", "(?P<>a)"):
        side.ask(
            f"regex {expression}",
            enter(group, "a", names=None, subscribed_topic_regex=expression),
            1,
        )
    side.ask("nothing came of it", describe_consumer(group), 1)
    side.ask("describe nothing", describe_consumer(), 1)
    side.ask("describe the empty id", describe_consumer(""), 1)


def consumer_life(side: Side) -> None:
    """Two members, one after the other, and what they give each other."""
    coordinator_is_there(side)
    topic = topic_that_groups_see(side, "consumer-life", 4)
    topic_id = side.topic_id(topic)
    group = "consumer-life-group"
    assign_at_once(side, group)
    a = side.ask("a joins", enter(group, "a", topic, "missing"), 1).member_epoch
    for label, request in (
        ("a alone", describe_consumer(group, operations=True)),
        ("a lives", beat(group, "a", a)),
        ("a tells what it owns", beat(group, "a", a, owned={topic_id: [0, 1, 2, 3]})),
        (
            "a tells everything",
            beat(group, "a", a, [topic, "missing"], {topic_id: [0]}, rebalance_timeout_ms=60_000),
        ),
        ("a names a topic twice", beat(group, "a", a, [topic, "missing", topic])),
        ("a from the future", beat(group, "a", a + 1)),
        ("a from the past", beat(group, "a", a - 1)),
        ("a from the past, owns nothing", beat(group, "a", a - 1, owned={})),
        ("a from long ago", beat(group, "a", 1, owned={})),
        ("unknown member", beat(group, "x", a)),
        ("unknown member leaves", beat(group, "x", -1)),
        ("unknown instance", beat(group, "a", a, instance_id="i")),
        ("unknown assignor", beat(group, "a", a, server_assignor="sticky")),
        ("b joins", enter(group, "b", topic)),
        ("b waits", beat(group, "b", a + 1)),
        ("both", describe_consumer(group)),
        ("a is to give up", beat(group, "a", a)),
        ("a is told once", beat(group, "a", a)),
        ("a still owns", beat(group, "a", a, owned={topic_id: [0, 1, 2, 3]})),
        ("a still owns some", beat(group, "a", a, owned={topic_id: [1, 2]})),
        ("both again", describe_consumer(group)),
        ("b still waits", beat(group, "b", a + 1)),
        ("a has given up", beat(group, "a", a, owned={topic_id: [0, 1]})),
        ("a missed the answer", beat(group, "a", a, owned={topic_id: [0, 1]})),
        ("a missed it and owns too much", beat(group, "a", a, owned={topic_id: [0, 1, 2]})),
        ("b gets it", beat(group, "b", a + 1)),
        ("b reads nothing more", beat(group, "b", a + 1, [], {topic_id: [2, 3]})),
        ("b has given up", beat(group, "b", a + 1, owned={})),
        ("b in the new epoch", beat(group, "b", a + 2, owned={})),
        ("a in the new epoch", beat(group, "a", a + 1, owned={topic_id: [0, 1]})),
        ("settled", describe_consumer(group)),
        ("b takes another rack", beat(group, "b", a + 2, rack_id="r")),
        ("a takes another assignor", beat(group, "a", a + 2, server_assignor="uniform")),
        ("a takes another timeout", beat(group, "a", a + 2, rebalance_timeout_ms=1000)),
        ("b leaves", beat(group, "b", -1)),
        ("b leaves again", beat(group, "b", -1)),
        ("a after that", beat(group, "a", a + 2)),
        ("a begins anew", enter(group, "a", topic)),
        ("described as a classic group", describe(group)),
    ):
        version = 6 if isinstance(request, type(describe(group))) else 1
        side.ask(label, request, version)
    side.ask("delete it with members", delete(group), 2)
    side.ask("a leaves", beat(group, "a", -1), 1)
    side.ask("empty", describe_consumer(group), 1)
    side.ask("delete", delete(group), 2)
    side.ask("gone", describe_consumer(group), 1)
    side.note("records", records_of(side, group))


def consumer_static(side: Side) -> None:
    coordinator_is_there(side)
    topic = topic_that_groups_see(side, "consumer-static", 2)
    group = "consumer-static-group"
    assign_at_once(side, group)
    epoch = side.ask("joins", enter(group, "a", topic, instance_id="i"), 1).member_epoch
    for label, request in (
        ("another takes the instance", enter(group, "b", topic, instance_id="i")),
        ("lives", beat(group, "a", epoch, instance_id="i")),
        ("lives without saying so", beat(group, "a", epoch)),
        ("another lives as it", beat(group, "b", epoch, instance_id="i")),
        ("another leaves as it", beat(group, "b", -1, instance_id="i")),
        ("another goes away as it", beat(group, "b", -2, instance_id="i")),
        ("goes away", beat(group, "a", -2, instance_id="i")),
        ("is away", describe_consumer(group)),
        ("lives although it is away", beat(group, "a", epoch, instance_id="i")),
        ("comes back", enter(group, "c", topic, instance_id="i")),
        ("is back", describe_consumer(group)),
        ("the former one lives", beat(group, "a", epoch, instance_id="i")),
        ("the former one lives without an instance", beat(group, "a", epoch)),
        ("goes away again", beat(group, "c", -2, instance_id="i")),
        (
            "comes back under the same id, for more",
            enter(group, "c", topic, "missing", instance_id="i"),
        ),
        ("leaves for good", beat(group, "c", -1, instance_id="i")),
        ("nobody", describe_consumer(group)),
    ):
        side.ask(label, request, 1)
    side.note("records", records_of(side, group))


def consumer_regex(side: Side) -> None:
    coordinator_is_there(side)
    topic_that_groups_see(side, "consumer-regex-a", 1)
    topic_that_groups_see(side, "consumer-regex-b", 2)
    other = topic_that_groups_see(side, "consumer-rege", 3)
    group = "consumer-regex-group"
    assign_at_once(side, group)
    fields = {"names": None, "subscribed_topic_regex": "consumer-regex-[ab]"}
    side.ask("joins", enter(group, "a", **fields), 1)
    eventually(
        "the expression is resolved",
        lambda: side.client.ask(describe_consumer(group), 1).groups[0].group_epoch == 2,
    )
    for label, request in (
        ("resolved", describe_consumer(group)),
        ("gets its topics", beat(group, "a", 1)),
        ("says it again", beat(group, "a", 2, subscribed_topic_regex="consumer-regex-[ab]")),
        (
            "b joins with the same",
            enter(group, "b", names=[other], subscribed_topic_regex="consumer-regex-[ab]"),
        ),
        ("b takes names alone", beat(group, "b", 3, subscribed_topic_regex="")),
        ("both", describe_consumer(group)),
        ("a takes a bad one", beat(group, "a", 2, subscribed_topic_regex="(")),
        ("b leaves", beat(group, "b", -1)),
        ("a leaves", beat(group, "a", -1)),
        ("nobody", describe_consumer(group)),
    ):
        side.ask(label, request, 1)
    side.note("records", records_of(side, group))


def consumer_commits(side: Side) -> None:
    coordinator_is_there(side)
    topic = topic_that_groups_see(side, "consumer-commits", 2)
    topic_id = side.topic_id(topic)
    group = "consumer-commits-group"
    assign_at_once(side, group)
    epoch = side.client.ask(enter(group, "a", topic), 1).member_epoch

    def committed(label: str, version: int = 9, **fields: Any) -> None:
        at = fields.pop("at", topic if version < 10 else topic_id)
        request = commit(group, (at, fields.pop("partition", 0), 5), **fields)
        side.ask(label, request, version)

    committed("in its epoch", generation_id=epoch, member_id="a")
    committed("in its epoch by id", 10, generation_id=epoch, member_id="a")
    committed("in its epoch in an old version", 8, generation_id=epoch, member_id="a")
    committed("in the next epoch", generation_id=epoch + 1, member_id="a")
    committed("in an older epoch than it has the partition", generation_id=epoch - 1, member_id="a")
    committed("by an unknown member", generation_id=epoch, member_id="x")
    committed("by nobody", generation_id=-1)
    committed("by nobody in an old version", 8, generation_id=-1)
    side.client.ask(enter(group, "b", topic), 1)
    side.client.ask(beat(group, "a", epoch), 1)
    committed("while it is to give up", generation_id=epoch, member_id="a")
    committed("what it is to give up", partition=1, generation_id=epoch, member_id="a")
    side.client.ask(beat(group, "a", epoch, owned={topic_id: [0]}), 1)
    committed("in the epoch before", generation_id=epoch, member_id="a")
    committed(
        "what it has no longer, in the epoch before",
        partition=1,
        generation_id=epoch,
        member_id="a",
    )
    committed(
        "what it has no longer, in its epoch", partition=1, generation_id=epoch + 1, member_id="a"
    )
    for label, fields in (
        ("nobody reads", {}),
        ("a reads in its epoch", {"member_id": "a", "member_epoch": epoch + 1}),
        ("a reads in the epoch before", {"member_id": "a", "member_epoch": epoch}),
        ("a reads in the next epoch", {"member_id": "a", "member_epoch": epoch + 2}),
        ("an unknown member reads", {"member_id": "x", "member_epoch": 1}),
        ("an unknown member reads in no epoch", {"member_id": "x", "member_epoch": -1}),
        ("null reads in an epoch", {"member_id": None, "member_epoch": 1}),
    ):
        side.ask(label, fetch_offsets(9, group, {topic: [0, 1]}, **fields), 9)
    side.ask("delete offsets of a topic that is read", delete_offsets(group, (topic, [0])), 0)
    side.client.ask(beat(group, "a", -1), 1)
    side.client.ask(beat(group, "b", -1), 1)
    committed("by nobody when nobody is there", generation_id=-1)
    committed("by a member when nobody is there", generation_id=epoch, member_id="a")
    side.ask("delete offsets that nobody reads", delete_offsets(group, (topic, [0])), 0)


def consumer_among_groups(side: Side) -> None:
    """A consumer group asked as a classic one, and the other way round."""
    coordinator_is_there(side)
    topic = topic_that_groups_see(side, "consumer-among", 1)
    group, plain_group, offsets_group = (
        "consumer-among-group",
        "consumer-among-connect",
        "consumer-among-offsets",
    )
    epoch = side.client.ask(enter(group, "a", topic), 1).member_epoch
    for label, request, version in (
        ("sync", sync(group, epoch, "a"), 3),
        ("heartbeat", heartbeat(group, epoch, "a"), 3),
        ("heartbeat of a stranger", heartbeat(group, epoch, "x"), 3),
        ("heartbeat of an instance", heartbeat(group, epoch, "a", "i"), 3),
        ("join as connect", join(group, protocol_type="connect"), 9),
        ("join without protocols", join(group, protocols={}), 9),
        ("join with a short session", classic_join(group, "", topic, session_timeout_ms=1), 9),
        ("join of a static stranger", classic_join(group, "x", topic, group_instance_id="i"), 9),
        ("leave of strangers", leave(group, "x", ("y", "i"), ("", "i")), 3),
        ("listed by type", list_groups(types=["Consumer"]), 5),
        ("leave by LeaveGroup", leave(group, "a"), 3),
        ("empty", describe_consumer(group), 1),
        ("listed empty", list_groups(states=["Empty"], types=["consumer"]), 5),
    ):
        side.ask(label, request, version)
    ask_masked(side, "join", classic_join(group, "", topic), 9)
    side.client.ask(join(plain_group, protocol_type="connect"), 3)
    side.ask("consumer into a group of others", enter(plain_group, "a", topic), 1)
    side.ask("consumer lives in a group of others", beat(plain_group, "a", 1), 1)
    side.ask("commit of nobody", commit(offsets_group, (topic, 0, 7)), 9)
    side.ask("consumer into a group of offsets", enter(offsets_group, "a", topic), 1)
    side.ask("offsets are kept", fetch_offsets(9, offsets_group, None), 9)
    side.ask("consumer leaves", beat(offsets_group, "a", -1), 1)
    side.ask(
        "classic into a consumer group without members", classic_join(offsets_group, "", topic), 3
    )
    side.ask("offsets are kept still", fetch_offsets(9, offsets_group, None), 9)
    side.note(
        "its records", [{**one, "member": ""} for one in records_of(side, offsets_group)][:-1]
    )


def consumer_upgrade(side: Side) -> None:
    """A classic group that a consumer joins, and that is left by it."""
    coordinator_is_there(side)
    topic = topic_that_groups_see(side, "consumer-upgrade", 4)
    group = "consumer-upgrade-group"
    assign_at_once(side, group)
    member, generation = classic_group(side, group, topic, [0, 1, 2, 3])
    side.client.ask(commit(group, (topic, 0, 5), generation_id=generation, member_id=member), 8)
    everything = {"consumer_upgrade": [0, 1, 2, 3]}

    ask_masked(side, "consumer joins", enter(group, "new", topic, server_assignor="uniform"), 1)
    ask_masked(side, "classic heartbeat", heartbeat(group, generation, member), 3)
    ask_masked(
        side, "classic heartbeat of another generation", heartbeat(group, generation + 1, member), 3
    )
    ask_masked(side, "classic sync before it joins", sync(group, generation, member), 3)
    ask_masked(side, "classic heartbeat of the new one", heartbeat(group, generation + 1, "new"), 3)
    ask_masked(
        side, "classic joins owning all", classic_join(group, member, topic, owned=everything), 9
    )
    ask_masked(
        side,
        "classic sync",
        sync(group, generation, member, protocol_type="consumer", protocol_name="range"),
        5,
    )
    ask_masked(
        side,
        "classic sync of another protocol",
        sync(group, generation, member, protocol_type="consumer", protocol_name="sticky"),
        5,
    )
    ask_masked(
        side,
        "classic sync of another type",
        sync(group, generation, member, protocol_type="connect", protocol_name="range"),
        5,
    )
    ask_masked(side, "classic sync of another generation", sync(group, 9, member), 3)
    ask_masked(side, "classic is to give up", heartbeat(group, generation, member), 3)
    ask_masked(
        side,
        "classic commits",
        commit(group, (topic, 0, 6), generation_id=generation, member_id=member),
        8,
    )
    ask_masked(
        side,
        "classic commits in a later generation",
        commit(group, (topic, 0, 6), generation_id=9, member_id=member),
        8,
    )
    joined = ask_masked(
        side,
        "classic joins with half",
        classic_join(group, member, topic, owned={"consumer_upgrade": [0, 1]}),
        9,
    )
    ask_masked(side, "classic sync again", sync(group, joined.generation_id, member), 3)
    ask_masked(
        side, "classic heartbeat, settled", heartbeat(group, joined.generation_id, member), 3
    )
    ask_masked(side, "consumer gets it", beat(group, "new", joined.generation_id), 1)
    ask_masked(
        side,
        "another classic without protocols in common",
        classic_join(group, "", topic, protocols={"sticky": subscribed(topic)}),
        3,
    )
    ask_masked(
        side,
        "another classic with no subscription's bytes",
        join(group, "", protocols={"range": subscribed(topic, version=0)}),
        9,
    )
    described = side.client.ask(describe_consumer(group), 1)
    for each in described.groups[0].members:
        each.member_id = each.member_id if each.member_id == "new" else "some"
    described.groups[0].members.sort(key=lambda each: each.member_id)
    side.note("both", described)
    ask_masked(side, "consumer leaves", beat(group, "new", -1), 1)
    ask_masked(side, "classic is to join", heartbeat(group, joined.generation_id, member), 3)
    ask_masked(side, "offsets are kept", fetch_offsets(9, group, None), 9)
    records = records_of(side, group, {member: "classic"})
    for one in records:
        if one["type"] == 2 and one["value"] is not None and one["value"].members:
            one["value"].leader = "some"
            one["value"].members[0].member_id = "some"
    side.note("records", records)


def consumer_static_of_both_protocols(side: Side) -> None:
    """A static member that comes back speaking the other protocol."""
    coordinator_is_there(side)
    topic = topic_that_groups_see(side, "consumer-both", 2)
    group = "consumer-both-group"
    assign_at_once(side, group)

    first = ask_masked(side, "classic", classic_join(group, "", topic, group_instance_id="i"), 9)
    old_id = side.client.ask(describe(group), 5).groups[0].members[0].member_id
    request = sync(
        group, first.generation_id, old_id, {old_id: assigned(topic, [0, 1])}, group_instance_id="i"
    )
    ask_masked(side, "classic sync", request, 3)
    ask_masked(side, "comes back as a consumer", enter(group, "a", topic, instance_id="i"), 1)
    ask_masked(side, "consumer", describe_consumer(group), 1)
    ask_masked(side, "the former one", heartbeat(group, first.generation_id, old_id, "i"), 3)
    ask_masked(
        side, "a consumer takes it, unreleased", enter(group, "b", topic, instance_id="i"), 1
    )
    ask_masked(
        side, "comes back as classic", classic_join(group, "", topic, group_instance_id="i"), 9
    )
    described = side.client.ask(describe(group), 6).groups[0]
    described.members[0].member_id = "some"
    side.note("a classic group again", described)


SCENARIOS = [
    consumer_requests,
    consumer_life,
    consumer_static,
    consumer_regex,
    consumer_commits,
    consumer_among_groups,
    consumer_upgrade,
    consumer_static_of_both_protocols,
]
