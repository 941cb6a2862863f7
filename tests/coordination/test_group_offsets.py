"""Committing and fetching offsets. Expectations were measured on Apache Kafka 4.3.0."""

from __future__ import annotations

import pytest
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.offset_commit import OffsetCommitRequest as Request

from kafkalite.types import Uuid
from tests.coordination.group_world import ORDERS_ID, World, codes

ORDERS = ("orders", 0)


def test_client_without_group_management_commits_and_fetches() -> None:
    world = World()
    assert codes(world.commit({ORDERS: 42}, metadata="note", leader_epoch=3).result()) == [0]
    partition = world.fetch(ORDERS).topics[0].partitions[0]
    assert (partition.committed_offset, partition.committed_leader_epoch) == (42, 3)
    assert (partition.metadata, partition.error_code) == ("note", 0)


def test_offset_is_visible_only_when_it_is_committed_in_the_log() -> None:
    world = World()
    world.log.hold = True
    answer = world.commit({ORDERS: 42})
    assert not answer.done
    assert world.committed() == -1
    world.log.commit_next()
    assert codes(answer.result()) == [0]
    assert world.committed() == 42


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.NOT_COORDINATOR),
        (ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.NOT_COORDINATOR),
        (ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.COORDINATOR_NOT_AVAILABLE),
        (ErrorCode.REQUEST_TIMED_OUT, ErrorCode.COORDINATOR_NOT_AVAILABLE),
        (ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.INVALID_COMMIT_OFFSET_SIZE),
        (ErrorCode.UNKNOWN_SERVER_ERROR, ErrorCode.UNKNOWN_SERVER_ERROR),
    ],
)
def test_commit_that_cannot_be_written_is_not_applied(failure: ErrorCode, code: ErrorCode) -> None:
    world = World()
    world.log.fail_with = failure
    assert codes(world.commit({ORDERS: 42}).result()) == [code]
    assert world.committed() == -1
    world.log.fail_with, world.log.hold = None, True
    answer = world.commit({ORDERS: 43})
    world.log.fail_next(failure)
    assert codes(answer.result()) == [code]
    assert world.committed() == -1


@pytest.mark.parametrize(
    ("member_id", "generation_id", "code"),
    [
        ("member", 1, ErrorCode.NONE),
        ("member", 2, ErrorCode.ILLEGAL_GENERATION),
        ("member", -1, ErrorCode.ILLEGAL_GENERATION),
        ("nobody", 1, ErrorCode.UNKNOWN_MEMBER_ID),
        ("", -1, ErrorCode.UNKNOWN_MEMBER_ID),
    ],
)
def test_commit_to_an_active_group(member_id: str, generation_id: int, code: ErrorCode) -> None:
    world = World()
    (member,) = world.stable_group()
    sender = member if member_id == "member" else member_id
    assert codes(world.commit({ORDERS: 1}, sender, generation_id).result()) == [code]


@pytest.mark.parametrize(
    ("version", "code"),
    [
        (2, ErrorCode.ILLEGAL_GENERATION),
        (8, ErrorCode.ILLEGAL_GENERATION),
        (9, ErrorCode.GROUP_ID_NOT_FOUND),
    ],
)
def test_commit_of_a_member_to_an_unknown_group(version: int, code: ErrorCode) -> None:
    assert codes(World().commit({ORDERS: 1}, "m", 3, version=version).result()) == [code]


def test_commit_of_a_member_to_a_group_that_has_only_offsets() -> None:
    world = World()
    world.commit({ORDERS: 1}).result()
    assert codes(world.commit({ORDERS: 2}, "", 0).result()) == [ErrorCode.UNKNOWN_MEMBER_ID]
    assert codes(world.commit({ORDERS: 3}, "m", -1).result()) == [ErrorCode.NONE]
    assert world.heartbeat("", 0) == ErrorCode.UNKNOWN_MEMBER_ID


def test_ending_generation_may_still_commit_and_the_next_only_with_its_assignment() -> None:
    world = World()
    (leader,) = world.stable_group()
    world.join(world.new_member_id())
    assert codes(world.commit({ORDERS: 1}, leader, 1).result()) == [ErrorCode.NONE]
    assert codes(world.commit({ORDERS: 1}, leader, 2).result()) == [ErrorCode.ILLEGAL_GENERATION]
    world.join(leader)
    assert codes(world.commit({ORDERS: 1}, leader, 2).result()) == [ErrorCode.REBALANCE_IN_PROGRESS]
    assert codes(world.commit({ORDERS: 1}, leader, 1).result()) == [ErrorCode.ILLEGAL_GENERATION]


def test_empty_group_takes_commits_without_a_generation() -> None:
    world = World()
    (member,) = world.stable_group()
    world.leave(member)
    assert codes(world.commit({ORDERS: 1}).result()) == [ErrorCode.NONE]
    assert codes(world.commit({ORDERS: 1}, "", 2).result()) == [ErrorCode.UNKNOWN_MEMBER_ID]


def test_each_partition_is_answered_for_itself_in_the_order_asked() -> None:
    world = World()
    response = world.commit(
        {("orders", 0): 1, ("orders", 9): 2, ("missing", 0): 3, ("other", 0): -7}
    ).result()
    assert codes(response) == [
        0,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        0,
    ]
    assert [topic.name for topic in response.topics] == ["orders", "missing", "other"]
    assert world.committed("other") == -7, "what an offset means is the client's affair"


def test_unknown_topics_are_told_even_to_a_stranger() -> None:
    assert codes(World().commit({("missing", 0): 1}, "m", 3).result()) == [
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    ]


def test_note_may_be_4096_characters_and_no_longer() -> None:
    world = World()
    assert codes(world.commit({ORDERS: 1}, metadata="x" * 4_096).result()) == [0]
    written = len(world.log.all)
    assert codes(world.commit({ORDERS: 2}, metadata="x" * 4_097).result()) == [
        ErrorCode.OFFSET_METADATA_TOO_LARGE
    ]
    assert world.committed() == 1
    assert len(world.log.all) == written


def test_null_note_is_read_back_empty() -> None:
    world = World()
    world.commit({ORDERS: 1}, metadata=None).result()
    assert world.fetch(ORDERS).topics[0].partitions[0].metadata == ""


def test_last_of_two_commits_in_one_request_counts() -> None:
    world = World()
    partitions = [
        Request.OffsetCommitRequestPartition(0, 8),
        Request.OffsetCommitRequestPartition(0, 9),
    ]
    topics = [Request.OffsetCommitRequestTopic("orders", partitions=partitions)]
    assert codes(world.commit({}, topics=topics).result()) == [0, 0]
    assert world.committed() == 9


def test_empty_group_id_is_a_group_for_offsets() -> None:
    world = World()
    assert codes(world.commit({ORDERS: 5}, group_id="").result()) == [0]
    assert world.committed(group_id="") == 5


def test_commit_and_fetch_by_topic_id() -> None:
    world = World()
    response = world.commit({ORDERS: 5, ("missing", 0): 1, ("orders", 7): 1}, version=10).result()
    assert [(topic.topic_id, topic.partitions[0].error_code) for topic in response.topics] == [
        (ORDERS_ID, 0),
        (bytes(16), ErrorCode.UNKNOWN_TOPIC_ID),
    ]
    assert codes(response) == [0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.UNKNOWN_TOPIC_ID]
    fetched = world.fetch(ORDERS, ("missing", 0), version=10)
    assert [(topic.topic_id, topic.partitions[0].committed_offset) for topic in fetched.topics] == [
        (ORDERS_ID, 5),
        (bytes(16), -1),
    ]
    assert fetched.topics[1].partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID
    assert world.fetch(everything=True, version=10).topics[0].topic_id == ORDERS_ID


def test_what_was_never_committed_is_minus_one_without_error() -> None:
    world = World()
    for fetched in (
        world.fetch(("orders", 1), ("nowhere", 0)),
        world.fetch(ORDERS, group_id="unheard-of"),
    ):
        for topic in fetched.topics:
            (partition,) = topic.partitions
            assert (partition.committed_offset, partition.committed_leader_epoch) == (-1, -1)
            assert (partition.metadata, partition.error_code, fetched.error_code) == ("", 0, 0)


def test_fetch_of_everything_lists_what_was_committed() -> None:
    world = World()
    world.commit({("orders", 2): 2, ("other", 0): 3, ("orders", 0): 1}).result()
    fetched = world.fetch(everything=True)
    assert {
        (topic.name, partition.partition_index): partition.committed_offset
        for topic in fetched.topics
        for partition in topic.partitions
    } == {("orders", 2): 2, ("other", 0): 3, ("orders", 0): 1}
    assert world.fetch(everything=True, group_id="unheard-of").topics == []


def test_offsets_of_deleted_topics_are_forgotten_in_the_log_too() -> None:
    world = World()
    world.commit({ORDERS: 1, ("other", 0): 2}).result()
    world.commit({ORDERS: 3}, group_id="group-b").result()
    world.coordinator.on_topics_deleted(["orders", "never-used"])
    assert world.committed() == -1
    assert world.committed(group_id="group-b") == -1
    assert world.committed("other") == 2
    assert sum(value is None for _, value in world.log.all) == 2
    again = World(load=False)
    for partition in range(again.partition_count):
        again.coordinator.load_partition(partition, world.log.records.get(partition, []))
    assert again.committed() == -1
    assert again.committed("other") == 2


def test_topic_created_again_does_not_answer_to_its_former_id() -> None:
    world = World()
    world.commit({ORDERS: 1}).result()
    world.coordinator.on_topics_deleted(["orders"])
    world.topics.ids["orders"] = Uuid(b"n" * 16)
    assert world.fetch(ORDERS, version=10).topics[0].partitions[0].committed_offset == -1
