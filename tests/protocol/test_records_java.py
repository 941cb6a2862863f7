"""Batches of random records, against Kafka's own Java classes: both directions, every codec and level."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.control_records import (
    ControlRecordType,
    EndTransactionMarker,
    build_end_transaction_marker,
)
from kafkalite_protocol.record_batch import RecordBatchView
from kafkalite_protocol.records import Record, build_batch, read_records

from tests.java_kafka import class_path

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCE = Path(__file__).parent / "java" / "RecordBatches.java"
LEVELS = {
    Compression.NONE: [None],
    Compression.GZIP: [None, 1, 9],
    Compression.SNAPPY: [None],
    Compression.LZ4: [None, 1, 9, 17],
    Compression.ZSTD: [None, -5, 1, 19],
}
BATCHES_PER_LEVEL = 10

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def java_classes(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("classes")
    subprocess.run(["javac", "-cp", class_path(), "-d", str(folder), str(SOURCE)], check=True)
    return class_path(folder)


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("KAFKALITE_TEST_SEED") or random.randrange(1 << 32))
    print(f"KAFKALITE_TEST_SEED={seed} pytest -m java tests/protocol/test_records_java.py")
    return random.Random(seed)


def ask(java_classes: str, questions: Iterable[str]) -> list[str]:
    """Each line's answer, from one run of the Java side: see java/RecordBatches.java."""
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
    done = subprocess.run(
        ["java", "-Xmx512M", quiet, "-cp", java_classes, "RecordBatches"],
        input="".join(f"{question}\n" for question in questions),
        stdout=subprocess.PIPE,
        check=True,
        encoding="utf-8",
    )
    return done.stdout.splitlines()


def random_bytes(chance: random.Random) -> bytes | None:
    length = chance.choice([0, 1, 50, 63, 64, 200, 3000])
    return chance.choice(
        [
            None,
            chance.randbytes(length),
            bytes(chance.choices(b"abc", k=length)),
            b"word " * (length // 5),
        ]
    )


def random_records(chance: random.Random) -> list[Record]:
    names = ["", "h", "h", "größe", "n" * 70]
    return [
        Record(
            offset,
            chance.choice([0, 1_700_000_000_000 + chance.randrange(-(10**6), 10**6), 2**62]),
            random_bytes(chance),
            random_bytes(chance),
            [(chance.choice(names), random_bytes(chance)) for _ in range(chance.choice([0, 0, 3]))],
        )
        for offset in range(chance.choice([1, 2, 70, 200]))
    ]


def show(records: Iterable[Record]) -> str:
    """As the Java side shows them."""
    return " ".join(
        f"{r.offset},{r.timestamp_ms},{_hex(r.key)},{_hex(r.value)},"
        + ";".join(f"{_hex(name.encode())}={_hex(value)}" for name, value in r.headers)
        for r in records
    )


def _hex(data: bytes | None) -> str:
    return "-" if data is None else bytes(data).hex()


def test_kafka_reads_the_batches_built_here(java_classes: str, chance: random.Random):
    cases = [
        (codec, level, random_records(chance))
        for codec, levels in LEVELS.items()
        for level in levels
        for _ in range(BATCHES_PER_LEVEL)
    ]
    answers = ask(
        java_classes,
        (
            f"read {build_batch(records, compression=codec, compression_level=level).hex()}"
            for codec, level, records in cases
        ),
    )
    for (codec, level, records), answer in zip(cases, answers, strict=True):
        assert answer == show(records), (codec.name, level)


def test_batches_that_kafka_writes_are_read_here(java_classes: str, chance: random.Random):
    cases = [
        (codec, random_records(chance)) for codec in Compression for _ in range(BATCHES_PER_LEVEL)
    ]
    answers = ask(
        java_classes, (f"write {codec.name.lower()} {show(records)}" for codec, records in cases)
    )
    for (codec, records), answer in zip(cases, answers, strict=True):
        batch = RecordBatchView(bytes.fromhex(answer))
        assert batch.check_crc()
        assert batch.compression is codec
        assert read_records(batch) == records
        if codec is Compression.NONE:
            assert build_batch(records).hex() == answer


def test_kafka_reads_transaction_markers(java_classes: str):
    markers = [
        EndTransactionMarker(kind, epoch)
        for kind in (ControlRecordType.ABORT, ControlRecordType.COMMIT)
        for epoch in (0, 7, 2**31 - 1)
    ]
    answers = ask(
        java_classes,
        (
            "marker "
            + build_end_transaction_marker(
                marker, producer_id=1, producer_epoch=2, timestamp_ms=3
            ).hex()
            for marker in markers
        ),
    )
    assert answers == [f"{marker.type.name} {marker.coordinator_epoch}" for marker in markers]
