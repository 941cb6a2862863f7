"""Records of consumer groups, byte for byte as Apache Kafka 4.3.0 wrote them."""

from __future__ import annotations

import pytest

from kafkalite.coordination.group.classic.member import Protocol
from kafkalite.coordination.group.consumer import records
from kafkalite.coordination.group.consumer.group import ConsumerGroup
from kafkalite.coordination.group.consumer.member import (
    ClassicMetadata,
    ConsumerMember,
    CurrentAssignment,
    MemberMetadata,
    MemberState,
)
from kafkalite.coordination.group.consumer.records import ResolvedRegex
from kafkalite.coordination.group.modern.group import ModernGroupState
from kafkalite.coordination.group.modern.metadata_hash import group_hash, topic_hash
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.types import GroupId, MemberId, Uuid
from tests.coordination.group_world import FakeTopics

GROUP = GroupId("golden-group-362323")
TOPIC = "golden-topic-362323"
TOPIC_ID = Uuid(bytes.fromhex("9bdb37a5e03f43e68a83a9cc04824ad1"))
REGEX = "golden-topic-36232.*"
ONE, TWO = MemberId("member-1"), MemberId("member-2")
CLASSIC = MemberId("WulGvPPLRR2Ie9ZKW5Ydog")
HASH = 263917325021853181
SUBSCRIPTION = b"\0\3\0\0\0\1\0\x13golden-topic-362323\xff\xff\xff\xff\0\0\0\0" + b"\xff" * 6

KEY = "0013676f6c64656e2d67726f75702d333632333233"
"""The group, as keys begin after their type."""
ONE_KEY = f"{KEY}00086d656d6265722d31"
TWO_KEY = f"{KEY}00086d656d6265722d32"
CLASSIC_KEY = f"{KEY}001657756c477650504c5252324965395a4b573559646f67"
ID = "9bdb37a5e03f43e68a83a9cc04824ad1"
NAME = "14676f6c64656e2d746f7069632d333632333233"

GOLDEN = [
    (
        "0005" + ONE_KEY,
        (
            f"00000b696e7374616e63652d31077261636b2d3104636c690b2f3132372e302e302e3103{NAME}067a65627261"
            "15676f6c64656e2d746f7069632d33363233322e2a0000ea600672616e676501000100"
        ),
        records.member_metadata(
            GROUP,
            ONE,
            MemberMetadata(
                instance_id="instance-1",
                rack_id="rack-1",
                client_id="cli",
                client_host="/127.0.0.1",
                rebalance_timeout_ms=60_000,
                topic_names=frozenset({"zebra", TOPIC}),
                topic_regex=REGEX,
                server_assignor="range",
            ),
        ),
    ),
    ("0003" + KEY, "00000000000201000803a99f68a7ffb5fd", records.group_epoch(GROUP, 2, HASH)),
    (
        "0010" + KEY + "0014676f6c64656e2d746f7069632d33363233322e2a",
        f"000002{NAME}0000000000002caf000001a1fdd2e3db00",
        records.regex(GROUP, REGEX, ResolvedRegex(frozenset({TOPIC}), 11439, 1795259818971)),
    ),
    (
        "0007" + ONE_KEY,
        f"000002{ID}05000000000000000100000002000000030000",
        records.target(GROUP, ONE, {TOPIC_ID: frozenset({3, 2, 1, 0})}),
    ),
    (
        "0006" + KEY,
        "000000000003010008000001a1fdd2e893",
        records.target_epoch(GROUP, 3, 1795259820179),
    ),
    (
        "0008" + ONE_KEY,
        (
            f"000000000003000000020002{ID}05000000000000000100000002000000030100110500000002000000020000"
            "0002000000020100"
        ),
        records.current(
            GROUP,
            ONE,
            CurrentAssignment(3, 2, assigned={TOPIC_ID: dict.fromkeys(range(4), 2)}),
        ),
    ),
    (
        "0005" + TWO_KEY,
        f"0000000004636c690b2f3132372e302e302e3102{NAME}010000ea600001000100",
        records.member_metadata(
            GROUP,
            TWO,
            MemberMetadata(
                client_id="cli",
                client_host="/127.0.0.1",
                rebalance_timeout_ms=60_000,
                topic_names=frozenset({TOPIC}),
            ),
        ),
    ),
    (
        "0008" + TWO_KEY,
        "0000000000040000000002010100",
        records.current(
            GROUP, TWO, CurrentAssignment(4, 0, state=MemberState.UNRELEASED_PARTITIONS)
        ),
    ),
    (
        "0008" + ONE_KEY,
        (
            f"000000000003000000030102{ID}03000000000000000101000903000000020000000202{ID}03000000020000"
            "000301000903000000020000000200"
        ),
        records.current(
            GROUP,
            ONE,
            CurrentAssignment(
                3,
                3,
                MemberState.UNREVOKED_PARTITIONS,
                {TOPIC_ID: {0: 2, 1: 2}},
                {TOPIC_ID: {2: 2, 3: 2}},
            ),
        ),
    ),
    (
        "0005" + CLASSIC_KEY,
        (
            f"00000a636c61737369632d310004636c690b2f3132372e302e302e3102{NAME}0100004e200001006e01000027"
            f"10030672616e67652a{SUBSCRIPTION.hex()}000b726f756e64726f62696e2a{SUBSCRIPTION.hex()}0000"
        ),
        records.member_metadata(
            GROUP,
            CLASSIC,
            MemberMetadata(
                instance_id="classic-1",
                client_id="cli",
                client_host="/127.0.0.1",
                rebalance_timeout_ms=20_000,
                topic_names=frozenset({TOPIC}),
                classic=ClassicMetadata(
                    10_000,
                    (Protocol("range", SUBSCRIPTION), Protocol("roundrobin", SUBSCRIPTION)),
                ),
            ),
        ),
    ),
]


@pytest.mark.parametrize(("key", "value", "ours"), GOLDEN)
def test_records_are_written_as_kafka_writes_them(key, value, ours):
    assert ours == (bytes.fromhex(key), bytes.fromhex(value))


def test_tombstones_have_the_keys_of_what_they_remove():
    assert [key.hex() for key, _ in group_of_golden_records().tombstones()] == [
        *("0008" + each for each in (ONE_KEY, TWO_KEY, CLASSIC_KEY)),
        *("0007" + each for each in (ONE_KEY, TWO_KEY, CLASSIC_KEY)),
        "0006" + KEY,
        *("0005" + each for each in (ONE_KEY, TWO_KEY, CLASSIC_KEY)),
        "0010" + KEY + "0014676f6c64656e2d746f7069632d33363233322e2a",
        "0004" + KEY,
        "0003" + KEY,
    ]


def group_of_golden_records() -> ConsumerGroup:
    shard = GroupShard()
    shard.replay_all((bytes.fromhex(key), bytes.fromhex(value)) for key, value, _ in GOLDEN)
    group = shard.groups[GROUP]
    assert isinstance(group, ConsumerGroup)
    return group


def test_a_group_is_the_replay_of_its_records():
    group = group_of_golden_records()
    assert (group.epoch, group.assignment_epoch, group.metadata_hash) == (2, 3, HASH)
    assert group.static_members == {"instance-1": ONE, "classic-1": CLASSIC}
    assert group.regexes[REGEX].topics == {TOPIC}
    assert [each.member_id for each in group.classic_members()] == [CLASSIC]
    assert group.owner_of(TOPIC_ID, 1) == group.owner_of(TOPIC_ID, 3) == ONE
    assert group.state is ModernGroupState.RECONCILING


def test_tombstones_leave_nothing():
    group = group_of_golden_records()
    shard = GroupShard()
    shard.groups[GROUP] = group
    shard.replay_all(group.tombstones())
    assert not shard.groups


def test_a_member_that_is_gone_owns_nothing():
    group = group_of_golden_records()
    shard = GroupShard()
    shard.groups[GROUP] = group
    shard.replay_all([records.current_tombstone(GROUP, ONE)])
    assert group.members[ONE].epoch == -1
    assert group.owner_of(TOPIC_ID, 1) is None
    shard.replay_all(
        [records.target_tombstone(GROUP, ONE), records.member_metadata_tombstone(GROUP, ONE)]
    )
    assert ONE not in group.members
    assert "instance-1" not in group.static_members
    assert not group.regex_subscribers


def test_a_partition_that_was_given_on_is_not_lost_by_an_older_record_of_its_former_owner():
    """Compaction may leave the former owner's record that it has it, and take the one that it gave it up to the end."""
    group = ConsumerGroup(GROUP)
    has = CurrentAssignment(2, 1, assigned={TOPIC_ID: {0: 2}})
    group.put_current(ONE, has)
    group.put_current(TWO, has)
    group.put_current(ONE, CurrentAssignment(3, 2))
    assert group.owner_of(TOPIC_ID, 0) == TWO


def test_records_of_kafka_before_4_3_have_the_members_epoch_for_every_partition():
    """Written without tag 0, as by Kafka 4.0."""
    value = bytes.fromhex(f"000000000007000000060002{ID}030000000000000001000100")
    assert records.read_current(value).assigned == {TOPIC_ID: {0: 7, 1: 7}}


def test_a_state_of_a_kafka_to_come_is_unknown():
    assert records.read_current(bytes.fromhex("0000000000030000000263010100")).state is (
        MemberState.UNKNOWN
    )


def test_a_tombstone_of_a_group_that_another_type_has_followed_changes_nothing():
    shard = GroupShard()
    shard.replay_all(
        [records.group_epoch_tombstone(GROUP), records.member_metadata_tombstone(GROUP, ONE)]
    )
    assert not shard.groups


def test_the_hash_of_the_topics_is_kafkas():
    topics = FakeTopics()
    topics.ids[TOPIC] = TOPIC_ID
    topics.partitions[TOPIC] = 4
    assert group_hash([TOPIC, "zebra"], topics) == HASH
    assert group_hash(["zebra"], topics) == 0


def test_the_hash_of_a_topic_with_racks_is_kafkas():
    """By `hash4j` 0.22 of Kafka 4.3, for partitions with one replica each in rack `ab`."""
    topic_id = Uuid(bytes.fromhex("0102030405060708fffffffffffffffe"))
    assert topic_hash("orders", topic_id, [["ab"]] * 3) == -8657399951692598561


def test_the_order_of_replicas_and_of_topics_does_not_count_in_the_hash():
    topic_id = Uuid(b"t" * 16)
    assert topic_hash("t", topic_id, [["a", "b"]]) == topic_hash("t", topic_id, [["b", "a"]])
    assert topic_hash("t", topic_id, [["a"]]) != topic_hash("t", topic_id, [["b"]])
    topics = FakeTopics()
    assert group_hash(["orders", "other"], topics) == group_hash(["other", "orders"], topics)


def test_a_member_is_a_value():
    member = ConsumerMember(ONE, MemberMetadata(), CurrentAssignment())
    assert member.assignment_epoch_of(TOPIC_ID, 0) is None
    owner = member._replace(current=CurrentAssignment(assigned={TOPIC_ID: {0: 5}}))
    assert owner.assignment_epoch_of(TOPIC_ID, 0) == 5
