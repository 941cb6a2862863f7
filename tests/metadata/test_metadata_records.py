"""The frame of metadata records, against bytes that Apache Kafka 4.3.0 wrote."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.messages.config_record import ConfigRecord
from kafkalite_protocol.messages.feature_level_record import FeatureLevelRecord
from kafkalite_protocol.messages.no_op_record import NoOpRecord

from kafkalite.metadata.records import KINDS, decode_record, encode_record, record_class

WRITTEN_BY_KAFKA = [
    ("010c00116d657461646174612e76657273696f6e001e00", FeatureLevelRecord("metadata.version", 30)),
    (
        "010c00147472616e73616374696f6e2e76657273696f6e000200",
        FeatureLevelRecord("transaction.version", 2),
    ),
    (
        "0104000401146d696e2e696e73796e632e7265706c696361730231" + "00",
        ConfigRecord(4, "", "min.insync.replicas", "1"),
    ),
    ("01140000", NoOpRecord()),
]


@pytest.mark.parametrize(("written", "record"), WRITTEN_BY_KAFKA)
def test_records_are_framed_as_kafka_frames_them(written, record):
    assert encode_record(record).hex() == written
    assert decode_record(bytes.fromhex(written)) == record


@pytest.mark.parametrize("key", KINDS)
def test_every_kind_of_record_comes_back_from_its_bytes(key):
    record = record_class(KINDS[key])()
    value = encode_record(record)
    assert value[:3] == bytes((1, key, KINDS[key].version))
    assert decode_record(value) == record


@pytest.mark.parametrize("key", KINDS)
def test_the_version_written_is_the_newest_that_the_message_has(key):
    assert KINDS[key].version == record_class(KINDS[key]).MAX_VERSION
    assert key == record_class(KINDS[key]).RECORD_KEY


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x01",
        b"\x01\x0c",
        b"\x02\x0c\x00\x02a\x00\x01\x00",
        b"\x01\x7f\x00",
        b"\x01\x0c\x01\x02a\x00\x01\x00",
        b"\x01\x0c\x00\x05a",
    ],
    ids=["empty", "one byte", "no version", "frame 2", "type 127", "version 1", "cut"],
)
def test_a_record_that_cannot_be_known_is_a_protocol_error(value):
    with pytest.raises(ProtocolError):
        decode_record(value)


@given(st.binary(max_size=60), st.sampled_from(sorted(KINDS)))
@settings(derandomize=True, max_examples=200)
def test_garbage_after_a_good_frame_is_a_record_or_a_protocol_error(garbage, key):
    try:
        record = decode_record(bytes((1, key, 0)) + garbage)
    except ProtocolError:
        return
    assert type(record).__name__ == KINDS[key].name
