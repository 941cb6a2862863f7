"""Kafka's DumpLogSegments reads the index, transaction index and snapshot files that the store writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafkalite_protocol.record_batch import RecordBatchView
from kafkalite_protocol.records import Record, build_batch

from kafkalite.storage.offset_index import OffsetIndex
from kafkalite.storage.producer_state import ProducerState, snapshot_path, write_snapshot
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.storage.time_index import TimeIndex
from kafkalite.storage.transaction_index import AbortedTransaction, TransactionIndex
from kafkalite.types import Offset, ProducerId
from tests.java_kafka import run_tool

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]

BASE = Offset(1000)
FIRST_MS = 1_700_000_000_000
INDEX_BYTES = 10_485_760


def dump(*arguments: str) -> str:
    return run_tool("org.apache.kafka.tools.DumpLogSegments", *arguments).stdout


def write_segment(directory: Path, *, close: bool) -> tuple[list[int], ProducerState]:
    """Eight batches of three records, each indexed but the first; returns their positions and the producer state."""
    disk = RealFileSystem()
    name = f"{BASE:020d}"
    log = disk.open(directory / f"{name}.log", create=True)
    offsets = OffsetIndex(disk, directory / f"{name}.index", BASE, INDEX_BYTES)
    times = TimeIndex(disk, directory / f"{name}.timeindex", BASE, INDEX_BYTES)
    state = ProducerState(2**62)
    positions = []
    for number in range(8):
        base = BASE + 3 * number
        timestamp_ms = FIRST_MS + 1000 * number
        records = [Record(base + n, timestamp_ms + n, b"k", b"value", []) for n in range(3)]
        batch = RecordBatchView(
            build_batch(
                records,
                base_offset=base,
                leader_epoch=0,
                producer_id=42,
                producer_epoch=1,
                base_sequence=3 * number,
                transactional=number >= 6,
            )
        )
        position = log.append([batch.view()])
        if number:
            offsets.append(Offset(batch.last_offset), position)
            times.maybe_append(batch.max_timestamp_ms, Offset(batch.last_offset))
        state.update(batch)
        positions.append(position)
    if close:
        for file in (log, offsets, times):
            file.close()
    return positions, state


def test_indexes_pass_kafkas_sanity_check_and_read_the_same(tmp_path: Path) -> None:
    positions, _ = write_segment(tmp_path, close=True)
    name = f"{BASE:020d}"
    files = f"{tmp_path}/{name}.index,{tmp_path}/{name}.timeindex"

    sane = dump("--index-sanity-check", "--files", files)
    assert f"{name}.index passed sanity check" in sane
    assert f"{name}.timeindex passed sanity check" in sane

    text = dump("--files", files)
    assert [line for line in text.splitlines() if line.startswith("offset: ")] == [
        f"offset: {BASE + 3 * number + 2} position: {positions[number]}" for number in range(1, 8)
    ]
    assert [line for line in text.splitlines() if line.startswith("timestamp: ")] == [
        f"timestamp: {FIRST_MS + 1000 * number + 2} offset: {BASE + 3 * number + 2}"
        for number in range(1, 8)
    ]
    for complaint in ("Mismatches", "out of order", "Found timestamp mismatch"):
        assert complaint not in text


def test_indexes_of_a_killed_process_pass_kafkas_sanity_check(tmp_path: Path) -> None:
    write_segment(tmp_path, close=False)
    name = f"{BASE:020d}"
    assert (tmp_path / f"{name}.index").stat().st_size == 4096, "zero bytes behind the entries"
    files = f"{tmp_path}/{name}.index"
    assert "passed sanity check" in dump("--index-sanity-check", "--files", files)


def test_transaction_index_and_snapshot_are_read(tmp_path: Path) -> None:
    _, state = write_segment(tmp_path, close=True)
    disk = RealFileSystem()
    name = f"{BASE:020d}"
    aborted = TransactionIndex(disk, tmp_path / f"{name}.txnindex", BASE)
    aborted.append(AbortedTransaction(ProducerId(7), Offset(1003), Offset(1008), Offset(1009)))
    aborted.close()
    end = Offset(BASE + 24)
    write_snapshot(disk, tmp_path, end, state)

    text = dump("--files", f"{aborted.path},{snapshot_path(tmp_path, end)}")
    assert (
        "version: 0 producerId: 7 firstOffset: 1003 lastOffset: 1008 lastStableOffset: 1009" in text
    )
    assert "producerId: 42 producerEpoch: 1 coordinatorEpoch: -1" in text
    assert "currentTxnFirstOffset: OptionalLong[1018]" in text
    assert "firstSequence: 21 lastSequence: 23 lastOffset: 1023 offsetDelta: 2" in text
    assert f"timestamp: {FIRST_MS + 7002}" in text
