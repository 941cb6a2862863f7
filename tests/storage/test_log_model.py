"""The log against a plain list: random histories, each under several configs.

A failing history is printed by hypothesis as the calls that lead to it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.record_batch import RecordBatchView, batches
from kafkalite_protocol.records import read_records

from kafkalite.errors import KafkaError
from kafkalite.storage.log import AppendOrigin
from kafkalite.storage.log_config import LogConfig
from kafkalite.types import LeaderEpoch, Offset
from tests.storage.log_world import NOW_MS, batch, marker, open_log

CONFIGS = {
    "defaults": LogConfig(),
    "a batch a segment": LogConfig(segment_bytes=100),
    "small segments, every batch indexed": LogConfig(segment_bytes=1500, index_interval_bytes=1),
    "tiny indexes": LogConfig(segment_index_bytes=60, index_interval_bytes=1),
    "short time": LogConfig(segment_ms=5, segment_jitter_ms=3),
    "flushed each": LogConfig(flush_messages=1, segment_bytes=2000),
}

PRODUCERS = st.integers(1, 3)


@dataclass
class Stored:
    """One batch that the log has acknowledged."""

    base_offset: int
    last_offset: int
    data: bytes
    epoch: int
    times: list[tuple[int, int]]
    """(timestamp, offset) of each record; none for a marker."""


@dataclass
class Sender:
    """What a producer id has done so far."""

    next_sequence: int = 0
    open_since: int | None = None


class LogHistories(RuleBasedStateMachine):
    """Append, read, cut, roll, flush, stop and die at random."""

    config: ClassVar[LogConfig] = LogConfig()

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(mkdtemp(prefix="log-model-"))
        self.stored: list[Stored] = []
        self.start = self.end = 0
        self.epoch = 0
        self.checkpointed = 0
        self.senders: dict[int, Sender] = {}
        self.log = open_log(self.directory / "orders-0", self.config)

    def teardown(self) -> None:
        shutil.rmtree(self.directory)

    # Appending

    def _append(self, records: memoryview, origin: AppendOrigin = AppendOrigin.CLIENT) -> None:
        info = self.log.append_as_leader(records, LeaderEpoch(self.epoch), NOW_MS, origin=origin)
        if self.log.unflushed_records >= self.config.flush_messages:
            self.log.flush()
        assert not info.duplicate
        assert info.base_offset == self.end
        view = RecordBatchView(records)
        times = [] if view.is_control else [(r.timestamp_ms, r.offset) for r in read_records(view)]
        self.stored.append(
            Stored(info.base_offset, info.last_offset, bytes(records), self.epoch, times)
        )
        self.end = info.last_offset + 1

    @rule(
        offsets_ms=st.lists(st.integers(0, 20), min_size=1, max_size=5),
        value_bytes=st.sampled_from([1, 30, 300]),
        compression=st.sampled_from([Compression.NONE, Compression.GZIP, Compression.LZ4]),
    )
    def append(self, offsets_ms: list[int], value_bytes: int, compression: Compression) -> None:
        times = [NOW_MS + offset for offset in offsets_ms]
        self._append(
            batch(len(times), timestamps_ms=times, value_bytes=value_bytes, compression=compression)
        )

    @rule(producer_id=PRODUCERS, count=st.integers(1, 3), transactional=st.booleans())
    def append_idempotent(self, producer_id: int, count: int, transactional: bool) -> None:
        sender = self.senders.setdefault(producer_id, Sender())
        in_transaction = transactional or sender.open_since is not None
        if in_transaction and sender.open_since is None:
            sender.open_since = self.end
        self._append(
            batch(
                count,
                producer_id=producer_id,
                producer_epoch=0,
                sequence=sender.next_sequence,
                transactional=in_transaction,
            )
        )
        sender.next_sequence += count

    @rule(producer_id=PRODUCERS)
    def repeat_the_last_batch(self, producer_id: int) -> None:
        """A producer that got no answer sends it again: it is not appended again."""
        for stored in reversed(self.stored):
            view = RecordBatchView(stored.data)
            if view.producer_id == producer_id and not view.is_control:
                break
        else:
            return
        again = bytearray(stored.data)
        RecordBatchView(again).stamp(0, -1)
        info = self.log.append_as_leader(memoryview(again), LeaderEpoch(self.epoch), NOW_MS)
        assert info.duplicate
        assert (info.base_offset, info.last_offset) == (stored.base_offset, stored.last_offset)

    @rule(producer_id=PRODUCERS, gap=st.integers(1, 5))
    def leave_out_a_sequence(self, producer_id: int, gap: int) -> None:
        sender = self.senders.get(producer_id)
        if sender is None:
            return
        sequence = sender.next_sequence + gap
        with pytest.raises(KafkaError) as caught:
            self.log.append_as_leader(
                batch(1, producer_id=producer_id, producer_epoch=0, sequence=sequence),
                LeaderEpoch(self.epoch),
                NOW_MS,
            )
        assert caught.value.code is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER

    @rule(producer_id=PRODUCERS, commit=st.booleans())
    def end_transaction(self, producer_id: int, commit: bool) -> None:
        sender = self.senders.get(producer_id)
        if sender is None or sender.open_since is None:
            return
        since, marker_offset = sender.open_since, self.end
        self._append(marker(producer_id, 0, commit=commit), AppendOrigin.COORDINATOR)
        sender.open_since = None
        found = self.log.aborted_transactions(Offset(marker_offset), Offset(marker_offset + 1))
        assert ((producer_id, since, marker_offset) in [each[:3] for each in found]) is not commit

    # Reading

    @rule(
        where=st.floats(-0.1, 1.1),
        bound=st.floats(0, 1.2),
        max_bytes=st.sampled_from([0, 1, 150, 1000, 10**6]),
        min_one_batch=st.booleans(),
    )
    def read(self, where: float, bound: float, max_bytes: int, min_one_batch: bool) -> None:
        offset = self.start + round(where * (self.end - self.start + 1))
        upper_bound = self.start + round(bound * (self.end - self.start))
        bounds = Offset(offset), Offset(upper_bound)
        if not self.start <= offset <= self.end:
            with pytest.raises(KafkaError) as caught:
                self._read(*bounds, max_bytes, min_one_batch)
            assert caught.value.code is ErrorCode.OFFSET_OUT_OF_RANGE
            return
        data = self._read(*bounds, max_bytes, min_one_batch)
        wanted = [each for each in self.stored if offset <= each.last_offset < upper_bound]
        self._check_piece(data, wanted, max_bytes, min_one_batch)

    def _read(
        self, offset: Offset, upper_bound: Offset, max_bytes: int, min_one_batch: bool
    ) -> bytes:
        piece = self.log.read(
            offset, max_bytes, upper_bound=upper_bound, min_one_batch=min_one_batch
        )
        return b"" if piece is None else piece.read()

    def _check_piece(
        self, data: bytes, wanted: list[Stored], max_bytes: int, min_one_batch: bool
    ) -> None:
        """`data` is the first of the wanted batches; more would not fit or lies in another segment."""
        count = len(list(batches(data)))
        assert data == b"".join(each.data for each in wanted[:count])
        if len(data) > max_bytes:
            assert min_one_batch
            assert count == 1
        if count < len(wanted):
            following = wanted[count]
            begins_segment = count and following.base_offset in self.log.segments.base_offsets
            too_much = len(data) + len(following.data) > max_bytes
            assert begins_segment or (too_much and (count or not min_one_batch))

    @rule(delta_ms=st.integers(-2, 22))
    def look_up_time(self, delta_ms: int) -> None:
        found = self.log.timestamp_lookup(NOW_MS + delta_ms).run()
        times = [
            (time, offset)
            for each in self.stored
            for time, offset in each.times
            if offset >= self.start and time >= NOW_MS + delta_ms
        ]
        assert (None if found is None else found[:2]) == (times[0] if times else None)

    @rule()
    def look_up_the_newest(self) -> None:
        found = self.log.max_timestamp_lookup().run()
        times = [each for stored in self.stored for each in stored.times if each[1] >= self.start]
        newest = max((time for time, _ in times), default=None)
        first = next((each for each in times if each[0] == newest), None)
        # As in Kafka, a deleted record hides the others if it is in a segment that is still there.
        hidden = found is None and self.start not in self.log.segments.base_offsets
        assert hidden or (None if found is None else found[:2]) == first

    # Cutting

    @rule(where=st.floats(0, 1))
    def truncate(self, where: float) -> None:
        offset = self.start + round(where * (self.end - self.start))
        self.log.truncate_to(Offset(offset))
        self._cut(offset)

    def _cut(self, offset: int) -> None:
        gone = [each for each in self.stored if each.last_offset >= offset]
        self.stored = [each for each in self.stored if each.last_offset < offset]
        self.end = max(gone[0].base_offset, self.start) if gone else self.end
        self.checkpointed = min(self.checkpointed, self.end)
        self._look_at_senders()

    def _look_at_senders(self) -> None:
        """What the producers have left in the log is all that counts."""
        self.senders = {}
        for stored in self.stored:
            view = RecordBatchView(stored.data)
            if view.producer_id < 0:
                continue
            sender = self.senders.setdefault(view.producer_id, Sender())
            if view.is_control:
                sender.open_since = None
            else:
                sender.next_sequence = view.last_sequence + 1
                if view.is_transactional and sender.open_since is None:
                    sender.open_since = stored.base_offset

    @precondition(lambda self: not self.senders)
    @rule(where=st.floats(0, 1))
    def delete_records(self, where: float) -> None:
        """Only without producers: what is known of them when their records are gone is a matter of snapshots."""
        self.start += round(where * (self.end - self.start))
        self.log.increment_log_start_offset(Offset(self.start))
        self.stored = [each for each in self.stored if each.last_offset >= self.start]

    # Everything else

    @rule()
    def roll(self) -> None:
        self.log.roll()

    @rule()
    def flush(self) -> None:
        self.log.flush()
        assert self.log.recovery_point == self.end

    @rule()
    def checkpoint(self) -> None:
        self.checkpointed = self.log.recovery_point

    @rule()
    def new_leadership(self) -> None:
        self.epoch += 1
        self.log.assign_epoch_start(LeaderEpoch(self.epoch))

    @rule()
    def stop_and_start(self) -> None:
        self.log.close()
        assert self.log.recovery_point == self.end
        self.checkpointed = self.end
        self._open(clean=True)

    @rule()
    def die_and_start(self) -> None:
        self._open(clean=False)

    def _open(self, *, clean: bool) -> None:
        self.log = open_log(
            self.log.directory,
            self.config,
            recovery_point=self.checkpointed,
            log_start_offset=self.start,
            clean=clean,
        )

    # What always holds

    @invariant()
    def offsets_are_those_of_the_list(self) -> None:
        log = self.log
        assert (log.log_start_offset, log.log_end_offset) == (self.start, self.end)
        assert self.checkpointed <= log.recovery_point or log.recovery_point == log.log_end_offset
        assert log.recovery_point <= self.end
        assert log.offline_reason is None

    @invariant()
    def open_transactions_are_those_of_the_producers(self) -> None:
        open_since = [
            sender.open_since for sender in self.senders.values() if sender.open_since is not None
        ]
        assert self.log.first_unstable_offset == min(open_since, default=None)

    @invariant()
    def epochs_are_those_of_the_batches(self) -> None:
        for stored in self.stored[-3:]:
            offset = max(stored.base_offset, self.start)
            assert self.log.epoch_for_offset(Offset(offset)) == stored.epoch


@pytest.mark.parametrize("name", CONFIGS)
def test_log_behaves_as_a_list_of_batches(name: str) -> None:
    histories = type("Histories", (LogHistories,), {"config": CONFIGS[name]})
    case = histories.TestCase
    case.settings = settings(
        max_examples=25,
        stateful_step_count=40,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    case().runTest()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CONFIGS)
def test_log_behaves_as_a_list_of_batches_for_long(name: str) -> None:
    histories = type("Histories", (LogHistories,), {"config": CONFIGS[name]})
    case = histories.TestCase
    case.settings = settings(
        max_examples=300,
        stateful_step_count=80,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    case().runTest()
