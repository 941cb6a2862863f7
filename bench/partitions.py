"""Many partitions on one broker: made, listed, idle, written to, and there again after a restart."""

from __future__ import annotations

import time

import psutil  # type: ignore[import-untyped]
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest
from kafkalite_protocol.messages.metadata import MetadataRequest, MetadataResponse
from kafkalite_protocol.messages.produce import ProduceRequest
from kafkalite_protocol.records import Record, build_batch

from bench.brokers import RunningBroker
from bench.figures import Figure, Measure, resident_bytes

TOPICS, PARTITIONS_EACH = 100, 100
PARTITIONS = TOPICS * PARTITIONS_EACH
LISTED_TIMES = 20
IDLE_S = 10
ANSWER_WITHIN_S = 300

_CREATE_VERSION, _METADATA_VERSION, _PRODUCE_VERSION = 7, 12, 12


def partitions(broker: RunningBroker) -> dict[str, float]:
    """10 000 partitions in 100 topics; one record is written into each, so that each has a log in use."""
    with client(broker) as connection:
        created_s = create(connection)
        listed_ms = list_all(connection)
        written_s = write_into_each(connection)
    process = psutil.Process(broker.pid)
    before = process.cpu_times()
    time.sleep(IDLE_S)
    after = process.cpu_times()
    figures = {
        "partitions_created_s": created_s,
        "partitions_listed_ms": listed_ms,
        "partitions_written_s": written_s,
        "partitions_idle_cpu_ms": 1000
        * (after.user + after.system - before.user - before.system)
        / IDLE_S,
        "partitions_mb": resident_bytes(broker.pid) / 1e6,
        "partitions_descriptors": process.num_fds(),
    }
    broker.restart(broker)
    began = time.perf_counter()
    with client(broker) as connection:
        wait_until_usable(connection)
    figures["partitions_restart_s"] = broker.start_s + time.perf_counter() - began
    figures["partitions_restarted_mb"] = resident_bytes(broker.pid) / 1e6
    return figures


def client(broker: RunningBroker) -> RawClient:
    return RawClient(("127.0.0.1", broker.port), timeout_s=ANSWER_WITHIN_S)


def topic_name(index: int) -> str:
    return f"many-{index:03d}"


def create(connection: RawClient) -> float:
    """Seconds until all of them exist and have a leader."""
    began = time.perf_counter()
    for index in range(TOPICS):
        topic = CreateTopicsRequest.CreatableTopic(
            name=topic_name(index), num_partitions=PARTITIONS_EACH, replication_factor=1
        )
        request = CreateTopicsRequest(topics=[topic], timeout_ms=ANSWER_WITHIN_S * 1000)
        (created,) = connection.ask(request, _CREATE_VERSION).topics
        assert created.error_code == 0, created
    wait_until_usable(connection)
    return time.perf_counter() - began


def list_all(connection: RawClient) -> float:
    """Milliseconds per answer that names every partition."""
    began = time.perf_counter()
    for _ in range(LISTED_TIMES):
        connection.send(MetadataRequest(topics=None), _METADATA_VERSION)
        connection.receive_frame()
    return 1000 * (time.perf_counter() - began) / LISTED_TIMES


def wait_until_usable(connection: RawClient) -> None:
    """All partitions are listed with a leader, and the last one takes a record."""
    deadline = time.monotonic() + ANSWER_WITHIN_S
    while led(connection) < PARTITIONS or write(connection, TOPICS - 1, [PARTITIONS_EACH - 1]):
        assert time.monotonic() < deadline, "not all partitions have come up"
        time.sleep(0.02)


def led(connection: RawClient) -> int:
    answer: MetadataResponse = connection.ask(MetadataRequest(topics=None), _METADATA_VERSION)
    return sum(
        partition.leader_id >= 0 and not partition.error_code
        for topic in answer.topics
        if topic.name is not None and topic.name.startswith("many-")
        for partition in topic.partitions
    )


def write_into_each(connection: RawClient) -> float:
    """Seconds for one record into every partition, a topic at a time."""
    began = time.perf_counter()
    for index in range(TOPICS):
        failed = write(connection, index, range(PARTITIONS_EACH))
        assert not failed, f"{failed} partitions did not take a record"
    return time.perf_counter() - began


def write(connection: RawClient, topic: int, indexes: range | list[int]) -> int:
    """How many partitions refused a record."""
    batch = bytes(build_batch([Record(0, time.time_ns() // 1_000_000, None, b"x" * 100, [])]))
    data = ProduceRequest.TopicProduceData(
        name=topic_name(topic),
        partition_data=[
            ProduceRequest.PartitionProduceData(index, memoryview(batch)) for index in indexes
        ],
    )
    request = ProduceRequest(acks=-1, timeout_ms=ANSWER_WITHIN_S * 1000, topic_data=[data])
    answer = connection.ask(request, _PRODUCE_VERSION)
    return sum(
        partition.error_code != 0
        for each in answer.responses
        for partition in each.partition_responses
    )


MEASURE = Measure(
    "partitions",
    partitions,
    (
        Figure(
            "partitions_created_s", f"{PARTITIONS:,} partitions: created".replace(",", " "), "s", 1
        ),
        Figure("partitions_listed_ms", "- listed by one Metadata request", "ms", 1),
        Figure("partitions_written_s", "- one record into each", "s", 1),
        Figure("partitions_idle_cpu_ms", "- idle, broker CPU", "ms/s", 1),
        Figure("partitions_mb", "- resident memory", "MB", 0),
        Figure("partitions_descriptors", "- open descriptors", "", 0),
        Figure("partitions_restart_s", "- start after a clean stop, until usable", "s", 1),
        Figure("partitions_restarted_mb", "- resident memory after it", "MB", 0),
    ),
    fresh_broker=True,
)
