"""Bytes that were spoiled: whatever reads batches and frames raises ProtocolError and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.connection import ServerConnection
from kafkalite_protocol.control_records import (
    ControlRecordType,
    EndTransactionMarker,
    build_end_transaction_marker,
    read_end_transaction_marker,
)
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.record_batch import HEADER_BYTES, batches
from kafkalite_protocol.records import Record, build_batch, read_records

MAX_BYTES = 1 << 20
RECORDS = [
    Record(0, 1_700_000_000_000, b"key", b"value", [("header", b"x"), ("null", None)]),
    Record(1, 1_700_000_000_300, None, b"b" * 70, []),
    Record(5, 1_600_000_000_000, b"", None, []),
]
MARKER = EndTransactionMarker(ControlRecordType.ABORT, 1)
SAMPLES = {
    **{codec.name: bytes(build_batch(RECORDS, compression=codec)) for codec in Compression},
    "marker": bytes(
        build_end_transaction_marker(MARKER, producer_id=1, producer_epoch=0, timestamp_ms=0)
    ),
}
samples = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())


def read_everything(data: bytes | bytearray) -> list[Record]:
    """All that a broker may want to know of batches, a wrong CRC notwithstanding."""
    records = []
    for batch in batches(data):
        batch.check_crc()
        records += read_records(batch, MAX_BYTES)
        read_end_transaction_marker(batch)
    return records


def read_or_refuse(data: bytes | bytearray) -> None:
    """Any exception but ProtocolError fails the test."""
    try:
        read_everything(data)
    except ProtocolError:
        return


@samples
def test_every_cut_of_a_batch_is_refused(sample: bytes):
    for kept in range(1, len(sample)):
        with pytest.raises(ProtocolError):
            read_everything(sample[:kept])


@samples
def test_every_cut_of_the_records_is_refused(sample: bytes):
    """The batch is whole, and says so; what it holds is not."""
    for kept in range(HEADER_BYTES, len(sample)):
        cut = bytearray(sample[:kept])
        cut[8:12] = (kept - 12).to_bytes(4, "big")
        with pytest.raises(ProtocolError):
            read_everything(cut)


@samples
def test_every_flipped_bit_is_read_or_refused(sample: bytes):
    for position in range(len(sample)):
        for bit in range(8):
            flipped = bytearray(sample)
            flipped[position] ^= 1 << bit
            read_or_refuse(flipped)


@samples
def test_every_byte_may_be_at_its_limits(sample: bytes):
    for position in range(len(sample)):
        for value in (0x00, 0x01, 0x7F, 0x80, 0xFF):
            changed = bytearray(sample)
            changed[position] = value
            read_or_refuse(changed)


@samples
def test_bytes_after_a_batch_do_not_change_it(sample: bytes):
    found = batches(sample + b"trailing")
    assert bytes(next(found).view()) == sample
    with pytest.raises(ProtocolError):
        next(found)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    sample=st.sampled_from(list(SAMPLES.values())),
    changes=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_several_changed_bytes_are_read_or_refused(sample: bytes, changes: list[tuple[int, int]]):
    changed = bytearray(sample)
    for position, value in changes:
        changed[position % len(changed)] = value
    read_or_refuse(changed)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(encoded=st.binary(max_size=100), codec=st.integers(0, 7), record_count=st.integers(-5, 100))
def test_any_bytes_as_records_are_read_or_refused(encoded: bytes, codec: int, record_count: int):
    batch = build_batch([], last_offset=0) + encoded
    batch[8:12] = (len(batch) - 12).to_bytes(4, "big")
    batch[22] = codec
    batch[57:61] = record_count.to_bytes(4, "big", signed=True)
    read_or_refuse(batch)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes_as_requests_are_read_or_refused(data: bytes):
    server = ServerConnection()
    try:
        server.receive_data(data)
    except ProtocolError:
        return


@settings(derandomize=True, max_examples=200, deadline=None)
@given(body=st.binary(min_size=1, max_size=60))
def test_any_frame_as_a_request_is_read_or_refused(body: bytes):
    server = ServerConnection()
    try:
        (request,) = server.receive_data(len(body).to_bytes(4, "big") + body)
    except ProtocolError:
        return
    assert body.endswith(request.body)
