"""Kafka's DumpLogSegments reads whole directories that the log has left: after a clean stop, after a kill, recovered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kafkalite_protocol.compression import Compression

from kafkalite.storage.log import AppendOrigin, Log
from kafkalite.storage.log_config import LogConfig
from tests.java_kafka import run_tool
from tests.storage.log_world import (
    EPOCH,
    NOW_MS,
    all_batches,
    append,
    batch,
    marker,
    open_log,
    reopen,
)

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]

CONFIG = LogConfig(segment_bytes=2000, index_interval_bytes=200)


def dump(log: Log, *options: str, suffixes: str) -> str:
    """What the tool prints of all files with these suffixes; mismatches go to its standard error."""
    paths = sorted(path for path in log.directory.iterdir() if path.suffix in suffixes.split())
    assert paths
    files = ",".join(map(str, paths))
    done = run_tool("org.apache.kafka.tools.DumpLogSegments", *options, "--files", files)
    return done.stdout + done.stderr


def varied(directory: Path) -> Log:
    """Every codec, an idempotent producer, a committed and an aborted transaction, several segments."""
    log = open_log(directory, CONFIG)
    for number in range(8):
        for codec in Compression:
            times = [NOW_MS + 10 * number + late for late in (0, 5, 2)]
            append(log, batch(3, timestamps_ms=times, compression=codec))
        append(log, batch(2, producer_id=4, producer_epoch=1, sequence=2 * number))
        append(log, batch(1, producer_id=9, producer_epoch=0, sequence=number, transactional=True))
        log.append_as_leader(
            marker(9, 0, commit=number % 2 == 0), EPOCH, NOW_MS, origin=AppendOrigin.COORDINATOR
        )
    assert len(log.segments) > 3
    return log


def complaints(output: str) -> list[str]:
    """What the tool has to say against a file; nothing if it is happy."""
    words = (
        "mismatch",
        "corrupt",
        "invalid",
        "not ",
        "non-",
        "error",
        "exception",
        "found indexed",
    )
    return [line for line in output.splitlines() if any(word in line.lower() for word in words)]


def left_clean(log: Log) -> Log:
    log.close()
    return log


def left_killed(log: Log) -> Log:
    return log


def left_recovered(log: Log) -> Log:
    with log.segments.active.log.path.open("ab") as file:
        file.write(b"a torn batch")
    for path in log.directory.glob("*.index"):
        path.unlink()
    again = reopen(log, recovery_point=0)
    again.close()
    return again


@pytest.mark.parametrize("leave", [left_clean, left_killed, left_recovered])
def test_every_batch_and_record_is_read_as_it_was_written(tmp_path: Path, leave) -> None:  # type: ignore[no-untyped-def]
    log = leave(varied(tmp_path / "orders-0"))
    output = dump(log, "--print-data-log", suffixes=".log")
    seen = re.findall(
        r"^baseOffset: (\d+) lastOffset: (\d+) count: (\d+) .*isvalid: (\w+)", output, re.MULTILINE
    )
    written = all_batches(reopen(log))
    assert seen == [
        (str(each.base_offset), str(each.last_offset), str(each.record_count), "true")
        for each in written
    ]
    assert len(re.findall(r"^\| offset: ", output, re.MULTILINE)) == sum(
        each.record_count for each in written
    )
    assert output.count("endTxnMarker: ABORT") == 4
    assert output.count("endTxnMarker: COMMIT") == 4
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        assert f"compresscodec: {codec}" in output


@pytest.mark.parametrize("leave", [left_clean, left_recovered])
def test_indexes_are_sane_and_agree_with_the_log(tmp_path: Path, leave) -> None:  # type: ignore[no-untyped-def]
    log = leave(varied(tmp_path / "orders-0"))
    sane = dump(log, "--index-sanity-check", suffixes=".index .timeindex")
    assert sane.count("passed sanity check") == 2 * len(log.segments)
    verified = dump(log, "--verify-index-only", suffixes=".index .timeindex")
    assert complaints(verified) == []
    entries = dump(log, suffixes=".index")
    assert len(re.findall(r"^offset: ", entries, re.MULTILINE)) > len(log.segments)


def test_an_index_that_disagrees_is_noticed(tmp_path: Path) -> None:
    """Or the silence above would mean nothing."""
    log = left_clean(varied(tmp_path / "orders-0"))
    path = log.segments[0].path(".index")
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)
    assert complaints(dump(log, "--verify-index-only", suffixes=".index")) != []


def test_indexes_of_a_killed_log_agree_with_the_log_up_to_their_zero_bytes(tmp_path: Path) -> None:
    log = varied(tmp_path / "orders-0")
    verified = dump(log, "--verify-index-only", suffixes=".index")
    assert complaints(verified) == []


def test_aborted_transactions_and_producers_are_read(tmp_path: Path) -> None:
    log = left_clean(varied(tmp_path / "orders-0"))
    aborted = dump(log, suffixes=".txnindex")
    assert aborted.count("version: 0 producerId: 9") == 4
    (last,) = log.directory.glob(f"{log.log_end_offset:020}.snapshot")
    text = run_tool("org.apache.kafka.tools.DumpLogSegments", "--files", str(last)).stdout
    assert re.search(r"producerId: 4 producerEpoch: 1 .*lastSequence: 15", text)
    assert re.search(r"producerId: 9 producerEpoch: 0 .*lastSequence: 7", text)
