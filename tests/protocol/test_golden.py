"""Against bytes that Kafka's own Java classes wrote: two examples of each of 728 message versions."""

from __future__ import annotations

from collections import Counter

from kafkalite_protocol.messages import fetch, produce
from kafkalite_protocol.primitives import Struct

from tests.protocol.golden_examples import Example, golden_examples
from tests.protocol.random_values import all_messages


def named(name: str) -> list[Example]:
    return [example for example in golden_examples() if example.message.name == name]


def as_tuple(value: object) -> object:
    """A message object as nested plain tuples of all fields."""
    if isinstance(value, Struct):
        return tuple(as_tuple(getattr(value, name)) for name in value.__slots__)
    return [as_tuple(each) for each in value] if isinstance(value, list) else value


def test_every_message_version_has_two_examples():
    counted = Counter((e.message.name, e.version) for e in golden_examples())
    assert counted.keys() == {(m.name, v) for m in all_messages() for v in m.versions}
    assert set(counted.values()) == {2}
    assert len(counted) == 728


def test_kafkas_bytes_decode_to_the_value_kafka_was_given():
    for example in golden_examples():
        decoded = example.type.decode_from(example.version, example.data)
        assert decoded == (example.object, len(example.data)), example


def test_values_encode_to_kafkas_bytes():
    for example in golden_examples():
        assert example.object.encode(example.version) == example.data, example


def test_what_was_decoded_encodes_to_the_same_bytes_behind_others():
    for example in golden_examples():
        out = bytearray(b"before")
        example.type.decode(example.version, example.data).encode_into(example.version, out)
        assert out == b"before" + example.data, example


def test_messages_are_read_at_a_position_and_trailing_bytes_are_ignored():
    for example in golden_examples():
        framed = memoryview(b"\x99" * 3 + example.data + b"\x99" * 9)
        end = 3 + len(example.data)
        decoded = example.type.decode_from(example.version, framed, 3)
        assert decoded == (example.object, end), example


def test_produce_requests_are_read_as_the_tuples_of_their_objects():
    for example in named("ProduceRequest"):
        read = produce.read_produce_request(example.version, b"\x99" + example.data + b"\x99", 1)
        assert read == as_tuple(example.object), example


def test_fetch_requests_are_read_as_the_tuples_of_their_objects():
    for example in named("FetchRequest"):
        read = fetch.read_fetch_request(example.version, example.data, 0)
        assert read == as_tuple(example.object), example


def test_produce_responses_are_written_from_tuples():
    for example in named("ProduceResponse"):
        out = bytearray(b"before")
        produce.write_produce_response(example.version, as_tuple(example.object), out)
        assert out == b"before" + example.data, example


def test_fetch_responses_are_written_as_buffers_around_the_records():
    for example in named("FetchResponse"):
        buffers: list = [b"before"]
        value = as_tuple(example.object)
        fetch.write_fetch_response(example.version, value, buffers)
        assert b"".join(buffers) == b"before" + example.data, example
        records = [partition[-1] for topic in value[3] for partition in topic[2] if partition[-1]]
        assert [id(r) for r in records] == [id(b) for b in buffers if isinstance(b, memoryview)]


def test_fetch_response_asks_of_records_nothing_but_their_length():
    class Slice:
        def __len__(self) -> int:
            return 1_000_000

    records = Slice()
    partition = (0, 0, 5, 5, 0, None, None, None, None, -1, records)
    empty = (1, 0, 5, 5, 0, None, None, None, None, -1, b"")
    null = (2, 0, 5, 5, 0, None, None, None, None, -1, None)
    value = (0, 0, 0, [("t", bytes(16), [partition, empty, null])], [])
    for version in range(4, 19):
        buffers: list = []
        fetch.write_fetch_response(version, value, buffers)
        assert [type(each) for each in buffers] == [bytearray, Slice, bytearray]
        assert buffers[1] is records
        buffers[1] = bytes(1_000_000)
        topics = fetch.FetchResponse.decode(version, b"".join(buffers)).responses
        lengths = [None if p.records is None else len(p.records) for p in topics[0].partitions]
        assert lengths == [1_000_000, 0, None]
