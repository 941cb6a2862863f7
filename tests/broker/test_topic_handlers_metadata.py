"""Metadata. Expectations are what Apache Kafka 4.3.0 answered to the same requests, except where a name says otherwise."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.broker_registration_change_record import (
    BrokerRegistrationChangeRecord,
)
from kafkalite_protocol.messages.metadata import MetadataRequest, MetadataResponse

from kafkalite.broker.handlers import metadata
from kafkalite.broker.handlers.metadata_topics import MetadataAnswer
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
NOT_ASKED = -2147483648
VERSIONS = range(14)


@pytest.fixture
def broker():
    broker = FakeBroker(start_control_plane(1))
    broker.control_plane.create_topics([NewTopic("g1", 2, 1), NewTopic("g2", 1, 1)]).result()
    return broker


@pytest.fixture
def two_brokers():
    """Broker 1 asks; broker 2 leads the only partition of `far`, broker 1 that of `near`."""
    broker = FakeBroker(start_control_plane(2, 1))
    topics = [NewTopic("far", -1, -1, [(0, [2, 1])]), NewTopic("near", -1, -1, [(0, [1, 2])])]
    broker.control_plane.create_topics(topics).result()
    return broker


def request(topics, *, auto=False, **fields):
    """`topics`: None, or names, or (name, id)."""
    wanted = None
    if topics is not None:
        wanted = [
            MetadataRequest.MetadataRequestTopic(NO_ID, one)
            if isinstance(one, str)
            else MetadataRequest.MetadataRequestTopic(one[1], one[0])
            for one in topics
        ]
    return MetadataRequest(wanted, allow_auto_topic_creation=auto, **fields)


def answer(broker, topics, version=13, **fields):
    return ask(metadata, broker, request(topics, **fields), version)


def summary(response):
    return [(topic.error_code, topic.name, len(topic.partitions)) for topic in response.topics]


@pytest.mark.parametrize("version", VERSIONS)
def test_metadata_answers_in_every_version(broker, version):
    response = answer(broker, ["g1"], version)
    (one,) = response.brokers
    assert (one.node_id, one.host, one.port, one.rack) == (1, "host1", 9091, None)
    assert response.cluster_id == (CLUSTER_ID if version >= 2 else None)
    assert response.controller_id == (1 if version >= 1 else -1)
    assert response.error_code == 0
    assert response.cluster_authorized_operations == NOT_ASKED
    (topic,) = response.topics
    assert (topic.error_code, topic.name, topic.is_internal) == (0, "g1", False)
    assert topic.topic_id == (broker.image.topics["g1"].topic_id if version >= 10 else NO_ID)
    assert topic.topic_authorized_operations == NOT_ASKED
    assert [(one.error_code, one.partition_index, one.leader_id) for one in topic.partitions] == [
        (0, 0, 1),
        (0, 1, 1),
    ]
    for partition in topic.partitions:
        assert partition.leader_epoch == (0 if version >= 7 else -1)
        assert (partition.replica_nodes, partition.isr_nodes, partition.offline_replicas) == (
            [1],
            [1],
            [],
        )


def test_v0_takes_an_empty_list_for_all_topics_and_later_versions_null(broker):
    everything = [(0, "g1", 2), (0, "g2", 1)]
    assert summary(answer(broker, [], 0)) == everything
    for version in range(1, 14):
        assert summary(answer(broker, None, version)) == everything
        assert summary(answer(broker, [], version)) == []


def test_a_topic_asked_for_twice_is_there_once(broker):
    assert summary(answer(broker, ["g1", "g1", "nope", "nope"])) == [(3, "nope", 0), (0, "g1", 2)]


@pytest.mark.parametrize("version", VERSIONS)
def test_names_that_are_not_there_or_cannot_be(broker, version):
    found = answer(
        broker, ["nope", "a b", ".", "", "__consumer_offsets"], version, auto=version < 4
    )
    internal = [(topic.name, topic.is_internal) for topic in found.topics if topic.is_internal]
    if version >= 4:
        assert summary(found) == [
            (3, "nope", 0),
            (17, "a b", 0),
            (17, ".", 0),
            (17, "", 0),
            (3, "__consumer_offsets", 0),
        ]
        assert internal == [("__consumer_offsets", True)]
        assert sorted(broker.image.topics) == ["g1", "g2"]
    else:
        assert summary(found) == [
            (17, "a b", 0),
            (17, ".", 0),
            (17, "", 0),
            (0, "nope", 1),
            (0, "__consumer_offsets", 50),
        ]


# Made on the fly


@pytest.mark.parametrize("version", VERSIONS)
def test_a_topic_that_is_missing_is_made_and_in_the_same_answer(broker, version):
    """Kafka answers UNKNOWN_TOPIC_OR_PARTITION first, and the topic when asked again."""
    response = answer(broker, ["new", "g1"], version, auto=True)
    assert summary(response) == [(0, "new", 1), (0, "g1", 2)]
    assert [one.leader_id for one in response.topics[0].partitions] == [1]


def test_a_new_topic_has_the_brokers_number_of_partitions():
    config = BrokerConfig({"num.partitions": "4"})
    broker = FakeBroker(start_control_plane(1, config=config), config)
    assert summary(answer(broker, ["new"], auto=True)) == [(0, "new", 4)]


def test_no_topic_is_made_where_that_is_off():
    config = BrokerConfig({"auto.create.topics.enable": "false"})
    broker = FakeBroker(start_control_plane(1), config)
    assert summary(answer(broker, ["new"], auto=True)) == [(3, "new", 0)]


def test_no_topic_is_made_for_all_topics_or_for_an_id(broker):
    answer(broker, None, auto=True)
    assert summary(answer(broker, [("new", b"\1" * 16)], auto=True)) == [(100, None, 0)]
    assert sorted(broker.image.topics) == ["g1", "g2"]


def test_a_topic_that_collides_is_told_why_it_cannot_be(broker):
    answer(broker, ["a.b"], auto=True)
    assert summary(answer(broker, ["a_b"], auto=True)) == [(17, "a_b", 0)]


def test_a_topic_that_needs_more_brokers_is_told_so_where_kafka_leaves_it_unknown():
    config = BrokerConfig({"default.replication.factor": "3"})
    broker = FakeBroker(start_control_plane(1, config=config), config)
    assert summary(answer(broker, ["new"], auto=True)) == [(38, "new", 0)]


@pytest.mark.parametrize("name", ["__consumer_offsets", "__transaction_state"])
def test_internal_topics_are_made_with_configs_of_their_own(broker, name):
    (topic,) = answer(broker, [name], auto=True).topics
    assert (topic.error_code, len(topic.partitions), topic.is_internal) == (0, 50, True)
    assert broker.image.topic_configs(name)["cleanup.policy"] == "compact"


def test_the_metadata_log_is_not_made_as_a_topic(broker):
    name = "__cluster_metadata"
    assert summary(answer(broker, [name], auto=True)) == [(3, name, 0)]


def test_two_clients_that_miss_one_topic_both_get_it():
    log = MemoryMetadataLog()
    broker = FakeBroker(start_control_plane(1, log=log))
    log.flushes = []
    answers = [metadata.handle(context_of(broker), request(["new"], auto=True)) for _ in range(2)]
    assert [one.done for one in answers] == [False, False]
    log.end_flush()
    for one in answers:
        decoded = MetadataResponse.decode(13, one.result().encode(13))
        assert summary(decoded) == [(0, "new", 1)]


def context_of(broker, version=13):
    from types import SimpleNamespace

    return SimpleNamespace(
        api_version=version, broker=broker, connection=SimpleNamespace(listener="PLAINTEXT")
    )


@pytest.mark.parametrize("version", [1, 9, 13])
def test_a_topic_that_cannot_be_written_down_has_the_error_and_the_rest_is_answered(version):
    log = MemoryMetadataLog()
    broker = FakeBroker(start_control_plane(1, log=log))
    log.append_error = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "the disk is full")
    response = answer(broker, ["new"], version, auto=True)
    assert summary(response) == [(56, "new", 0)]
    assert [one.node_id for one in response.brokers] == [1]


# Ids


def test_topics_by_id_from_v12(broker):
    topic_id = broker.image.topics["g1"].topic_id
    for version in (12, 13):
        assert summary(answer(broker, [(None, topic_id)], version)) == [(0, "g1", 2)]
        assert summary(answer(broker, [("whatever", topic_id)], version)) == [(0, "g1", 2)]


def test_an_unknown_id_is_answered_without_a_name(broker):
    response = answer(
        broker, [(None, b"\1" * 16), (None, b"\1" * 16)], include_topic_authorized_operations=True
    )
    (topic,) = response.topics
    assert (topic.error_code, topic.name, topic.topic_id) == (100, None, b"\1" * 16)
    assert topic.topic_authorized_operations == NOT_ASKED


def test_names_are_ignored_next_to_an_id(broker):
    topic_id = broker.image.topics["g1"].topic_id
    found = summary(answer(broker, ["g2", (None, topic_id), (None, b"\1" * 16)]))
    assert found == [(100, None, 0), (0, "g1", 2)]


@pytest.mark.parametrize("version", [10, 11])
@pytest.mark.parametrize(("name", "topic_id"), [("g1", b"\1" * 16), (None, NO_ID)])
def test_ids_before_v12_are_an_invalid_request(broker, version, name, topic_id):
    response = answer(broker, [(name, topic_id)], version)
    assert [(one.error_code, one.name, one.topic_id) for one in response.topics] == [
        (42, name or "", topic_id)
    ]
    assert (response.brokers, response.cluster_id, response.controller_id) == ([], None, -1)


# Operations


@pytest.mark.parametrize("version", range(8, 14))
def test_operations_when_they_are_asked_for(broker, version):
    response = answer(
        broker,
        ["g1", "nope", "a b"],
        version,
        include_cluster_authorized_operations=version <= 10,
        include_topic_authorized_operations=True,
    )
    assert response.cluster_authorized_operations == (8096 if version <= 10 else NOT_ASKED)
    assert [one.topic_authorized_operations for one in response.topics] == [3576] * 3


# Several brokers


@pytest.mark.parametrize("version", VERSIONS)
def test_a_partition_led_by_another_broker_is_answered_from_the_image(two_brokers, version):
    response = answer(two_brokers, ["far"], version)
    assert [(one.node_id, one.host, one.port) for one in response.brokers] == [
        (1, "host1", 9091),
        (2, "host2", 9092),
    ]
    (partition,) = response.topics[0].partitions
    assert (partition.error_code, partition.leader_id) == (0, 2)
    assert (partition.replica_nodes, partition.isr_nodes) == ([2, 1], [2, 1])


@pytest.mark.parametrize(
    ("version", "code", "replicas"), [(0, 5, [1]), (1, 5, [2, 1]), (13, 5, [2, 1])]
)
def test_a_partition_whose_leader_is_fenced_has_no_leader(two_brokers, version, code, replicas):
    assert summary(answer(two_brokers, ["far"], version)) == [(0, "far", 1)]
    fence(two_brokers, 2)
    response = answer(two_brokers, ["far"], version)
    assert [one.node_id for one in response.brokers] == [1]
    (partition,) = response.topics[0].partitions
    assert (partition.error_code, partition.leader_id, partition.replica_nodes) == (
        code,
        -1,
        replicas,
    )
    assert partition.offline_replicas == ([2] if version >= 5 else [])


def test_v0_tells_that_a_replica_is_out_of_reach(two_brokers):
    fence(two_brokers, 2)
    (partition,) = answer(two_brokers, ["near"], 0).topics[0].partitions
    assert (partition.error_code, partition.leader_id, partition.replica_nodes) == (9, 1, [1])
    (partition,) = answer(two_brokers, ["near"], 1).topics[0].partitions
    assert (partition.error_code, partition.leader_id, partition.replica_nodes) == (0, 1, [1, 2])


@pytest.mark.parametrize(("version", "code"), [(5, 5), (6, 72), (13, 72)])
def test_a_leader_without_the_clients_listener(two_brokers, version, code):
    two_brokers.control_plane.register(registration(2, listener="OTHER")).result()
    response = answer(two_brokers, ["far"], version)
    assert [one.node_id for one in response.brokers] == [1]
    (partition,) = response.topics[0].partitions
    assert (partition.error_code, partition.leader_id) == (code, -1)


def fence(broker, broker_id):
    """As a controller of several brokers would."""
    from kafkalite.metadata.image_delta import apply_records

    plane = broker.control_plane
    record = BrokerRegistrationChangeRecord(broker_id=broker_id, fenced=1)
    plane._image = plane._staged = apply_records(plane.image, [record], plane.image.next_offset + 1)


# Encoded once


def test_a_topics_bytes_are_made_once_until_it_changes(broker):
    first = raw(broker, ["g1"])
    topic = broker.image.topics["g1"]
    remembered = dict(topic.memo)
    assert raw(broker, ["g1"]) == first
    assert topic.memo == remembered
    broker.control_plane.register(registration(1)).result()
    assert answer(broker, ["g1"]).topics[0].partitions[0].leader_epoch == 1


def raw(broker, topics, version=13):
    return metadata.handle(context_of(broker, version), request(topics)).encode(version)


@given(
    version=st.sampled_from(VERSIONS),
    counts=st.lists(st.integers(0, 3), max_size=4),
    ids=st.booleans(),
)
@settings(derandomize=True, max_examples=150)
def test_an_answer_put_together_is_the_one_encoded_whole(version, counts, ids):
    topics = [
        MetadataResponse.MetadataResponseTopic(
            0,
            f"topic-{number}",
            bytes([number + 1]) * 16 if ids else NO_ID,
            partitions=[
                MetadataResponse.MetadataResponsePartition(0, one, 1, 3, [1], [1])
                for one in range(count)
            ],
        )
        for number, count in enumerate(counts)
    ]
    assert together(version, topics) == whole(version, topics)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("count", [126, 127, 128, 300])
def test_counts_of_two_bytes_are_put_together_right(version, count):
    topics = [MetadataResponse.MetadataResponseTopic(name=f"t{number}") for number in range(count)]
    assert together(version, topics) == whole(version, topics)


def together(version, topics):
    from kafkalite.broker.handlers.metadata_topics import TopicEncoder

    encoder = TopicEncoder(version, live=frozenset(), reachable=frozenset(), operations=NOT_ASKED)
    response = MetadataResponse(
        brokers=[MetadataResponse.MetadataResponseBroker(1, "h", 2, "r")], cluster_id="c"
    )
    return MetadataAnswer(response, [encoder._cut(topic) for topic in topics]).encode(version)


def whole(version, topics):
    brokers = [MetadataResponse.MetadataResponseBroker(1, "h", 2, "r")]
    return MetadataResponse(brokers=brokers, cluster_id="c", topics=topics).encode(version)
