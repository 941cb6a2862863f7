"""Produce as clients meet it: versions, acks, what is refused with which code, idempotence."""

from __future__ import annotations

import struct

import pytest
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.fetch import FetchRequest
from kafkalite_protocol.messages.init_producer_id import InitProducerIdRequest
from kafkalite_protocol.messages.metadata import MetadataRequest
from kafkalite_protocol.messages.produce import ProduceRequest
from kafkalite_protocol.record_batch import batches
from kafkalite_protocol.records import Record, build_batch, read_records

VERSIONS = range(3, 14)
NOW_MS = 1_700_000_000_000


def batch_of(
    *values: bytes, key: bytes | None = b"k", timestamp_ms: int = NOW_MS, **options
) -> bytes:
    records = [Record(n, timestamp_ms, key, value, []) for n, value in enumerate(values)]
    return bytes(build_batch(records, **options))


def topic_id(client: RawClient, name: str) -> bytes:
    request = MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name=name)])
    return client.ask(request, 12).topics[0].topic_id


def produce_request(
    client: RawClient,
    topic: str,
    records: bytes | None,
    version: int = 9,
    *,
    acks: int = -1,
    partition: int = 0,
) -> ProduceRequest:
    data = ProduceRequest.TopicProduceData(
        partition_data=[ProduceRequest.PartitionProduceData(index=partition, records=records)]
    )
    if version >= 13:
        data.topic_id = topic_id(client, topic)
    else:
        data.name = topic
    return ProduceRequest(acks=acks, timeout_ms=5000, topic_data=[data])


def produce(client: RawClient, topic: str, records: bytes | None, version: int = 9, **options):
    """The answer for the one partition."""
    response = client.ask(produce_request(client, topic, records, version, **options), version)
    return response.responses[0].partition_responses[0]


def fetch_values(client: RawClient, topic: str, offset: int = 0) -> list[tuple[int, bytes]]:
    request = FetchRequest(
        max_wait_ms=0,
        max_bytes=1 << 26,
        topics=[
            FetchRequest.FetchTopic(
                topic=topic,
                partitions=[
                    FetchRequest.FetchPartition(
                        partition=0, fetch_offset=offset, partition_max_bytes=1 << 26
                    )
                ],
            )
        ],
    )
    answer = client.ask(request, 11).responses[0].partitions[0]
    assert answer.error_code == 0
    return [
        (record.offset, bytes(record.value))
        for batch in batches(bytearray(answer.records))
        for record in read_records(batch)
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_appends_and_answers_the_base_offset(client, new_topic, version):
    topic = new_topic()
    first = produce(client, topic, batch_of(b"a", b"b"), version)
    second = produce(client, topic, batch_of(b"c"), version)
    assert (first.error_code, first.base_offset, first.log_append_time_ms) == (0, 0, -1)
    assert (second.error_code, second.base_offset) == (0, 2)
    assert second.log_start_offset == (0 if version >= 5 else -1)
    assert fetch_values(client, topic) == [(0, b"a"), (1, b"b"), (2, b"c")]


@pytest.mark.parametrize("version", [0, 1, 2, 14])
def test_version_that_is_not_served_closes_the_connection(client, version):
    client.socket.sendall(struct.pack(">ihhih", 10, 0, version, 1, -1))
    assert client.is_closed_by_peer()


def test_acks_zero_gets_no_answer_and_the_records_are_there(client, new_topic):
    topic = new_topic()
    client.send(produce_request(client, topic, batch_of(b"x"), acks=0), 9)
    assert produce(client, topic, batch_of(b"y")).base_offset == 1


def test_error_on_acks_zero_closes_the_connection(client, new_topic):
    client.send(produce_request(client, "no-such-topic-here", batch_of(b"x"), acks=0), 9)
    assert client.is_closed_by_peer()


def test_acks_one_is_answered(client, new_topic):
    assert produce(client, new_topic(), batch_of(b"x"), acks=1).error_code == 0


def test_more_in_sync_replicas_asked_for_than_there_are_replicas_is_no_hindrance(client, new_topic):
    topic = new_topic(min_insync_replicas="2")
    assert produce(client, topic, batch_of(b"x"), acks=-1).error_code == 0


@pytest.mark.parametrize("acks", [2, -2, 100])
def test_other_acks_are_refused(client, new_topic, acks):
    answer = produce(client, new_topic(), batch_of(b"x"), acks=acks)
    assert answer.error_code == ErrorCode.INVALID_REQUIRED_ACKS
    assert answer.base_offset == -1


def flipped(batch: bytes) -> bytes:
    return batch[:-1] + bytes([batch[-1] ^ 1])


def with_bytes(batch: bytes, position: int, replacement: bytes) -> bytes:
    return batch[:position] + replacement + batch[position + len(replacement) :]


def with_crc(batch: bytes) -> bytes:
    from crc32c import crc32c

    return with_bytes(batch, 17, struct.pack(">I", crc32c(batch[21:])))


GOOD = batch_of(b"value")


@pytest.mark.parametrize(
    ("records", "code"),
    [
        pytest.param(flipped(GOOD), ErrorCode.CORRUPT_MESSAGE, id="crc"),
        pytest.param(with_bytes(GOOD, 16, b"\x00"), ErrorCode.INVALID_RECORD, id="magic 0"),
        pytest.param(with_bytes(GOOD, 16, b"\x01"), ErrorCode.INVALID_RECORD, id="magic 1"),
        pytest.param(GOOD + GOOD, ErrorCode.INVALID_RECORD, id="two batches"),
        pytest.param(b"", ErrorCode.INVALID_RECORD, id="empty"),
        pytest.param(
            with_bytes(GOOD, 0, struct.pack(">q", 5)),
            ErrorCode.INVALID_RECORD,
            id="base offset not 0",
        ),
        pytest.param(
            with_crc(with_bytes(GOOD, 57, struct.pack(">i", 0))),
            ErrorCode.INVALID_RECORD,
            id="count 0",
        ),
        pytest.param(batch_of(b"v", control=True), ErrorCode.INVALID_RECORD, id="control batch"),
        pytest.param(
            batch_of(b"v", transactional=True, producer_id=1, producer_epoch=0, base_sequence=0),
            ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            id="transactional without id",
        ),
        pytest.param(batch_of(b"x" * 1_100_000), ErrorCode.MESSAGE_TOO_LARGE, id="too large"),
    ],
)
def test_bad_batch_is_refused_with_kafkas_code_and_nothing_is_appended(
    client, new_topic, records, code
):
    topic = new_topic()
    answer = produce(client, topic, records)
    assert ErrorCode(answer.error_code) == code
    assert answer.base_offset == -1
    assert produce(client, topic, GOOD).base_offset == 0


def test_record_too_far_in_the_future_is_refused(client, new_topic):
    answer = produce(client, new_topic(), batch_of(b"x", timestamp_ms=2**45))
    assert answer.error_code == ErrorCode.INVALID_TIMESTAMP
    assert [error.batch_index for error in answer.record_errors] == [0]


def test_header_that_lies_about_a_far_future_is_put_right(client, new_topic):
    topic = new_topic()
    lie = with_crc(with_bytes(GOOD, 35, struct.pack(">q", 2**45)))
    assert produce(client, topic, lie).error_code == 0
    request = FetchRequest(
        topics=[
            FetchRequest.FetchTopic(
                topic=topic,
                partitions=[FetchRequest.FetchPartition(partition=0, partition_max_bytes=1 << 20)],
            )
        ],
    )
    records = bytearray(client.ask(request, 11).responses[0].partitions[0].records)
    [batch] = batches(records)
    assert batch.max_timestamp_ms == NOW_MS
    assert batch.check_crc()


def test_record_without_timestamp_is_accepted(client, new_topic):
    assert produce(client, new_topic(), batch_of(b"x", timestamp_ms=-1)).error_code == 0


def test_compacted_topic_refuses_a_record_without_key_and_names_it(client, new_topic):
    topic = new_topic(cleanup_policy="compact")
    answer = produce(client, topic, batch_of(b"x", key=None))
    assert answer.error_code == ErrorCode.INVALID_RECORD
    assert [error.batch_index for error in answer.record_errors] == [0]


def test_unknown_topic_and_partition_are_told_apart_from_the_good_ones(client, new_topic):
    topic = new_topic()
    assert (
        produce(client, topic, GOOD, partition=7).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    )
    assert (
        produce(client, "nobody-made-this", GOOD).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    )


def test_unknown_topic_id_is_told_so(client, new_topic):
    data = ProduceRequest.TopicProduceData(
        topic_id=bytes(range(16)),
        partition_data=[ProduceRequest.PartitionProduceData(index=0, records=GOOD)],
    )
    response = client.ask(ProduceRequest(acks=-1, timeout_ms=5000, topic_data=[data]), 13)
    assert response.responses[0].partition_responses[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_log_append_time_is_stamped_and_answered(client, new_topic):
    topic = new_topic(message_timestamp_type="LogAppendTime")
    answer = produce(client, topic, batch_of(b"x", timestamp_ms=5))
    assert answer.log_append_time_ms > NOW_MS
    request = FetchRequest(
        max_wait_ms=0,
        topics=[
            FetchRequest.FetchTopic(
                topic=topic,
                partitions=[FetchRequest.FetchPartition(partition=0, partition_max_bytes=1 << 20)],
            )
        ],
    )
    records = bytearray(client.ask(request, 11).responses[0].partitions[0].records)
    [batch] = batches(records)
    batch.check_crc()
    assert [record.timestamp_ms for record in read_records(batch)] == [answer.log_append_time_ms]


def test_zstd_needs_version_seven(client, new_topic):
    topic = new_topic()
    zstd = batch_of(b"x" * 100, compression=Compression.ZSTD)
    assert produce(client, topic, zstd, 6).error_code == ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    assert produce(client, topic, zstd, 7).error_code == 0


@pytest.mark.parametrize("codec", list(Compression))
def test_batch_comes_back_as_it_was_sent_whatever_its_codec(client, new_topic, codec):
    topic = new_topic()
    values = [b"value %d " % n * 20 for n in range(50)]
    assert produce(client, topic, batch_of(*values, compression=codec)).error_code == 0
    assert fetch_values(client, topic) == list(enumerate(values))


# Idempotence (kafka-4.3: five batches remembered for each producer id)


def new_producer_id(client) -> int:
    response = client.ask(
        InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=1000), 4
    )
    assert response.error_code == 0
    assert response.producer_epoch == 0
    return response.producer_id


def idempotent(producer_id: int, sequence: int, *values: bytes, epoch: int = 0) -> bytes:
    return batch_of(
        *(values or (b"v",)), producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence
    )


@pytest.mark.parametrize("known", [{"producer_id": 5}, {"producer_epoch": 5}])
def test_producer_id_without_its_epoch_is_refused(client, known):
    request = InitProducerIdRequest(
        transactional_id=None,
        transaction_timeout_ms=1000,
        **({"producer_id": -1, "producer_epoch": -1} | known),
    )
    answer = client.ask(request, 4)
    assert answer.error_code == ErrorCode.INVALID_REQUEST
    assert (answer.producer_id, answer.producer_epoch) == (-1, -1)


def test_producer_ids_differ(client):
    assert len({new_producer_id(client) for _ in range(20)}) == 20


def test_each_of_the_last_five_batches_is_recognised_and_answered_as_before(client, new_topic):
    topic, pid = new_topic(), new_producer_id(client)
    for n in range(5):
        assert produce(client, topic, idempotent(pid, n)).base_offset == n
    for n in range(5):
        again = produce(client, topic, idempotent(pid, n))
        assert (again.error_code, again.base_offset) == (0, n)
    assert len(fetch_values(client, topic)) == 5


def test_batch_older_than_the_last_five_is_out_of_order(client, new_topic):
    topic, pid = new_topic(), new_producer_id(client)
    for n in range(6):
        produce(client, topic, idempotent(pid, n))
    answer = produce(client, topic, idempotent(pid, 0))
    assert answer.error_code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_gap_in_the_sequence_is_out_of_order(client, new_topic):
    topic, pid = new_topic(), new_producer_id(client)
    produce(client, topic, idempotent(pid, 0, b"a", b"b"))
    assert (
        produce(client, topic, idempotent(pid, 3)).error_code
        == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    )
    assert produce(client, topic, idempotent(pid, 2)).error_code == 0


def test_unknown_producer_may_begin_at_any_sequence(client, new_topic):
    assert produce(client, new_topic(), idempotent(987_654_321, 42)).error_code == 0


def test_older_epoch_is_fenced_and_a_newer_one_begins_at_zero(client, new_topic):
    topic, pid = new_topic(), new_producer_id(client)
    assert produce(client, topic, idempotent(pid, 0, epoch=3)).error_code == 0
    assert (
        produce(client, topic, idempotent(pid, 1, epoch=2)).error_code
        == ErrorCode.INVALID_PRODUCER_EPOCH
    )
    assert (
        produce(client, topic, idempotent(pid, 1, epoch=4)).error_code
        == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    )
    assert produce(client, topic, idempotent(pid, 0, epoch=4)).error_code == 0


def test_sequence_wraps_to_zero(client, new_topic):
    topic, pid = new_topic(), new_producer_id(client)
    assert produce(client, topic, idempotent(pid, 2**31 - 2, b"a", b"b")).error_code == 0
    assert produce(client, topic, idempotent(pid, 0)).error_code == 0


def test_sequence_may_wrap_within_a_batch(client, new_topic):
    topic, pid = new_topic(), new_producer_id(client)
    assert produce(client, topic, idempotent(pid, 2**31 - 1, b"a", b"b")).error_code == 0
    assert produce(client, topic, idempotent(pid, 1)).error_code == 0


def test_null_records_are_refused_where_kafka_never_answers(client, new_topic):
    """Apache Kafka 4.3.0 fails on this without an answer; a client deserves one."""
    import os

    if os.environ.get("KAFKALITE_TEST_BOOTSTRAP"):
        pytest.skip("Apache Kafka 4.3.0 does not answer null records at all")
    assert produce(client, new_topic(), None).error_code == ErrorCode.INVALID_RECORD


def test_broker_owned_topic_cannot_be_produced_to(client, new_topic):
    from kafkalite_protocol.messages.find_coordinator import FindCoordinatorRequest

    client.ask(FindCoordinatorRequest(key="g"), 0)
    deadline = 50
    while (code := produce(client, "__consumer_offsets", GOOD).error_code) == 3 and deadline:
        deadline -= 1
    assert code == ErrorCode.INVALID_TOPIC_EXCEPTION
