"""The records of one share partition that are under way, as stretches of one state each. Pure: no clock, no log, no waiting.

     start offset                                      next offset
          |  acknowledged |  acquired by a | available |  ...
          0               4                9           15        records delivered never yet

Below the start offset everything is done with; from the next offset on nothing has been delivered. In between lie stretches
in order; after a restart also holes, of records that somebody had when the broker stopped: as good as never delivered.

A stretch that is acquired belongs to one member. An acknowledgement is written down before it holds: meanwhile the
stretch is `becoming` something, and nobody else can touch it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.share.acquisition import NO_END, Acquisition, Limits
from kafkalite.broker.share.record_state import AcknowledgeType, RecordState, outcome
from kafkalite.broker.share.stretch import Stretch, alike, state_of
from kafkalite.coordination.share.persister import StateBatch
from kafkalite.errors import KafkaError
from kafkalite.types import MemberId, Offset

_THROTTLE_DELIVERIES_MIN = 2
"""However small the limit, records are not delivered in smaller pieces before this many deliveries (as in Kafka)."""


class Acknowledgement(NamedTuple):
    """What a member says of records `first`..`last`: one type for all, or one for each."""

    first: int
    last: int
    types: Sequence[AcknowledgeType]

    def runs(self, start_offset: int) -> Iterator[tuple[int, int, AcknowledgeType]]:
        """(first, last, type) of the neighbours with one type, from `start_offset` on."""
        if len(self.types) == 1:
            if self.last >= start_offset:
                yield max(self.first, start_offset), self.last, self.types[0]
            return
        begun = max(self.first, start_offset)
        for offset in range(begun, self.last + 1):
            kind = self.types[offset - self.first]
            if offset == self.last or self.types[offset + 1 - self.first] is not kind:
                yield begun, offset, kind
                begun = offset + 1


class InFlight:
    """See the module."""

    def __init__(self, start_offset: Offset, batches: Sequence[StateBatch] = ()) -> None:
        """`batches` as they were written down: in order, without overlap, none below `start_offset`."""
        self.start_offset: int = start_offset
        self.next_offset: int = start_offset
        self._stretches: list[Stretch] = [
            Stretch(
                each.first_offset,
                each.last_offset,
                state_of(each.delivery_state),
                each.delivery_count,
                batch=each.first_offset,
                batch_count=each.last_offset - each.first_offset + 1,
            )
            for each in batches
        ]
        if self._stretches:
            self.next_offset = self._stretches[-1].last + 1
        self.tidy()

    @property
    def stretches(self) -> Sequence[Stretch]:
        """In order; not to be changed."""
        return self._stretches

    @property
    def complete_count(self) -> int:
        """Records from the start offset on that need no more delivery."""
        return sum(each.count for each in self._stretches if each.is_complete)

    @property
    def count(self) -> int:
        """Records in flight."""
        return self.next_offset - self.start_offset - self.complete_count

    def next_fetch_offset(self) -> int:
        """The first record that can be delivered: released, in a hole, or new."""
        expected = self.start_offset
        for each in self._stretches:
            if each.first > expected:
                break
            if each.is_available:
                return each.first
            expected = each.last + 1
        return expected

    def can_acquire(self, max_locks: int) -> bool:
        return self.next_fetch_offset() < self.next_offset or self.count < max_locks

    # -- acquiring --------------------------------------------------------------------------------------------------

    def begin_acquiring(self, member_id: MemberId, deadline_ms: int, limits: Limits) -> Acquisition:
        room = min(limits.max_records, limits.max_locks - self.count)
        position = self.next_fetch_offset()
        end = NO_END
        if room <= 0 and position < self.next_offset:
            # As many as may be are in flight already; what is known is given out all the same.
            end = self.next_offset
            room = min(limits.max_records, end - position)
        return Acquisition(member_id, deadline_ms, limits, max(0, room), end, position, [])

    def acquire(self, acquisition: Acquisition, first: int, last: int) -> None:
        """Acquire what is free of one batch of the log, which holds `first`..`last`; batches come in order.

        What lies between this batch and the one before does not exist: the log was compacted.
        """
        if first > acquisition.position:
            self.archive(acquisition.position, min(first, acquisition.end) - 1)
        position = max(first, acquisition.position, self.start_offset)
        while position <= min(last, acquisition.end - 1) and not acquisition.is_full:
            index = self._index(position)
            stretch = self._stretches[index] if index < len(self._stretches) else None
            if stretch is None or stretch.first > position:
                end = min(last, acquisition.end - 1)
                if stretch is not None:
                    end = min(end, stretch.first - 1)
                position = self._acquire_new(acquisition, index, position, end)
            elif not stretch.is_available:
                position = stretch.last + 1
            else:
                position = self._acquire_again(acquisition, stretch, position, last)
        acquisition.position = max(
            acquisition.position, position if acquisition.is_full else last + 1
        )

    def _acquire_new(self, acquisition: Acquisition, index: int, first: int, last: int) -> int:
        """Records that were never delivered."""
        limits = acquisition.limits
        if limits.exact:
            last = min(last, first + acquisition.room - acquisition.count - 1)
        before = acquisition.taken[-1] if acquisition.taken else None
        if (
            before is not None
            and before.last == first - 1
            and before.delivery_count == 1
            and before.batch == before.first
            and before.count < limits.batch_size
        ):
            before.last = last
            before.batch_count = before.count
        else:
            new = Stretch(
                first,
                last,
                RecordState.ACQUIRED,
                1,
                batch=first,
                batch_count=last - first + 1,
                member_id=acquisition.member_id,
                deadline_ms=acquisition.deadline_ms,
            )
            self._stretches.insert(index, new)
            acquisition.taken.append(new)
        acquisition.count += last - first + 1
        self.next_offset = max(self.next_offset, last + 1)
        return last + 1

    def _acquire_again(
        self, acquisition: Acquisition, stretch: Stretch, first: int, last: int
    ) -> int:
        """Records that have been delivered before. The closer they are to the limit, the fewer at a time, so that what
        is wrong with one of them costs the others no deliveries: the last time, each goes alone."""
        limits = acquisition.limits
        last = min(last, stretch.last)
        beyond = stretch.delivery_count - _throttled_from(limits.delivery_limit)
        if beyond >= 0 and not acquisition.throttled:
            if acquisition.count:
                acquisition.room = acquisition.count
                return first
            is_last_time = stretch.delivery_count == limits.delivery_limit - 1
            few = 1 if is_last_time else max(1, stretch.batch_count >> (beyond + 1))
            acquisition.throttled = True
            acquisition.room = min(acquisition.room, few)
            acquisition.end = min(acquisition.end, stretch.last + 1)
        if limits.exact or acquisition.throttled:
            last = min(last, first + acquisition.room - acquisition.count - 1)
        taken = self._cut(first, last)
        taken.state = RecordState.ACQUIRED
        taken.delivery_count += 1
        taken.member_id = acquisition.member_id
        taken.deadline_ms = acquisition.deadline_ms
        acquisition.taken.append(taken)
        acquisition.count += taken.count
        return last + 1

    # -- acknowledging ----------------------------------------------------------------------------------------------

    def acknowledge(
        self,
        member_id: MemberId,
        acknowledgements: Sequence[Acknowledgement],
        delivery_limit: int,
        renewed_until_ms: int,
    ) -> list[Stretch]:
        """Begin what a member asks for, all of it or nothing; RENEW is done with at once.

        Returns the stretches that are becoming something, for `settle`. Raises KafkaError: INVALID_REQUEST for records
        that were never delivered, INVALID_RECORD_STATE for those that this member does not have. What lies below the
        start offset is passed over.
        """
        begun: list[Stretch] = []
        renewed: list[Stretch] = []
        try:
            for each in acknowledgements:
                for first, last, kind in each.runs(self.start_offset):
                    for stretch in self._owned(member_id, first, last):
                        if kind is AcknowledgeType.RENEW:
                            renewed.append(stretch)
                        else:
                            stretch.becoming = outcome(kind, stretch.delivery_count, delivery_limit)
                            begun.append(stretch)
        except KafkaError:
            self.settle(begun, written=False)
            raise
        for stretch in renewed:
            stretch.deadline_ms = renewed_until_ms
        return begun

    def settle(self, begun: Iterable[Stretch], *, written: bool) -> None:
        """The change has been written down, or could not be: then the member still has the records."""
        for stretch in begun:
            becoming, stretch.becoming = stretch.becoming, None
            assert becoming is not None, "a change is settled once"
            if written:
                stretch.state = becoming
                stretch.member_id, stretch.deadline_ms = None, 0
        self.tidy()

    def release(self, stretches: Iterable[Stretch], delivery_limit: int) -> None:
        """Take acquired records back from their member: expired, or the session is over."""
        for stretch in stretches:
            assert stretch.state is RecordState.ACQUIRED, "only what somebody has is taken back"
            assert stretch.becoming is None, "what is being written is settled first"
            stretch.state = outcome(AcknowledgeType.RELEASE, stretch.delivery_count, delivery_limit)
            stretch.member_id, stretch.deadline_ms = None, 0

    def acquired(self) -> list[Stretch]:
        """What members have and nothing is being written of."""
        return [
            each
            for each in self._stretches
            if each.state is RecordState.ACQUIRED and each.becoming is None
        ]

    def _owned(self, member_id: MemberId, first: int, last: int) -> list[Stretch]:
        """The stretches that make up `first`..`last`, cut to fit. KafkaError unless the member has all of them."""
        if last >= self.next_offset:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST, f"offset {last} has not been delivered to anyone"
            )
        found = list(self._between(first, last))
        covered = sum(min(each.last, last) - max(each.first, first) + 1 for each in found)
        if covered != last - first + 1:
            raise KafkaError(
                ErrorCode.INVALID_RECORD_STATE, "not all of these records are acquired"
            )
        for each in found:
            if each.state is not RecordState.ACQUIRED or each.becoming is not None:
                raise KafkaError(
                    ErrorCode.INVALID_RECORD_STATE,
                    f"offset {max(each.first, first)} is not acquired",
                )
            if each.member_id != member_id:
                raise KafkaError(
                    ErrorCode.INVALID_RECORD_STATE,
                    f"offset {max(each.first, first)} is acquired by another member",
                )
        return [self._cut(max(each.first, first), min(each.last, last)) for each in found]

    # -- records that are no more -----------------------------------------------------------------------------------

    def archive(self, first: int, last: int) -> None:
        """There are no records to deliver at these offsets: what is free of them is done with."""
        position = max(first, self.start_offset)
        while position <= last:
            index = self._index(position)
            stretch = self._stretches[index] if index < len(self._stretches) else None
            if stretch is None or stretch.first > position:
                end = last if stretch is None else min(last, stretch.first - 1)
                gone = Stretch(
                    position, end, RecordState.ARCHIVED, 0, batch=position, batch_count=0
                )
                self._stretches.insert(index, gone)
                position = end + 1
            else:
                end = min(last, stretch.last)
                if stretch.is_available:
                    self._cut(position, end).state = RecordState.ARCHIVED
                position = end + 1
        self.next_offset = max(self.next_offset, last + 1)

    def advance_start(self, offset: Offset) -> bool:
        """Forget what lies below `offset`, the new start of the log, whoever has it. False: that was done already."""
        if offset <= self.start_offset:
            return False
        self._stretches = [each for each in self._stretches if each.last >= offset]
        if self._stretches and self._stretches[0].first < offset:
            self._stretches[0].first = offset
        self.start_offset = offset
        self.next_offset = max(self.next_offset, offset)
        self.tidy()
        return True

    def tidy(self) -> None:
        """Move the start offset past what is done with, and join neighbours that are alike."""
        done = 0
        for each in self._stretches:
            if each.first != self.start_offset or not each.state.is_terminal:
                break
            self.start_offset = each.last + 1
            done += 1
        kept: list[Stretch] = []
        for each in self._stretches[done:]:
            if kept and alike(kept[-1], each):
                kept[-1].last = each.last
            else:
                kept.append(each)
        self._stretches = kept

    # -- finding and cutting ----------------------------------------------------------------------------------------

    def _index(self, offset: int) -> int:
        """Of the stretch that holds `offset`, or else of the next."""
        return bisect_left(self._stretches, offset, key=_LAST)

    def _between(self, first: int, last: int) -> Iterator[Stretch]:
        for index in range(self._index(first), len(self._stretches)):
            if self._stretches[index].first > last:
                return
            yield self._stretches[index]

    def _cut(self, first: int, last: int) -> Stretch:
        """The stretch of exactly `first`..`last`, cut out of the one that holds both."""
        index = self._index(first)
        stretch = self._stretches[index]
        if stretch.first < first:
            self._stretches.insert(index, replace(stretch, last=first - 1))
            stretch.first = first
            index += 1
        if stretch.last > last:
            self._stretches.insert(index + 1, replace(stretch, first=last + 1))
            stretch.last = last
        return stretch


_LAST = attrgetter("last")


def _throttled_from(delivery_limit: int) -> int:
    """From this many deliveries on, fewer records are delivered at a time (Kafka: half the limit, rounded up)."""
    return max(_THROTTLE_DELIVERIES_MIN, (delivery_limit + 1) // 2)
