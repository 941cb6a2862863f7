"""Features, elections, reassignments, brokers that are gone, ACL filters and quotas. Codes are those of Apache Kafka 4.3.0."""

import pytest
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.fence_broker_record import FenceBrokerRecord
from kafkalite_protocol.messages.partition_change_record import PartitionChangeRecord

from kafkalite.errors import KafkaError
from kafkalite.metadata.acl_filter import AclFilter, check_entry
from kafkalite.metadata.events import FeatureUpdate, NewTopic, QuotaChange, Reassignment
from kafkalite.metadata.image_delta import apply_records
from kafkalite.metadata.users_image import AclEntry
from kafkalite.types import Offset, TopicPartition
from tests.metadata.in_memory_cluster import start_control_plane

T0 = TopicPartition("t", 0)


@pytest.fixture
def cluster():
    """Two brokers; `t-0` prefers broker 1 and is held by both."""
    control_plane = start_control_plane(1, 2)
    control_plane.create_topics([NewTopic("t", -1, -1, [(0, [1, 2])])]).result()
    return control_plane


def changed(control_plane, *records):
    """As if the controller had decided `records`."""
    offset = Offset(control_plane._staged.next_offset + len(records))
    control_plane._staged = apply_records(control_plane._staged, records, offset)


def partition_change(control_plane, **fields):
    return PartitionChangeRecord(0, control_plane.image.topics["t"].topic_id, **fields)


def outcome(results):
    return [(one.partition, one.error and one.error.code) for one in results]


def test_a_preferred_leader_that_leads_needs_no_election(cluster):
    assert outcome(cluster.elect_leaders([T0]).result()) == [(T0, ErrorCode.ELECTION_NOT_NEEDED)]
    assert cluster.elect_leaders(None).result() == []


def test_a_preferred_leader_takes_over_under_the_next_epoch(cluster):
    changed(cluster, partition_change(cluster, leader=2))
    assert outcome(cluster.elect_leaders(None).result()) == [(T0, None)]
    partition = cluster.image.topics["t"].partitions[0]
    assert (partition.leader, partition.leader_epoch) == (1, 2)


@pytest.mark.parametrize(
    "fields", [{"leader": 2, "isr": [2]}, {"leader": 2}], ids=["not in sync", "fenced"]
)
def test_a_preferred_leader_that_cannot_lead_is_not_elected(cluster, fields):
    fence = [FenceBrokerRecord(1, 0)] if "isr" not in fields else []
    changed(cluster, partition_change(cluster, **fields), *fence)
    code = ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE
    assert outcome(cluster.elect_leaders([T0]).result()) == [(T0, code)]


def test_an_unclean_election_takes_any_replica_that_lives_when_there_is_no_leader(cluster):
    assert outcome(cluster.elect_leaders([T0], unclean=True).result()) == [
        (T0, ErrorCode.ELECTION_NOT_NEEDED)
    ]
    changed(cluster, partition_change(cluster, leader=-1, isr=[1]), FenceBrokerRecord(1, 0))
    assert outcome(cluster.elect_leaders([T0], unclean=True).result()) == [(T0, None)]
    assert cluster.image.topics["t"].partitions[0].leader == 2


@pytest.mark.parametrize(
    ("replicas", "code"),
    [
        ([1, 2], None),
        ([2, 1], None),
        ([1], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ([1, 1], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ([], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ([1, 9], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (None, ErrorCode.NO_REASSIGNMENT_IN_PROGRESS),
    ],
)
def test_a_partition_is_moved_among_the_brokers_that_hold_it(cluster, replicas, code):
    (error,) = cluster.alter_reassignments([Reassignment(T0, replicas)]).result()
    assert (error and error.code) == code
    expected = (1, 2) if code is not None else tuple(replicas)
    assert cluster.image.topics["t"].partitions[0].replicas == expected


def test_only_a_broker_that_is_gone_can_be_forgotten(cluster):
    with pytest.raises(KafkaError, match="no broker 9"):
        cluster.unregister_broker(9).result()
    with pytest.raises(KafkaError, match="is running"):
        cluster.unregister_broker(1).result()
    changed(cluster, FenceBrokerRecord(1, 0))
    cluster.unregister_broker(1).result()
    assert set(cluster.image.brokers) == {2}


@pytest.mark.parametrize(
    "update",
    [
        ("group.version", 2, 1),
        ("group.version", 0, 1),
        ("group.version", 1, 0),
        ("metadata.version", 29, 3),
        ("metadata.version", 31, 1),
        ("kraft.version", 1, 1),
        ("nonsense", 0, 1),
    ],
)
def test_a_feature_update_that_cannot_be_spoils_the_others(cluster, update):
    good = FeatureUpdate("share.version", 0, 2)
    with pytest.raises(KafkaError) as refusal:
        cluster.update_features([good, FeatureUpdate(*update)]).result()
    assert refusal.value.code == ErrorCode.INVALID_UPDATE_VERSION
    assert cluster.image.features["share.version"] == 1


def test_validate_only_leaves_features_and_quotas_alone(cluster):
    cluster.update_features([FeatureUpdate("share.version", 0, 2)], validate_only=True).result()
    quota = QuotaChange([("user", None)], [("producer_byte_rate", 1.0)])
    assert cluster.alter_client_quotas([quota], validate_only=True).result() == [None]
    assert cluster.image.features["share.version"] == 1
    assert not cluster.image.users.quotas


LITERAL = AclEntry(2, "orders", 3, "User:a", "*", 3, 3)
PREFIX = LITERAL._replace(resource_name="ord", pattern_type=4)
EVERY = LITERAL._replace(resource_name="*")


@pytest.mark.parametrize(
    ("name", "pattern", "matching"),
    [
        (None, 1, [LITERAL, PREFIX, EVERY]),
        (None, 4, [PREFIX]),
        ("orders", 1, [LITERAL]),
        ("orders", 2, [LITERAL, PREFIX, EVERY]),
        ("orders", 3, [LITERAL]),
        ("or", 2, [EVERY]),
        ("ord", 4, [PREFIX]),
        ("*", 3, [EVERY]),
    ],
)
def test_a_filter_means_acls_by_name_and_pattern(name, pattern, matching):
    wanted = AclFilter(2, name, pattern, None, None, 1, 1)
    assert [one for one in (LITERAL, PREFIX, EVERY) if wanted.matches(one)] == matching
    assert not wanted._replace(resource_type=3).matches(LITERAL)
    assert not wanted._replace(principal="User:b").matches(EVERY)


@pytest.mark.parametrize(
    "bad",
    [
        {"resource_type": 1},
        {"resource_type": 8},
        {"resource_type": 4},
        {"pattern_type": 2},
        {"operation": 1},
        {"operation": 16},
        {"permission_type": 1},
        {"resource_name": ""},
        {"principal": "alice"},
    ],
)
def test_an_acl_that_cannot_be_is_refused(bad):
    with pytest.raises(KafkaError) as refusal:
        check_entry(LITERAL._replace(**bad))
    assert refusal.value.code == ErrorCode.INVALID_REQUEST
