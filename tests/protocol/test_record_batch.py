"""The header of a batch as a view: read, checked and stamped where it lies."""

from __future__ import annotations

import pytest
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.record_batch import (
    HEADER_BYTES,
    MAX_SEQUENCE,
    MIN_BATCH_LENGTH,
    RecordBatchView,
    TimestampType,
    batches,
    pack_batch,
    read_header,
)
from kafkalite_protocol.records import Record, build_batch, read_records

# Written by the producer of Apache Kafka 4.3.0 and stamped by its broker: three records, idempotent, gzip.
FROM_KAFKA = bytes.fromhex(
    "00000000000000000000007500000000025528be650001000000020000018bcfe568000000018bcfe6eea0"
    "0000000000000024000000000000000000031f8b08000000000000ff3360606060cb4eade42a4bcc294d65"
    "63ca60aa60ca6364ca60e06338cfcfc4c8c8708b91e1c02c1e1686138c8949b4870c00d4a99b6490000000"
)


def empty_batch(**changes: int) -> bytearray:
    fields = {
        "base_offset": 0,
        "leader_epoch": 0,
        "attributes": 0,
        "last_offset_delta": 0,
        "base_timestamp_ms": -1,
        "max_timestamp_ms": -1,
        "producer_id": -1,
        "producer_epoch": -1,
        "base_sequence": -1,
        "record_count": 0,
    }
    return pack_batch(b"", **{**fields, **changes})


def test_every_field_of_a_batch_from_kafka_is_read():
    batch = RecordBatchView(FROM_KAFKA)
    assert batch.base_offset == 0
    assert batch.batch_length == 117
    assert batch.total_bytes == len(FROM_KAFKA) == 129
    assert batch.leader_epoch == 0
    assert batch.magic == 2
    assert batch.crc == 0x5528BE65
    assert batch.check_crc()
    assert batch.attributes == 1
    assert batch.compression is Compression.GZIP
    assert batch.timestamp_type is TimestampType.CREATE_TIME
    assert batch.last_offset_delta == batch.last_offset == 2
    assert batch.next_offset == 3
    assert batch.base_timestamp_ms == 1_700_000_000_000
    assert batch.max_timestamp_ms == 1_700_000_100_000
    assert (batch.producer_id, batch.producer_epoch) == (36, 0)
    assert (batch.base_sequence, batch.last_sequence) == (0, 2)
    assert batch.has_producer_id
    assert not batch.is_transactional
    assert not batch.is_control
    assert batch.delete_horizon_ms is None
    assert batch.record_count == 3
    assert bytes(batch.records_view()) == FROM_KAFKA[HEADER_BYTES:]


def test_a_batch_is_read_at_its_position_and_without_what_follows():
    buffer = b"before" + FROM_KAFKA + b"after"
    batch = RecordBatchView(buffer, 6)
    assert batch.check_crc()
    assert bytes(batch.view()) == FROM_KAFKA
    assert batch.end == 6 + len(FROM_KAFKA)


def test_stamping_writes_offset_and_epoch_and_leaves_the_crc_right():
    buffer = bytearray(b"before" + FROM_KAFKA)
    batch = RecordBatchView(buffer, 6)
    batch.stamp(1_000_000_000_000, 7)
    for seen in (batch, RecordBatchView(buffer, 6)):
        assert (seen.base_offset, seen.last_offset, seen.leader_epoch) == (
            1_000_000_000_000,
            1_000_000_000_002,
            7,
        )
        assert seen.check_crc()
    changed = [at for at in range(len(FROM_KAFKA)) if buffer[6 + at] != FROM_KAFKA[at]]
    assert set(changed) <= {*range(8), *range(12, 16)}
    assert buffer[:6] == b"before"


def test_log_append_time_sets_the_bit_the_time_and_the_crc():
    buffer = bytearray(FROM_KAFKA)
    batch = RecordBatchView(buffer)
    batch.stamp_log_append_time(1_800_000_000_000)
    for seen in (batch, RecordBatchView(buffer)):
        assert seen.timestamp_type is TimestampType.LOG_APPEND_TIME
        assert seen.max_timestamp_ms == 1_800_000_000_000
        assert seen.base_timestamp_ms == 1_700_000_000_000
        assert seen.compression is Compression.GZIP
        assert seen.check_crc()
    assert {record.timestamp_ms for record in read_records(batch)} == {1_800_000_000_000}


def test_every_flipped_bit_that_the_crc_covers_is_noticed():
    for position in range(17, len(FROM_KAFKA)):
        for bit in range(8):
            flipped = bytearray(FROM_KAFKA)
            flipped[position] ^= 1 << bit
            assert not RecordBatchView(flipped).check_crc(), (position, bit)


def test_batches_lie_back_to_back():
    second = build_batch([Record(3, 1, None, b"x")], base_offset=3)
    found = list(batches(FROM_KAFKA + second))
    assert [(batch.position, batch.base_offset) for batch in found] == [(0, 0), (129, 3)]
    assert list(batches(b"")) == []


@pytest.mark.parametrize("kept", [0, 1, 8, 12, 60, 61, 128])
def test_a_batch_that_is_cut_off_is_a_protocol_error_after_those_before_it(kept: int):
    found = batches(FROM_KAFKA + FROM_KAFKA[:kept])
    assert next(found).check_crc()
    if kept == 0:
        assert next(found, None) is None
    else:
        with pytest.raises(ProtocolError, match="remain"):
            next(found)


@pytest.mark.parametrize("length", [-(2**31), -1, 0, MIN_BATCH_LENGTH - 1])
def test_a_batch_shorter_than_its_header_is_a_protocol_error(length: int):
    buffer = bytearray(FROM_KAFKA)
    buffer[8:12] = length.to_bytes(4, "big", signed=True)
    with pytest.raises(ProtocolError, match="batch length"):
        RecordBatchView(buffer)
    with pytest.raises(ProtocolError, match="batch length"):
        read_header(buffer)


def test_a_batch_longer_than_the_buffer_is_a_protocol_error_but_its_header_can_be_read():
    buffer = bytearray(FROM_KAFKA)
    buffer[8:12] = (2**31 - 1).to_bytes(4, "big")
    with pytest.raises(ProtocolError, match="remain"):
        RecordBatchView(buffer)
    assert read_header(buffer).total_bytes == 2**31 + 11


def test_a_header_is_read_without_the_rest_of_its_batch():
    header = read_header(b"xx" + FROM_KAFKA[:HEADER_BYTES], 2)
    assert (header.base_offset, header.total_bytes, header.record_count) == (0, 129, 3)
    assert "total" not in repr(header)
    assert "record_count=3" in repr(header)


def test_a_header_outlives_changes_of_its_buffer():
    buffer = bytearray(FROM_KAFKA)
    header = read_header(buffer)
    RecordBatchView(buffer).stamp(99, 1)
    assert header.base_offset == 0


def test_an_unknown_compression_code_is_a_protocol_error_when_asked_for():
    batch = RecordBatchView(empty_batch(attributes=7))
    assert batch.attributes == 7
    with pytest.raises(ProtocolError, match="compression code 7"):
        _ = batch.compression


def test_attribute_bits_stand_for_what_kafka_says():
    assert RecordBatchView(empty_batch(attributes=0x10)).is_transactional
    assert RecordBatchView(empty_batch(attributes=0x20)).is_control
    horizon = RecordBatchView(empty_batch(attributes=0x40, base_timestamp_ms=1234))
    assert horizon.delete_horizon_ms == 1234


def test_sequence_numbers_begin_at_0_again():
    batch = RecordBatchView(
        empty_batch(producer_id=1, base_sequence=MAX_SEQUENCE - 1, last_offset_delta=3)
    )
    assert batch.last_sequence == 1


def test_a_batch_without_sequence_numbers_has_no_last_one():
    assert RecordBatchView(empty_batch(last_offset_delta=3)).last_sequence == -1
