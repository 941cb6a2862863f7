"""Records of a streams group as Apache Kafka 4.3.0 wrote them: read as it meant them, and written as it writes them.

`golden/streams_group_4.3.tsv` has key and value of each record in hexadecimal, in their order in `__consumer_offsets`: an
application of two subtopologies with one standby, whose member `a` hands half of its tasks to `b`, which then leaves.
"""

from __future__ import annotations

from pathlib import Path

from kafkalite_protocol.messages.streams_group_current_member_assignment_value import (
    StreamsGroupCurrentMemberAssignmentValue,
)

from kafkalite.coordination.group.record_bytes import key_type
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.coordination.group.streams import records
from kafkalite.coordination.group.streams.group import StreamsGroup
from kafkalite.coordination.group.streams.member import MemberState, UserEndpoint
from kafkalite.coordination.ports import KeyValue
from kafkalite.types import GroupId, MemberId
from tests.coordination.streams_world import tasks

GROUP, A, B = GroupId("golden"), MemberId("a"), MemberId("b")

GOLDEN = Path(__file__).parent / "golden" / "streams_group_4.3.tsv"

METADATA, MEMBER, TARGET_EPOCH, TARGET, CURRENT, TOPOLOGY = 17, 19, 20, 21, 22, 23


def golden() -> list[KeyValue]:
    lines = [line.split("\t") for line in GOLDEN.read_text().splitlines()]
    return [
        (bytes.fromhex(key), None if value == "-" else bytes.fromhex(value)) for key, value in lines
    ]


def replayed(count: int | None = None) -> StreamsGroup:
    shard = GroupShard()
    shard.replay_own(golden()[:count])
    group = shard.groups[GROUP]
    assert isinstance(group, StreamsGroup)
    return group


def test_what_is_read_is_written_with_the_same_bytes() -> None:
    for number, (key, value) in enumerate(golden(), 1):
        if value is not None and number > 1:  # the first comes before there is a topology
            assert ours(replayed(number), key) == (key, value)


def ours(group: StreamsGroup, key: bytes) -> KeyValue:
    """The record that we write for what the group has come to."""
    member_id = MemberId(key[-1:].decode())
    assert group.topology is not None
    if key_type(key) in (MEMBER, TARGET, CURRENT):
        member = group.members[member_id]
        return {
            MEMBER: lambda: records.member_metadata(GROUP, member),
            TARGET: lambda: records.target(GROUP, member_id, group.targets[member_id]),
            CURRENT: lambda: records.current(GROUP, member),
        }[key_type(key)]()
    return {
        METADATA: records.group_metadata(
            GROUP,
            group.epoch,
            group.metadata_hash,
            group.validated_topology_epoch,
            group.assignment_configs,
        ),
        TARGET_EPOCH: records.target_epoch(
            GROUP, group.assignment_epoch, group.assignment_timestamp_ms
        ),
        TOPOLOGY: records.topology(GROUP, group.topology),
    }[key_type(key)]


def test_group_is_as_kafka_left_it() -> None:
    group = replayed()
    assert group.epoch == 4
    assert group.assignment_epoch == 3
    assert group.assignment_configs == {"num.standby.replicas": "1"}
    assert group.validated_topology_epoch == 0
    assert group.state_name == "Assigning"
    assert group.members.keys() == group.targets.keys() == {A}
    member = group.members[A]
    assert member.state is MemberState.UNRELEASED_TASKS, "it waits to have a standby of 1_1"
    assert (member.epoch, member.previous_epoch) == (3, 2)
    assert member.assigned.active == dict.fromkeys(tasks("0_0", "1_0"), 2)
    assert member.metadata.user_endpoint == UserEndpoint("app-1", 8080)
    assert member.metadata.client_tags == {"zone": "z1"}
    assert member.metadata.rack_id == "r1"
    assert group.topology is not None
    assert group.topology.required_topics == {"golden-in", "golden-rep", "golden-log"}


def test_member_that_gives_tasks_up_is_read_with_what_it_still_has() -> None:
    group = replayed(13)
    member = group.members[A]
    assert member.state is MemberState.UNREVOKED_TASKS
    assert member.revoking.active.keys() == tasks("0_1", "1_1")
    task = min(tasks("0_1"))
    assert group.holders.active_process(task) == "process-of-a"
    assert group.state_name == "Reconciling"


def test_tombstones_take_the_whole_group_out() -> None:
    shard = GroupShard()
    shard.replay_own(golden())
    shard.replay_own(shard.groups[GROUP].tombstones())
    assert GROUP not in shard.groups


def test_tombstones_of_what_is_gone_are_nothing() -> None:
    shard = GroupShard()
    shard.replay_own([(key, None) for key, _ in golden()])
    assert not shard.groups


def test_active_tasks_without_epochs_have_that_of_their_member() -> None:
    """As Kafka 4.1 wrote them."""
    shard = GroupShard()
    shard.replay_own(golden())
    key, value = next(each for each in golden() if key_type(each[0]) == CURRENT)
    assert value is not None
    read = StreamsGroupCurrentMemberAssignmentValue.decode(0, value, 2)
    for entry in read.active_tasks:
        entry.assignment_epochs = None
    read.member_epoch = 9
    shard.replay(key, b"\0\0" + read.encode(0))
    group = shard.groups[GROUP]
    assert isinstance(group, StreamsGroup)
    assert set(group.members[A].assigned.active.values()) == {9}
