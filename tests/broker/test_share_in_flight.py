"""Who has which records of a share partition: cases, and a model that knows each record by itself."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.share.acquisition import Acquired, Limits
from kafkalite.broker.share.in_flight import Acknowledgement, InFlight
from kafkalite.broker.share.record_state import AcknowledgeType, RecordState
from kafkalite.broker.share.stretch import Stretch, state_batches
from kafkalite.coordination.share.persister import StateBatch
from kafkalite.errors import KafkaError
from kafkalite.types import MemberId, Offset

ACCEPT, RELEASE, REJECT = AcknowledgeType.ACCEPT, AcknowledgeType.RELEASE, AcknowledgeType.REJECT
GAP, RENEW = AcknowledgeType.GAP, AcknowledgeType.RENEW
ALICE, BOB = MemberId("alice"), MemberId("bob")
LIMIT = 5


def limits(
    max_records: int = 500, batch_size: int = 500, max_locks: int = 2000, exact: bool = False
) -> Limits:
    return Limits(max_records, batch_size, max_locks, LIMIT, exact)


class Sharing:
    """An `InFlight` over a log of batches, and the shortest words for what members do."""

    def __init__(self, *log: tuple[int, int], start: int = 0, known: tuple[StateBatch, ...] = ()):
        self.log = log
        self.in_flight = InFlight(Offset(start), known)

    def fetch(
        self, member: MemberId = ALICE, wanted: Limits | None = None, deadline_ms: int = 100
    ) -> list[Acquired]:
        acquisition = self.in_flight.begin_acquiring(member, deadline_ms, wanted or limits())
        for first, last in self.log:
            if last >= acquisition.position and not acquisition.is_full:
                self.in_flight.acquire(acquisition, first, last)
        acquired = acquisition.acquired
        self.in_flight.tidy()
        return acquired

    def begin(
        self, first: int, last: int, *types: AcknowledgeType, member: MemberId = ALICE
    ) -> list[Stretch]:
        return self.in_flight.acknowledge(member, [Acknowledgement(first, last, types)], LIMIT, 200)

    def acknowledge(
        self, first: int, last: int, *types: AcknowledgeType, member: MemberId = ALICE
    ) -> None:
        self.in_flight.settle(self.begin(first, last, *types, member=member), written=True)

    def release_all(self) -> None:
        self.in_flight.release(self.in_flight.acquired(), LIMIT)
        self.in_flight.tidy()

    @property
    def states(self) -> list[tuple[int, int, str, int]]:
        return [
            (each.first, each.last, each.state.name, each.delivery_count)
            for each in self.in_flight.stretches
        ]


# Acquiring


def test_batches_of_the_log_are_acquired_together_up_to_the_batch_size() -> None:
    sharing = Sharing((0, 2), (3, 4), (5, 9))
    assert sharing.fetch(wanted=limits(batch_size=4)) == [(0, 4, 1), (5, 9, 1)]


def test_a_batch_of_the_log_is_acquired_whole_although_it_has_too_many_records() -> None:
    sharing = Sharing((0, 9), (10, 19))
    assert sharing.fetch(wanted=limits(max_records=3)) == [(0, 9, 1)]


def test_an_exact_fetch_takes_a_part_of_a_batch_and_the_next_goes_on_inside() -> None:
    sharing = Sharing((0, 9), (10, 19))
    assert sharing.fetch(wanted=limits(max_records=3, exact=True)) == [(0, 2, 1)]
    assert sharing.fetch(BOB, limits(max_records=9, exact=True)) == [(3, 11, 1)]


def test_what_one_member_has_nobody_else_gets() -> None:
    sharing = Sharing((0, 9))
    sharing.fetch(ALICE)
    assert sharing.fetch(BOB) == []


def test_released_records_come_again_before_new_ones_and_are_counted() -> None:
    sharing = Sharing((0, 9))
    sharing.fetch()
    sharing.acknowledge(3, 4, RELEASE)
    sharing.log = ((0, 9), (10, 12))
    assert sharing.fetch(BOB) == [(3, 4, 2), (10, 12, 1)]


def test_offsets_that_compaction_left_out_are_done_with() -> None:
    sharing = Sharing((0, 1), (5, 6))
    assert sharing.fetch(wanted=limits(batch_size=1)) == [(0, 1, 1), (5, 6, 1)]
    sharing.acknowledge(0, 1, ACCEPT)
    assert sharing.in_flight.start_offset == 5


def test_released_records_that_were_compacted_away_are_done_with() -> None:
    sharing = Sharing((0, 9))
    sharing.fetch()
    sharing.acknowledge(0, 9, RELEASE)
    sharing.log = ((4, 9),)
    assert sharing.fetch() == [(4, 9, 2)]
    assert sharing.in_flight.start_offset == 4


def test_no_more_records_are_in_flight_than_there_may_be() -> None:
    sharing = Sharing((0, 4), (5, 9), (10, 14))
    few = limits(max_locks=10)
    assert sharing.fetch(wanted=few) == [(0, 9, 1)]
    assert not sharing.in_flight.can_acquire(10)
    sharing.acknowledge(0, 4, ACCEPT)
    assert sharing.fetch(wanted=few) == [(10, 14, 1)]


def test_at_the_limit_of_locks_released_records_are_delivered_and_new_ones_are_not() -> None:
    sharing = Sharing((0, 4), (5, 9), (10, 14))
    few = limits(max_locks=10)
    sharing.fetch(wanted=few)
    sharing.acknowledge(7, 8, RELEASE)
    assert sharing.fetch(BOB, few) == [(7, 8, 2)]


def test_records_that_failed_often_are_delivered_in_ever_smaller_pieces_and_at_last_alone() -> None:
    sharing = Sharing((0, 15))
    sizes = []
    for _ in range(4):
        acquired = sharing.fetch()
        sizes.append(sum(each.last - each.first + 1 for each in acquired))
        sharing.release_all()
    assert sizes == [16, 16, 16, 8]
    assert sharing.fetch() == [(0, 0, 5)]


def test_records_that_failed_often_do_not_ride_with_others() -> None:
    sharing = Sharing((0, 0), (1, 1), known=(StateBatch(Offset(1), Offset(1), 0, 4),))
    assert sharing.fetch() == [(0, 0, 1)]
    assert sharing.fetch() == [(1, 1, 5)]


# Acknowledging


def test_the_start_offset_follows_what_is_done_with() -> None:
    sharing = Sharing((0, 9))
    sharing.fetch()
    sharing.acknowledge(5, 9, ACCEPT)
    assert sharing.in_flight.start_offset == 0
    sharing.acknowledge(0, 4, REJECT)
    assert sharing.in_flight.start_offset == sharing.in_flight.next_offset == 10
    assert sharing.states == []


def test_each_record_may_have_a_type_of_its_own() -> None:
    sharing = Sharing((0, 4))
    sharing.fetch()
    begun = sharing.begin(0, 4, RELEASE, ACCEPT, ACCEPT, GAP, REJECT)
    assert state_batches(begun) == [(0, 0, 0, 1), (1, 2, 2, 1), (3, 4, 4, 1)]


def test_a_change_holds_only_once_it_is_written() -> None:
    sharing = Sharing((0, 9))
    sharing.fetch()
    begun = sharing.begin(0, 9, RELEASE)
    assert sharing.fetch(BOB) == []
    with pytest.raises(KafkaError) as caught:
        sharing.begin(0, 9, ACCEPT)
    assert caught.value.code == ErrorCode.INVALID_RECORD_STATE
    sharing.in_flight.settle(begun, written=False)
    sharing.acknowledge(0, 9, ACCEPT)
    assert sharing.in_flight.start_offset == 10


@pytest.mark.parametrize(
    ("first", "last", "member", "code"),
    [
        (0, 5, BOB, ErrorCode.INVALID_RECORD_STATE),
        (8, 10, ALICE, ErrorCode.INVALID_REQUEST),
        (20, 21, ALICE, ErrorCode.INVALID_REQUEST),
        (2, 4, ALICE, ErrorCode.INVALID_RECORD_STATE),
        (0, 1 << 62, ALICE, ErrorCode.INVALID_REQUEST),
    ],
)
def test_records_that_a_member_does_not_have_cannot_be_acknowledged(
    first: int, last: int, member: MemberId, code: ErrorCode
) -> None:
    sharing = Sharing((0, 9))
    sharing.fetch()
    sharing.acknowledge(4, 4, ACCEPT)
    with pytest.raises(KafkaError) as caught:
        sharing.begin(first, last, ACCEPT, member=member)
    assert caught.value.code == code


def test_one_acknowledgement_that_is_refused_takes_the_others_back() -> None:
    sharing = Sharing((0, 9))
    sharing.fetch()
    with pytest.raises(KafkaError):
        sharing.in_flight.acknowledge(
            ALICE,
            [Acknowledgement(0, 3, [ACCEPT]), Acknowledgement(3, 4, [ACCEPT])],
            LIMIT,
            200,
        )
    assert sharing.states[0][2] == "ACQUIRED"
    sharing.acknowledge(0, 9, ACCEPT)


def test_a_renewed_lock_ends_later_and_the_records_stay_with_the_member() -> None:
    sharing = Sharing((0, 9))
    sharing.fetch()
    assert sharing.begin(3, 4, RENEW) == []
    assert [each.deadline_ms for each in sharing.in_flight.acquired()] == [100, 200, 100]
    sharing.acknowledge(0, 9, ACCEPT)


def test_what_lies_below_the_start_offset_is_acknowledged_without_a_word() -> None:
    sharing = Sharing((0, 9))
    sharing.fetch()
    sharing.acknowledge(0, 4, ACCEPT)
    assert sharing.begin(0, 3, RELEASE) == []
    sharing.acknowledge(2, 9, ACCEPT)
    assert sharing.in_flight.start_offset == 10


def test_the_last_delivery_archives_what_is_released() -> None:
    sharing = Sharing((0, 0))
    for _ in range(LIMIT):
        assert len(sharing.fetch()) == 1
        sharing.acknowledge(0, 0, RELEASE)
    assert sharing.fetch() == []
    assert sharing.in_flight.start_offset == 1


# The log's start, and restarts


def test_records_that_the_log_no_longer_has_are_forgotten_whoever_has_them() -> None:
    sharing = Sharing((0, 9))
    sharing.fetch()
    begun = sharing.begin(2, 3, ACCEPT)
    assert sharing.in_flight.advance_start(Offset(6))
    sharing.in_flight.settle(begun, written=True)
    assert sharing.in_flight.start_offset == 6
    sharing.acknowledge(0, 9, ACCEPT)
    assert sharing.in_flight.next_offset == sharing.in_flight.start_offset == 10


def test_a_start_of_the_log_beyond_everything_is_where_the_group_goes_on() -> None:
    sharing = Sharing((0, 9), (20, 29))
    sharing.fetch(wanted=limits(max_records=1))
    sharing.in_flight.advance_start(Offset(20))
    assert sharing.fetch() == [(20, 29, 1)]
    assert not sharing.in_flight.advance_start(Offset(20))


def test_after_a_restart_holes_are_delivered_as_if_for_the_first_time() -> None:
    known = (
        StateBatch(Offset(0), Offset(1), 2, 1),
        StateBatch(Offset(4), Offset(5), 0, 2),
        StateBatch(Offset(8), Offset(9), 4, 1),
    )
    sharing = Sharing((0, 9), (10, 11), known=known)
    assert sharing.in_flight.start_offset == 2
    assert sharing.fetch() == [(2, 3, 1), (4, 5, 3), (6, 7, 1), (10, 11, 1)]


@pytest.mark.parametrize(
    ("number", "delivered"), [(0, True), (1, True), (2, False), (3, False), (4, False), (9, False)]
)
def test_a_state_that_was_written_down_is_understood_whatever_its_number(
    number: int, delivered: bool
) -> None:
    sharing = Sharing((0, 0), known=(StateBatch(Offset(0), Offset(0), number, 1),))
    assert bool(sharing.fetch()) == delivered


# The model


class Record:
    """What the model knows of one record."""

    def __init__(self) -> None:
        self.state = RecordState.AVAILABLE
        self.deliveries = 0
        self.owner: MemberId | None = None

    @property
    def is_done(self) -> bool:
        return self.state.is_terminal

    def put_back(self) -> None:
        self.state = RecordState.ARCHIVED if self.deliveries >= LIMIT else RecordState.AVAILABLE
        self.owner = None


class SharingMachine(RuleBasedStateMachine):
    """Members fetch, acknowledge, time out; the log grows and loses its start; the broker restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.sharing = Sharing()
        self.records: dict[int, Record] = {}
        self.written: list[StateBatch] = []

    @rule(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=3), gap=st.integers(0, 2))
    def produce(self, sizes: list[int], gap: int) -> None:
        for size in sizes:
            first = self.end + gap
            self.sharing.log = (*self.sharing.log, (first, first + size - 1))
            for offset in range(first, first + size):
                self.records[offset] = Record()

    @property
    def end(self) -> int:
        return self.sharing.log[-1][1] + 1 if self.sharing.log else 0

    @rule(
        member=st.sampled_from([ALICE, BOB]),
        max_records=st.integers(0, 12),
        batch_size=st.integers(1, 8),
        exact=st.booleans(),
    )
    def fetch(self, member: MemberId, max_records: int, batch_size: int, exact: bool) -> None:
        acquired = self.sharing.fetch(member, limits(max_records, batch_size, 20, exact))
        if exact:
            assert sum(each.last - each.first + 1 for each in acquired) <= max_records
        for first, last, count in acquired:
            for offset in range(first, last + 1):
                record = self.records.get(offset)
                if record is None:
                    continue  # a gap of the log inside a batch of deliveries
                assert record.owner is None, "never two owners"
                assert record.state is RecordState.AVAILABLE
                record.deliveries += 1
                assert record.deliveries == count <= LIMIT
                record.state, record.owner = RecordState.ACQUIRED, member

    @rule(
        member=st.sampled_from([ALICE, BOB]),
        first=st.integers(0, 40),
        length=st.integers(1, 8),
        kind=st.sampled_from([ACCEPT, RELEASE, REJECT, RENEW]),
        written=st.booleans(),
    )
    def acknowledge(
        self, member: MemberId, first: int, length: int, kind: AcknowledgeType, written: bool
    ) -> None:
        first += self.sharing.in_flight.start_offset
        offsets = [each for each in range(first, first + length) if each in self.records]
        try:
            begun = self.sharing.begin(first, first + length - 1, kind, member=member)
        except KafkaError:
            return
        assert all(self.records[each].owner == member for each in offsets)
        if written:
            self.written += state_batches(begun)
        self.sharing.in_flight.settle(begun, written=written)
        for each in offsets if written and kind is not RENEW else ():
            record = self.records[each]
            if kind is RELEASE:
                record.put_back()
            else:
                record.state, record.owner = RecordState.ACKNOWLEDGED, None

    @rule(member=st.sampled_from([ALICE, BOB]))
    def locks_expire(self, member: MemberId) -> None:
        in_flight = self.sharing.in_flight
        expired = [each for each in in_flight.acquired() if each.member_id == member]
        in_flight.release(expired, LIMIT)
        self.written += state_batches(expired)
        in_flight.tidy()
        for record in self.records.values():
            if record.owner == member:
                record.put_back()

    @rule(distance=st.integers(0, 5))
    def log_start_moves(self, distance: int) -> None:
        offset = min(self.end, self.sharing.in_flight.start_offset + distance)
        self.sharing.in_flight.advance_start(Offset(offset))
        for each in [each for each in self.records if each < offset]:
            del self.records[each]

    @rule()
    def restart(self) -> None:
        """What members had is free again; the counts are those of the last time that it came back."""
        from kafkalite.coordination.share.state_batches import merge

        known = merge((), self.written, Offset(self.sharing.in_flight.start_offset))
        self.sharing.in_flight = InFlight(Offset(self.sharing.in_flight.start_offset), known)
        for record in self.records.values():
            if record.owner is not None:
                record.owner, record.state = None, RecordState.AVAILABLE
        for each in self.sharing.in_flight.stretches:
            for offset in range(each.first, each.last + 1):
                if offset in self.records:
                    self.records[offset].deliveries = each.delivery_count
        covered = {
            offset
            for each in self.sharing.in_flight.stretches
            for offset in range(each.first, each.last + 1)
        }
        for offset, record in self.records.items():
            if offset not in covered and not record.is_done:
                record.deliveries = 0

    @invariant()
    def stretches_are_in_order_and_say_what_the_records_are(self) -> None:
        in_flight = self.sharing.in_flight
        assert all(left.last < right.first for left, right in pairwise(in_flight.stretches))
        for each in in_flight.stretches:
            assert in_flight.start_offset <= each.first <= each.last < in_flight.next_offset
            for offset in range(each.first, each.last + 1):
                record = self.records.get(offset)
                if record is not None:
                    assert each.state.is_terminal == record.is_done
                    assert (each.state is RecordState.ACQUIRED) == (record.owner is not None)

    @invariant()
    def nothing_is_lost(self) -> None:
        """What is below the start offset is done with."""
        start = self.sharing.in_flight.start_offset
        assert all(record.is_done for offset, record in self.records.items() if offset < start)


TestSharingModel = SharingMachine.TestCase
TestSharingModel.settings = settings(
    derandomize=True, max_examples=60, stateful_step_count=40, deadline=None
)
