"""The same log cleaned by Apache Kafka and by us: what is left is compared file by file.

    Kafka writes a history and stops -> its partition directories are copied -> Kafka, started again, cleans its own, we clean
    the copy -> the two are compared; once more after more history, from Kafka's result, with the delete horizons passed

Partition 0 is not compressed: log and indexes must be the same byte for byte, but for the delete horizons, which tell when the
cleaning was. The others have a codec each: the same batches, records, offsets, whatever the compressors made of them.
"""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kafkalite_compat.brokers.ports import free_port
from kafkalite_protocol.record_batch import RecordBatchView, batches
from kafkalite_protocol.records import Record, read_records

from kafkalite.storage.checkpoints import read_offset_checkpoint
from kafkalite.storage.log import Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.types import TopicPartition
from tests.java_kafka import KafkaProcess, start_kafka
from tests.storage.cleaner_world import clean
from tests.storage.log_world import open_log
from tests.storage.test_dump_log_segments import complaints, dump
from tests.waiting import wait_until

pytestmark = [pytest.mark.java, pytest.mark.timeout(600)]

TOPIC = "compacted"
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
SEGMENT_BYTES = 6000
CONFIG = LogConfig(
    compact=True,
    delete=False,
    delete_retention_ms=1,
    index_interval_bytes=500,
    segment_bytes=SEGMENT_BYTES,
)
TOPIC_CONFIG = {
    "cleanup.policy": "compact",
    "delete.retention.ms": "1",
    "index.interval.bytes": "500",
    "internal.segment.bytes": str(SEGMENT_BYTES),  # segment.bytes is not allowed below 1 MiB
}
NEVER_DUE, ALWAYS_DUE = "1.0", "0.001"
BATCHES = 40
ROUND_MS = BATCHES * 20_000


class History:
    """What is written to one partition."""

    def __init__(self, bootstrap: str, partition: int, first_ms: int) -> None:
        self._bootstrap = bootstrap
        self._partition = partition
        self._time_ms = first_ms
        self._chance = random.Random(partition)

    def write(self, round_number: int) -> None:
        common = {
            "bootstrap.servers": self._bootstrap,
            "compression.type": CODECS[self._partition],
            "linger.ms": 1000,
            "batch.num.messages": 1000,
        }
        plain = Producer(common)
        idempotent = Producer({**common, "enable.idempotence": True})
        transactional = Producer({**common, "transactional.id": f"t-{self._partition}"})
        transactional.init_transactions(30)
        for number in range(BATCHES):
            self._time_ms += 20_000
            kind = number % 5
            if kind in (1, 3):
                transactional.begin_transaction()
                self._send(transactional, number, round_number)
                transactional.flush()
                if kind == 1 or number % 3 == 0:
                    transactional.commit_transaction(30)
                else:
                    transactional.abort_transaction(30)
            else:
                producer = idempotent if kind == 2 and number < 20 else plain
                self._send(producer, number, round_number)
                producer.flush()

    def _send(self, producer: Producer, number: int, round_number: int) -> None:
        """Keys that come again soon, keys that come again in the next round, keys that never do; some are deleted."""
        for index in range(8):
            key = (
                f"soon-{(number + index) % 7}",
                f"round-{number}-{index}",
                f"only-{round_number}-{number}-{index}",
                f"deleted-{number % 6}",
            )[index % 4]
            is_deleted = index % 4 == 3 and number % 3 == 2
            producer.produce(
                TOPIC,
                None if is_deleted else self._chance.randbytes(60 * index),
                key.encode(),
                partition=self._partition,
                timestamp=self._time_ms + index,
                headers=[("h", b"%d" % index), ("n", None)] if index == 2 else None,
            )


def read_checkpoint(data: Path, name: str) -> dict[TopicPartition, int]:
    return dict(read_offset_checkpoint(RealFileSystem(), data / name))


def running(data: Path, port: int, ratio: str) -> KafkaProcess:
    return start_kafka(
        port,
        data,
        {
            "log.cleaner.min.cleanable.ratio": ratio,
            "log.cleaner.backoff.ms": "100",
            "log.cleaner.dedupe.buffer.size": "8388608",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.num.partitions": "1",
            "auto.create.topics.enable": "false",
        },
    )


def test_what_we_leave_is_what_kafka_leaves(tmp_path: Path) -> None:
    data = tmp_path / "kafka"
    port = free_port()
    first_ms = int(time.time() * 1000) - 3 * ROUND_MS
    for round_number in range(2):
        with running(data, port, NEVER_DUE) as kafka:
            if round_number == 0:
                admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
                topic = NewTopic(TOPIC, len(CODECS), 1, config=TOPIC_CONFIG)
                admin.create_topics([topic])[TOPIC].result(30)
                time.sleep(1)  # its replicas come after its metadata
            for partition in range(len(CODECS)):
                started_ms = first_ms + round_number * ROUND_MS
                History(kafka.bootstrap, partition, started_ms).write(round_number)
        copies = tmp_path / f"ours-{round_number}"
        copies.mkdir()
        for partition in range(len(CODECS)):
            shutil.copytree(data / f"{TOPIC}-{partition}", copies / f"{TOPIC}-{partition}")
        ends = read_checkpoint(data, "recovery-point-offset-checkpoint")
        cleaned = read_checkpoint(data, "cleaner-offset-checkpoint")
        with running(data, port, ALWAYS_DUE):
            ours = [
                clean_ours(copies / str(tp), ends[tp], cleaned.get(tp, 0))
                for tp in (TopicPartition(TOPIC, index) for index in range(len(CODECS)))
            ]
            wanted = {
                TopicPartition(TOPIC, index): log.cleaned_offset for index, log in enumerate(ours)
            }
            wait_until(
                lambda wanted=wanted: is_clean(data, wanted),  # type: ignore[misc]
                "Kafka to have cleaned everything",
                timeout_s=60,
            )
        for partition, log in enumerate(ours):
            compare(data / f"{TOPIC}-{partition}", log, codec=CODECS[partition])
            assert complaints(dump(log, suffixes=".log .index .timeindex .txnindex")) == []
            sane = dump(log, "--index-sanity-check", suffixes=".index .timeindex")
            assert sane.count("passed sanity check") > len(log.segments)
            assert sane.count("passed") + sane.count("is empty.") == 2 * len(log.segments)


def is_clean(data: Path, wanted: dict[TopicPartition, int]) -> bool:
    found = read_checkpoint(data, "cleaner-offset-checkpoint")
    return all(found.get(tp) == offset for tp, offset in wanted.items())


def clean_ours(directory: Path, end: int, cleaned_offset: int) -> Log:
    log = open_log(directory, CONFIG, recovery_point=end, clean=True)
    log.cleaned_offset = cleaned_offset  # type: ignore[assignment]
    assert len(log.segments) > 6
    clean(log, int(time.time() * 1000))
    assert log.cleaned_offset == log.segments.active.base_offset
    log.close()
    for path in log.deleted_files:
        path.unlink()
    return log


def compare(theirs: Path, ours: Log, *, codec: str) -> None:
    names = [
        sorted(
            path.name
            for path in directory.iterdir()
            if path.suffix in (".log", ".index", ".timeindex", ".txnindex", ".snapshot")
            and not (path.suffix == ".txnindex" and path.stat().st_size == 0)
        )
        for directory in (theirs, ours.directory)
    ]
    assert names[1] == names[0]
    some_left = some_dated = 0
    for name in names[0]:
        one, other = ((directory / name).read_bytes() for directory in (theirs, ours.directory))
        if name.endswith(".log"):
            left, dated = compare_batches(one, other, is_plain=codec == "none")
            some_left += left
            some_dated += dated
        elif codec == "none" or name.endswith(".txnindex"):
            assert other == one, name
    assert some_left > 10
    assert some_dated > 0


def compare_batches(one: bytes, other: bytes, *, is_plain: bool) -> tuple[int, int]:
    """How many batches were compared, and how many of them have a delete horizon."""
    theirs, ours = list(batches(one)), list(batches(other))
    assert [fields(each) for each in ours] == [fields(each) for each in theirs]
    dated = 0
    for our, their in zip(ours, theirs, strict=True):
        assert our.check_crc()
        assert their.check_crc()
        assert values(our) == values(their)
        dated += their.delete_horizon_ms is not None
        if is_plain and their.delete_horizon_ms is None:
            assert bytes(our.view()) == bytes(their.view())
    return len(theirs), dated


def fields(batch: RecordBatchView) -> tuple[object, ...]:
    """Of the header; the base timestamp of a batch with a delete horizon is when that was set."""
    return (
        batch.base_offset,
        batch.last_offset,
        batch.leader_epoch,
        batch.attributes,
        None if batch.delete_horizon_ms is not None else batch.base_timestamp_ms,
        batch.max_timestamp_ms,
        batch.producer_id,
        batch.producer_epoch,
        batch.base_sequence,
        batch.record_count,
    )


def values(batch: RecordBatchView) -> list[Record]:
    return read_records(batch)
