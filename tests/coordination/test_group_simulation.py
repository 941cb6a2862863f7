"""Random histories of one group: members that join, sync, commit, leave, crash and restart, time that passes, appends that
commit late, a coordinator that moves. Whatever happens, what Kafka promises has to hold.

    one generation     everybody who is told a generation is told the same leader and protocol
    assignments        a member only ever gets what the leader of its own generation meant for it
    nobody waits for   every parked request is answered, at the latest when all timeouts have passed
      ever
    the log is all     replaying it gives the same groups and offsets, and every prefix of it can be replayed
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.classic.states import GroupState
from kafkalite.coordination.group.shard import GroupShard
from tests.coordination.group_world import GROUP, World, codes

if TYPE_CHECKING:
    from kafkalite_protocol.messages.join_group import JoinGroupResponse
    from kafkalite_protocol.messages.sync_group import SyncGroupResponse

    from kafkalite.coordination.group.classic.group import ClassicGroup
    from kafkalite.coordination.ports import KeyValue
    from kafkalite.deferred import Deferred

OFFERS = [{"range": b"r"}, {"range": b"r", "sticky": b"s"}, {"sticky": b"s", "range": b"r2"}]
UNKNOWN_HERE = [
    ErrorCode.UNKNOWN_MEMBER_ID,
    ErrorCode.FENCED_INSTANCE_ID,
    ErrorCode.ILLEGAL_GENERATION,
]


class SimulatedMember:
    """A consumer as the protocol wants it: one request at a time, and obedient to errors."""

    def __init__(self, name: str, instance_id: str | None) -> None:
        self.name = name
        self.instance_id = instance_id
        self.member_id = ""
        self.generation_id = -1
        self.life = 0
        self.is_leader = False
        self.others: list[tuple[str, str | None]] = []
        self.waiting: Deferred[Any] | None = None
        self.synced = False
        self.must_rejoin = False

    @property
    def idle(self) -> bool:
        return self.waiting is None or self.waiting.done

    def forget(self) -> None:
        self.member_id, self.generation_id = "", -1
        self.is_leader = self.synced = self.must_rejoin = False


class GroupHistories(RuleBasedStateMachine):
    @initialize(delay_ms=st.sampled_from([0, 3_000]), max_size=st.sampled_from([100, 100, 3]))
    def start(self, delay_ms: int, max_size: int) -> None:
        self.world = World(
            partition_count=1, initial_rebalance_delay_ms=delay_ms, max_size=max_size
        )
        self.members = [SimulatedMember(f"m{number}", None) for number in range(3)]
        self.members += [SimulatedMember(f"s{number}", f"i{number}") for number in range(2)]
        self.answers: list[Deferred[Any]] = []
        self.lives: Counter[int] = Counter()
        """Generation -> how often it began. One that was never written is lost when the coordinator moves; its number is
        then used again."""
        self.told: dict[tuple[int, int], tuple[str, str]] = {}
        self.owner: dict[str, str] = {}
        self.acknowledged: dict[int, int] = {}

    # What members do

    @rule(order=st.permutations(range(5)), rounds=st.integers(1, 4), offer=st.sampled_from(OFFERS))
    def members_go_on(self, order: list[int], rounds: int, offer: dict[str, bytes]) -> None:
        """Each does what a consumer does next: join, sync, heartbeat, and join again when it is told to."""
        for which in order * rounds:
            member = self.members[which]
            if member.generation_id < 0 or member.must_rejoin:
                self.join(which, offer)
            elif not member.synced:
                self.sync(which, left_out=False)
            else:
                self.heartbeat(which)
                self.commit(which, offset=len(self.answers), partition=which % 3)

    @rule(which=st.integers(0, 4), offer=st.sampled_from(OFFERS))
    def join(self, which: int, offer: dict[str, bytes]) -> None:
        member = self.members[which]
        if not member.idle:
            return
        answer = self.world.join(
            member.member_id, version=9, protocols=offer, group_instance_id=member.instance_id
        )
        self.wait(member, answer)
        answer.on_done(lambda done: self.joined(member, done.result()))

    def joined(self, member: SimulatedMember, response: JoinGroupResponse) -> None:
        if response.error_code == ErrorCode.MEMBER_ID_REQUIRED:
            member.forget()
            member.member_id = response.member_id
        elif response.error_code == ErrorCode.NONE:
            assert response.member_id
            self.owner[response.member_id] = member.name
            member.member_id, member.generation_id = response.member_id, response.generation_id
            member.life = self.lives[response.generation_id]
            member.synced = member.must_rejoin = False
            member.is_leader = (
                response.leader == response.member_id and not response.skip_assignment
            )
            member.others = [(each.member_id, each.group_instance_id) for each in response.members]
            assert response.protocol_name is not None
            self.check_generation(response)
        elif response.error_code in UNKNOWN_HERE:
            member.forget()

    def check_generation(self, response: JoinGroupResponse) -> None:
        """Ids change when a static member restarts, so the leader is compared by who it is."""
        assert response.protocol_name is not None
        group = self.world.group()
        leader = None if group is None else group.members.get(response.leader)  # type: ignore[call-overload]
        name = (
            response.leader if leader is None or leader.instance_id is None else leader.instance_id
        )
        key = (self.lives[response.generation_id], response.generation_id)
        told = self.told.setdefault(key, (name, response.protocol_name))
        assert told == (name, response.protocol_name)

    @rule(which=st.integers(0, 4), left_out=st.booleans())
    def sync(self, which: int, left_out: bool) -> None:
        member = self.members[which]
        if not member.idle or member.generation_id < 0:
            return
        assignments = {}
        if member.is_leader:
            others = member.others[1:] if left_out else member.others
            assignments = {each: meant_for(member, each, instance) for each, instance in others}
        answer = self.world.sync(
            member.member_id,
            member.generation_id,
            assignments,
            group_instance_id=member.instance_id,
        )
        self.wait(member, answer)
        answer.on_done(lambda done: self.assigned(member, done.result()))

    def assigned(self, member: SimulatedMember, response: SyncGroupResponse) -> None:
        if response.error_code == ErrorCode.NONE:
            member.synced = True
            meant = meant_for(member, member.member_id, member.instance_id)
            assert response.assignment in (meant, b"")
        elif response.error_code in UNKNOWN_HERE:
            member.forget()
        else:
            member.must_rejoin = True

    @rule(which=st.integers(0, 4))
    def heartbeat(self, which: int) -> None:
        member = self.members[which]
        if member.generation_id < 0:
            return
        code = self.world.heartbeat(
            member.member_id, member.generation_id, group_instance_id=member.instance_id
        )
        if code == ErrorCode.NONE:
            group = self.world.group()
            assert group is not None
            assert group.generation_id == member.generation_id
            assert group.state in (GroupState.STABLE, GroupState.COMPLETING_REBALANCE)
        elif code in UNKNOWN_HERE and member.idle:
            member.forget()
        elif code == ErrorCode.REBALANCE_IN_PROGRESS:
            member.must_rejoin = True

    @rule(which=st.integers(0, 4), offset=st.integers(0, 99), partition=st.integers(0, 2))
    def commit(self, which: int, offset: int, partition: int) -> None:
        member = self.members[which]
        if member.generation_id < 0:
            return
        answer = self.world.commit(
            {("orders", partition): offset},
            member.member_id,
            member.generation_id,
            group_instance_id=member.instance_id,
        )
        self.answers.append(answer)

        def note(done: Deferred[Any]) -> None:
            if codes(done.result()) == [ErrorCode.NONE]:
                self.acknowledged[partition] = offset

        answer.on_done(note)

    @rule(which=st.integers(0, 4))
    def leave(self, which: int) -> None:
        member = self.members[which]
        if member.member_id:
            self.world.leave((member.member_id, member.instance_id))  # type: ignore[arg-type]
            member.forget()

    @rule(which=st.integers(0, 4))
    def crash(self, which: int) -> None:
        """It comes back as a new process; what it was waiting for must still be answered."""
        old = self.members[which]
        self.members[which] = SimulatedMember(old.name + "'", old.instance_id)

    # What happens around them

    @rule(delta_ms=st.sampled_from([100, 3_000, 5_000, 9_999, 60_000]))
    def time_passes(self, delta_ms: int) -> None:
        self.world.advance(delta_ms)

    @rule(slow=st.booleans())
    def log_becomes(self, slow: bool) -> None:
        self.world.log.hold = slow

    @precondition(lambda self: hasattr(self, "world") and self.world.log.held)
    @rule()
    def append_is_committed(self) -> None:
        self.world.log.commit_next()

    @rule(happens=st.sampled_from([False, False, False, True]))
    def coordinator_moves(self, happens: bool) -> None:
        """Another broker takes over: everything written is there, nothing else is."""
        if not happens:
            return
        self.settle_log()
        records = self.world.log.records.get(0, [])
        self.world.coordinator.unload_partition(0)
        self.world.coordinator.load_partition(0, list(records))
        group = self.world.group()
        written = 0 if group is None else group.generation_id
        for _, generation_id in set(self.told):
            if generation_id > written:
                self.lives[generation_id] += 1

    # What must hold

    @invariant()
    def parked_requests_belong_to_members(self) -> None:
        group = self.world.group()
        if group is None:
            return
        assert set(group.parked_joins) | set(group.parked_syncs) | group.pending_syncs <= set(
            group.members
        )
        assert not set(group.pending_joins) & set(group.members)
        assert not group.parked_syncs or group.state is GroupState.COMPLETING_REBALANCE
        assert (group.leader_id in group.members) == bool(group.members)
        assert (group.state is GroupState.EMPTY) <= (not group.members)
        for instance_id, member_id in group.static_members.items():
            assert group.members[member_id].instance_id == instance_id
        if group.state in (GroupState.STABLE, GroupState.COMPLETING_REBALANCE):
            assert group.protocol_name is not None
            assert all(member.supports(group.protocol_name) for member in group.members.values())

    @invariant()
    def acknowledged_offsets_are_read_back(self) -> None:
        for partition, offset in self.acknowledged.items():
            assert self.world.committed("orders", partition) == offset

    @invariant()
    def replay_gives_the_same_state(self) -> None:
        if self.world.log.held:
            return
        shard = replayed(self.world.log.records.get(0, []))
        live = self.world.coordinator._shards.shard_for(GROUP)
        assert shard.offsets.of_group(GROUP) == live.offsets.of_group(GROUP)  # type: ignore[arg-type]
        group = self.world.group()
        if group is not None and group.state in (GroupState.STABLE, GroupState.EMPTY):
            assert persisted(shard.groups[group.group_id]) == persisted(group)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.settle_log()
        self.world.advance(4 * 3_600_000)
        assert all(answer.done for answer in self.answers), "a request was never answered"
        assert len(self.world.timer) == 0
        assert self.world.state() in (None, "Empty")
        records = self.world.log.records.get(0, [])
        for length in range(len(records) + 1):
            for group in replayed(records[:length]).groups.values():
                assert group.state in (GroupState.STABLE, GroupState.EMPTY)

    def wait(self, member: SimulatedMember, answer: Deferred[Any]) -> None:
        member.waiting = answer
        self.answers.append(answer)

    def settle_log(self) -> None:
        self.world.log.hold = False
        while self.world.log.held:
            self.world.log.commit_next()


def meant_for(member: SimulatedMember, member_id: str, instance_id: str | None) -> bytes:
    """The assignment in the generation that `member` is in; a static member's outlives its member id."""
    return f"{member.life}/{member.generation_id}/{instance_id or member_id}".encode()


def replayed(records: list[KeyValue]) -> GroupShard:
    shard = GroupShard()
    for key, value in records:
        shard.replay(key, value)
    return shard


def persisted(group: ClassicGroup) -> tuple[Any, ...]:
    """What the log has to bring back of a group that is at rest."""
    return (
        group.state,
        group.generation_id,
        group.protocol_name,
        group.leader_id,
        group.static_members,
        [
            (
                member.member_id,
                member.instance_id,
                member.client_id,
                member.client_host,
                member.rebalance_timeout_ms,
                member.session_timeout_ms,
                member.metadata_for(group.protocol_name),
                member.assignment,
            )
            for member in group.members.values()
        ],
    )


TestGroupHistories = GroupHistories.TestCase
TestGroupHistories.settings = settings(
    max_examples=100, stateful_step_count=60, deadline=None, derandomize=True
)
