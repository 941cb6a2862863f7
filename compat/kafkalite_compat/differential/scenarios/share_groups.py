"""Share groups: membership, what administrators see of them and do to their offsets, and groups asked as another type."""

from __future__ import annotations

from typing import Any

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.alter_share_group_offsets import AlterShareGroupOffsetsRequest
from kafkalite_protocol.messages.consumer_group_describe import ConsumerGroupDescribeRequest
from kafkalite_protocol.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest
from kafkalite_protocol.messages.delete_share_group_offsets import DeleteShareGroupOffsetsRequest
from kafkalite_protocol.messages.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
)
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest
from kafkalite_protocol.messages.share_group_describe import ShareGroupDescribeRequest
from kafkalite_protocol.messages.share_group_heartbeat import ShareGroupHeartbeatRequest

from kafkalite_compat.checks import eventually
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
    stable_group,
    sync,
)
from kafkalite_compat.differential.requests.records import batch_of, produce
from kafkalite_compat.differential.side import Side

_GROUP_RESOURCE = 32


def share(group_id: str, member_id: str, epoch: int, *topics: str, **fields: Any) -> Any:
    values = {"subscribed_topic_names": list(topics) or None} | fields
    return ShareGroupHeartbeatRequest(
        group_id=group_id, member_id=member_id, member_epoch=epoch, **values
    )


def describe_share(*group_ids: str, operations: bool = False) -> Any:
    return ShareGroupDescribeRequest(list(group_ids), operations)


def describe_offsets(*groups: tuple[str, dict[str, list[int]] | None]) -> Any:
    Group = DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestGroup
    Topic = DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestTopic
    return DescribeShareGroupOffsetsRequest(
        [
            Group(group, None if topics is None else [Topic(*each) for each in topics.items()])
            for group, topics in groups
        ]
    )


def alter_offsets(group_id: str, topics: dict[str, dict[int, int]]) -> Any:
    Topic = AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestTopic
    Partition = AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestPartition
    return AlterShareGroupOffsetsRequest(
        group_id,
        [
            Topic(name, [Partition(*each) for each in parts.items()])
            for name, parts in topics.items()
        ],
    )


def delete_share_offsets(group_id: str, *names: str) -> Any:
    Topic = DeleteShareGroupOffsetsRequest.DeleteShareGroupOffsetsRequestTopic
    return DeleteShareGroupOffsetsRequest(group_id, [Topic(name) for name in names])


def assign_at_once(side: Side, group_id: str) -> None:
    """Assignments are computed with every change, so that nothing depends on how fast the requests come."""
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(_GROUP_RESOURCE, group_id)
    config = IncrementalAlterConfigsRequest.AlterableConfig("share.assignment.interval.ms", 0, "0")
    resource.configs = [config]
    answer = side.client.ask(IncrementalAlterConfigsRequest([resource]), 1)
    assert answer.responses[0].error_code == ErrorCode.NONE, answer
    side.catch_up()


def joined(side: Side, group_id: str, member_id: str, *topics: str) -> int:
    """A member with everything it is to have, not written down; returns its epoch."""
    epoch = 0

    def has_something() -> bool:
        nonlocal epoch
        names = topics if epoch == 0 else ()
        answer = side.client.ask(share(group_id, member_id, epoch, *names), 1)
        assert answer.error_code == ErrorCode.NONE, answer
        epoch = answer.member_epoch
        return answer.assignment is not None and bool(answer.assignment.topic_partitions)

    eventually("partitions", has_something)
    return epoch


def share_heartbeats(side: Side) -> None:
    coordinator_is_there(side)
    topic = side.new_topic("share-heartbeats", 3)
    other = side.new_topic("share-heartbeats-other")
    group = "share-heartbeats-group"
    assign_at_once(side, group)
    for label, request in (
        ("no group id", share("", "a", 0, topic)),
        ("blank group id", share(" ", "a", 0, topic)),
        ("no member id", share(group, "", 0, topic)),
        ("blank member id", share(group, " ", 0, topic)),
        ("no topics", share(group, "a", 0)),
        ("empty topics", share(group, "a", 0, subscribed_topic_names=[])),
        ("empty rack", share(group, "a", 0, topic, rack_id="")),
        ("blank rack", share(group, "a", 0, topic, rack_id=" ")),
        ("epoch -2", share(group, "a", -2)),
        ("epoch -3", share(group, "a", -3, topic)),
        ("no group", share(group, "a", 1)),
        ("leaves no group", share(group, "a", -1)),
        ("long member id", share(group, "m" * 37, -1)),
        ("longest member id", share(group, "m" * 36, -1)),
    ):
        side.ask(label, request, 1)
    side.ask("joins", share(group, "a", 0, topic, "missing"), 1)
    epoch = joined(side, group, "a", topic, "missing")
    for label, request in (
        ("describe", describe_share(group, operations=True)),
        ("nothing new", share(group, "a", epoch)),
        ("names its topics", share(group, "a", epoch, topic, "missing")),
        ("names them in another order", share(group, "a", epoch, "missing", topic)),
        ("names one twice", share(group, "a", epoch, topic, "missing", topic)),
        ("joins again", share(group, "a", 0, topic, "missing")),
        ("epoch before", share(group, "a", epoch - 1)),
        ("epoch before that", share(group, "a", epoch - 2)),
        ("epoch to come", share(group, "a", epoch + 1)),
        ("nobody", share(group, "nobody", epoch)),
        ("nobody leaves", share(group, "nobody", -1)),
        ("rack", share(group, "a", epoch, rack_id="r")),
        ("describe rack", describe_share(group)),
        ("second member", share(group, "b", 0, topic)),
        ("first hears", share(group, "a", epoch)),
        ("describe two", describe_share(group)),
    ):
        side.ask(label, request, 1)
    side.ask("reads another topic", share(group, "b", epoch + 1, other), 1)
    after = joined(side, group, "b", other)
    side.ask("first has all again", share(group, "a", epoch + 1), 1)
    side.ask("describe different topics", describe_share(group), 1)
    side.ask("reads nothing", share(group, "b", after, subscribed_topic_names=[]), 1)
    side.ask("second leaves", share(group, "b", -1), 1)
    side.ask("second leaves again", share(group, "b", -1), 1)
    side.ask("delete with a member", delete(group), 2)
    side.ask("first leaves", share(group, "a", -1), 1)
    side.ask("describe empty", describe_share(group), 1)
    side.ask("list", list_groups(types=["share"]), 5)
    side.ask("delete", delete(group), 2)
    side.ask("delete again", delete(group), 2)
    side.ask("describe deleted", describe_share(group, ""), 1)
    side.ask("describe none", describe_share(), 1)


def share_offsets(side: Side) -> None:
    coordinator_is_there(side)
    topic = side.new_topic("share-offsets", 2)
    other = side.new_topic("share-offsets-other")
    group, new = "share-offsets-group", "share-offsets-new-group"
    side.client.ask(produce((topic, 0, batch_of(b"a", b"b", b"c"))), 9)
    assign_at_once(side, group)
    joined(side, group, "a", topic)
    side.ask("alter with a member", alter_offsets(group, {topic: {0: 1}}), 0)
    side.ask("delete with a member", delete_share_offsets(group, topic), 0)
    side.ask("leave", share(group, "a", -1), 1)
    for version in (0, 1):
        some = {topic: [0, 1], "missing": [0], other: [0]}
        side.ask("all", describe_offsets((group, None)), version)
        side.ask("some", describe_offsets((group, some)), version)
        side.ask("none", describe_offsets((group, {})), version)
        side.ask("no groups", describe_offsets(), version)
        side.ask("two", describe_offsets((group, None), ("nobodys", None)), version)
        side.ask("some of nobody", describe_offsets(("nobodys", {topic: [0]})), version)
        side.ask("no group id", describe_offsets(("", None)), version)
    for label, request in (
        ("alter", alter_offsets(group, {topic: {0: 2, 1: 0, 7: 1}, "missing": {0: 1}})),
        ("alter another", alter_offsets(group, {other: {0: 0}})),
        ("alter nothing", alter_offsets(group, {})),
        ("alter no partitions", alter_offsets(group, {topic: {}})),
        ("alter no group id", alter_offsets("", {topic: {0: 1}})),
        ("alter a new group", alter_offsets(new, {topic: {0: 1}})),
    ):
        side.ask(label, request, 0)
    for version in (0, 1):
        side.ask("altered", describe_offsets((group, None), (new, None)), version)
    side.ask("describe new", describe_share(new), 1)
    for label, request in (
        ("delete", delete_share_offsets(group, topic, "missing")),
        ("delete again", delete_share_offsets(group, topic)),
        ("delete twice", delete_share_offsets(group, other, other)),
        ("delete none", delete_share_offsets(group)),
        ("delete of no group id", delete_share_offsets("", topic)),
        ("delete of nobody", delete_share_offsets("nobodys", topic)),
    ):
        side.ask(label, request, 0)
    side.ask("deleted", describe_offsets((group, None), (group, {topic: [0]})), 1)
    side.ask("delete groups", delete(group, new), 2)
    side.ask("nothing left", describe_offsets((group, None), (new, {topic: [0]})), 1)


def share_groups_and_others(side: Side) -> None:
    """Every request of every type on groups of every type; the ids say of which type they are."""
    coordinator_is_there(side)
    topic = side.new_topic("other-types")
    joined(side, "is-share", "m", topic)
    stable_group(side, "is-classic", protocol_type="connect")
    side.client.ask(commit("is-simple", (topic, 0, 1)), 8)
    consumer = {
        "member_id": "m",
        "rebalance_timeout_ms": 30_000,
        "subscribed_topic_names": [topic],
        "topic_partitions": [],
    }
    side.client.ask(ConsumerGroupHeartbeatRequest(group_id="is-consumer", **consumer), 1)
    for group in ("is-share", "is-classic", "is-simple", "is-consumer"):
        for version in (5, 6):
            side.ask(f"describe {group}", describe(group), version)
        side.ask(f"describe share {group}", describe_share(group), 1)
        side.ask(f"describe consumer {group}", ConsumerGroupDescribeRequest([group]), 1)
        if group != "is-consumer":
            side.ask(f"alter offsets {group}", alter_offsets(group, {topic: {0: 1}}), 0)
            side.ask(f"share offsets {group}", describe_offsets((group, None)), 1)
            side.ask(f"delete share offsets {group}", delete_share_offsets(group, topic), 0)
        side.ask(f"delete offsets {group}", delete_offsets(group, (topic, [0])), 0)
        if group != "is-share":
            side.ask(f"share heartbeat {group}", share(group, "x", 0, topic), 1)
            side.ask(f"share leave {group}", share(group, "x", -1), 1)
        else:
            for member in ("", "m"):
                side.ask(f"join {group} {member}", join(group, member), 9)
            side.ask(f"sync {group}", sync(group, 1, "m"), 5)
            side.ask(f"beat {group}", heartbeat(group, 1, "m"), 4)
            side.ask(f"leave {group}", leave(group, "m"), 5)
            asked = ConsumerGroupHeartbeatRequest(group_id=group, **consumer)
            side.ask(f"consumer heartbeat {group}", asked, 1)
            for version in (7, 9):
                side.ask(f"commit {group}", commit(group, (topic, 0, 1)), version)
            claim = {"generation_id": 3, "member_id": "m"}
            side.ask(f"member commits {group}", commit(group, (topic, 0, 1), **claim), 9)
            for version in (5, 8, 9):
                side.ask(f"fetch {group}", fetch_offsets(version, group, {topic: [0]}), version)
            claimed = fetch_offsets(9, group, None, member_id="m", member_epoch=3)
            side.ask(f"member fetches {group}", claimed, 9)
    for types in (["share"], ["Consumer"], ["classic"], ["share", "classic"]):
        side.ask(f"list {types}", list_groups(types=types), 5)


SCENARIOS = [share_heartbeats, share_offsets, share_groups_and_others]
