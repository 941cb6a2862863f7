"""Topics, partitions, configurations and records, administered by the client; the suite looks at what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite_compat.checks import eventually, expect, expect_told, fails_with, is_error
from kafkalite_compat.driver import StepFailed
from kafkalite_compat.scenario import scenario
from kafkalite_compat.wire import logs, topics
from kafkalite_compat.world import World

GROUP = "administration"
ORDER = 10


@scenario("A01", "A topic is created with partitions and configs", smoke=True)
def create_topic(world: World) -> None:
    """CreateTopics with 3 partitions and two configs. The suite sees the partitions and the configs."""
    topic = world.name("created")
    configs = {"retention.ms": "3600000", "cleanup.policy": "compact"}
    world.steps.call("create_topic", topic=topic, partitions=3, configs=configs)
    partitions = eventually("the topic is there", lambda: topics.partitions_of(world.wire, topic))
    expect("number of partitions", len(partitions), 3)
    seen = topics.configs_of(world.wire, topics.TOPIC, topic)
    expect("configs", {key: seen[key].value for key in configs}, configs)


@scenario("A02", "A topic that exists is not created again")
def create_twice(world: World) -> None:
    """Creating a topic that is there fails with TOPIC_ALREADY_EXISTS."""
    _is_refused(world, world.topic(), ErrorCode.TOPIC_ALREADY_EXISTS)


@scenario("A03", "A topic without partitions is refused")
def no_partitions(world: World) -> None:
    """Creating a topic with 0 partitions fails with INVALID_PARTITIONS, and it is not there."""
    topic = world.name("refused")
    _is_refused(world, topic, ErrorCode.INVALID_PARTITIONS, partitions=0)
    expect("the topic afterwards", topics.partitions_of(world.wire, topic), None)


@scenario("A04", "More replicas than brokers are refused")
def too_many_replicas(world: World) -> None:
    """Creating a topic with 99 replicas fails with INVALID_REPLICATION_FACTOR, and it is not there."""
    topic = world.name("refused")
    _is_refused(world, topic, ErrorCode.INVALID_REPLICATION_FACTOR, replication=99)
    expect("the topic afterwards", topics.partitions_of(world.wire, topic), None)


@scenario("A05", "A config that makes no sense is refused")
def invalid_config(world: World) -> None:
    """Creating a topic with retention.ms="soon", or with a config that Kafka does not have, fails with INVALID_CONFIG."""
    topic = world.name("refused")
    for configs in ({"retention.ms": "soon"}, {"no.such.config": "1"}):
        _is_refused(world, topic, ErrorCode.INVALID_CONFIG, configs=configs)
    expect("the topic afterwards", topics.partitions_of(world.wire, topic), None)


@scenario("A06", "With validate_only nothing is created")
def validate_only(world: World) -> None:
    """A good topic with validate_only goes well, a bad one fails, and neither is there afterwards."""
    topic = world.name("only-validated")
    world.steps.call("create_topic", topic=topic, partitions=1, validate_only=True)
    _is_refused(
        world, topic, ErrorCode.INVALID_CONFIG, configs={"no.such.config": "1"}, validate_only=True
    )
    expect("the topic afterwards", topics.partitions_of(world.wire, topic), None)


def _is_refused(world: World, topic: str, code: ErrorCode, **fields: Any) -> None:
    wanted = {"partitions": 1, **fields}
    fails_with(lambda: world.steps.call("create_topic", topic=topic, **wanted), code)


@scenario("A07", "Configs are described with their values and sources")
def describe_configs(world: World) -> None:
    """A topic was created with retention.ms. Described, that one has its value and the source DYNAMIC_TOPIC_CONFIG; cleanup.policy
    has its default, "delete", and another source."""
    topic = world.topic(configs={"retention.ms": "3600000"})
    told = _configs(world, topic)
    expect("retention.ms", told["retention.ms"]["value"], "3600000")
    expect_told("its source", told["retention.ms"].get("source"), "DYNAMIC_TOPIC_CONFIG")
    expect("cleanup.policy", told["cleanup.policy"]["value"], "delete")
    source = told["cleanup.policy"].get("source")
    assert source in (None, "DEFAULT_CONFIG", "STATIC_BROKER_CONFIG"), (
        f"source of cleanup.policy: {source}"
    )


@scenario("A08", "A config is changed and taken back")
def alter_configs(world: World) -> None:
    """The client sets retention.ms and max.message.bytes, then takes retention.ms back. The suite sees both steps; where changes are
    incremental max.message.bytes has stayed."""
    topic = world.topic()
    changes = {"retention.ms": "7200000", "max.message.bytes": "20000"}
    _alter(world, topic, set=changes)
    eventually(
        "the configs are as they were set",
        lambda: {key: _seen(world, topic)[key].value for key in changes} == changes,
    )
    default = topics.broker_config(world.wire, "log.retention.ms") or "604800000"
    incremental = _alter(world, topic, unset=["retention.ms"])
    eventually(
        "retention.ms is the default", lambda: _seen(world, topic)["retention.ms"].value == default
    )
    if incremental:
        expect("max.message.bytes", _seen(world, topic)["max.message.bytes"].value, "20000")


@scenario("A09", "A change that makes no sense is refused")
def alter_refused(world: World) -> None:
    """Setting retention.ms to "soon" fails with INVALID_CONFIG, and the config is what it was."""
    topic = world.topic(configs={"retention.ms": "3600000"})
    fails_with(lambda: _alter(world, topic, set={"retention.ms": "soon"}), ErrorCode.INVALID_CONFIG)
    expect("retention.ms", _seen(world, topic)["retention.ms"].value, "3600000")


@scenario("A10", "The configs of a broker are described")
def broker_configs(world: World) -> None:
    """The first broker's configs are described: log.segment.bytes is there with the value the suite sees, node.id is read-only."""
    broker = str(world.wire.metadata().brokers[0].node_id)
    told = world.steps.call("describe_configs", resource="broker", name=broker)["configs"]
    seen = topics.configs_of(world.wire, topics.BROKER, broker)
    expect("log.segment.bytes", told["log.segment.bytes"]["value"], seen["log.segment.bytes"].value)
    if "node.id" in told:
        expect_told("node.id is read-only", told["node.id"].get("read_only"), True)


@scenario("A11", "Partitions are added, never taken away")
def create_partitions(world: World) -> None:
    """A topic of two partitions is grown to four; going back to three fails with INVALID_PARTITIONS."""
    topic = world.topic(partitions=2)
    world.steps.call("create_partitions", topic=topic, total=4)
    eventually("there are four partitions", lambda: _count(world, topic) == 4)
    fails_with(
        lambda: world.steps.call("create_partitions", topic=topic, total=3),
        ErrorCode.INVALID_PARTITIONS,
    )
    expect("number of partitions", _count(world, topic), 4)


@scenario("A12", "A deleted topic is gone")
def delete_topic(world: World) -> None:
    """The client deletes a topic. Soon it is not there, and deleting it again fails with UNKNOWN_TOPIC_OR_PARTITION."""
    topic = world.topic()
    world.steps.call("delete_topic", topic=topic)
    eventually("the topic is gone", lambda: topics.partitions_of(world.wire, topic) is None)
    fails_with(
        lambda: world.steps.call("delete_topic", topic=topic), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    )


@scenario("A13", "Deleting records moves the start of the log")
def delete_records(world: World) -> None:
    """Of ten records those before offset 6 are deleted. The client is told 6, the earliest offset is 6, and the rest is still there."""
    topic = world.topic()
    world.write(topic, [b"%d" % n for n in range(10)])
    told = world.steps.call("delete_records", topic=topic, partition=0, before=6)
    expect_told("low watermark", told.get("low_watermark"), 6)
    expect("earliest offset", logs.list_offset(world.wire, topic, 0, logs.EARLIEST), 6)
    left = [
        record.offset for record in logs.read_values(world.wire, topic, 0) if record.offset >= 6
    ]
    expect("offsets left", left, [6, 7, 8, 9])


@scenario("A14", "Records past the end cannot be deleted")
def delete_too_many_records(world: World) -> None:
    """Deleting before offset 100 of a log that ends at 3 fails with OFFSET_OUT_OF_RANGE; all records are still there."""
    topic = world.topic()
    world.write(topic, [b"v"] * 3)
    fails_with(
        lambda: world.steps.call("delete_records", topic=topic, partition=0, before=100),
        ErrorCode.OFFSET_OUT_OF_RANGE,
    )
    expect("earliest offset", logs.list_offset(world.wire, topic, 0, logs.EARLIEST), 0)


@scenario("A15", "Topics are listed and described")
def describe_topic(world: World) -> None:
    """A topic of three partitions is among all topics; described, its partitions have the leaders and replicas that the suite sees."""
    topic = world.topic(partitions=3)
    listed = world.steps.call("list_topics")["topics"]
    assert topic in listed, f"the topic is not among the {len(listed)} that are listed"
    told = world.steps.call("describe_topic", topic=topic)["partitions"]
    found = sorted((one["partition"], one["leader"], tuple(one["replicas"])) for one in told)
    seen = topics.partitions_of(world.wire, topic) or []
    expect("partitions", found, [(one.partition, one.leader, one.replicas) for one in seen])
    fails_with(
        lambda: world.steps.call("describe_topic", topic=world.name("nobody-made-it")),
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    )


@scenario("A16", "ACLs are answered, with or without an authorizer")
def acls(world: World) -> None:
    """On a broker without an authorizer describing or creating ACLs fails with SECURITY_DISABLED. On one with, an ACL is created,
    described, and deleted again."""
    acl = {
        "resource": "topic",
        "name": world.name("topic"),
        "principal": "User:somebody",
        "operation": "READ",
        "permission": "ALLOW",
    }
    try:
        world.steps.call("describe_acls", **acl)
        world.steps.call("create_acl", **acl)
    except StepFailed as failure:
        is_error(failure, ErrorCode.SECURITY_DISABLED)
        return
    eventually("the ACL is there", lambda: _acl_names(world, acl) == [acl["name"]])
    expect("number of ACLs deleted", world.steps.call("delete_acls", **acl)["deleted"], 1)
    eventually("the ACL is gone", lambda: _acl_names(world, acl) == [])


def _acl_names(world: World, acl: Mapping[str, str]) -> list[str]:
    return [one["name"] for one in world.steps.call("describe_acls", **acl)["acls"]]


@scenario("A17", "The log directories tell which topics they hold")
def log_dirs(world: World) -> None:
    """A topic with a record is among the topics of the brokers' log directories."""
    topic = world.topic()
    world.write(topic, [b"v"])
    told = world.steps.call("describe_log_dirs")["topics"]
    assert topic in told, f"the topic is not among the {len(told)} of the log directories"


@scenario("A18", "A group has configs of its own")
def group_configs(world: World) -> None:
    """KIP-848, KIP-932: consumer.session.timeout.ms of a group is set; described, it has that value."""
    group = world.name("group")
    changes = {"consumer.session.timeout.ms": "50000"}
    world.steps.call("alter_configs", resource="group", name=group, set=changes, unset=[])

    def told() -> str | None:
        configs = world.steps.call("describe_configs", resource="group", name=group)["configs"]
        value: str | None = configs["consumer.session.timeout.ms"]["value"]
        return value

    eventually("the group's config is 50000", lambda: told() == "50000")


def _configs(world: World, topic: str) -> dict[str, Any]:
    told = world.steps.call("describe_configs", resource="topic", name=topic)
    configs: dict[str, Any] = told["configs"]
    return configs


def _alter(world: World, topic: str, **fields: Any) -> bool:
    """Whether the change was incremental."""
    wanted = {"set": {}, "unset": [], **fields}
    told = world.steps.call("alter_configs", resource="topic", name=topic, **wanted)
    return bool(told.get("incremental", True))


def _seen(world: World, topic: str) -> dict[str, Any]:
    return topics.configs_of(world.wire, topics.TOPIC, topic)


def _count(world: World, topic: str) -> int:
    return len(topics.partitions_of(world.wire, topic) or [])
