"""The records of share groups: bytes that Apache Kafka 4.3.0 wrote, read here and written again."""

from __future__ import annotations

import pytest

from kafkalite.coordination.group.shard import GroupShard
from kafkalite.coordination.group.share import records
from kafkalite.coordination.group.share.group import ShareGroup
from kafkalite.coordination.group.share.member import CurrentAssignment, MemberMetadata
from kafkalite.coordination.group.share.state_partitions import StatePartitions, TopicPartitions
from kafkalite.types import GroupId, MemberId, Uuid

GROUP = GroupId("golden-share")
MEMBER = MemberId("m")
TOPIC_ID = Uuid(bytes.fromhex("963e21e8529b4bd18ad085e0e294d3a2"))
TOPIC = {TOPIC_ID: TopicPartitions("golden-orders", frozenset({0, 1}))}
PARTITIONS = {TOPIC_ID: frozenset({0, 1})}

GROUP_KEY_END = "000c676f6c64656e2d7368617265"
MEMBER_KEY_END = GROUP_KEY_END + "00016d"
IN_TOPIC = "963e21e8529b4bd18ad085e0e294d3a2"
NAME = "0e676f6c64656e2d6f7264657273"

GOLDEN = [
    (
        records.member_metadata(
            GROUP, MEMBER, MemberMetadata("r", "probe", "/127.0.0.1", frozenset({"golden-orders"}))
        ),
        "000a" + MEMBER_KEY_END,
        f"000002720670726f62650b2f3132372e302e302e3102{NAME}00",
    ),
    (
        records.group_epoch(GROUP, 2, -2516504837854733765),
        "000b" + GROUP_KEY_END,
        "000000000002dd13942ed81dda3b00",
    ),
    (records.target(GROUP, MEMBER, {}), "000d" + MEMBER_KEY_END, "00000100"),
    (
        records.target(GROUP, MEMBER, PARTITIONS),
        "000d" + MEMBER_KEY_END,
        f"000002{IN_TOPIC}0300000000000000010000",
    ),
    (
        records.target_epoch(GROUP, 2, 1795257902455),
        "000c" + GROUP_KEY_END,
        "000000000002010008000001a1fdb5a577",
    ),
    (
        records.current(GROUP, MEMBER, CurrentAssignment(2, 0)),
        "000e" + MEMBER_KEY_END,
        "00000000000200000000000100",
    ),
    (
        records.current(GROUP, MEMBER, CurrentAssignment(3, 2, PARTITIONS)),
        "000e" + MEMBER_KEY_END,
        f"000000000003000000020002{IN_TOPIC}0300000000000000010000",
    ),
    (
        records.state_partitions(GROUP, StatePartitions(initializing=TOPIC)),
        "000f" + GROUP_KEY_END,
        f"000002{IN_TOPIC}{NAME}03000000000000000100010100",
    ),
    (
        records.state_partitions(GROUP, StatePartitions(initialized=TOPIC)),
        "000f" + GROUP_KEY_END,
        f"00000102{IN_TOPIC}{NAME}0300000000000000010001 00",
    ),
    (
        records.state_partitions(GROUP, StatePartitions(deleting={TOPIC_ID: "golden-orders"})),
        "000f" + GROUP_KEY_END,
        f"0000010102{IN_TOPIC}{NAME}0000",
    ),
]


@pytest.mark.parametrize(("record", "key", "value"), GOLDEN)
def test_record_has_kafkas_bytes(record, key, value) -> None:
    assert record == (bytes.fromhex(key), bytes.fromhex(value))


def test_group_is_brought_back_from_kafkas_log_and_taken_away_by_its_tombstones() -> None:
    shard = GroupShard()
    shard.replay_all((bytes.fromhex(key), bytes.fromhex(value)) for _, key, value in GOLDEN)
    group = shard.groups[GROUP]
    assert isinstance(group, ShareGroup)
    assert (group.epoch, group.assignment_epoch, group.state_name) == (2, 2, "Stable")
    member = group.members[MEMBER]
    assert member.metadata == MemberMetadata(
        "r", "probe", "/127.0.0.1", frozenset({"golden-orders"})
    )
    assert member.current == CurrentAssignment(3, 2, PARTITIONS)
    assert group.target(MEMBER) == PARTITIONS
    assert group.state_partitions == StatePartitions(deleting={TOPIC_ID: "golden-orders"})

    shard.replay_all(
        (bytes.fromhex(prefix + end), None)
        for prefix, end in (
            ("000e", MEMBER_KEY_END),
            ("000d", MEMBER_KEY_END),
            ("000a", MEMBER_KEY_END),
        )
    )
    assert group.state_name == "Empty"
    assert group.targets == {}
    shard.replay_all(
        (bytes.fromhex(prefix + GROUP_KEY_END), None) for prefix in ("000c", "000f", "000b")
    )
    assert GROUP not in shard.groups


def test_tombstones_of_a_group_take_away_all_it_wrote() -> None:
    shard = GroupShard()
    shard.replay_all(record for record, _, _ in GOLDEN)
    shard.replay_all(shard.groups[GROUP].tombstones())
    assert GROUP not in shard.groups


def test_topic_without_partitions_that_kafka_may_write_is_none() -> None:
    value = bytes.fromhex(f"000002{IN_TOPIC}{NAME}0100010100")
    assert records.read_state_partitions(value) == StatePartitions()
