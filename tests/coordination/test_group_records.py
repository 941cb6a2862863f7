"""The records of `__consumer_offsets`: bytes that Apache Kafka 4.3.0 wrote, read here and written again."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafkalite_protocol.errors import ProtocolError

from kafkalite.coordination.group.classic import records
from kafkalite.coordination.group.offset_records import (
    CommittedOffset,
    OffsetRecord,
    offset_commit,
    offset_tombstone,
    read_offset_record,
)
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.types import GroupId, LeaderEpoch, MemberId, Offset, TopicPartition, Uuid
from tests.coordination.group_world import GROUP, ORDERS_ID, World

GROUP_KEY = bytes.fromhex("0002000c7265632d3337636139653937")
OFFSET_KEY = bytes.fromhex("0001000c7265632d3337636139653937000b72742d333763613965393700000000")
NEW_GROUP = bytes.fromhex("0003000000000000ffffffff000001a1fd130d1000000000")
STABLE_GROUP = bytes.fromhex(
    "00030008636f6e73756d657200000001000572616e6765002772632d35626437633062642d643061612d346365342d396235342d316164"
    "393738653939653566000001a1fd130d1200000001002772632d35626437633062642d643061612d346365342d396235342d3161643937"
    "38653939653566ffff00027263000a2f3132372e302e302e3100004e2000002710000000016d00000003617367"
)
EMPTY_GROUP = bytes.fromhex("00030008636f6e73756d657200000003ffffffff000001a1fd130d1600000000")
OFFSET = bytes.fromhex(
    "0004000000000000000500000000056e6f7465000001a1fd130d13010010b346da2ecf4f49c6911470b51326c25f"
)
OFFSET_WITHOUT_EPOCH = bytes.fromhex(
    "00040000000000000006ffffffff01000001a1fd130d14010010b346da2ecf4f49c6911470b51326c25f"
)

GROUP_ID = GroupId("rec-37ca9e97")
MEMBER_ID = MemberId("rc-5bd7c0bd-d0aa-4ce4-9b54-1ad978e99e5f")
PARTITION = TopicPartition("rt-37ca9e97", 0)
TOPIC_ID = Uuid(bytes.fromhex("b346da2ecf4f49c6911470b51326c25f"))


@pytest.mark.parametrize(
    ("value", "committed"),
    [
        (OFFSET, CommittedOffset(Offset(5), LeaderEpoch(0), "note", 1795247246611, TOPIC_ID)),
        (
            OFFSET_WITHOUT_EPOCH,
            CommittedOffset(Offset(6), LeaderEpoch(-1), "", 1795247246612, TOPIC_ID),
        ),
    ],
)
def test_committed_offset_has_kafkas_bytes(value: bytes, committed: CommittedOffset) -> None:
    assert read_offset_record(OFFSET_KEY, value) == OffsetRecord(GROUP_ID, PARTITION, committed)
    assert offset_commit(GROUP_ID, PARTITION, committed) == (OFFSET_KEY, value)


def test_tombstone_of_an_offset_has_kafkas_bytes() -> None:
    assert read_offset_record(OFFSET_KEY, None) == OffsetRecord(GROUP_ID, PARTITION, None)
    assert offset_tombstone(GROUP_ID, PARTITION) == (OFFSET_KEY, None)


def test_new_group_has_kafkas_bytes() -> None:
    assert records.new_group(GROUP_ID, 1795247246608) == (GROUP_KEY, NEW_GROUP)


@pytest.mark.parametrize("value", [STABLE_GROUP, EMPTY_GROUP])
def test_group_has_kafkas_bytes(value: bytes) -> None:
    record = records.read_group_record(GROUP_KEY, value)
    assert record.value is not None
    group = records.group_from_record(record.group_id, record.value)
    assignments = {member.member_id: member.assignment for member in group.members.values()}
    assert records.group_metadata(group, assignments) == (GROUP_KEY, value)


def test_group_of_kafka_is_read_as_it_was() -> None:
    record = records.read_group_record(GROUP_KEY, STABLE_GROUP)
    assert record.value is not None
    group = records.group_from_record(record.group_id, record.value)
    assert (group.state.value, group.generation_id, group.leader_id) == ("Stable", 1, MEMBER_ID)
    assert (group.protocol_type, group.protocol_name) == ("consumer", "range")
    member = group.members[MEMBER_ID]
    assert (member.client_id, member.client_host, member.instance_id) == ("rc", "/127.0.0.1", None)
    assert (member.rebalance_timeout_ms, member.session_timeout_ms) == (20_000, 10_000)
    assert (member.metadata_for("range"), member.assignment) == (b"m", b"asg")


def test_committing_by_name_writes_the_topics_id_too() -> None:
    world = World()
    world.commit({("orders", 0): 1}, version=9).result()
    record = read_offset_record(*world.log.all[-1])
    assert record.committed is not None
    assert record.committed.topic_id == ORDERS_ID


def test_member_of_a_record_without_rebalance_timeout_has_the_session_timeout() -> None:
    value_v0 = bytes.fromhex(
        "0000" "0008636f6e73756d6572" "00000001" "000572616e6765" "00016d"
        "00000001" "00016d" "000163" "00022f68" "00002710" "00000001" "73" "00000000"
    )  # fmt: skip
    record = records.read_group_record(GROUP_KEY, value_v0)
    assert record.value is not None
    member = records.group_from_record(record.group_id, record.value).members[MemberId("m")]
    assert (member.rebalance_timeout_ms, member.session_timeout_ms) == (10_000, 10_000)


def test_record_of_an_unknown_type_is_left_alone() -> None:
    shard = GroupShard()
    shard.replay((99).to_bytes(2, "big") + b"\0\7group-a", b"\0\0")
    assert not shard.groups


@given(st.sampled_from([(OFFSET_KEY, OFFSET), (GROUP_KEY, STABLE_GROUP)]), st.data())
@settings(derandomize=True, deadline=None, max_examples=300)
def test_damaged_record_is_a_protocol_error_and_nothing_else(
    record: tuple[bytes, bytes], data: st.DataObject
) -> None:
    key, value = (bytearray(part) for part in record)
    part = data.draw(st.sampled_from([key, value]))
    if data.draw(st.booleans()):
        del part[data.draw(st.integers(0, len(part) - 1)) :]
    else:
        part[data.draw(st.integers(0, len(part) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(ProtocolError):  # the only exception allowed
        GroupShard().replay(bytes(key), bytes(value))


def test_group_id_of_the_world_is_spelled_in_its_key() -> None:
    world = World()
    world.commit({("orders", 0): 1}).result()
    assert world.log.all[-1][0] == b"\0\1\0\7group-a\0\6orders\0\0\0\0"
    assert GROUP == "group-a"
