"""The messages that bench.codec measures: of the shapes and sizes that brokers meet."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from kafkalite_protocol.messages.fetch import FetchRequest, FetchResponse
from kafkalite_protocol.messages.metadata import MetadataResponse
from kafkalite_protocol.messages.produce import ProduceRequest, ProduceResponse
from kafkalite_protocol.records import Record, build_batch

BATCH_BYTES: Final = 16 * 1024


class Sample(NamedTuple):
    """A message and the version it is encoded in."""

    title: str
    message: Any
    version: int


THOUSAND_RECORDS: Final = [
    Record(offset, 1_700_000_000_000 + offset, None, bytes([offset % 251]) * 100)
    for offset in range(1000)
]
BATCH: Final = bytes(
    build_batch([Record(0, 1_700_000_000_000, None, bytes(BATCH_BYTES - 61 - 12))])
)


def produce_request(partitions: int) -> ProduceRequest:
    data = [ProduceRequest.PartitionProduceData(p, BATCH) for p in range(partitions)]
    topic = ProduceRequest.TopicProduceData("orders", partition_data=data)
    return ProduceRequest(acks=-1, timeout_ms=30_000, topic_data=[topic])


def produce_response() -> ProduceResponse:
    topic_type = ProduceResponse.TopicProduceResponse
    partition = ProduceResponse.PartitionProduceResponse(0, base_offset=123_456, log_start_offset=0)
    return ProduceResponse([topic_type("orders", partition_responses=[partition])])


def fetch_request(version: int) -> FetchRequest:
    partitions = [
        FetchRequest.FetchPartition(
            p, current_leader_epoch=3, fetch_offset=123_456, partition_max_bytes=1024 * 1024
        )
        for p in range(10)
    ]
    topic = (
        FetchRequest.FetchTopic(topic_id=bytes(range(16)), partitions=partitions)
        if version >= 13
        else FetchRequest.FetchTopic("orders", partitions=partitions)
    )
    return FetchRequest(max_wait_ms=500, min_bytes=1, session_id=7, session_epoch=3, topics=[topic])


def fetch_response() -> FetchResponse:
    topic_type = FetchResponse.FetchableTopicResponse
    partitions = [
        FetchResponse.PartitionData(
            p,
            high_watermark=123_456,
            last_stable_offset=123_456,
            log_start_offset=0,
            aborted_transactions=None,
            records=BATCH,
        )
        for p in range(10)
    ]
    return FetchResponse(session_id=7, responses=[topic_type("orders", partitions=partitions)])


def metadata_response() -> MetadataResponse:
    topic_type = MetadataResponse.MetadataResponseTopic
    topics = [
        topic_type(
            name=f"topic-{number:03}",
            topic_id=number.to_bytes(16, "big"),
            partitions=[
                MetadataResponse.MetadataResponsePartition(
                    partition_index=p,
                    leader_id=p % 3,
                    leader_epoch=5,
                    replica_nodes=[0, 1, 2],
                    isr_nodes=[0, 1, 2],
                )
                for p in range(10)
            ],
        )
        for number in range(100)
    ]
    brokers = [
        MetadataResponse.MetadataResponseBroker(b, f"broker-{b}.example", 9092) for b in range(3)
    ]
    return MetadataResponse(brokers=brokers, cluster_id="cluster", controller_id=0, topics=topics)


SAMPLES: Final = [
    Sample("ProduceRequest v9, 1 part", produce_request(1), 9),
    Sample("ProduceRequest v9, 10 part", produce_request(10), 9),
    Sample("ProduceResponse v9, 1 part", produce_response(), 9),
    Sample("FetchRequest v12, 10 part", fetch_request(12), 12),
    Sample("FetchRequest v16, 10 part", fetch_request(16), 16),
    Sample("FetchResponse v12, 10 x 16 KiB", fetch_response(), 12),
    Sample("MetadataResponse v12, 1000 part", metadata_response(), 12),
]
