"""Records: read from what Kafka's clients wrote, built as they build them, refused when the bytes lie."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.control_records import (
    ControlRecordType,
    EndTransactionMarker,
    build_end_transaction_marker,
    control_record_type,
    read_end_transaction_marker,
)
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.record_batch import RecordBatchView, TimestampType, pack_batch
from kafkalite_protocol.records import (
    Record,
    build_batch,
    iter_records,
    read_records,
    read_varint,
    read_varlong,
    varint,
)

from tests.protocol.kafka_python import DefaultRecordBatch, DefaultRecordBatchBuilder

# Batches of the producer of Apache Kafka 4.3.0: the same three records with each codec.
FROM_KAFKA = {
    Compression.NONE: (
        "0000000000000000000000c10000000002b0a4ef5d0000000000020000018bcfe568000000018bcfe6eea0ffffffffff"
        "ffffffffffffffffff0000000330000000066b65790a76616c75650602680278026e010268000e00cf0f02010100da01"
        "00c09a0c0400c801" + "6162" * 50 + "00"
    ),
    Compression.GZIP: (
        "00000000000000000000007500000000025528be650001000000020000018bcfe568000000018bcfe6eea00000000000"
        "000024000000000000000000031f8b08000000000000ff3360606060cb4eade42a4bcc294d6563ca60aa60ca6364ca60"
        "e06338cfcfc4c8c8708b91e1c02c1e1686138c8949b4870c00d4a99b6490000000"
    ),
    Compression.SNAPPY: (
        "00000000000000000000007d0000000002a77dd7820002000000020000018bcfe568000000018bcfe6eea00000000000"
        "0000250000000000000000000382534e41505059000000000100000001000000389001b030000000066b65790a76616c"
        "75650602680278026e010268000e00cf0f02010100da0100c09a0c0400c8016162fe02008602000000"
    ),
    Compression.LZ4: (
        "0000000000000000000000780000000002b304fa920003000000020000018bcfe568000000018bcfe6eea00000000000"
        "00002600000000000000000003"
        "04224d1860408238000000ff1e30000000066b65790a76616c75650602680278"
        "026e010268000e00cf0f02010100da0100c09a0c0400c801616202004b50616261620000000000"
    ),
    Compression.ZSTD: (
        "00000000000000000000007300000000022aec236d0004000000020000018bcfe568000000018bcfe6eea00000000000"
        "0000270000000000000000000328b52ffd0058b40100e40230000000066b65790a76616c75650602680278026e010268"
        "000e00cf0f02010100da0100c09a0c0400c8016162000100fd265706010000"
    ),
}
THREE_RECORDS = [
    Record(0, 1_700_000_000_000, b"key", b"value", [("h", b"x"), ("n", None), ("h", b"")]),
    Record(1, 1_699_999_999_000, None, None, []),
    Record(2, 1_700_000_100_000, b"", b"ab" * 50, []),
]

offsets = st.integers(0, 2**40)
timestamps_ms = st.integers(-(2**62), 2**62)
maybe_bytes = st.none() | st.binary(max_size=200)
headers = st.lists(st.tuples(st.text(max_size=5), maybe_bytes), max_size=3)
record_lists = st.lists(
    st.builds(Record, st.integers(0, 2**31 - 1), timestamps_ms, maybe_bytes, maybe_bytes, headers),
    min_size=1,
    max_size=8,
)


def batch_of(encoded: bytes, record_count: int, **changes: int) -> RecordBatchView:
    """A batch whose records are these bytes, whatever they are."""
    fields = {
        "base_offset": 0,
        "leader_epoch": 0,
        "attributes": 0,
        "last_offset_delta": 0,
        "base_timestamp_ms": 0,
        "max_timestamp_ms": 0,
        "producer_id": -1,
        "producer_epoch": -1,
        "base_sequence": -1,
    }
    return RecordBatchView(pack_batch(encoded, record_count=record_count, **{**fields, **changes}))


@pytest.mark.parametrize("codec", list(Compression))
def test_records_from_kafkas_producer_are_read(codec: Compression):
    batch = RecordBatchView(bytes.fromhex(FROM_KAFKA[codec]))
    assert batch.check_crc()
    assert batch.compression is codec
    assert read_records(batch) == THREE_RECORDS


def test_a_batch_is_built_byte_for_byte_as_kafkas_producer_does():
    assert build_batch(THREE_RECORDS, leader_epoch=0).hex() == FROM_KAFKA[Compression.NONE]


@settings(derandomize=True, max_examples=100, deadline=None)
@given(record_lists, st.sampled_from(list(Compression)), st.integers(0, 2**40))
def test_what_is_built_is_read_again(records: list[Record], codec: Compression, base_offset: int):
    moved = [record._replace(offset=base_offset + record.offset) for record in records]
    built = build_batch(moved, base_offset=base_offset, compression=codec)
    batch = RecordBatchView(built)
    assert batch.check_crc()
    assert batch.total_bytes == len(built)
    assert batch.record_count == len(records)
    assert batch.base_offset == base_offset
    assert batch.last_offset == moved[-1].offset
    assert batch.max_timestamp_ms == max(record.timestamp_ms for record in records)
    assert read_records(batch) == moved


@settings(derandomize=True, max_examples=50, deadline=None)
@given(record_lists)
def test_kafka_python_reads_what_is_built(records: list[Record]):
    theirs = DefaultRecordBatch(bytes(build_batch(records)))
    assert theirs.validate_crc()
    assert [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in theirs] == [
        tuple(record) for record in records
    ]


@settings(derandomize=True, max_examples=50, deadline=None)
@given(record_lists, st.sampled_from([0, 1, 2, 3, 4]))
def test_what_kafka_python_builds_is_read(records: list[Record], codec: int):
    builder = DefaultRecordBatchBuilder(2, codec, 1, 77, 3, 5, 1 << 20)
    for record in records:
        builder.append(
            record.offset, abs(record.timestamp_ms), record.key, record.value, record.headers
        )
    batch = RecordBatchView(bytes(builder.build()))
    assert batch.check_crc()
    assert batch.is_transactional
    assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == (77, 3, 5)
    assert read_records(batch) == [
        record._replace(timestamp_ms=abs(record.timestamp_ms)) for record in records
    ]


def test_keys_and_values_may_be_any_bytes_like():
    built = build_batch([Record(0, 0, bytearray(b"k"), memoryview(b"v"))])
    assert read_records(RecordBatchView(built)) == [Record(0, 0, b"k", b"v", [])]


def test_records_outlive_the_buffer_they_were_read_from():
    built = build_batch([Record(0, 0, b"key", b"value", [("h", b"x")])])
    records = read_records(RecordBatchView(built))
    built[:] = bytes(len(built))
    assert records == [Record(0, 0, b"key", b"value", [("h", b"x")])]


def test_log_append_time_is_the_time_of_every_record():
    batch = RecordBatchView(
        build_batch(THREE_RECORDS, timestamp_type=TimestampType.LOG_APPEND_TIME)
    )
    assert {record.timestamp_ms for record in iter_records(batch)} == {1_700_000_100_000}


def test_a_delete_horizon_takes_the_place_of_the_base_timestamp():
    batch = RecordBatchView(build_batch(THREE_RECORDS, delete_horizon_ms=5_000))
    assert batch.delete_horizon_ms == batch.base_timestamp_ms == 5_000
    assert read_records(batch) == THREE_RECORDS


def test_a_compacted_batch_keeps_its_range_of_offsets():
    kept = [Record(12, 7, b"k", b"v", [])]
    batch = RecordBatchView(build_batch(kept, base_offset=10, last_offset=19))
    assert (batch.base_offset, batch.last_offset, batch.record_count) == (10, 19, 1)
    assert read_records(batch) == kept


def test_a_batch_may_lose_all_its_records_to_compaction():
    batch = RecordBatchView(
        build_batch([], base_offset=10, last_offset=19, producer_id=1, base_sequence=3)
    )
    assert (batch.record_count, batch.max_timestamp_ms, batch.last_sequence) == (0, -1, 12)
    assert read_records(batch) == []


def test_a_header_name_that_is_not_utf8_is_read_with_replacements():
    encoded = bytes([18, 0, 0, 0, 1, 1, 2, 2, 0xFF, 1])
    (record,) = read_records(batch_of(encoded, 1))
    assert record.headers == [("\ufffd", None)]


# What lies

ONE = bytes([20, 0, 0, 0, 4]) + b"k1" + bytes([4]) + b"v1" + b"\0"


def test_the_sample_that_is_spoiled_below_is_right():
    assert read_records(batch_of(ONE, 1)) == [Record(0, 0, b"k1", b"v1", [])]


@pytest.mark.parametrize(
    ("encoded", "record_count"),
    [
        pytest.param(ONE, 0, id="more bytes than records"),
        pytest.param(ONE, -1, id="a negative count"),
        pytest.param(ONE, 2, id="fewer records than counted"),
        pytest.param(ONE, 2**31 - 1, id="a count beyond anything"),
        pytest.param(ONE + b"\0", 1, id="a byte after the last record"),
        pytest.param(b"", 1, id="no record at all"),
        pytest.param(bytes([18]) + ONE[1:], 1, id="a record shorter than its fields"),
        pytest.param(bytes([22]) + ONE[1:] + b"\0", 1, id="a record longer than its fields"),
        pytest.param(bytes([1]) + ONE[1:], 1, id="a negative record length"),
        pytest.param(bytes([126]) + ONE[1:], 1, id="a record longer than what remains"),
        pytest.param(ONE[:4] + bytes([126]) + ONE[5:], 1, id="a key longer than its record"),
        pytest.param(ONE[:7] + bytes([126]) + ONE[8:], 1, id="a value longer than its record"),
        pytest.param(ONE[:-1] + b"\2", 1, id="a header that is not there"),
        pytest.param(ONE[:-1] + b"\1", 1, id="a negative header count"),
        pytest.param(b"\x80" * 6 + ONE, 1, id="a varint longer than 5 bytes"),
        pytest.param(ONE[:2] + b"\x80" * 11 + ONE[3:], 1, id="a varlong longer than 10 bytes"),
        pytest.param(bytes([18, 0, 0, 0, 1, 1, 2, 10, 65, 1]), 1, id="a header name too long"),
        pytest.param(bytes([18, 0, 0, 0, 1, 1, 2, 1, 65, 1]), 1, id="a null header name"),
        pytest.param(bytes([18, 0, 0, 0, 1, 1, 2, 2, 65, 10]), 1, id="a header value too long"),
    ],
)
def test_records_that_lie_are_a_protocol_error(encoded: bytes, record_count: int):
    with pytest.raises(ProtocolError):
        read_records(batch_of(encoded, record_count))


def test_a_timestamp_beyond_int64_is_a_protocol_error():
    with pytest.raises(ProtocolError, match="timestamp"):
        read_records(batch_of(bytes([12, 0, 2, 0, 1, 1, 0]), 1, base_timestamp_ms=2**63 - 1))


def test_records_that_decompress_to_too_much_are_a_protocol_error():
    built = build_batch([Record(0, 0, None, bytes(100_000))], compression=Compression.ZSTD)
    assert read_records(RecordBatchView(built), max_bytes=100_100)
    with pytest.raises(ProtocolError):
        read_records(RecordBatchView(built), max_bytes=99_999)


def test_records_of_another_magic_are_a_protocol_error():
    built = build_batch(THREE_RECORDS)
    built[16] = 1
    with pytest.raises(ProtocolError, match="magic 1"):
        read_records(RecordBatchView(built))


# Numbers

EDGES = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, -8192, -8193, 2**31 - 1, -(2**31)]
LONG_EDGES = [*EDGES, 2**31, 2**62, 2**63 - 1, -(2**63)]


@pytest.mark.parametrize("value", EDGES)
def test_a_varint_is_read_as_it_was_written(value: int):
    encoded = varint(value)
    assert len(encoded) <= 5
    assert read_varint(b"?" + encoded + b"?", 1) == (value, 1 + len(encoded))


@pytest.mark.parametrize("value", LONG_EDGES)
def test_a_varlong_is_read_as_it_was_written(value: int):
    encoded = varint(value)
    assert len(encoded) <= 10
    assert read_varlong(b"?" + encoded + b"?", 1) == (value, 1 + len(encoded))


def test_numbers_are_written_as_kafka_writes_them():
    assert [varint(n).hex() for n in (0, -1, 1, -64, 64, 300, 2**31 - 1, -(2**63))] == [
        "00",
        "01",
        "02",
        "7f",
        "8001",
        "d804",
        "feffffff0f",
        "ffffffffffffffffff01",
    ]


# Control records

MARKER = EndTransactionMarker(ControlRecordType.COMMIT, 5)
PRODUCER = {"producer_id": 9, "producer_epoch": 2, "timestamp_ms": 1_700_000_000_000}


def test_a_transaction_marker_is_78_bytes_and_read_again():
    built = build_end_transaction_marker(MARKER, base_offset=40, leader_epoch=1, **PRODUCER)
    batch = RecordBatchView(built)
    assert len(built) == 78
    assert batch.check_crc()
    assert batch.is_control
    assert batch.is_transactional
    assert (batch.producer_id, batch.producer_epoch, batch.base_sequence) == (9, 2, -1)
    assert (batch.base_offset, batch.last_offset) == (40, 40)
    assert read_end_transaction_marker(batch) == MARKER


def test_an_ordinary_batch_holds_no_marker():
    assert read_end_transaction_marker(RecordBatchView(build_batch(THREE_RECORDS))) is None


def test_other_control_records_are_no_marker():
    leader_change = build_batch([Record(0, 0, b"\0\0\0\2", b"")], control=True)
    assert read_end_transaction_marker(RecordBatchView(leader_change)) is None


def test_a_control_batch_may_be_compacted_to_nothing():
    empty = build_batch([], last_offset=0, control=True)
    assert read_end_transaction_marker(RecordBatchView(empty)) is None


def test_control_records_of_the_future_have_an_unknown_type():
    assert control_record_type(Record(0, 0, b"\0\0\0\x63", b"")) is ControlRecordType.UNKNOWN


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, b""),
        (b"\0\0\0", b""),
        (b"\xff\xff\0\0", b""),
        (b"\0\0\0\1", None),
        (b"\0\0\0\1", b"\0\0\0\0\0"),
        (b"\0\0\0\1", b"\xff\xff\0\0\0\0"),
    ],
)
def test_a_malformed_marker_is_a_protocol_error(key: bytes | None, value: bytes | None):
    built = build_batch([Record(0, 0, key, value)], control=True)
    with pytest.raises(ProtocolError):
        read_end_transaction_marker(RecordBatchView(built))
