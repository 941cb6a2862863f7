"""Generated codecs facing bytes that nobody should send, and the rules of their classes."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.messages import (
    APIS,
    api_versions,
    fetch,
    metadata,
    metadata_record_class,
    offset_commit,
    produce,
    request_class,
    response_class,
    topic_record,
)
from kafkalite_protocol.messages.consumer_group_member_metadata_value import (
    ConsumerGroupMemberMetadataValue,
)
from kafkalite_protocol.primitives import EMPTY, read_uvarint, uvarint

from tests.protocol.golden_examples import golden_examples
from tests.protocol.random_values import RandomValues, all_messages, message_type, to_object

GENERATOR = Path(__file__).parents[2] / "protocol" / "generate.py"


def test_random_values_survive_a_round_trip_in_every_version():
    values = RandomValues(random.Random(20))
    for message in all_messages():
        for version in message.versions:
            made = to_object(message, version, values.message(message, version))
            data = made.encode(version)
            decoded = message_type(message).decode_from(version, data)
            assert decoded == (made, len(data)), (message.name, version)


def test_every_example_cut_off_at_any_length_is_a_protocol_error():
    for example in golden_examples():
        for end in range(len(example.data)):
            with pytest.raises(ProtocolError):
                example.type.decode(example.version, example.data[:end])


def test_flipped_bits_raise_protocol_errors_or_nothing():
    flips = random.Random(7)
    for example in golden_examples():
        for _ in range(20 if example.data else 0):
            data = bytearray(example.data)
            for _ in range(flips.randrange(1, 4)):
                data[flips.randrange(len(data))] ^= 1 << flips.randrange(8)
            try:
                _, end = example.type.decode_from(example.version, data)
            except ProtocolError:
                continue
            assert end <= len(data), (example, data.hex())


def test_cut_off_and_flipped_produce_requests_raise_protocol_errors_as_tuples_too():
    flips = random.Random(8)
    for example in golden_examples():
        if example.message.name != "ProduceRequest":
            continue
        for end in range(len(example.data)):
            with pytest.raises(ProtocolError):
                produce.read_produce_request(example.version, example.data[:end], 0)
        for _ in range(200):
            data = bytearray(example.data)
            data[flips.randrange(len(data))] ^= 1 << flips.randrange(8)
            with contextlib.suppress(ProtocolError):
                produce.read_produce_request(example.version, data, 0)


@pytest.mark.parametrize(
    ("cls", "version", "data", "reason"),
    [
        (metadata.MetadataRequest, 8, "77359400", "topics announces 2000000000 elements"),
        (metadata.MetadataRequest, 12, "ffffffff0f", "topics announces 4294967294 elements"),
        (metadata.MetadataRequest, 12, "000000 ffffffff0f", "cut off"),
        (metadata.MetadataRequest, 12, "000000 01 00 ffffffff0f", "cut off"),
        (produce.ProduceRequest, 9, "00 ffff 00000000 ffffffff0f", "topic_data announces"),
        (fetch.FetchRequest, 12, "00" * 25 + "ffffffff0f", "topics announces"),
        (api_versions.ApiVersionsRequest, 3, "ffffffff0f", "longer than 32767"),
        (offset_commit.OffsetCommitRequest, 2, "7fff", "cut off"),
    ],
)
def test_announced_sizes_beyond_the_buffer_are_refused_without_allocating_them(
    cls, version, data, reason
):
    raw = bytes.fromhex(data)
    with pytest.raises(ProtocolError, match=reason):
        cls.decode(version, raw)
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            cls.decode(version, raw)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 100_000


def test_a_count_is_compared_with_the_bytes_that_remain():
    # Null topics are one count of -1 in version 8, followed by three booleans.
    with pytest.raises(ProtocolError, match="topics announces 4 elements in 3 bytes"):
        metadata.MetadataRequest.decode(8, bytes.fromhex("00000004 010000"))


def test_a_null_array_where_none_may_be_is_a_protocol_error():
    with pytest.raises(ProtocolError, match="topic_data must not be null"):
        produce.ProduceRequest.decode(3, bytes.fromhex("ffff ffff 00000000 ffffffff"))


def test_a_null_string_where_none_may_be_is_a_protocol_error():
    with pytest.raises(ProtocolError, match="client_software_name must not be null"):
        api_versions.ApiVersionsRequest.decode(3, bytes.fromhex("00 02 61 00"))


def test_any_negative_length_is_null_where_null_may_be():
    request = produce.ProduceRequest.decode(3, bytes.fromhex("8000 0001 00000000 00000000"))
    assert request.transactional_id is None


def test_bad_utf_8_is_decoded_with_replacement_characters():
    request = api_versions.ApiVersionsRequest.decode(3, bytes.fromhex("03 ff61 02 62 00"))
    assert request.client_software_name == "\ufffda"


def test_compact_strings_beyond_32767_bytes_are_refused_both_ways():
    longest = api_versions.ApiVersionsRequest("x" * 32767)
    data = longest.encode(3)
    assert api_versions.ApiVersionsRequest.decode(3, data) == longest
    with pytest.raises(ValueError, match="32768 bytes"):
        api_versions.ApiVersionsRequest("x" * 32768).encode(3)
    too_long = uvarint(32769) + b"x" * 32768 + data[-2:]
    with pytest.raises(ProtocolError, match="32768 bytes"):
        api_versions.ApiVersionsRequest.decode(3, too_long)


def test_varints_end_after_five_bytes():
    assert read_uvarint(bytes.fromhex("ffffffff0f"), 0) == (0xFFFFFFFF, 5)
    with pytest.raises(ProtocolError, match="longer than 5 bytes"):
        read_uvarint(bytes.fromhex("808080808000"), 0)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 16383, 16384, 2**31, 2**32 - 1])
def test_varints_round_trip_at_their_boundaries(value):
    assert read_uvarint(uvarint(value), 0) == (value, len(uvarint(value)))


def test_unknown_tags_are_skipped_between_known_ones():
    request = fetch.FetchRequest(cluster_id="c", rack_id="r")
    data = request.encode(15)
    assert data.endswith(bytes.fromhex("01 00 02 02 63"))
    more = data[:-5] + bytes.fromhex("03 00 02 02 63 05 01 ff 06 00")
    assert fetch.FetchRequest.decode(15, more) == request


def test_a_known_tag_of_another_size_than_announced_is_a_protocol_error():
    data = fetch.FetchRequest(cluster_id="c").encode(15)
    with pytest.raises(ProtocolError, match="tagged field 0"):
        fetch.FetchRequest.decode(15, data[:-5] + bytes.fromhex("01 00 03 02 63 00"))


@pytest.mark.parametrize("version", [-1, 2, 14, 32767])
def test_a_version_that_does_not_exist_is_a_protocol_error(version):
    with pytest.raises(ProtocolError, match=f"ProduceRequest has no version {version}"):
        produce.ProduceRequest.decode(version, b"")


def test_a_struct_behind_a_tag_is_none_when_absent_and_not_written_when_it_says_nothing():
    partition = produce.ProduceResponse.PartitionProduceResponse
    absent, of_defaults = (
        partition(),
        partition(current_leader=produce.ProduceResponse.LeaderIdAndEpoch()),
    )
    assert absent.current_leader is None
    topics = [produce.ProduceResponse.TopicProduceResponse("t", partition_responses=[of_defaults])]
    data = produce.ProduceResponse(topics).encode(10)
    decoded = produce.ProduceResponse.decode(10, data)
    assert decoded.responses[0].partition_responses == [absent]


def test_a_struct_that_null_means_something_for_is_not_none_when_absent():
    # The default in Kafka's definition is JSON null, which Kafka reads as "no default given".
    absent = ConsumerGroupMemberMetadataValue.decode(
        0, ConsumerGroupMemberMetadataValue().encode(0)
    )
    assert (
        absent.classic_member_metadata == ConsumerGroupMemberMetadataValue.ClassicMemberMetadata()
    )
    null = ConsumerGroupMemberMetadataValue(classic_member_metadata=None)
    null.classic_member_metadata = None
    assert null.encode(0).endswith(bytes.fromhex("01 00 01 00"))
    assert ConsumerGroupMemberMetadataValue.decode(0, null.encode(0)) == null


def test_null_and_empty_differ_for_a_nullable_array_and_empty_is_the_default():
    assert metadata.MetadataRequest().topics == []
    assert metadata.MetadataRequest(None).topics is None
    assert metadata.MetadataRequest(None).encode(8)[:4] == bytes.fromhex("ffffffff")
    assert metadata.MetadataRequest().encode(8)[:4] == bytes(4)


def test_two_messages_never_share_a_default_list():
    one, other = metadata.MetadataRequest(), metadata.MetadataRequest()
    assert one.topics is not None
    one.topics.append(metadata.MetadataRequest.MetadataRequestTopic())
    assert other.topics == []
    assert EMPTY == []


def test_records_are_views_of_the_buffer():
    partition = produce.ProduceRequest.PartitionProduceData(0, b"old")
    topic = produce.ProduceRequest.TopicProduceData("t", partition_data=[partition])
    data = bytearray(produce.ProduceRequest(topic_data=[topic]).encode(9))
    decoded = produce.ProduceRequest.decode(9, data)
    data[data.index(b"old")] = ord("b")
    records = decoded.topic_data[0].partition_data[0].records
    assert records is not None
    assert bytes(records) == b"bld"


def test_messages_print_their_fields_and_compare_by_them():
    topic = topic_record.TopicRecord("orders")
    assert repr(topic) == f"TopicRecord(name='orders', topic_id={bytes(16)!r})"
    assert topic != topic_record.TopicRecord("other")
    assert topic != ("orders", bytes(16))


def test_classes_are_found_by_number():
    for api in APIS.values():
        for cls in (request_class(api.key), response_class(api.key)):
            assert (api.min_version, api.max_version) == (cls.MIN_VERSION, cls.MAX_VERSION)
    assert metadata_record_class(2) is topic_record.TopicRecord
    assert [api.name for api in APIS.values() if api.latest_version_unstable] == ["InitProducerId"]


def test_generated_files_are_those_the_definitions_give():
    done = subprocess.run(
        [sys.executable, str(GENERATOR), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_generated_classes_are_slotted_dataclasses():
    request = request_class(12)(group_id="g", generation_id=3)
    assert not hasattr(request, "__dict__")
    assert [field.name for field in dataclasses.fields(request)] == list(request.__slots__)
    assert dataclasses.asdict(request)["group_id"] == "g"
    assert dataclasses.replace(request, member_id="m") == request_class(12)("g", 3, "m")
