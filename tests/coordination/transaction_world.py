"""A transaction coordinator with everything around it in memory: its log, the partitions it sends markers to, time.

What is durable is explicit. An append waits in `log.held` until it is committed, a marker in `markers.held` until it is
delivered, each by its own step; a crash keeps as many of the held appends as it is told, and all else is lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from kafkalite_protocol.control_records import (
    ControlRecordType,
    EndTransactionMarker,
    build_end_transaction_marker,
)
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.record_batch import BatchHeader
from kafkalite_protocol.records import Record, build_batch

from kafkalite.clock import ManualClock
from kafkalite.coordination.ports import KeyValue, TransactionMarker
from kafkalite.coordination.transaction.coordinator import (
    TransactionConfig,
    TransactionCoordinator,
)
from kafkalite.coordination.transaction.store import TRANSACTION_STATE_TOPIC
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError
from kafkalite.storage.producer_state import ProducerState
from kafkalite.timer import TimerQueue
from kafkalite.types import Offset, ProducerId, TopicPartition

PARTITIONS = tuple(TopicPartition("accounts", index) for index in range(3))


class FakeTransactionLog:
    """A `PartitionWriter` of `__transaction_state`, which has one partition here."""

    def __init__(self, *, hold: bool = False) -> None:
        self.committed: list[KeyValue] = []
        self.held: list[tuple[list[KeyValue], Deferred[Offset]]] = []
        self.hold = hold
        self.refuse_with: ErrorCode | None = None

    def append(self, tp: TopicPartition, records: list[KeyValue]) -> Deferred[Offset]:
        assert tp == (TRANSACTION_STATE_TOPIC, 0)
        assert records, "an empty batch is not appended"
        if self.refuse_with is not None:
            raise KafkaError(self.refuse_with)
        out: Deferred[Offset] = Deferred()
        self.held.append((records, out))
        if not self.hold:
            self.commit_next()
        return out

    def commit_next(self) -> None:
        records, out = self.held.pop(0)
        self.committed += records
        out.resolve(Offset(len(self.committed) - 1))

    def fail_next(self, code: ErrorCode) -> None:
        _, out = self.held.pop(0)
        out.fail(KafkaError(code))

    def lose(self, survivors: int) -> list[Deferred[Offset]]:
        """Keep the first `survivors` of what is held, and forget the rest; nobody is told."""
        for records, _ in self.held[:survivors]:
            self.committed += records
        lost, self.held = self.held, []
        return [out for _, out in lost]


class FakePartition:
    """A partition without its bytes: storage's own memory of producers, and what became of the records of each tag."""

    def __init__(self) -> None:
        self.producers = ProducerState(expiration_ms=1 << 40)
        self.open: dict[int, list[str]] = defaultdict(list)
        """Producer id -> tags of its undecided records."""
        self.outcomes: dict[str, bool] = {}
        self._sequences: dict[tuple[int, int], int] = defaultdict(int)
        self._end_offset = 0

    def write(self, tag: str, producer_id: int, epoch: int) -> bool:
        """Append a record; False: of a fenced epoch."""
        batch = build_batch(
            [Record(self._end_offset, 0, None, b"v", [])],
            base_offset=self._end_offset,
            producer_id=producer_id,
            producer_epoch=epoch,
            base_sequence=self._sequences[producer_id, epoch],
            transactional=True,
        )
        header = BatchHeader(batch)
        try:
            assert self.producers.check(header) is None, "nobody sends a batch twice here"
        except KafkaError as error:
            if error.code != ErrorCode.INVALID_PRODUCER_EPOCH:
                raise
            return False
        assert tag not in self.outcomes, f"a record of {tag} came after its end"
        self.producers.update(header)
        self._sequences[producer_id, epoch] += 1
        self._end_offset += 1
        self.open[producer_id].append(tag)
        return True

    def has_open(self, producer_id: int, epoch: int) -> bool:
        return self.producers.has_ongoing(producer_id, epoch)

    def mark(self, marker: TransactionMarker) -> ErrorCode:
        batch = build_end_transaction_marker(
            EndTransactionMarker(
                ControlRecordType.COMMIT if marker.commit else ControlRecordType.ABORT,
                marker.coordinator_epoch,
            ),
            producer_id=marker.producer_id,
            producer_epoch=marker.producer_epoch,
            timestamp_ms=0,
            base_offset=self._end_offset,
        )
        header = BatchHeader(batch)
        try:
            self.producers.check_marker(
                header,
                coordinator_epoch=marker.coordinator_epoch,
                transaction_version=marker.transaction_version,
            )
        except KafkaError as error:
            return error.code
        self.producers.complete(
            header, aborted=not marker.commit, coordinator_epoch=marker.coordinator_epoch
        )
        self._end_offset += 1
        tags = set(self.open.pop(marker.producer_id, ()))
        assert len(tags) <= 1, f"one marker ended {tags}"
        for tag in tags:
            self.outcomes[tag] = marker.commit
        return ErrorCode.NONE


class HeldMarker:
    """A marker on its way to its partitions."""

    def __init__(self, marker: TransactionMarker) -> None:
        self.marker = marker
        self.waiting = list(marker.partitions)
        self.codes: dict[TopicPartition, ErrorCode] = {}
        self.out: Deferred[Mapping[TopicPartition, ErrorCode]] = Deferred()


class FakeMarkers:
    """A `MarkerWriter` to the fake partitions."""

    def __init__(self, partitions: dict[TopicPartition, FakePartition], *, hold: bool) -> None:
        self._partitions = partitions
        self.hold = hold
        self.held: list[HeldMarker] = []
        self.sent: list[TransactionMarker] = []

    def write(self, marker: TransactionMarker) -> Deferred[Mapping[TopicPartition, ErrorCode]]:
        self.sent.append(marker)
        if not self.hold:
            return resolved({tp: self._partitions[tp].mark(marker) for tp in marker.partitions})
        held = HeldMarker(marker)
        self.held.append(held)
        return held.out

    def deliver(
        self, held: HeldMarker, tp: TopicPartition, refusal: ErrorCode | None = None
    ) -> None:
        """To one partition; `refusal`: what it answers instead of taking it."""
        held.waiting.remove(tp)
        held.codes[tp] = refusal or self._partitions[tp].mark(held.marker)
        if not held.waiting:
            self.held.remove(held)
            held.out.resolve(held.codes)


class TransactionWorld:
    """One coordinator, and how it goes down and comes back."""

    def __init__(
        self,
        *,
        transaction_version: int = 2,
        hold: bool = False,
        config: TransactionConfig | None = None,
    ) -> None:
        self.transaction_version = transaction_version
        self.clock = ManualClock()
        self.log = FakeTransactionLog(hold=hold)
        self.partitions = {tp: FakePartition() for tp in PARTITIONS}
        self.strays: list[HeldMarker] = []
        """Markers that a coordinator which is gone had sent."""
        self._hold = hold
        self._config = config
        self._producer_ids = 1000
        self.coordinator_epoch = -1
        self.start()

    def start(self) -> None:
        """A coordinator that knows what the log says."""
        self.coordinator_epoch += 1
        self.timer = TimerQueue(self.clock)
        self.markers = FakeMarkers(self.partitions, hold=self._hold)
        self.coordinator = TransactionCoordinator(
            self.log,
            self.markers,
            self.timer,
            self.clock,
            1,
            next_producer_id=self._next_producer_id,
            coordinator_epoch=lambda _: self.coordinator_epoch,
            transaction_version=lambda: self.transaction_version,
            config=self._config,
        )
        self.coordinator.load_partition(0, self.log.committed)
        self.timer.run_due()

    def crash(self, survivors: int = 0) -> None:
        """Stop, and start with the first `survivors` of the appends that were not committed yet."""
        self.log.lose(survivors)
        self._leave_strays()
        self.start()

    def move(self, survivors: int = 0) -> None:
        """Somebody else leads the partition, and then we do again; whoever waits is told."""
        self.coordinator.unload_partition(0)
        for out in self.log.lose(survivors):
            out.fail(KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER))
        self._leave_strays()
        self.start()

    def pass_time(self, delta_ms: int) -> None:
        self.clock.advance(delta_ms)
        self.timer.run_due()

    def _leave_strays(self) -> None:
        self.strays += self.markers.held

    def _next_producer_id(self) -> Deferred[ProducerId]:
        self._producer_ids += 1
        return resolved(ProducerId(self._producer_ids))
