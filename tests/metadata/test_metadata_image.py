"""Images: what each record does, what is shared, and that replaying a log gives the image that was built step by step."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafkalite_protocol.messages.broker_registration_change_record import (
    BrokerRegistrationChangeRecord,
)
from kafkalite_protocol.messages.config_record import ConfigRecord
from kafkalite_protocol.messages.feature_level_record import FeatureLevelRecord
from kafkalite_protocol.messages.partition_change_record import PartitionChangeRecord
from kafkalite_protocol.messages.partition_record import PartitionRecord
from kafkalite_protocol.messages.register_broker_record import RegisterBrokerRecord
from kafkalite_protocol.messages.remove_topic_record import RemoveTopicRecord
from kafkalite_protocol.messages.topic_record import TopicRecord

from kafkalite.metadata.image import (
    ConfigResource,
    ConfigResourceType,
    MetadataImage,
    PartitionImage,
    TopicImage,
)
from kafkalite.metadata.image_delta import apply_records
from kafkalite.types import TopicPartition
from tests.metadata.in_memory_cluster import MemoryMetadataLog, start_control_plane

A, B = b"a" * 16, b"b" * 16
TOPIC = ConfigResourceType.TOPIC


def image_of(*records, image=None):
    image = image or MetadataImage("cluster")
    return apply_records(image, records, image.next_offset + len(records))


def topic_records(name, topic_id, partitions=1):
    yield TopicRecord(name, topic_id)
    for number in range(partitions):
        yield PartitionRecord(
            number,
            topic_id,
            replicas=[1, 2],
            isr=[1, 2],
            leader=1,
            leader_epoch=0,
            partition_epoch=0,
        )


def test_a_topic_is_found_by_name_and_by_id():
    image = image_of(*topic_records("orders", A, 2))
    topic = image.topics["orders"]
    assert image.topics_by_id[A] is topic
    assert topic.partitions == (PartitionImage(1, 0, (1, 2), (1, 2), 0),) * 2
    assert image.next_offset == 3


@pytest.mark.parametrize("number", [-1, 2])
def test_a_partition_outside_the_topic_is_none(number):
    image = image_of(*topic_records("orders", A, 2))
    assert image.partition(TopicPartition("orders", number)) is None
    assert image.partition(TopicPartition("nope", 0)) is None
    assert image.partition(TopicPartition("orders", 1)) is image.topics["orders"].partitions[1]


def test_a_change_leaves_the_old_image_and_shares_the_topics_it_does_not_touch():
    old = image_of(*topic_records("a", A), *topic_records("b", B))
    new = image_of(PartitionChangeRecord(0, A, leader=2), image=old)
    assert old.topics["a"].partitions[0].leader == 1
    assert new.topics["a"].partitions[0].leader == 2
    assert new.topics["b"] is old.topics["b"]
    assert new.configs is old.configs


def test_a_change_that_is_not_about_topics_shares_all_of_them():
    old = image_of(*topic_records("a", A))
    new = image_of(FeatureLevelRecord("metadata.version", 30), image=old)
    assert new.topics is old.topics
    assert new.topics_by_id is old.topics_by_id


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (PartitionChangeRecord(0, A, leader=2), PartitionImage(2, 6, (1, 2), (1, 2), 10)),
        (PartitionChangeRecord(0, A, leader=1), PartitionImage(1, 6, (1, 2), (1, 2), 10)),
        (PartitionChangeRecord(0, A, isr=[1]), PartitionImage(1, 5, (1, 2), (1,), 10)),
        (PartitionChangeRecord(0, A, isr=[], leader=-1), PartitionImage(-1, 6, (1, 2), (), 10)),
        (PartitionChangeRecord(0, A, replicas=[2, 3]), PartitionImage(1, 5, (2, 3), (1, 2), 10)),
    ],
    ids=["elected", "elected again", "isr alone", "no leader", "reassigned"],
)
def test_leader_epoch_grows_with_an_election_and_partition_epoch_with_any_change(change, expected):
    partition = PartitionRecord(0, A, [1, 2], [1, 2], leader=1, leader_epoch=5, partition_epoch=9)
    image = image_of(TopicRecord("a", A), partition, change)
    assert image.topics["a"].partitions == (expected,)


def test_a_removed_topic_takes_its_configs_along():
    old = image_of(*topic_records("a", A), ConfigRecord(TOPIC, "a", "retention.ms", "5"))
    assert old.topic_configs("a") == {"retention.ms": "5"}
    new = image_of(RemoveTopicRecord(A), image=old)
    assert (new.topics, new.topics_by_id, new.configs) == ({}, {}, {})
    assert new.topic_configs("a") == {}


def test_a_name_can_be_used_again_in_the_change_that_removes_it():
    old = image_of(*topic_records("a", A), ConfigRecord(TOPIC, "a", "retention.ms", "5"))
    new = image_of(
        RemoveTopicRecord(A),
        *topic_records("a", B),
        ConfigRecord(TOPIC, "a", "flush.ms", "1"),
        image=old,
    )
    assert new.topics["a"].topic_id == B
    assert list(new.topics_by_id) == [B]
    assert new.topic_configs("a") == {"flush.ms": "1"}


def test_a_topic_made_and_removed_in_one_change_was_never_there():
    image = image_of(*topic_records("a", A), RemoveTopicRecord(A))
    assert (image.topics, image.topics_by_id) == ({}, {})


def test_a_config_set_to_null_is_gone_and_the_last_one_takes_its_resource_along():
    resource = ConfigResource(TOPIC, "a")
    old = image_of(ConfigRecord(TOPIC, "a", "x", "1"), ConfigRecord(TOPIC, "a", "y", "2"))
    one_left = image_of(ConfigRecord(TOPIC, "a", "x", None), image=old)
    assert one_left.configs == {resource: {"y": "2"}}
    assert image_of(ConfigRecord(TOPIC, "a", "y", None), image=one_left).configs == {}
    assert old.configs == {resource: {"x": "1", "y": "2"}}


def test_configs_of_an_untouched_resource_stay_the_same_object():
    old = image_of(ConfigRecord(TOPIC, "a", "x", "1"))
    new = image_of(ConfigRecord(TOPIC, "b", "x", "1"), image=old)
    assert new.topic_configs("a") is old.topic_configs("a")
    assert new.topic_configs("none") is old.topic_configs("none")


def test_a_fenced_broker_is_known_and_not_alive():
    registered = image_of(
        RegisterBrokerRecord(broker_id=3, fenced=True),
        RegisterBrokerRecord(broker_id=4, fenced=False),
    )
    assert (set(registered.brokers), registered.live_brokers) == ({3, 4}, {4})
    unfenced = image_of(BrokerRegistrationChangeRecord(broker_id=3, fenced=-1), image=registered)
    assert unfenced.live_brokers == {3, 4}
    assert unfenced.controller_id == 3
    unchanged = image_of(BrokerRegistrationChangeRecord(broker_id=3, fenced=0), image=unfenced)
    assert unchanged.live_brokers == {3, 4}


def test_a_feature_that_was_switched_off_is_told_from_one_never_heard_of():
    old = image_of(FeatureLevelRecord("group.version", 1))
    assert old.features == {"group.version": 1}
    assert image_of(FeatureLevelRecord("group.version", 0), image=old).features == {
        "group.version": 0
    }


@pytest.mark.parametrize(
    "record",
    [
        PartitionChangeRecord(0, A),
        RemoveTopicRecord(A),
        BrokerRegistrationChangeRecord(9, fenced=1),
    ],
)
def test_a_record_about_something_unknown_is_refused(record):
    with pytest.raises(LookupError):
        image_of(record)


def test_partitions_out_of_order_are_refused():
    with pytest.raises(AssertionError):
        image_of(TopicRecord("a", A), PartitionRecord(1, A))


def shape(image):
    """Everything in an image but object identity."""
    topics = {name: (one.topic_id, one.partitions) for name, one in image.topics.items()}
    assert {one.topic_id: name for name, one in image.topics.items()} == {
        topic_id: one.name for topic_id, one in image.topics_by_id.items()
    }
    return (
        topics,
        image.configs,
        image.brokers,
        image.features,
        image.users,
        image.next_producer_id,
        image.next_offset,
        image.live_brokers,
    )


@given(st.integers(0, 2**32))
@settings(derandomize=True, max_examples=60)
def test_replaying_the_log_gives_the_image_that_was_built_step_by_step(seed):
    rng = random.Random(seed)
    log = MemoryMetadataLog()
    control_plane = start_control_plane(1, 2, log=log)
    for _ in range(rng.randrange(25)):
        change_something(control_plane, rng)
    assert shape(log.replay(MetadataImage(control_plane.image.cluster_id))) == shape(
        control_plane.image
    )


def change_something(control_plane, rng):
    from kafkalite.metadata.events import (
        ConfigChange,
        ConfigOperation,
        MorePartitions,
        NewTopic,
        ResourceChange,
    )

    names = sorted(control_plane.image.topics)
    action = rng.randrange(5) if names else 0
    if action == 0:
        new = {rng.choice("abcdef") for _ in range(rng.randrange(1, 4))}
        configs = {"retention.ms": "7"} if rng.random() < 0.5 else {}
        control_plane.create_topics(
            [NewTopic(name, rng.randrange(1, 4), 2, configs=configs) for name in sorted(new)]
        )
    elif action == 1:
        control_plane.delete_topics([control_plane.image.topics[rng.choice(names)].topic_id])
    elif action == 2:
        name = rng.choice(names)
        control_plane.create_partitions(
            [MorePartitions(name, len(control_plane.image.topics[name].partitions) + 1)]
        )
    elif action == 3:
        operation = rng.choice([ConfigOperation.SET, ConfigOperation.DELETE])
        change = ConfigChange("flush.ms", operation, None if operation else str(rng.randrange(9)))
        control_plane.alter_configs(
            [ResourceChange(ConfigResource(TOPIC, rng.choice(names)), [change])]
        )
    else:
        control_plane.allocate_producer_ids()


def test_topics_are_told_apart_by_identity():
    same = TopicImage("a", A, ())
    assert same == same
    assert same != TopicImage("a", A, ())
