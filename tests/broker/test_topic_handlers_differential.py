"""Apache Kafka and our handlers are asked the same things in the same order, and must answer alike, field by field.

Not compared: ids, addresses, texts (only whether there is one), order of entries; and `min.insync.replicas`, which a
cluster formatted with eligible.leader.replicas.version=1 has set to 1 for all brokers at run time.
Not asked, since we answer otherwise on purpose (see test_topic_handlers*.py): making topics by Metadata, two new names
that collide with each other, exactly 10 000 partitions, growing beyond 10 000 (Kafka: UNKNOWN_SERVER_ERROR, and then they
are there), a null name without id in Metadata v12+ and an empty name in DescribeTopicPartitions (UNKNOWN_SERVER_ERROR),
the configs of client metrics subscriptions and groups.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kafkalite_compat.brokers.ports import free_port
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.messages.alter_configs import AlterConfigsRequest
from kafkalite_protocol.messages.create_partitions import CreatePartitionsRequest
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest
from kafkalite_protocol.messages.delete_topics import DeleteTopicsRequest
from kafkalite_protocol.messages.describe_cluster import DescribeClusterRequest
from kafkalite_protocol.messages.describe_configs import DescribeConfigsRequest
from kafkalite_protocol.messages.describe_topic_partitions import DescribeTopicPartitionsRequest
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest
from kafkalite_protocol.messages.metadata import MetadataRequest

from kafkalite.broker.handlers import (
    alter_configs,
    create_partitions,
    create_topics,
    delete_topics,
    describe_cluster,
    describe_configs,
    describe_topic_partitions,
    incremental_alter_configs,
    metadata,
)
from tests.java_kafka import start_kafka
from tests.metadata.in_memory_cluster import FakeBroker, ask, start_control_plane
from tests.waiting import wait_until

pytestmark = pytest.mark.java

HANDLERS = {
    one.API_KEY: one
    for one in (
        alter_configs,
        incremental_alter_configs,
        create_partitions,
        create_topics,
        delete_topics,
        describe_cluster,
        describe_configs,
        describe_topic_partitions,
        metadata,
    )
}
CHANGING = {create_topics.API_KEY, create_partitions.API_KEY, delete_topics.API_KEY}
NO_ID = bytes(16)
SOME_ID = b"\1" * 16


class Pair:
    """The same request to both; topic ids differ, so a request may be a function of those of one side."""

    def __init__(self, client):
        self.client = client
        self.broker = FakeBroker(start_control_plane(1))

    def both(self, version, request):
        theirs = self.client.ask(self.for_side(request, self.their_id), version)
        ours = ask(
            HANDLERS[type(theirs).API_KEY],
            self.broker,
            self.for_side(request, self.our_id),
            version,
        )
        if type(theirs).API_KEY in CHANGING:
            wait_until(
                self.kafka_knows_its_topics, "Kafka's broker hears of what its controller did"
            )
        return comparable(theirs), comparable(ours)

    def kafka_knows_its_topics(self):
        """Kafka answers a change before its broker has it; ours has it before it answers."""
        theirs = self.client.ask(named(None), 12).topics
        ours = self.broker.image.topics.values()
        if any(partition.error_code for topic in theirs for partition in topic.partitions):
            return False
        return {topic.name: len(topic.partitions) for topic in theirs} == {
            topic.name: len(topic.partitions) for topic in ours
        }

    def for_side(self, request, id_of):
        return request(id_of) if callable(request) else request

    def their_id(self, name):
        (topic,) = self.client.ask(named([name]), 12).topics
        return topic.topic_id

    def our_id(self, name):
        topic = self.broker.image.topics.get(name)
        return topic.topic_id if topic else NO_ID


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Iterator[Pair]:
    directory = tmp_path_factory.mktemp("kafka") / "data"
    with start_kafka(free_port(), directory) as kafka, RawClient(kafka.bootstrap) as client:
        pair = Pair(client)
        pair.both(
            7, topics(new("g1", 5), new("g2", 1), new("mok", 2, retention_ms="7"), new("c.x", 1))
        )
        yield pair


# What is compared


def comparable(value, field=""):
    """A message as plain values, with what may differ taken out."""
    if isinstance(value, list):
        items = [
            comparable(one) for one in value if getattr(one, "name", "") != "min.insync.replicas"
        ]
        return sorted(items, key=repr) if items and isinstance(items[0], dict) else items
    if hasattr(value, "__slots__"):
        return {name: comparable(getattr(value, name), name) for name in value.__slots__}
    if field in {"topic_id", "cluster_id", "host", "port", "documentation"}:
        return bool(value and value != NO_ID)
    if field == "error_message":
        return "text" if value else value
    return int(value) if isinstance(value, int) else value


# Requests


def new(name, partitions=-1, replicas=1, assignments=(), **configs):
    return CreateTopicsRequest.CreatableTopic(
        name,
        partitions,
        replicas,
        [CreateTopicsRequest.CreatableReplicaAssignment(*one) for one in assignments],
        [
            CreateTopicsRequest.CreatableTopicConfig(key.replace("_", "."), value)
            for key, value in configs.items()
        ],
    )


def topics(*new_topics, validate_only=False):
    return CreateTopicsRequest(list(new_topics), 5000, validate_only=validate_only)


def assigned(name, *assignments, partitions=-1, replicas=-1):
    return new(name, partitions, replicas, assignments)


def named(names, **fields):
    wanted = (
        None
        if names is None
        else [MetadataRequest.MetadataRequestTopic(NO_ID, name) for name in names]
    )
    return MetadataRequest(wanted, fields.pop("auto", False), **fields)


def by_id(*pairs):
    return lambda id_of: MetadataRequest(
        [
            MetadataRequest.MetadataRequestTopic(id_of(one) if isinstance(one, str) else one, name)
            for name, one in pairs
        ],
        allow_auto_topic_creation=False,
    )


def gone(*names):
    return DeleteTopicsRequest(topic_names=list(names), timeout_ms=5000)


def gone_by(*pairs):
    return lambda id_of: DeleteTopicsRequest(
        topics=[
            DeleteTopicsRequest.DeleteTopicState(name, id_of(one) if isinstance(one, str) else one)
            for name, one in pairs
        ],
        timeout_ms=5000,
    )


def more(*wanted, validate_only=False):
    return CreatePartitionsRequest(
        [
            CreatePartitionsRequest.CreatePartitionsTopic(
                name,
                count,
                None
                if brokers is None
                else [CreatePartitionsRequest.CreatePartitionsAssignment(one) for one in brokers],
            )
            for name, count, brokers in wanted
        ],
        5000,
        validate_only=validate_only,
    )


def pages(*names, limit=2000, cursor=None):
    return DescribeTopicPartitionsRequest(
        [DescribeTopicPartitionsRequest.TopicRequest(name) for name in names],
        limit,
        None if cursor is None else DescribeTopicPartitionsRequest.Cursor(*cursor),
    )


def configs(*resources, **fields):
    return DescribeConfigsRequest(
        [DescribeConfigsRequest.DescribeConfigsResource(*one) for one in resources], **fields
    )


def change(*resources, validate_only=False):
    return IncrementalAlterConfigsRequest(
        [
            IncrementalAlterConfigsRequest.AlterConfigsResource(
                *resource, [IncrementalAlterConfigsRequest.AlterableConfig(*one) for one in asked]
            )
            for resource, *asked in resources
        ],
        validate_only,
    )


def replace(*resources, validate_only=False):
    return AlterConfigsRequest(
        [
            AlterConfigsRequest.AlterConfigsResource(
                *resource, [AlterConfigsRequest.AlterableConfig(*one) for one in asked]
            )
            for resource, *asked in resources
        ],
        validate_only,
    )


G1 = (2, "g1")
SET, DELETE, APPEND, SUBTRACT = range(4)

CASES = [
    # CreateTopics
    *[(version, topics(new(f"v{version}", 2), new("g1", 2))) for version in range(2, 8)],
    (7, topics(new("d", 0), new("d", -2), new("e", 1, 0), new("f", 1, 2), new("h", 0, 0), new("i", 0, 2))),
    (7, topics(new(""), new("."), new(".."), new("x" * 250), new("a b"), new("a/b", 0, 0), new("c_x"), new("c.x"))),
    (7, topics(new("x" * 249, 1), new("n", -1, -1), validate_only=True)),
    (7, topics(new("dd"), new("dd"), new("ee"), new("a b"), new("a b"))),
    (7, topics(assigned("a1", (0, [1]), (1, [1])), assigned("a2", (0, [1]), (2, [1])), assigned("a3", (0, [1]), (0, [1])))),
    (7, topics(assigned("b1", (0, [7])), assigned("b2", (0, [1, 1])), assigned("b3", (0, [])), assigned("b4", (1, [1])))),
    (7, topics(assigned("b5", (0, [1]), partitions=1), assigned("b6", (0, [1]), replicas=1), assigned("b7", (-1, [1])))),
    (7, topics(new("k1", 1, retention_ms="5"), new("k2", 1, nope="5"), new("k3", 1, retention_ms="x"), new("k4", 1, flush_ms=None))),
    (7, topics(new("k5", 0, nope="5"), new("g1", 0, nope="5"), new("k6", 1, cleanup_policy="compact,delete"))),
    (7, topics(new("k7", 1, cleanup_policy="no"), new("k8", 1, segment_bytes="1"), new("k9", 1, compression_type="zip"))),
    (7, topics(new("m1", 10_001))),
    (7, topics(new("m1", 9000), new("m2", 9000), new("m3", 1))),
    (7, topics(new("__cluster_metadata"))),
    (7, topics()),
    # Metadata
    *[(version, named(["g1"])) for version in range(14)],
    *[(version, named(["mok", "a b", "."])) for version in range(14)],
    *[(version, named(["nope", "g1", "g1", "a b", "__consumer_offsets", ""])) for version in range(4, 14)],
    *[(version, named([])) for version in range(1, 14)],
    *[(version, named(None)) for version in range(1, 14)],
    (0, named([])),
    *[(version, named(["g1"], include_cluster_authorized_operations=True)) for version in (8, 9, 10)],
    *[(version, named(["g1", "nope", "a b"], include_topic_authorized_operations=True)) for version in range(8, 14)],
    *[(version, by_id((None, "g1"))) for version in range(10, 14)],
    *[(version, by_id((None, SOME_ID), (None, SOME_ID), (None, "g1"), ("g2", NO_ID))) for version in range(12, 14)],
    *[(version, by_id(("whatever", "g1"))) for version in range(12, 14)],
    *[(version, by_id((None, NO_ID))) for version in (10, 11)],
    # CreatePartitions
    *[(version, more(("g2", 2 + version, None), ("nope", 2, None), ("g1", 5, None))) for version in range(4)],
    (3, more(("g1", 1, None), ("g2", 0, None), ("mok", -1, None), ("a b", 3, None))),
    (3, more(("g1", 6, None), ("g1", 7, None), ("g2", 9, None), validate_only=True)),
    (3, more(("g1", 7, [[1]]), ("g2", 6, [[1], [1]]), ("mok", 3, [[7]]))),
    (3, more(("g1", 6, [[1, 1]]), ("g2", 6, [[]]), ("mok", 3, []))),
    (3, more(("g1", 6, [[1]]))),
    (3, more()),
    # DescribeTopicPartitions
    *[(0, pages(*one)) for one in [["g1"], ["mok", "g1"], ["g1", "g1"], ["g1", "a b", "nope"], ["__consumer_offsets"]]],
    *[(0, pages("g1", "h", "mok", limit=limit)) for limit in (-1, 0, 1, 2, 6, 7, 20)],
    *[(0, pages("g1", "nope", "mok", cursor=one)) for one in [("g1", 2), ("nope", 1), ("h", 0), ("g1", -1), ("g1", 99)]],
    *[(0, pages(limit=limit)) for limit in (1, 5, 9, 2000)],
    *[(0, pages(limit=3, cursor=one)) for one in [("a", 0), ("g1", 3), ("h", 3), ("zzz", 0)]],
    # DescribeCluster
    *[(version, DescribeClusterRequest(include_cluster_authorized_operations=True)) for version in range(3)],
    *[(version, DescribeClusterRequest(endpoint_type=one)) for version in (1, 2) for one in (0, 1, 2, 3)],
    # DescribeConfigs
    *[(version, configs((2, "mok", None), include_synonyms=True)) for version in range(1, 5)],
    (4, configs((2, "g1", []), (2, "mok", ["retention.ms", "nope"]), (2, "nope", None), (2, "a b", None), (2, "", None))),
    (4, configs((4, "2", None), (4, "x", None), (8, "", None), (8, "2", None), (16, "", None), (32, "", None))),
    (4, configs((2, "g1", None), (3, "x", None), (4, "1", None))),
    (4, configs((4, "1", ["num.partitions", "log.retention.ms", "log.segment.bytes"]), include_synonyms=True)),
    (4, configs()),
    # IncrementalAlterConfigs and AlterConfigs
    *[(version, change((G1, ("retention.ms", SET, "5"), ("cleanup.policy", APPEND, "compact")))) for version in (0, 1)],
    *[(1, change((G1, one))) for one in [("nope", SET, "1"), ("retention.ms", SET, "x"), ("retention.ms", SET, None)]],
    *[(1, change((G1, one))) for one in [("retention.ms", APPEND, "5"), ("cleanup.policy", APPEND, None), ("nope", APPEND, "5")]],
    *[(1, change((G1, one))) for one in [("cleanup.policy", SUBTRACT, "delete"), ("nope", DELETE, None), ("cleanup.policy", DELETE, "x")]],
    (1, change((G1, ("flush.ms", SET, "5"), ("flush.ms", SET, "6")))),
    (1, change((G1, ("flush.ms", SET, "5")), (G1, ("retention.ms", SET, "6")))),
    *[(1, change(((2, name), ("flush.ms", SET, "5")))) for name in ("nope", "a b", "")],
    *[(1, change(((kind, "x"),), (G1, ("flush.ms", SET, "5")))) for kind in (0, 3)],
    *[(1, change(((4, name), ("log.retention.ms", SET, "600000")))) for name in ("1", "", "2", "x")],
    *[(1, change(((4, name), ("log.retention.ms", DELETE, None)))) for name in ("1", "")],
    (1, change(((4, "1"), ("num.partitions", SET, "2")), ((4, ""), ("listeners", SET, "x")))),
    (1, change(((4, "1"), ("log.retention.ms", SET, "x")), ((4, ""), ("my.plugin", SET, "x")))),
    (1, change((G1,))),
    (1, change()),
    (4, configs((2, "g1", ["retention.ms", "cleanup.policy", "flush.ms"]), include_synonyms=True)),
    *[(version, replace((G1, ("flush.ms", "5")))) for version in range(3)],
    *[(2, replace((G1, one))) for one in [("flush.ms", "x"), ("nope", "5"), ("flush.ms", None)]],
    (2, replace(((2, "nope"), ("flush.ms", "5")), ((4, "2"),), ((3, "x"),))),
    (2, replace((G1, ("flush.ms", "5"), ("flush.ms", "6")))),
    (2, replace((G1, ("retention.ms", "7")), validate_only=True)),
    # DeleteTopics
    *[(version, gone(f"v{version}", "nope", "a b", "")) for version in range(1, 6)],
    (5, gone("g1", "g1", "nope", "nope")),
    (6, gone_by(("k1", NO_ID), ("nope", NO_ID), (None, "ee"), (None, SOME_ID))),
    (6, gone_by(("g1", "g1"), (None, NO_ID), (None, NO_ID))),
    (6, gone_by((None, "g1"), (None, "g1"), ("g2", NO_ID), ("g2", NO_ID))),
    (6, gone_by((None, SOME_ID), (None, SOME_ID), ("nope", NO_ID), ("nope", NO_ID))),
    (6, gone_by(("__cluster_metadata", NO_ID))),
    (6, gone_by()),
]  # fmt: skip


@pytest.mark.parametrize(("version", "request_"), CASES)
def test_kafka_and_kafkalite_answer_alike(pair, version, request_):
    theirs, ours = pair.both(version, request_)
    assert ours == theirs
