"""Random histories of a compacted log, cleaned again and again, killed in the middle, against a plain list of records.

What must be there after a cleaning is told exactly by the list (`Model.must_be_there`); after a kill in the middle of one, between
what must be there and what may be. A failing history is printed by hypothesis as the calls that lead to it.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from kafkalite_protocol.compression import Compression

from kafkalite.storage.cleaner.cleaning import MapLimits
from kafkalite.storage.cleaner.offset_map import SLOT_BYTES
from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.log import AppendOrigin
from kafkalite.storage.log_config import LogConfig
from kafkalite.types import Offset, ProducerId
from tests.storage.cleaner_world import (
    Found,
    KeyValue,
    begin,
    committed_records,
    finish,
    keyed,
    range_of,
    uncommitted_records,
)
from tests.storage.faulty_filesystem import FaultyFileSystem, Stopped
from tests.storage.log_world import EPOCH, NOW_MS, append, marker, open_log

RETENTION_MS = 20

CONFIGS = {
    "small segments": LogConfig(segment_bytes=600, index_interval_bytes=1),
    "a batch a segment": LogConfig(segment_bytes=100),
    "larger segments": LogConfig(segment_bytes=5000, index_interval_bytes=300),
    "tiny indexes": LogConfig(segment_index_bytes=48, index_interval_bytes=1),
}

KEYS = st.sampled_from([b"a", b"b", b"c", b"d", b"e"])
PAIRS = st.lists(
    st.tuples(KEYS, st.sampled_from([b"1", b"2", b"x" * 100, None])), min_size=1, max_size=6
)
PRODUCERS = st.integers(1, 3)
LIMITS = st.sampled_from([MapLimits(), MapLimits(5 * SLOT_BYTES, 0.6), MapLimits(0, 0.9)])


@dataclass
class Kept:
    """A record of the list."""

    record: Found
    transaction: int | None = None
    """Offset of its first record; None outside of transactions."""
    horizon_ms: int | None = None
    """Of a tombstone: when it may go at the earliest, from the first cleaning on that has surely dealt with its batch."""
    may_have_horizon_ms: int | None = None
    """The same, from the first cleaning on that perhaps has."""
    is_gone: bool = False
    may_be_gone: bool = False


@dataclass
class Sender:
    next_sequence: int = 0
    last_sequence: int | None = None
    open_since: int | None = None


@dataclass
class Model:
    records: list[Kept] = field(default_factory=list)
    aborted: set[int] = field(default_factory=set)
    start: int = 0

    def cleaned(self, now_ms: int, *, until: int, reached: int, surely: bool) -> None:
        """A cleaning of everything below `until`, in segments that end at `reached`, ended or (not `surely`) was killed."""
        last = {
            each.record.key: each.record.offset
            for each in self.records
            if each.record.offset < until and each.transaction not in self.aborted
        }
        for each in self.records:
            record = each.record
            if record.offset >= reached:
                continue
            if each.transaction in self.aborted:
                goes = may_go = True
            elif record.offset >= until:
                goes = may_go = False
            else:
                is_tombstone = record.value is None
                obsolete = last[record.key] != record.offset
                goes = obsolete or (is_tombstone and _is_past(each.horizon_ms, now_ms))
                may_go = goes or (is_tombstone and _is_past(each.may_have_horizon_ms, now_ms))
            each.may_be_gone |= may_go
            if surely:
                each.is_gone |= goes
                if each.horizon_ms is None:
                    each.horizon_ms = now_ms + RETENTION_MS
            if each.may_have_horizon_ms is None:
                each.may_have_horizon_ms = now_ms + RETENTION_MS

    def must_be_there(self) -> list[Found]:
        return [each.record for each in self._visible() if not each.may_be_gone]

    def may_be_there(self) -> list[Found]:
        return [each.record for each in self._visible() if not each.is_gone]

    def _visible(self) -> list[Kept]:
        return [each for each in self.records if each.record.offset >= self.start]

    def table(self, end: int) -> dict[bytes | None, bytes | None]:
        """What a reader of committed records who keeps the last value of each key ends up with."""
        table: dict[bytes | None, bytes | None] = {}
        for each in self._visible():
            if each.transaction not in self.aborted and each.record.offset < end:
                table[each.record.key] = each.record.value
        return {key: value for key, value in table.items() if value is not None}


def _is_past(horizon_ms: int | None, now_ms: int) -> bool:
    return horizon_ms is not None and horizon_ms <= now_ms


class CompactedHistories(RuleBasedStateMachine):
    """Append, end transactions, roll, clean, wait, stop and die at random."""

    config: ClassVar[LogConfig] = LogConfig()

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(mkdtemp(prefix="cleaner-model-", dir=_memory()))
        self.directory = self.root / "orders-0"
        self.model = Model()
        self.now_ms = NOW_MS
        self.senders: dict[int, Sender] = {}
        self.settings = LogConfig(
            compact=True,
            delete=False,
            delete_retention_ms=RETENTION_MS,
            segment_bytes=self.config.segment_bytes,
            index_interval_bytes=self.config.index_interval_bytes,
            segment_index_bytes=self.config.segment_index_bytes,
        )
        self.log = open_log(self.directory, self.settings)

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    def _append(self, records: memoryview, pairs: list[KeyValue], first: int | None = None) -> None:
        base = self.log.log_end_offset
        append(self.log, records, now_ms=self.now_ms)
        self.model.records += [
            Kept(Found(base + index, key, value, NOW_MS), first)
            for index, (key, value) in enumerate(pairs)
        ]

    @rule(pairs=PAIRS, codec=st.sampled_from(list(Compression)))
    def append(self, pairs: list[KeyValue], codec: Compression) -> None:
        self._append(keyed(*pairs, compression=codec), pairs)

    @rule(producer_id=PRODUCERS, pairs=PAIRS, transactional=st.booleans())
    def append_as(self, producer_id: int, pairs: list[KeyValue], transactional: bool) -> None:
        sender = self.senders.setdefault(producer_id, Sender())
        transactional |= sender.open_since is not None
        if transactional and sender.open_since is None:
            sender.open_since = self.log.log_end_offset
        records = keyed(
            *pairs,
            producer_id=producer_id,
            sequence=sender.next_sequence,
            transactional=transactional,
        )
        self._append(records, pairs, sender.open_since)
        sender.next_sequence += len(pairs)
        sender.last_sequence = sender.next_sequence - 1

    @rule(producer_id=PRODUCERS, commit=st.booleans())
    def end_transaction(self, producer_id: int, commit: bool) -> None:
        sender = self.senders.get(producer_id)
        if sender is None or sender.open_since is None:
            return
        self.log.append_as_leader(
            marker(producer_id, 0, commit=commit),
            EPOCH,
            self.now_ms,
            origin=AppendOrigin.COORDINATOR,
        )
        if not commit:
            self.model.aborted.add(sender.open_since)
        sender.open_since = None

    @rule(producer_id=PRODUCERS, pairs=PAIRS, commit=st.booleans())
    def transaction(self, producer_id: int, pairs: list[KeyValue], commit: bool) -> None:
        self.append_as(producer_id, pairs, True)
        self.end_transaction(producer_id, commit)

    @rule()
    def roll(self) -> None:
        self.log.roll()

    @rule(delta_ms=st.integers(1, 15))
    def wait(self, delta_ms: int) -> None:
        self.now_ms += delta_ms

    @rule(limits=LIMITS, roll=st.booleans())
    def clean(self, limits: MapLimits, roll: bool) -> None:
        if roll:
            self.log.roll()
        if range_of(self.log) is None:
            return
        cleaning = begin(self.log, self.now_ms, limits)
        groups = finish(self.log, cleaning)
        assert self.log.cleaned_offset == cleaning.end_offset > cleaning.plan.first_dirty
        reached = groups[-1].segments[-1].next_offset
        self.model.cleaned(self.now_ms, until=cleaning.end_offset, reached=reached, surely=True)

    @rule(limits=LIMITS, stop_after=st.integers(0, 80))
    def clean_and_die(self, limits: MapLimits, stop_after: int) -> None:
        """At some operation on the files."""
        self.log.roll()
        self._reopen()
        if range_of(self.log) is None:
            return
        filesystem = FaultyFileSystem(self.root, stop_at=stop_after, seed=stop_after)
        cleaned_offset = self.log.cleaned_offset
        with suppress(Stopped):
            self._reopen(filesystem=filesystem)
            finish(self.log, begin(self.log, self.now_ms, limits))
        filesystem.after_kill()
        end = self.log.segments.active.base_offset
        self.model.cleaned(self.now_ms, until=end, reached=end, surely=False)
        self.log.cleaned_offset = cleaned_offset
        self._reopen()

    @rule()
    def stop_and_start(self) -> None:
        self.log.close()
        self._reopen(clean=True)

    @rule()
    def die_and_start(self) -> None:
        self._reopen()

    def _reopen(self, *, clean: bool = False, filesystem: FileSystem | None = None) -> None:
        cleaned_offset = self.log.cleaned_offset
        self.log = open_log(
            self.directory,
            self.settings,
            recovery_point=self.log.recovery_point if clean else 0,
            log_start_offset=self.model.start,
            clean=clean,
            filesystem=filesystem,
        )
        self.log.cleaned_offset = cleaned_offset

    @precondition(lambda self: not self.senders)
    @rule(where=st.floats(0, 1))
    def delete_records(self, where: float) -> None:
        start = self.model.start + round(where * (self.log.log_end_offset - self.model.start))
        self.log.increment_log_start_offset(Offset(start))
        self.model.start = max(self.model.start, start)

    # What always holds

    @invariant()
    def readers_find_what_the_list_says(self) -> None:
        found = uncommitted_records(self.log)
        must, may = self.model.must_be_there(), self.model.may_be_there()
        assert found == sorted(set(found)), "in order, and once"
        assert set(must) <= set(found)
        assert set(found) <= set(may)

    @invariant()
    def readers_of_what_is_committed_build_the_same_table(self) -> None:
        unstable = self.log.first_unstable_offset
        end = self.log.log_end_offset if unstable is None else unstable
        table = {each.key: each.value for each in committed_records(self.log)}
        assert {key: value for key, value in table.items() if value is not None} == (
            self.model.table(end)
        )

    @invariant()
    def producers_go_on_where_they_were(self) -> None:
        known = self.log.producer_state.active_producers
        for producer_id, sender in self.senders.items():
            if sender.last_sequence is not None:
                entry = known[ProducerId(producer_id)]
                assert entry.last_sequence == sender.last_sequence
                assert entry.transaction_first_offset == sender.open_since

    @invariant()
    def the_log_is_whole(self) -> None:
        assert self.log.offline_reason is None
        assert self.log.cleaned_offset <= self.log.log_end_offset
        bases = [each.base_offset for each in self.log.segments]
        assert bases == sorted(set(bases)) == list(self.log.segments.base_offsets)
        names = {path.name for path in self.directory.iterdir()}
        assert not [name for name in names if name.endswith((".cleaned", ".swap"))]


def _memory() -> Path | None:
    """Where files cost least; thousands are made here."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else None


def run(name: str, **kwargs: object) -> None:
    histories = type("Histories", (CompactedHistories,), {"config": CONFIGS[name]})
    case = histories.TestCase
    case.settings = settings(deadline=None, suppress_health_check=list(HealthCheck), **kwargs)  # type: ignore[arg-type]
    case().runTest()


@pytest.mark.parametrize("name", CONFIGS)
def test_a_compacted_log_behaves_as_a_list_of_records(name: str) -> None:
    run(name, max_examples=40, stateful_step_count=50, derandomize=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", CONFIGS)
def test_a_compacted_log_behaves_as_a_list_of_records_for_long(name: str) -> None:
    run(name, max_examples=300, stateful_step_count=80, print_blob=True)
