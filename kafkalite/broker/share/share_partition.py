"""One partition as one group shares it: who has which records, until when, and what of that is durable.

    LOADING   the state is being read                      read -> ACTIVE; failed -> CLOSED, with the error
    ACTIVE    records are acquired and acknowledged        leadership or state lost, group empty -> CLOSED
    CLOSED    nothing is served; whoever asks next gets a new one

What is written down, through the `Persister`, before it is answered: acknowledgements. Written without anybody waiting:
what comes back from members by expired locks and closed sessions. Never written: that records are acquired. So after a
restart what members had is available again, with the delivery counts of what had come back before.

One timer runs for the earliest lock. (Kafka's class is SharePartition; behaviour measured on Apache Kafka 4.3.)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from typing import Protocol

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.replica import Replica, ReplicaWatcher
from kafkalite.broker.share.acquisition import Acquisition, Limits
from kafkalite.broker.share.in_flight import Acknowledgement, InFlight
from kafkalite.broker.share.record_state import AcknowledgeType
from kafkalite.broker.share.stretch import Stretch, state_batches
from kafkalite.clock import Clock
from kafkalite.config.group_config import GroupConfig
from kafkalite.coordination.share.persister import (
    UNINITIALIZED_START_OFFSET,
    PartitionLeader,
    PartitionResult,
    PartitionState,
    Persister,
    StateUpdate,
)
from kafkalite.coordination.share.records import SharePartitionKey
from kafkalite.coordination.share.state_batches import merge
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError
from kafkalite.timer import Timer, TimerHandle
from kafkalite.types import LeaderEpoch, MemberId, Offset

_log = logging.getLogger(__name__)

_ENOUGH_BYTES = 1 << 40
"""Told to a parked fetch that should look again, whatever it is missing."""


class Phase(Enum):
    """See the module."""

    LOADING = auto()
    ACTIVE = auto()
    CLOSED = auto()


class StartOffset(Protocol):
    """Where a group begins that has never read the partition."""

    def __call__(self, replica: Replica, config: GroupConfig) -> Deferred[Offset]: ...


class SharePartition:
    """See the module. `phase`, `error` and `in_flight` are read by the fetches."""

    def __init__(
        self,
        key: SharePartitionKey,
        replica: Replica,
        *,
        persister: Persister,
        timer: Timer,
        clock: Clock,
        settings: Callable[[], GroupConfig],
        start_offset: StartOffset,
        on_closed: Callable[[SharePartition], None],
    ) -> None:
        self.key = key
        self.replica = replica
        self.leader_epoch: LeaderEpoch = replica.leader_epoch
        self.phase = Phase.LOADING
        self.error: KafkaError | None = None
        """Why it was closed, if anybody should know."""
        self.in_flight = InFlight(Offset(0))
        self.settings = settings
        self._persister = persister
        self._timer = timer
        self._clock = clock
        self._start_offset = start_offset
        self._on_closed = on_closed
        self._state_epoch = 0
        self._expiry: TimerHandle | None = None
        self._watchers: set[ReplicaWatcher] = set()

    # -- loading ----------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read the state; whoever watches is woken when it is there."""
        leader = PartitionLeader(self.key.partition, self.leader_epoch)
        self._persister.read_state(self.key.group_id, self.key.topic_id, [leader]).on_done(
            lambda done: self._read(done.result()[0])
        )

    def _read(self, state: PartitionState) -> None:
        if self.phase is not Phase.LOADING:
            return
        if state.error_code:
            self.close(_why(state.error_code, state.error_message))
            return
        self._state_epoch = state.state_epoch
        if state.start_offset != UNINITIALIZED_START_OFFSET:
            self._activate(state, state.start_offset)
            return

        def found(done: Deferred[Offset]) -> None:
            try:
                start_offset = done.result()
            except KafkaError as error:
                self.close(error)
            else:
                self._activate(state, start_offset)

        self._start_offset(self.replica, self.settings()).on_done(found)

    def _activate(self, state: PartitionState, start_offset: Offset) -> None:
        if self.phase is not Phase.LOADING:
            return
        # A log that lost its end in a crash gives these offsets to other records.
        end = self.replica.log.log_end_offset
        known = [each for each in state.state_batches if each.first_offset < end]
        if known and known[-1].last_offset >= end:
            known[-1] = known[-1]._replace(last_offset=Offset(end - 1))
        self.in_flight = InFlight(min(start_offset, end), merge(known, (), start_offset))
        self.phase = Phase.ACTIVE
        self.wake()

    # -- acquiring --------------------------------------------------------------------------------------------------

    def follow_log_start(self) -> None:
        """Records that the log no longer has are done with, whoever has them."""
        self.in_flight.advance_start(self.replica.log.log_start_offset)

    def begin_acquiring(self, member_id: MemberId, limits: Limits) -> Acquisition:
        return self.in_flight.begin_acquiring(member_id, self._lock_deadline_ms(), limits)

    def end_acquiring(self, acquisition: Acquisition) -> None:
        if acquisition.taken:
            self._expire_by(acquisition.deadline_ms)
        self.in_flight.tidy()

    # -- acknowledging ----------------------------------------------------------------------------------------------

    def acknowledge(
        self, member_id: MemberId, acknowledgements: Sequence[Acknowledgement]
    ) -> Deferred[None]:
        """All of these or none, durable when resolved. Fails with KafkaError, never raises it."""
        out: Deferred[None] = Deferred()
        try:
            begun = self._begin(member_id, acknowledgements)
        except KafkaError as error:
            out.fail(error)
            return out
        if not begun:
            return resolved(None)

        def written(done: Deferred[PartitionResult]) -> None:
            result = done.result()
            self.in_flight.settle(begun, written=not result.error_code)
            if result.error_code:
                out.fail(self._not_written(result))
            else:
                out.resolve(None)
            self.wake()

        self._write(begun).on_done(written)
        return out

    def _begin(
        self, member_id: MemberId, acknowledgements: Sequence[Acknowledgement]
    ) -> list[Stretch]:
        if self.phase is not Phase.ACTIVE:
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        deadline_ms = self._lock_deadline_ms()
        begun = self.in_flight.acknowledge(
            member_id, acknowledgements, self.settings().share_delivery_count_limit, deadline_ms
        )
        if any(AcknowledgeType.RENEW in each.types for each in acknowledgements):
            self._expire_by(deadline_ms)
        return begun

    def release_all_of(self, member_id: MemberId) -> None:
        """The member's session is over: what it has goes to others."""
        if self.phase is not Phase.ACTIVE:
            return
        self._take_back([each for each in self.in_flight.acquired() if each.member_id == member_id])

    def _take_back(self, stretches: list[Stretch]) -> None:
        if not stretches:
            return
        self.in_flight.release(stretches, self.settings().share_delivery_count_limit)
        write = self._write(stretches)
        self.in_flight.tidy()

        def written(done: Deferred[PartitionResult]) -> None:
            result = done.result()
            if result.error_code:
                self._not_written(result)

        write.on_done(written)
        self.wake()

    # -- locks ------------------------------------------------------------------------------------------------------

    def _lock_deadline_ms(self) -> int:
        return self._clock.monotonic_ms() + self.settings().share_record_lock_duration_ms

    def _expire_by(self, deadline_ms: int) -> None:
        if self._expiry is not None and self._expiry.callback is not None:
            if self._expiry.deadline_ms <= deadline_ms:
                return
            self._expiry.cancel()
        delay_ms = deadline_ms - self._clock.monotonic_ms()
        self._expiry = self._timer.schedule(delay_ms, self._expire)

    def _expire(self) -> None:
        now_ms = self._clock.monotonic_ms()
        acquired = self.in_flight.acquired()
        remaining = [each.deadline_ms for each in acquired if each.deadline_ms > now_ms]
        if remaining:
            self._expire_by(min(remaining))
        self._take_back([each for each in acquired if each.deadline_ms <= now_ms])

    # -- the state --------------------------------------------------------------------------------------------------

    def _write(self, stretches: Iterable[Stretch]) -> Deferred[PartitionResult]:
        """As in Kafka, the start offset lags: it moves once what moves it has been written, and goes with the next write."""
        update = StateUpdate(
            self.key.partition,
            self._state_epoch,
            self.leader_epoch,
            Offset(self.in_flight.start_offset),
            self.in_flight.complete_count,
            state_batches(stretches),
        )
        return self._persister.write_state(self.key.group_id, self.key.topic_id, [update]).then(
            lambda results: results[0]
        )

    def _not_written(self, result: PartitionResult) -> KafkaError:
        _log.warning(
            "the state of %s could not be written: %s", self.key, result.error_message or ""
        )
        error = _why(result.error_code, result.error_message)
        if error.code is not ErrorCode.COORDINATOR_NOT_AVAILABLE:
            self.close(None)
        return error

    def close(self, error: KafkaError | None) -> None:
        """Serve nothing any more; `error` is for those who are waiting."""
        self.phase = Phase.CLOSED
        self.error = error
        if self._expiry is not None:
            self._expiry.cancel()
        self._on_closed(self)
        self.wake()

    # -- waiting ----------------------------------------------------------------------------------------------------

    def watch(self, watcher: ReplicaWatcher) -> None:
        self._watchers.add(watcher)

    def unwatch(self, watcher: ReplicaWatcher) -> None:
        self._watchers.discard(watcher)

    def wake(self) -> None:
        """There may be something to acquire."""
        for watcher in tuple(self._watchers):
            watcher.on_readable(_ENOUGH_BYTES)


_COME_AGAIN = frozenset(
    {
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.NOT_COORDINATOR,
    }
)
_SOMEONE_NEWER = frozenset({ErrorCode.FENCED_LEADER_EPOCH, ErrorCode.FENCED_STATE_EPOCH})
_AS_IT_IS = frozenset({ErrorCode.GROUP_ID_NOT_FOUND, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION})


def _why(code: ErrorCode, message: str | None) -> KafkaError:
    """A persister's code in the terms of those who share the partition."""
    if code in _COME_AGAIN:
        return KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, message)
    if code in _SOMEONE_NEWER:
        return KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, message)
    if code in _AS_IT_IS:
        return KafkaError(code, message)
    return KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, message)
