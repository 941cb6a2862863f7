"""When a change is known: after its flush, to listeners first, in order; and what a restart makes of it."""

import random

import pytest
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.no_op_record import NoOpRecord

from kafkalite.errors import KafkaError
from kafkalite.metadata.events import NewTopic
from tests.metadata.in_memory_cluster import (
    MemoryMetadataLog,
    open_control_plane,
    registration,
    start_control_plane,
)


class World:
    """A registered control plane whose flushes the test ends, and everything it told, in order."""

    def __init__(self):
        self.log = MemoryMetadataLog()
        self.control_plane = start_control_plane(log=self.log)
        self.log.flushes = []
        self.told = []
        self.control_plane.on_change(lambda _old, new: self.told.append(sorted(new.topics)))

    def create(self, name):
        answer = self.control_plane.create_topics([NewTopic(name, 1, 1)])
        answer.on_done(lambda done: self.told.append((name, done.result()[0].error)))
        return answer


@pytest.fixture
def world():
    return World()


def test_a_topic_is_not_there_before_its_record_is_flushed(world):
    answer = world.create("a")
    assert not answer.done
    assert world.control_plane.image.topics == {}
    world.log.end_flush()
    assert world.told == [["a"], ("a", None)]


def test_changes_during_a_flush_share_the_next_one(world):
    for name in "abc":
        world.create(name)
    assert len(world.log.flushes) == 1
    world.log.end_flush()
    assert world.told == [["a"], ("a", None)]
    assert len(world.log.flushes) == 1
    world.log.end_flush()
    assert world.told[2:] == [["a", "b", "c"], ("b", None), ("c", None)]
    assert world.log.flushes == []


def test_a_refusal_that_rests_on_a_change_is_told_after_it(world):
    world.create("a")
    second = world.control_plane.create_topics([NewTopic("a", 1, 1)])
    assert not second.done
    world.log.end_flush()
    assert second.result()[0].error.code == ErrorCode.TOPIC_ALREADY_EXISTS
    assert world.log.flushes == []


def test_a_refusal_with_nothing_under_way_is_told_at_once(world):
    answer = world.control_plane.create_topics([NewTopic("a", 0, 1)])
    assert answer.result()[0].error.code == ErrorCode.INVALID_PARTITIONS
    assert (world.told, world.log.flushes) == ([], [])


def test_a_listener_that_changes_more_is_called_for_that_afterwards():
    log = MemoryMetadataLog()
    control_plane = start_control_plane(log=log)
    told = []

    def greedy(old, new):
        if "a" in new.topics and "a" not in old.topics:
            control_plane.create_topics([NewTopic("b", 1, 1)])

    control_plane.on_change(greedy)
    control_plane.on_change(lambda old, new: told.append((sorted(old.topics), sorted(new.topics))))
    control_plane.create_topics([NewTopic("a", 1, 1)]).result()
    assert told == [([], ["a"]), (["a"], ["a", "b"])]


def test_a_failed_append_refuses_one_change_and_the_next_goes_on(world):
    world.log.append_error = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "the disk is full")
    answer = world.control_plane.create_topics([NewTopic("a", 1, 1)])
    with pytest.raises(KafkaError, match="disk is full"):
        answer.result()
    world.log.append_error = None
    world.create("b")
    world.log.end_flush()
    assert sorted(world.control_plane.image.topics) == ["b"]


def test_after_a_failed_flush_no_change_is_made_any_more(world):
    first = world.control_plane.create_topics([NewTopic("a", 1, 1)])
    second = world.control_plane.create_topics([NewTopic("b", 1, 1)])
    world.log.end_flush(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "input/output error"))
    third = world.control_plane.create_topics([NewTopic("c", 1, 1)])
    for answer in (first, second, third):
        with pytest.raises(KafkaError, match="input/output error"):
            answer.result()
    assert (world.control_plane.image.topics, world.told) == ({}, [])


def test_what_was_answered_survives_a_power_cut_and_what_was_not_may_be_gone(world):
    world.create("a")
    world.log.end_flush()
    world.create("b")
    world.log.lose_power()
    world.log.flushes = None
    assert list(open_control_plane(world.log).image.topics) == ["a"]


def test_every_start_is_a_new_leadership_of_every_partition():
    log = MemoryMetadataLog()
    start_control_plane(log=log).create_topics([NewTopic("a", 2, 1)])
    for epoch in (1, 2, 3):
        topic = start_control_plane(log=log).image.topics["a"]
        assert [(one.leader, one.leader_epoch) for one in topic.partitions] == [(1, epoch)] * 2


def test_producer_ids_go_on_after_a_restart():
    log = MemoryMetadataLog()
    first = start_control_plane(log=log).allocate_producer_ids().result()
    second = start_control_plane(log=log).allocate_producer_ids().result()
    assert (first, second) == (range(1000), range(1000, 2000))


def test_no_producer_ids_before_registration():
    with pytest.raises(KafkaError) as refused:
        open_control_plane().allocate_producer_ids().result()
    assert refused.value.code == ErrorCode.BROKER_ID_NOT_REGISTERED


def test_a_random_end_of_flushes_never_tells_more_than_is_flushed():
    rng = random.Random(3)
    world = World()
    for number in range(200):
        if world.log.flushes and rng.random() < 0.5:
            world.log.end_flush()
        else:
            world.create(f"t{number}")
        flushed = MemoryMetadataLog()
        flushed.batches = world.log.batches[: world.log.flushed]
        assert set(world.control_plane.image.topics) == set(
            open_control_plane(flushed).image.topics
        )
    while world.log.flushes:
        world.log.end_flush()
    answered = [one[0] for one in world.told if isinstance(one, tuple)]
    assert answered == list(world.control_plane.image.topics)


def test_registering_announces_endpoints_rack_and_directory():
    control_plane = open_control_plane()
    control_plane.register(registration(5, rack="r1")).result()
    broker = control_plane.image.brokers[5]
    assert (broker.rack, broker.fenced, broker.log_dirs) == ("r1", False, (b"d" * 15 + b"\x05",))
    assert broker.endpoints == (("PLAINTEXT", "host5", 9095, 0),)
    assert control_plane.image.controller_id == 5


def long_log():
    """A log with much that does not matter any more, and its image."""
    log = MemoryMetadataLog()
    control_plane = start_control_plane(log=log)
    control_plane.create_topics([NewTopic("stays", 2, 1, configs={"retention.ms": "7"})])
    (made,) = control_plane.create_topics([NewTopic("goes", 2, 1)]).result()
    control_plane.delete_topics([made.topic_id])
    control_plane.allocate_producer_ids()
    log.append([NoOpRecord()] * 25_000)
    log.flush()
    return log, open_control_plane(log).image


def test_a_long_log_is_summed_up_at_the_next_start():
    log, before = long_log()
    after = start_control_plane(log=log).image
    assert log.record_count < 20
    again = open_control_plane(log).image
    for image in (after, again):
        assert image.topics["stays"].partitions == tuple(
            one._replace(leader_epoch=1, partition_epoch=1)
            for one in before.topics["stays"].partitions
        )
        assert list(image.topics) == ["stays"]
        assert (image.configs, image.features) == (before.configs, before.features)
        assert image.next_producer_id == 1000
        assert image.brokers == after.brokers
        assert image.next_offset == after.next_offset


def test_a_log_is_summed_up_once():
    log, _ = long_log()
    start_control_plane(log=log)
    start = log.start
    start_control_plane(log=log)
    assert log.start == start


def test_a_power_cut_before_the_sum_is_durable_loses_nothing():
    log, before = long_log()
    control_plane = open_control_plane(log)
    log.flushes = []
    control_plane.register(registration(1))
    assert log.start == 0
    log.lose_power()
    log.flushes = None
    assert list(open_control_plane(log).image.topics) == ["stays"]
    assert open_control_plane(log).image.next_offset == before.next_offset


def test_the_sum_replayed_after_what_it_sums_up_changes_nothing():
    log, _ = long_log()
    after = start_control_plane(log=log).image
    log.start = 0
    again = open_control_plane(log).image
    assert again.topics["stays"].partitions == after.topics["stays"].partitions
    assert (list(again.topics), again.configs, again.brokers) == (
        ["stays"],
        after.configs,
        after.brokers,
    )
