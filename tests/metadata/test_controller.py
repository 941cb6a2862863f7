"""The controller's checks. Codes and their order are those of Apache Kafka 4.3.0, asked the same (one broker, id 1)."""

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.errors import KafkaError
from kafkalite.metadata.events import (
    AllocateProducerIds,
    ConfigChange,
    ConfigOperation,
    MorePartitions,
    NewTopic,
    ResourceChange,
)
from kafkalite.metadata.image import ConfigResource, ConfigResourceType
from kafkalite.metadata.placement import place_replicas
from kafkalite.metadata.topic_control import new_topic_id
from kafkalite.metadata.topic_names import check_topic_name, is_topic_name
from tests.metadata.in_memory_cluster import registration, start_control_plane

E = ErrorCode


@pytest.fixture
def one_broker():
    control_plane = start_control_plane()
    create(control_plane, NewTopic("taken", 2, 1), NewTopic("c.x", 1, 1))
    return control_plane


def create(control_plane, *topics, validate_only=False):
    return control_plane.create_topics(topics, validate_only=validate_only).result()


def code_of(result):
    return E.NONE if result.error is None else result.error.code


REFUSED = [
    (NewTopic("taken", 2, 1), E.TOPIC_ALREADY_EXISTS),
    (NewTopic("taken", 0, 1, configs={"nope": "1"}), E.TOPIC_ALREADY_EXISTS),
    (NewTopic("t", 0, 1), E.INVALID_PARTITIONS),
    (NewTopic("t", -2, 1), E.INVALID_PARTITIONS),
    (NewTopic("t", 1, 0), E.INVALID_REPLICATION_FACTOR),
    (NewTopic("t", 1, -2), E.INVALID_REPLICATION_FACTOR),
    (NewTopic("t", 1, 2), E.INVALID_REPLICATION_FACTOR),
    (NewTopic("t", 1, 32767), E.INVALID_REPLICATION_FACTOR),
    (NewTopic("t", 0, 0), E.INVALID_REPLICATION_FACTOR),
    (NewTopic("t", 0, 2), E.INVALID_PARTITIONS),
    (NewTopic("", 1, 1), E.INVALID_TOPIC_EXCEPTION),
    (NewTopic(".", 1, 1), E.INVALID_TOPIC_EXCEPTION),
    (NewTopic("..", 1, 1), E.INVALID_TOPIC_EXCEPTION),
    (NewTopic("x" * 250, 1, 1), E.INVALID_TOPIC_EXCEPTION),
    (NewTopic("a b", 1, 1), E.INVALID_TOPIC_EXCEPTION),
    (NewTopic("a/b", 0, 0), E.INVALID_TOPIC_EXCEPTION),
    (NewTopic("\ufffd", 1, 1), E.INVALID_TOPIC_EXCEPTION),
    (NewTopic("c_x", 1, 1), E.INVALID_TOPIC_EXCEPTION),
    (NewTopic("c_x", 0, 1), E.INVALID_TOPIC_EXCEPTION),
    (NewTopic("c.x", 1, 1), E.TOPIC_ALREADY_EXISTS),
    (NewTopic("t", 2, -1, [(0, [1])]), E.INVALID_REQUEST),
    (NewTopic("t", -1, 1, [(0, [1])]), E.INVALID_REQUEST),
    (NewTopic("t", 1, 1, [(0, [1])]), E.INVALID_REQUEST),
    (NewTopic("t", -1, -1, [(0, [1]), (2, [1])]), E.INVALID_REPLICA_ASSIGNMENT),
    (NewTopic("t", -1, -1, [(0, [1]), (0, [1])]), E.INVALID_REPLICA_ASSIGNMENT),
    (NewTopic("t", -1, -1, [(1, [1])]), E.INVALID_REPLICA_ASSIGNMENT),
    (NewTopic("t", -1, -1, [(-1, [1]), (0, [1])]), E.INVALID_REPLICA_ASSIGNMENT),
    (NewTopic("t", -1, -1, [(0, [7])]), E.INVALID_REPLICA_ASSIGNMENT),
    (NewTopic("t", -1, -1, [(0, [1, 1])]), E.INVALID_REPLICA_ASSIGNMENT),
    (NewTopic("t", -1, -1, [(0, [])]), E.INVALID_REPLICA_ASSIGNMENT),
    (NewTopic("t", 1, 1, configs={"nope": "1"}), E.INVALID_CONFIG),
    (NewTopic("t", 1, 1, configs={"retention.ms": "x"}), E.INVALID_CONFIG),
    (NewTopic("t", 1, 1, configs={"retention.ms": None}), E.INVALID_CONFIG),
    (NewTopic("t", 1, 1, configs={"nope": None}), E.INVALID_CONFIG),
    (NewTopic("t", 0, 1, configs={"nope": "1"}), E.INVALID_CONFIG),
]


@pytest.mark.parametrize(("topic", "code"), REFUSED)
@pytest.mark.parametrize("validate_only", [False, True])
def test_a_topic_that_cannot_be_is_refused_with_kafkas_code(one_broker, topic, code, validate_only):
    before = one_broker.image
    (result,) = create(one_broker, topic, validate_only=validate_only)
    assert code_of(result) == code
    assert result.error.message
    assert (result.name, result.topic_id, result.num_partitions, result.replication_factor) == (
        topic.name,
        bytes(16),
        -1,
        -1,
    )
    assert one_broker.image is before


ACCEPTED = [
    (NewTopic("t", 3, 1), 3),
    (NewTopic("t"), 1),
    (NewTopic("x" * 249, 1, 1), 1),
    (NewTopic("t", -1, -1, [(0, [1]), (1, [1])]), 2),
    (NewTopic("t", -1, -1, [(1, [1]), (0, [1])]), 2),
    (NewTopic("t", 1, 1, configs={"retention.ms": "1000"}), 1),
    (NewTopic("c-x", 1, 1), 1),
]


@pytest.mark.parametrize(("topic", "partitions"), ACCEPTED)
def test_a_topic_that_can_be_is_led_by_the_broker_at_once(one_broker, topic, partitions):
    (result,) = create(one_broker, topic)
    made = one_broker.image.topics[topic.name]
    assert result == (topic.name, None, made.topic_id, partitions, 1, topic.configs)
    assert [tuple(one) for one in made.partitions] == [(1, 0, (1,), (1,), 0)] * partitions
    assert one_broker.image.topic_configs(topic.name) == topic.configs


@pytest.mark.parametrize(("topic", "partitions"), ACCEPTED)
def test_validate_only_answers_alike_and_makes_nothing(one_broker, topic, partitions):
    before = one_broker.image
    (result,) = create(one_broker, topic, validate_only=True)
    assert (result.error, result.num_partitions) == (None, partitions)
    assert result.topic_id != bytes(16)
    assert one_broker.image is before


def test_one_bad_topic_does_not_stop_the_others(one_broker):
    results = create(
        one_broker,
        NewTopic("o1", 0, 1),
        NewTopic("o2", 1, 1),
        NewTopic("a b"),
        NewTopic("o0", 1, 1),
    )
    assert [code_of(result) for result in results] == [37, 0, 17, 0]
    assert {"o2", "o0"} < set(one_broker.image.topics)


def test_two_new_names_that_differ_in_dot_and_underscore_collide(one_broker):
    results = create(one_broker, NewTopic("d.y", 1, 1), NewTopic("d_y", 1, 1))
    assert [code_of(result) for result in results] == [0, 17]


def test_a_name_whose_rival_failed_does_not_collide(one_broker):
    results = create(one_broker, NewTopic("d.y", 0, 1), NewTopic("d_y", 1, 1))
    assert [code_of(result) for result in results] == [37, 0]


@pytest.mark.parametrize("partitions", [10_001, 2**31 - 1])
def test_a_topic_of_more_than_10000_partitions_is_refused(one_broker, partitions):
    results = create(one_broker, NewTopic("many", partitions, 1), NewTopic("few", 1, 1))
    assert [code_of(result) for result in results] == [E.POLICY_VIOLATION, 0]


def test_more_than_10000_partitions_in_one_request_refuse_all_of_it(one_broker):
    before = one_broker.image
    topics = [NewTopic("few", 1, 1), NewTopic("many", 9_000, 1), NewTopic("more", 9_000, 1)]
    with pytest.raises(KafkaError) as refused:
        create(one_broker, *topics)
    assert refused.value.code == E.POLICY_VIOLATION
    assert one_broker.image is before


def test_10000_partitions_are_made_in_one_change(one_broker):
    (result,) = create(one_broker, NewTopic("many", 10_000, 1))
    assert result.error is None
    assert len(one_broker.image.topics["many"].partitions) == 10_000


# Growing


GROWTH = [
    (MorePartitions("taken", 3), E.NONE),
    (MorePartitions("taken", 3, [[1]]), E.NONE),
    (MorePartitions("taken", 2), E.INVALID_PARTITIONS),
    (MorePartitions("taken", 1), E.INVALID_PARTITIONS),
    (MorePartitions("taken", 0), E.INVALID_PARTITIONS),
    (MorePartitions("taken", -1), E.INVALID_PARTITIONS),
    (MorePartitions("nope", 3), E.UNKNOWN_TOPIC_OR_PARTITION),
    (MorePartitions("a b", 3), E.UNKNOWN_TOPIC_OR_PARTITION),
    (MorePartitions("taken", 4, [[1]]), E.INVALID_REPLICA_ASSIGNMENT),
    (MorePartitions("taken", 3, [[1], [1]]), E.INVALID_REPLICA_ASSIGNMENT),
    (MorePartitions("taken", 3, []), E.INVALID_REPLICA_ASSIGNMENT),
    (MorePartitions("taken", 3, [[7]]), E.INVALID_REPLICA_ASSIGNMENT),
    (MorePartitions("taken", 3, [[1, 1]]), E.INVALID_REPLICA_ASSIGNMENT),
    (MorePartitions("taken", 3, [[]]), E.INVALID_REPLICA_ASSIGNMENT),
    (MorePartitions("taken", 20_005), E.POLICY_VIOLATION),
]


@pytest.mark.parametrize(("wanted", "code"), GROWTH)
def test_growing_answers_with_kafkas_codes(one_broker, wanted, code):
    old = one_broker.image.topics["taken"]
    (result,) = one_broker.create_partitions([wanted], validate_only=True).result()
    assert code_of(result) == code
    assert one_broker.image.topics["taken"] is old
    (result,) = one_broker.create_partitions([wanted]).result()
    assert code_of(result) == code
    grown = one_broker.image.topics["taken"]
    assert grown.topic_id == old.topic_id
    assert len(grown.partitions) == (wanted.total if code == E.NONE else 2)
    assert grown.partitions[:2] == old.partitions


# Deleting


def test_a_deleted_topic_is_gone_and_its_id_unknown(one_broker):
    topic_id = one_broker.image.topics["taken"].topic_id
    for code in (E.NONE, E.UNKNOWN_TOPIC_ID):
        (result,) = one_broker.delete_topics([topic_id]).result()
        assert (result.topic_id, code_of(result)) == (topic_id, code)
    assert "taken" not in one_broker.image.topics


def test_a_topic_made_again_has_another_id(one_broker):
    first = one_broker.image.topics["taken"].topic_id
    one_broker.delete_topics([first])
    (result,) = create(one_broker, NewTopic("taken", 1, 1))
    assert result.topic_id not in (first, bytes(16))


# Several brokers


def test_replicas_go_round_all_brokers():
    placed = place_replicas([0, 1, 2], 6, 2, FixedStart(0))
    assert placed == [(0, 1), (1, 2), (2, 0), (0, 2), (1, 0), (2, 1)]


def test_one_broker_holds_every_partition():
    assert place_replicas([4], 3, 1, FixedStart(0)) == [(4,)] * 3


class FixedStart:
    def __init__(self, start):
        self.start = start

    def randrange(self, _size):
        return self.start


def test_partitions_are_spread_and_led_by_their_first_replica():
    control_plane = start_control_plane(1, 2, 3)
    create(control_plane, NewTopic("t", 6, 3))
    partitions = control_plane.image.topics["t"].partitions
    assert sorted(one.leader for one in partitions) == [1, 1, 2, 2, 3, 3]
    assert all(
        one.leader == one.replicas[0] and one.isr == one.replicas and len(set(one.replicas)) == 3
        for one in partitions
    )


def test_assignments_of_different_sizes_are_refused():
    control_plane = start_control_plane(1, 2)
    (result,) = create(control_plane, NewTopic("t", -1, -1, [(0, [1]), (1, [1, 2])]))
    assert code_of(result) == E.INVALID_REPLICA_ASSIGNMENT


def test_a_topic_grows_with_as_many_replicas_as_it_has():
    control_plane = start_control_plane(1, 2)
    create(control_plane, NewTopic("t", 1, 2))
    (result,) = control_plane.create_partitions([MorePartitions("t", 2, [[1]])]).result()
    assert code_of(result) == E.INVALID_REPLICA_ASSIGNMENT
    control_plane.create_partitions([MorePartitions("t", 2)]).result()
    assert sorted(control_plane.image.topics["t"].partitions[1].replicas) == [1, 2]


# Brokers


def test_the_broker_epoch_is_the_offset_of_the_registration():
    control_plane = start_control_plane(1)
    broker = control_plane.image.brokers[1]
    assert broker.broker_epoch == 5  # after the features
    assert control_plane.register(registration(1)).result() == 6
    assert control_plane.image.features == {
        "metadata.version": 30,
        "group.version": 1,
        "share.version": 1,
        "streams.version": 1,
        "transaction.version": 2,
    }


def test_a_broker_that_comes_back_leads_with_the_next_epoch_and_leaves_others_alone():
    control_plane = start_control_plane(1, 2)
    create(control_plane, NewTopic("t", -1, -1, [(0, [1, 2]), (1, [2, 1])]))
    control_plane.register(registration(2, incarnation=b"n" * 16)).result()
    assert [
        (one.leader, one.leader_epoch) for one in control_plane.image.topics["t"].partitions
    ] == [(1, 0), (2, 1)]


def test_producer_ids_come_in_blocks_of_1000_without_overlap():
    control_plane = start_control_plane(1)
    blocks = [control_plane.allocate_producer_ids().result() for _ in range(3)]
    assert blocks == [range(1000), range(1000, 2000), range(2000, 3000)]


def test_producer_ids_are_not_for_a_broker_of_the_past():
    from kafkalite.metadata.cluster_control import allocate_producer_ids

    image = start_control_plane(1).image
    for broker_id, epoch, code in (
        (9, 1, E.BROKER_ID_NOT_REGISTERED),
        (1, 0, E.STALE_BROKER_EPOCH),
    ):
        with pytest.raises(KafkaError) as refused:
            allocate_producer_ids(image, AllocateProducerIds(broker_id, epoch))
        assert refused.value.code == code


# Configs


def alter(control_plane, resource, *changes, validate_only=False):
    (result,) = control_plane.alter_configs(
        [ResourceChange(resource, changes)], validate_only=validate_only
    ).result()
    return code_of(result)


TAKEN = ConfigResource(ConfigResourceType.TOPIC, "taken")
SET, DELETE, APPEND, SUBTRACT = ConfigOperation


def test_configs_are_set_deleted_appended_and_subtracted(one_broker):
    for change, expected in [
        (ConfigChange("retention.ms", SET, "5"), {"retention.ms": "5"}),
        (
            ConfigChange("cleanup.policy", APPEND, "compact"),
            {"retention.ms": "5", "cleanup.policy": "delete,compact"},
        ),
        (
            ConfigChange("cleanup.policy", SUBTRACT, "delete"),
            {"retention.ms": "5", "cleanup.policy": "compact"},
        ),
        (
            ConfigChange("cleanup.policy", APPEND, "compact"),
            {"retention.ms": "5", "cleanup.policy": "compact"},
        ),
        (ConfigChange("retention.ms", DELETE, None), {"cleanup.policy": "compact"}),
        (ConfigChange("retention.ms", DELETE, None), {"cleanup.policy": "compact"}),
    ]:
        assert alter(one_broker, TAKEN, change) == E.NONE
        assert one_broker.image.topic_configs("taken") == expected


@pytest.mark.parametrize(
    ("resource", "change", "code"),
    [
        (TAKEN, ConfigChange("nope", SET, "1"), E.INVALID_CONFIG),
        (TAKEN, ConfigChange("retention.ms", SET, "x"), E.INVALID_CONFIG),
        (TAKEN, ConfigChange("retention.ms", APPEND, "1"), E.INVALID_CONFIG),
        (TAKEN, ConfigChange("nope", APPEND, "1"), E.INVALID_CONFIG),
        (TAKEN, ConfigChange("retention.ms", SET, None), E.INVALID_REQUEST),
        (TAKEN, ConfigChange("cleanup.policy", APPEND, None), E.INVALID_REQUEST),
        (TAKEN, ConfigChange("flush.ms", SET, "4"), E.INVALID_REQUEST),
        (
            ConfigResource(2, "nope"),
            ConfigChange("retention.ms", SET, "1"),
            E.UNKNOWN_TOPIC_OR_PARTITION,
        ),
        (
            ConfigResource(2, "a b"),
            ConfigChange("retention.ms", SET, "1"),
            E.INVALID_TOPIC_EXCEPTION,
        ),
        (ConfigResource(2, ""), ConfigChange("retention.ms", SET, "1"), E.INVALID_REQUEST),
        (ConfigResource(4, "9"), ConfigChange("log.retention.ms", SET, "1"), E.INVALID_REQUEST),
        (ConfigResource(4, "x"), ConfigChange("log.retention.ms", SET, "1"), E.INVALID_REQUEST),
        (ConfigResource(4, "1"), ConfigChange("log.retention.ms", SET, "x"), E.INVALID_REQUEST),
        (ConfigResource(4, "1"), ConfigChange("num.partitions", SET, "2"), E.INVALID_REQUEST),
        (ConfigResource(4, ""), ConfigChange("listeners", SET, "x"), E.INVALID_REQUEST),
        (ConfigResource(3, "x"), ConfigChange("any", SET, "1"), E.INVALID_REQUEST),
    ],
)
def test_a_config_that_cannot_be_is_refused_and_nothing_of_its_resource_is_set(
    one_broker, resource, change, code
):
    before = one_broker.image
    good = ConfigChange("flush.ms" if resource.type == 2 else "log.flush.interval.ms", SET, "3")
    assert alter(one_broker, resource, good, change) == code
    assert one_broker.image is before


@pytest.mark.parametrize("name", ["", "1"])
def test_a_config_that_kafka_does_not_have_may_be_a_plugins(one_broker, name):
    assert alter(one_broker, ConfigResource(4, name), ConfigChange("my.plugin", SET, "1")) == E.NONE


def test_configs_of_all_brokers_are_those_of_the_empty_name(one_broker):
    assert (
        alter(one_broker, ConfigResource(4, ""), ConfigChange("log.retention.ms", SET, "9"))
        == E.NONE
    )
    assert one_broker.image.config_of(ConfigResourceType.BROKER, "") == {"log.retention.ms": "9"}


def test_validate_only_leaves_configs_alone(one_broker):
    before = one_broker.image
    assert (
        alter(one_broker, TAKEN, ConfigChange("flush.ms", SET, "3"), validate_only=True) == E.NONE
    )
    assert one_broker.image is before


# Names and ids


@pytest.mark.parametrize("name", ["a", "a.b_c-D9", "x" * 249, "...", "-", "_"])
def test_names_that_are_legal(name):
    check_topic_name(name)
    assert is_topic_name(name)


def test_topic_ids_are_version_4_and_never_start_with_a_dash():
    class Dashes:
        """First an id that would start with a dash, then one that would not."""

        def __init__(self):
            self.answers = [b"\xfb" + bytes(15), b"\xfb" + bytes(15), b"\x00" * 16]

        def randbytes(self, _count):
            return self.answers.pop(0)

    topic_id = new_topic_id(Dashes())
    assert topic_id.hex() == "00000000000040008000000000000000"
