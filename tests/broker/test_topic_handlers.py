"""CreateTopics, DeleteTopics, CreatePartitions, DescribeCluster, DescribeTopicPartitions.

Expectations are what Apache Kafka 4.3.0 answered to the same requests, but for error texts, which are our own.
"""

import pytest
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.create_partitions import CreatePartitionsRequest
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest
from kafkalite_protocol.messages.delete_topics import DeleteTopicsRequest
from kafkalite_protocol.messages.describe_cluster import DescribeClusterRequest
from kafkalite_protocol.messages.describe_topic_partitions import DescribeTopicPartitionsRequest

from kafkalite.broker.handlers import (
    create_partitions,
    create_topics,
    delete_topics,
    describe_cluster,
    describe_topic_partitions,
)
from kafkalite.config import BrokerConfig
from kafkalite.errors import KafkaError
from kafkalite.metadata.events import NewTopic
from tests.metadata.in_memory_cluster import (
    CLUSTER_ID,
    FakeBroker,
    MemoryMetadataLog,
    ask,
    registration,
    start_control_plane,
)

NO_ID = bytes(16)


@pytest.fixture
def broker():
    broker = FakeBroker(start_control_plane(1))
    topics = [NewTopic("g1", 5, 1), NewTopic("g2", 1, 1), NewTopic("mok", 2, 1)]
    broker.control_plane.create_topics(topics).result()
    return broker


@pytest.fixture
def two_brokers():
    """Broker 1 asks; broker 2 leads the only partition of `far`."""
    broker = FakeBroker(start_control_plane(2, 1))
    broker.control_plane.create_topics([NewTopic("far", -1, -1, [(0, [2, 1])])]).result()
    return broker


# CreateTopics


def topic(name, partitions=-1, replicas=-1, assignments=(), **configs):
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


def create(broker, *topics, version=7, validate_only=False):
    request = CreateTopicsRequest(list(topics), 5000, validate_only=validate_only)
    return ask(create_topics, broker, request, version).topics


@pytest.mark.parametrize("version", range(2, 8))
def test_create_topics_answers_in_every_version(broker, version):
    made, refused = create(broker, topic("new", 2, 1), topic("g1", 2, 1), version=version)
    assert (made.name, made.error_code, made.error_message) == ("new", 0, None)
    assert (refused.name, refused.error_code) == ("g1", ErrorCode.TOPIC_ALREADY_EXISTS)
    assert refused.error_message == "Topic g1 exists already."
    if version >= 5:
        assert (made.num_partitions, made.replication_factor, len(made.configs)) == (2, 1, 33)
        assert (refused.num_partitions, refused.replication_factor, refused.configs) == (-1, -1, [])
    if version >= 7:
        assert made.topic_id == broker.image.topics["new"].topic_id
        assert refused.topic_id == NO_ID


def test_create_topics_shows_configs_by_name_and_where_they_come_from(broker):
    (made,) = create(broker, topic("new", 1, 1, retention_ms="1000"))
    names = [config.name for config in made.configs]
    assert names == sorted(names)
    shown = {config.name: config for config in made.configs}
    assert (shown["retention.ms"].value, shown["retention.ms"].config_source) == ("1000", 1)
    assert {config.config_source for name, config in shown.items() if name != "retention.ms"} == {5}
    assert not any(config.read_only or config.is_sensitive for config in made.configs)


def test_create_topics_uses_the_brokers_defaults_for_minus_one():
    config = BrokerConfig({"num.partitions": "3"})
    broker = FakeBroker(start_control_plane(1, config=config), config)
    (made,) = create(broker, topic("new"))
    assert (made.num_partitions, made.replication_factor) == (3, 1)


def test_create_topics_refuses_a_name_that_comes_twice_once_and_last(broker):
    answers = create(broker, topic("dd", 1, 1), topic("dd", 2, 1), topic("ee", 1, 1))
    assert [(one.name, one.error_code) for one in answers] == [("ee", 0), ("dd", 42)]
    assert "dd" not in broker.image.topics


def test_create_topics_refuses_the_metadata_topic(broker):
    (refused,) = create(broker, topic("__cluster_metadata", 1, 1))
    assert refused.error_code == ErrorCode.INVALID_REQUEST


def test_create_topics_takes_the_last_of_a_config_given_twice(broker):
    twice = topic("new", 1, 1)
    twice.configs = [
        CreateTopicsRequest.CreatableTopicConfig("retention.ms", value) for value in "12"
    ]
    create(broker, twice)
    assert broker.image.topic_configs("new") == {"retention.ms": "2"}


def test_create_topics_with_validate_only_makes_nothing(broker):
    (answer,) = create(broker, topic("new", 3, 1), validate_only=True)
    assert (answer.error_code, answer.num_partitions, len(answer.configs)) == (0, 3, 33)
    assert answer.topic_id != NO_ID
    assert "new" not in broker.image.topics


def test_create_topics_of_no_topics_is_empty(broker):
    assert create(broker) == []


def test_create_topics_names_the_fault_of_each_when_all_are_refused(broker):
    answers = create(
        broker, topic("a", 9000, 1), topic("b", 9000, 1), topic("c", 1, 1), topic("c", 1, 1)
    )
    assert [(one.name, one.error_code) for one in answers] == [("a", 44), ("b", 44), ("c", 42)]


def test_create_topics_tells_a_storage_error_for_each_topic():
    log = MemoryMetadataLog()
    broker = FakeBroker(start_control_plane(1, log=log))
    log.append_error = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "the disk is full")
    answers = create(broker, topic("a", 1, 1), topic("b", 1, 1))
    assert [(one.error_code, one.error_message) for one in answers] == [
        (56, "the disk is full")
    ] * 2


# DeleteTopics


def delete(broker, *topics, version=6):
    if version < 6:
        request = DeleteTopicsRequest(topic_names=list(topics), timeout_ms=5000)
    else:
        states = [DeleteTopicsRequest.DeleteTopicState(*one) for one in topics]
        request = DeleteTopicsRequest(topics=states, timeout_ms=5000)
    return ask(delete_topics, broker, request, version).responses


@pytest.mark.parametrize("version", range(1, 6))
def test_delete_topics_by_name_answers_in_every_version(broker, version):
    answers = delete(broker, "nope", "g1", "", "a b", version=version)
    assert {one.name: one.error_code for one in answers} == {"nope": 3, "g1": 0, "": 3, "a b": 3}
    assert [bool(one.error_message) for one in answers] == [version >= 5, False] + [
        version >= 5
    ] * 2
    assert "g1" not in broker.image.topics


def test_delete_topics_refuses_a_name_that_comes_twice_once(broker):
    answers = delete(broker, "g1", "nope", "g1", "nope", version=5)
    assert [(one.name, one.error_code) for one in answers] == [("g1", 42), ("nope", 42)]
    assert "g1" in broker.image.topics


def test_delete_topics_by_id_answers_with_the_name(broker):
    topic_id = broker.image.topics["g1"].topic_id
    deleted, unknown = delete(broker, (None, topic_id), (None, b"\1" * 16))
    assert (deleted.name, deleted.topic_id, deleted.error_code) == ("g1", topic_id, 0)
    assert (unknown.name, unknown.topic_id, unknown.error_code) == (None, b"\1" * 16, 100)
    assert "g1" not in broker.image.topics


def test_delete_topics_by_name_answers_with_the_id(broker):
    topic_id = broker.image.topics["g1"].topic_id
    deleted, unknown = delete(broker, ("g1", NO_ID), ("nope", NO_ID))
    assert (deleted.topic_id, deleted.error_code) == (topic_id, 0)
    assert (unknown.topic_id, unknown.error_code) == (NO_ID, 3)


def test_delete_topics_refuses_both_and_neither_each_time_they_come(broker):
    topic_id = broker.image.topics["g1"].topic_id
    answers = delete(broker, ("g1", topic_id), (None, NO_ID), (None, NO_ID))
    assert [(one.name, one.topic_id, one.error_code) for one in answers] == [
        ("g1", topic_id, 42),
        (None, NO_ID, 42),
        (None, NO_ID, 42),
    ]


def test_delete_topics_refuses_one_topic_by_name_and_by_id(broker):
    topic_id = broker.image.topics["g1"].topic_id
    answers = delete(broker, ("g1", NO_ID), (None, topic_id))
    assert ("g1", topic_id, 42) in [(one.name, one.topic_id, one.error_code) for one in answers]


@pytest.mark.parametrize("target", [(None, b"\2" * 16), ("g1", NO_ID)])
def test_delete_topics_refuses_a_pair_that_comes_twice_once(broker, target):
    (answer,) = delete(broker, target, target)
    assert (answer.name, answer.topic_id, answer.error_code) == (*target, 42)


@pytest.mark.parametrize(("version", "code"), [(1, 42), (2, 42), (3, 73), (6, 73)])
def test_delete_topics_where_deletion_is_off(version, code):
    config = BrokerConfig({"delete.topic.enable": "false"})
    broker = FakeBroker(start_control_plane(1), config)
    (answer,) = delete(broker, "g1" if version < 6 else ("g1", NO_ID), version=version)
    assert answer.error_code == code


# CreatePartitions


def grow(broker, *topics, version=3, validate_only=False):
    wanted = [
        CreatePartitionsRequest.CreatePartitionsTopic(
            name,
            count,
            None
            if brokers is None
            else [CreatePartitionsRequest.CreatePartitionsAssignment(one) for one in brokers],
        )
        for name, count, brokers in topics
    ]
    request = CreatePartitionsRequest(wanted, 5000, validate_only=validate_only)
    answers = ask(create_partitions, broker, request, version).results
    return [(one.name, one.error_code, one.error_message) for one in answers]


@pytest.mark.parametrize("version", range(4))
def test_create_partitions_answers_in_every_version(broker, version):
    answers = grow(broker, ("g2", 3, None), ("nope", 2, None), ("mok", 3, [[1]]), version=version)
    assert answers == [("g2", 0, None), ("nope", 3, None), ("mok", 0, None)]
    assert len(broker.image.topics["g2"].partitions) == 3


def test_create_partitions_of_as_many_or_fewer_is_told_what_there_is(broker):
    ((name, code, message),) = grow(broker, ("g1", 5, None))
    assert (name, code) == ("g1", 37)
    assert message == "Topic g1 has 5 partitions already; 5 would not be more."


def test_create_partitions_refuses_a_topic_that_comes_twice(broker):
    answers = grow(broker, ("g1", 6, None), ("g1", 7, None), ("g2", 2, None))
    assert [one[:2] for one in answers] == [("g1", 42), ("g2", 0)]


def test_create_partitions_with_validate_only_makes_nothing(broker):
    assert grow(broker, ("g1", 9, None), validate_only=True) == [("g1", 0, None)]
    assert len(broker.image.topics["g1"].partitions) == 5


# DescribeCluster


def cluster(broker, version, **fields):
    answer = ask(describe_cluster, broker, DescribeClusterRequest(**fields), version)
    brokers = [
        (one.broker_id, one.host, one.port, one.rack, one.is_fenced) for one in answer.brokers
    ]
    return (
        answer.error_code,
        answer.cluster_id,
        answer.controller_id,
        brokers,
        answer.cluster_authorized_operations,
    )


@pytest.mark.parametrize("version", range(3))
def test_describe_cluster_answers_in_every_version(broker, version):
    asked = cluster(broker, version, include_cluster_authorized_operations=True)
    assert asked == (0, CLUSTER_ID, 1, [(1, "host1", 9091, None, False)], 8096)
    assert cluster(broker, version)[-1] == -2147483648


@pytest.mark.parametrize(
    ("version", "endpoint_type", "code"), [(1, 2, 114), (2, 2, 114), (1, 3, 115), (2, 0, 115)]
)
def test_describe_cluster_has_no_endpoints_of_other_types(broker, version, endpoint_type, code):
    answer = cluster(
        broker, version, endpoint_type=endpoint_type, include_cluster_authorized_operations=True
    )
    assert answer == (code, "", -1, [], -2147483648)


def test_describe_cluster_lists_all_brokers(two_brokers):
    assert [one[:3] for one in cluster(two_brokers, 2)[3]] == [
        (1, "host1", 9091),
        (2, "host2", 9092),
    ]


def test_describe_cluster_leaves_out_brokers_without_the_clients_listener(two_brokers):
    two_brokers.control_plane.register(registration(3, listener="OTHER")).result()
    assert [one[0] for one in cluster(two_brokers, 2)[3]] == [1, 2]


# DescribeTopicPartitions


def describe(broker, *names, limit=2000, cursor=None):
    request = DescribeTopicPartitionsRequest(
        [DescribeTopicPartitionsRequest.TopicRequest(name) for name in names],
        limit,
        None if cursor is None else DescribeTopicPartitionsRequest.Cursor(*cursor),
    )
    answer = ask(describe_topic_partitions, broker, request, 0)
    topics = [
        (one.error_code, one.name, [part.partition_index for part in one.partitions])
        for one in answer.topics
    ]
    after = answer.next_cursor
    return topics, None if after is None else (after.topic_name, after.partition_index)


@pytest.mark.parametrize(
    ("names", "limit", "cursor", "topics", "after"),
    [
        (["mok", "g1"], 2000, None, [(0, "g1", [0, 1, 2, 3, 4]), (0, "mok", [0, 1])], None),
        (["g1", "g1"], 2000, None, [(0, "g1", [0, 1, 2, 3, 4])], None),
        ([], 2000, None, [(0, "g1", [0, 1, 2, 3, 4]), (0, "g2", [0]), (0, "mok", [0, 1])], None),
        (
            ["g1", "a b", "nope"],
            2000,
            None,
            [(17, "a b", []), (0, "g1", [0, 1, 2, 3, 4]), (3, "nope", [])],
            None,
        ),
        ([""], 2000, None, [(17, "", [])], None),
        (["g1", "mok"], 2, None, [(0, "g1", [0, 1])], ("g1", 2)),
        (["g1", "mok"], 0, None, [(0, "g1", [0])], ("g1", 1)),
        (["g1"], -1, None, [(0, "g1", [0])], ("g1", 1)),
        (["g1", "mok"], 2, ("g1", 2), [(0, "g1", [2, 3])], ("g1", 4)),
        (["g1", "mok"], 20, ("g1", 4), [(0, "g1", [4]), (0, "mok", [0, 1])], None),
        (["g1", "nope", "mok"], 5, None, [(0, "g1", [0, 1, 2, 3, 4])], ("mok", 0)),
        (["g1", "h", "mok"], 5, None, [(0, "g1", [0, 1, 2, 3, 4])], ("h", 0)),
        (["a", "b", "g1"], 1, None, [(3, "a", []), (3, "b", []), (0, "g1", [0])], ("g1", 1)),
        (["g2", "zz", "zzz"], 1, None, [(0, "g2", [0])], ("zz", 0)),
        (["g1", "mok"], 20, ("h", 0), [(42, "g1", []), (42, "mok", [])], None),
        (["g1", "mok"], 2, ("zz", 1), [(42, "g1", []), (42, "mok", [])], None),
        (["g1"], 20, ("g1", -1), [(42, "g1", [])], None),
        (["g1", "nope", "mok"], 20, ("nope", 1), [(3, "nope", [])], None),
        (["g1", "mok"], 3, ("g1", 99), [(0, "g1", []), (0, "mok", [0, 1])], None),
        ([], 20, ("h", 3), [(0, "mok", [0, 1])], None),
        ([], 20, ("g1", 3), [(0, "g1", [3, 4]), (0, "g2", [0]), (0, "mok", [0, 1])], None),
        ([], 20, ("zzz", 0), [], None),
    ],
)
def test_describe_topic_partitions_pages(broker, names, limit, cursor, topics, after):
    assert describe(broker, *names, limit=limit, cursor=cursor) == (topics, after)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_describe_topic_partitions_pages_add_up_to_everything(broker, limit):
    found, cursor = [], None
    while cursor is not None or not found:
        topics, cursor = describe(broker, limit=limit, cursor=cursor)
        found += [(name, index) for _, name, indexes in topics for index in indexes]
    assert found == [
        ("g1", 0),
        ("g1", 1),
        ("g1", 2),
        ("g1", 3),
        ("g1", 4),
        ("g2", 0),
        ("mok", 0),
        ("mok", 1),
    ]


def test_describe_topic_partitions_obeys_the_brokers_limit(broker):
    broker.config = BrokerConfig({"max.request.partition.size.limit": "3"})
    assert describe(broker) == ([(0, "g1", [0, 1, 2])], ("g1", 3))


def test_describe_topic_partitions_tells_everything_about_a_partition(two_brokers):
    request = DescribeTopicPartitionsRequest([DescribeTopicPartitionsRequest.TopicRequest("far")])
    (topic,) = ask(describe_topic_partitions, two_brokers, request, 0).topics
    assert (topic.topic_id, topic.is_internal) == (two_brokers.image.topics["far"].topic_id, False)
    assert topic.topic_authorized_operations == 3576
    (partition,) = topic.partitions
    assert (partition.error_code, partition.leader_id, partition.leader_epoch) == (0, 2, 0)
    assert (partition.replica_nodes, partition.isr_nodes, partition.offline_replicas) == (
        [2, 1],
        [2, 1],
        [],
    )
    assert (partition.eligible_leader_replicas, partition.last_known_elr) == ([], [])
