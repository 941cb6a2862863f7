"""compression.type through a broker: several partitions in a request, acks, changes while it runs."""

from __future__ import annotations

from kafkalite_compat.differential.requests.records import batch_of, fetch, part, produce
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest
from kafkalite_protocol.record_batch import batches


def codecs(client: RawClient, topic: str, partition: int = 0) -> list[Compression]:
    answer = client.ask(fetch((topic, part(partition))), 11)
    records = bytearray(answer.responses[0].partitions[0].records)
    return [batch.compression for batch in batches(records)]


def set_codec(client: RawClient, topic: str, name: str) -> None:
    change = IncrementalAlterConfigsRequest.AlterableConfig(
        name="compression.type", config_operation=0, value=name
    )
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(
        resource_type=2, resource_name=topic, configs=[change]
    )
    answer = client.ask(IncrementalAlterConfigsRequest(resources=[resource]), 1)
    assert answer.responses[0].error_code == 0


def test_partitions_that_wait_and_partitions_that_do_not_are_answered_together(client, new_topic):
    topic, plain = new_topic(2, compression_type="gzip"), new_topic()
    damaged = bytearray(batch_of(b"damaged"))
    damaged[-1] ^= 1
    request = produce(
        (topic, 0, batch_of(b"a")),
        (plain, 0, batch_of(b"b")),
        (topic, 1, bytes(damaged)),
        (topic, 0, batch_of(b"c", compression=Compression.GZIP)),
        (plain, 9, batch_of(b"d")),
    )
    answers = [one.partition_responses[0] for one in client.ask(request, 9).responses]
    assert [(one.error_code, one.base_offset) for one in answers] == [
        (0, 0),
        (0, 0),
        (ErrorCode.CORRUPT_MESSAGE, -1),
        (0, 1),
        (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1),
    ]
    assert codecs(client, topic) == [Compression.GZIP, Compression.GZIP]
    assert codecs(client, plain) == [Compression.NONE]


def test_pipelined_batches_without_acks_keep_their_order(client, new_topic):
    topic = new_topic(compression_type="lz4")
    for number in range(20):
        codec = Compression.LZ4 if number % 3 else Compression.NONE
        batch = batch_of(b"%d" % number * 100, compression=codec)
        client.send(produce((topic, 0, batch), acks=0), 9)
    last = client.ask(produce((topic, 0, batch_of(b"last"))), 9)
    assert last.responses[0].partition_responses[0].base_offset == 20
    assert set(codecs(client, topic)) == {Compression.LZ4}


def test_error_without_acks_closes_the_connection(bootstrap, new_topic):
    topic = new_topic(compression_type="lz4")
    damaged = bytearray(batch_of(b"v"))
    damaged[-1] ^= 1
    with RawClient(bootstrap) as client:
        client.send(produce((topic, 0, bytes(damaged)), acks=0), 9)
        assert client.is_closed_by_peer()


def test_codec_of_the_moment_counts_and_what_is_stored_stays(client, new_topic):
    topic = new_topic()
    stored = []
    for name, codec in (
        ("gzip", Compression.GZIP),
        ("uncompressed", Compression.NONE),
        ("producer", Compression.SNAPPY),
        ("zstd", Compression.ZSTD),
    ):
        set_codec(client, topic, name)
        client.ask(produce((topic, 0, batch_of(b"v", compression=Compression.SNAPPY))), 9)
        stored.append(codec)
        assert codecs(client, topic) == stored
