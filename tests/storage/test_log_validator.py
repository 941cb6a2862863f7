"""Answers to batches that are not as they should be, as measured on Apache Kafka 4.3.0 (`-1`: its own exception)."""

from __future__ import annotations

import struct
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.record_batch import RecordBatchView, TimestampType

from kafkalite.errors import KafkaError
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.log_validator import (
    RecordValidationError,
    check_records,
    client_batch,
    followers_batches,
    stamp_time,
)
from kafkalite.types import Offset
from tests.storage.log_world import NOW_MS, TP, all_batches, append, batch, open_log

CONFIG = LogConfig()
COMPACTED = LogConfig(compact=True, delete=False)
HOUR_MS = 3_600_000


def spoil(fmt: str, position: int, value: int, *, keep_crc: bool = False) -> memoryview:
    """A good batch with one field overwritten, and its CRC made right again unless `keep_crc`."""
    data = bytearray(batch(2))
    struct.pack_into(fmt, data, position, value)
    if not keep_crc:
        struct.pack_into(">I", data, 17, RecordBatchView(data).computed_crc())
    return memoryview(data)


GOOD = bytes(batch(2))


def with_bytes(position: int, patch: bytes) -> memoryview:
    data = bytearray(GOOD)
    data[position : position + len(patch)] = patch
    return memoryview(data)


FAULTS = [
    ("nothing", memoryview(bytearray()), ErrorCode.INVALID_RECORD),
    ("less than a length", memoryview(bytearray(GOOD[:11])), ErrorCode.INVALID_RECORD),
    ("less than a magic", memoryview(bytearray(GOOD[:16])), ErrorCode.INVALID_RECORD),
    ("less than a header", memoryview(bytearray(GOOD[:40])), ErrorCode.INVALID_RECORD),
    ("cut off", memoryview(bytearray(GOOD[:-1])), ErrorCode.INVALID_RECORD),
    ("two batches", memoryview(bytearray(GOOD + GOOD)), ErrorCode.INVALID_RECORD),
    ("zeros behind it", memoryview(bytearray(GOOD + bytes(20))), ErrorCode.CORRUPT_MESSAGE),
    ("length 13", with_bytes(8, struct.pack(">i", 13)), ErrorCode.CORRUPT_MESSAGE),
    ("length 48", with_bytes(8, struct.pack(">i", 48)), ErrorCode.CORRUPT_MESSAGE),
    ("negative length", with_bytes(8, struct.pack(">i", -5)), ErrorCode.CORRUPT_MESSAGE),
    (
        "length one short",
        with_bytes(8, struct.pack(">i", len(GOOD) - 13)),
        ErrorCode.CORRUPT_MESSAGE,
    ),
    ("magic 0", with_bytes(16, b"\x00"), ErrorCode.INVALID_RECORD),
    ("magic 1", with_bytes(16, b"\x01"), ErrorCode.INVALID_RECORD),
    ("magic 3", with_bytes(16, b"\x03"), ErrorCode.CORRUPT_MESSAGE),
    ("magic -1", with_bytes(16, b"\xff"), ErrorCode.CORRUPT_MESSAGE),
    ("wrong CRC", with_bytes(17, bytes(4)), ErrorCode.CORRUPT_MESSAGE),
    ("a flipped bit at the end", with_bytes(len(GOOD) - 1, b"\x01"), ErrorCode.CORRUPT_MESSAGE),
    ("base offset 5", with_bytes(0, struct.pack(">q", 5)), ErrorCode.INVALID_RECORD),
    ("count 3 of 2", spoil(">i", 57, 3), ErrorCode.INVALID_RECORD),
    ("count 0", spoil(">i", 57, 0), ErrorCode.INVALID_RECORD),
    ("count -1", spoil(">i", 57, -1), ErrorCode.INVALID_RECORD),
    ("last offset delta -1", spoil(">i", 23, -1), ErrorCode.INVALID_RECORD),
    ("a control batch", spoil(">h", 21, 0x20), ErrorCode.INVALID_RECORD),
    ("codec 5", spoil(">h", 21, 5), ErrorCode.UNKNOWN_SERVER_ERROR),
    ("codec 7", spoil(">h", 21, 7), ErrorCode.UNKNOWN_SERVER_ERROR),
    ("codec 7 and a wrong CRC", spoil(">h", 21, 7, keep_crc=True), ErrorCode.CORRUPT_MESSAGE),
    ("a producer id without sequence", spoil(">q", 43, 9), ErrorCode.INVALID_RECORD),
]


@pytest.mark.parametrize(
    ("records", "code"), [fault[1:] for fault in FAULTS], ids=[f[0] for f in FAULTS]
)
def test_faulty_batch_is_refused_with_kafkas_code(records: memoryview, code: ErrorCode) -> None:
    with pytest.raises(KafkaError) as caught:
        client_batch(records, CONFIG)
    assert caught.value.code is code
    assert caught.value.message


@pytest.mark.parametrize("extra", [b"x", bytes(11), struct.pack(">qiib", 0, 100, 0, 2) + b"abc"])
def test_bytes_that_are_no_whole_batch_may_follow_and_are_not_stored(
    tmp_path: Path, extra: bytes
) -> None:
    log = open_log(tmp_path / "log")
    append(log, memoryview(bytearray(GOOD + extra)))
    assert log.size_bytes == len(GOOD)
    assert log.log_end_offset == 2


def test_batch_of_exactly_max_message_bytes_is_accepted_and_one_byte_more_is_not() -> None:
    records = batch(1, value_bytes=100)
    client_batch(records, replace(CONFIG, max_message_bytes=len(records)))
    with pytest.raises(KafkaError) as caught:
        client_batch(records, replace(CONFIG, max_message_bytes=len(records) - 1))
    assert caught.value.code is ErrorCode.MESSAGE_TOO_LARGE


def test_too_large_comes_before_a_wrong_crc() -> None:
    data = bytearray(batch(1, value_bytes=100))
    data[-1] ^= 1
    with pytest.raises(KafkaError) as caught:
        client_batch(memoryview(data), replace(CONFIG, max_message_bytes=100))
    assert caught.value.code is ErrorCode.MESSAGE_TOO_LARGE


def refused(records: memoryview, config: LogConfig) -> RecordValidationError:
    with pytest.raises(RecordValidationError) as caught:
        check_records(client_batch(records, config), TP, config, NOW_MS)
    return caught.value


@pytest.mark.parametrize("compression", [Compression.NONE, Compression.GZIP])
def test_compacted_topic_names_every_record_without_a_key(compression: Compression) -> None:
    error = refused(batch(3, keys=[b"a", None, None], compression=compression), COMPACTED)
    assert error.code is ErrorCode.INVALID_RECORD
    assert [each.batch_index for each in error.record_errors] == [1, 2]
    assert "orders" in error.record_errors[0].message


def test_timestamp_outweighs_a_missing_key_in_the_code_of_the_answer() -> None:
    error = refused(
        batch(2, keys=[None, b"a"], timestamps_ms=[NOW_MS, NOW_MS + 2 * HOUR_MS]), COMPACTED
    )
    assert error.code is ErrorCode.INVALID_TIMESTAMP
    assert [each.batch_index for each in error.record_errors] == [0, 1]


def test_record_of_an_hour_from_now_is_accepted_and_a_millisecond_later_is_not() -> None:
    check_records(client_batch(batch(1, timestamp_ms=NOW_MS + HOUR_MS), CONFIG), TP, CONFIG, NOW_MS)
    error = refused(batch(2, timestamps_ms=[NOW_MS, NOW_MS + HOUR_MS + 1]), CONFIG)
    assert error.code is ErrorCode.INVALID_TIMESTAMP
    assert [each.batch_index for each in error.record_errors] == [1]


def without_max_timestamp(data: bytearray) -> RecordBatchView:
    """As sarama before 1.44 writes it: the records have times, maxTimestamp says that they have none."""
    struct.pack_into(">q", data, 35, -1)
    struct.pack_into(">I", data, 17, RecordBatchView(data).computed_crc())
    return client_batch(memoryview(data), CONFIG)


def test_max_timestamp_of_none_does_not_hide_a_record_of_the_far_future() -> None:
    late = batch(2, timestamps_ms=[NOW_MS, NOW_MS + HOUR_MS + 1])
    with pytest.raises(RecordValidationError) as refusal:
        check_records(without_max_timestamp(bytearray(late)), TP, CONFIG, NOW_MS)
    assert refusal.value.code is ErrorCode.INVALID_TIMESTAMP
    assert [each.batch_index for each in refusal.value.record_errors] == [1]


def test_max_timestamp_of_none_is_put_right_where_records_have_times() -> None:
    view = without_max_timestamp(bytearray(batch(2, timestamps_ms=[NOW_MS, NOW_MS - 7])))
    check_records(view, TP, CONFIG, NOW_MS)
    stored = RecordBatchView(view.buffer)
    assert stored.max_timestamp_ms == NOW_MS
    assert stored.check_crc()


def test_record_older_than_before_max_ms_is_refused() -> None:
    config = replace(CONFIG, message_timestamp_before_max_ms=1000)
    assert refused(batch(1, timestamp_ms=NOW_MS - 1001), config).code is ErrorCode.INVALID_TIMESTAMP
    check_records(client_batch(batch(1, timestamp_ms=NOW_MS - 1000), config), TP, config, NOW_MS)


def test_record_without_timestamp_is_accepted_whatever_the_limits() -> None:
    config = replace(CONFIG, message_timestamp_before_max_ms=0, message_timestamp_after_max_ms=0)
    check_records(client_batch(batch(1, timestamp_ms=-1), config), TP, config, NOW_MS)


def test_garbage_in_a_compacted_topic_is_found_because_records_are_walked() -> None:
    data = bytearray(batch(1, keys=[b"k"]))
    data[61] = 0x7F  # a record length past the end
    struct.pack_into(">I", data, 17, RecordBatchView(data).computed_crc())
    with pytest.raises(KafkaError) as caught:
        check_records(client_batch(memoryview(data), COMPACTED), TP, COMPACTED, NOW_MS)
    assert caught.value.code is ErrorCode.INVALID_RECORD


def test_garbage_behind_a_codec_in_a_compacted_topic_is_answered_as_kafka_does() -> None:
    data = bytearray(batch(1, keys=[b"k"]))
    struct.pack_into(">h", data, 21, Compression.GZIP)
    struct.pack_into(">I", data, 17, RecordBatchView(data).computed_crc())
    with pytest.raises(KafkaError) as caught:
        check_records(client_batch(memoryview(data), COMPACTED), TP, COMPACTED, NOW_MS)
    assert caught.value.code is ErrorCode.UNKNOWN_SERVER_ERROR


APPEND_TIME = replace(CONFIG, message_timestamp_type=TimestampType.LOG_APPEND_TIME)


def test_append_time_is_stamped_with_a_new_crc_and_limits_do_not_count(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log", APPEND_TIME)
    info = log.append_as_leader(
        batch(2, timestamp_ms=NOW_MS + 9 * HOUR_MS), log.latest_epoch, NOW_MS
    )
    assert info.log_append_time_ms == NOW_MS
    (stored,) = all_batches(log)
    assert stored.check_crc()
    assert stored.timestamp_type is TimestampType.LOG_APPEND_TIME
    assert stored.max_timestamp_ms == NOW_MS


def test_producer_that_claims_append_time_is_refused_where_the_topic_stamps_it() -> None:
    error = refused(spoil(">h", 21, 0x08), APPEND_TIME)
    assert error.code is ErrorCode.INVALID_TIMESTAMP
    assert [each.batch_index for each in error.record_errors] == [0, 1]


def test_producer_that_claims_append_time_is_corrected_where_the_topic_does_not() -> None:
    records = client_batch(spoil(">h", 21, 0x08), CONFIG)
    check_records(records, TP, CONFIG, NOW_MS)
    assert stamp_time(records, CONFIG, NOW_MS) == -1
    again = RecordBatchView(records.buffer)
    assert again.timestamp_type is TimestampType.CREATE_TIME
    assert again.check_crc()


def test_followers_batches_must_follow_the_log_end() -> None:
    data = bytearray(batch(2)) + bytearray(batch(3))
    RecordBatchView(data).stamp(10, 0)
    RecordBatchView(data, len(batch(2))).stamp(14, 0)
    view = memoryview(data)
    assert [each.base_offset for each in followers_batches(view, Offset(10))] == [10, 14]
    with pytest.raises(KafkaError) as caught:
        followers_batches(view, Offset(11))
    assert caught.value.code is ErrorCode.OFFSET_OUT_OF_RANGE


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
@settings(max_examples=300, derandomize=True)
def test_any_spoiled_byte_is_refused_or_lies_outside_of_what_is_checked(at: int, flip: int) -> None:
    """Only the leader epoch, which the leader overwrites, may be anything."""
    data = bytearray(GOOD)
    data[at] ^= flip
    outside = 12 <= at < 16
    with nullcontext() if outside else pytest.raises(KafkaError):
        client_batch(memoryview(data), CONFIG)


@given(st.binary(max_size=80))
@settings(max_examples=300, derandomize=True)
def test_any_bytes_are_answered_with_a_kafka_error(data: bytes) -> None:
    with pytest.raises(KafkaError):
        client_batch(memoryview(bytearray(data)), CONFIG)
