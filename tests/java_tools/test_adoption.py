"""One data directory, served in turn by kafkalite and by Apache Kafka 4.3 itself: nothing is lost on the way.

kafkalite -> graduate -> Kafka, SIGTERM -> adopt -> kafkalite -> graduate -> Kafka, SIGKILL -> adopt -> kafkalite
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)
from kafkalite_compat.brokers import BrokerFailed
from kafkalite_compat.brokers.ports import free_port
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.adoption.server_properties import server_properties
from kafkalite.clock import SystemClock
from kafkalite.config import BrokerConfig
from kafkalite.types import BrokerId
from tests.broker_process import REPOSITORY, BrokerProcess
from tests.java_kafka import KafkaProcess, run_kafka, run_tool
from tests.java_tools.cluster_state import (
    BROKER,
    TOPIC,
    ClusterState,
    cluster_state,
    differences,
    leader_epochs,
    read_everything,
)
from tests.java_tools.idempotent_producer import IdempotentProducer
from tests.java_tools.users_state import add_users, users_state
from tests.waiting import wait_until

pytestmark = [pytest.mark.java, pytest.mark.timeout(600)]

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
BASE_MS = SystemClock().now_ms() - 1_000_000
"""Young enough for retention to leave the records, and Kafka to remember the producers."""
GROUPS = ["billing", "audit", "of kafka", "of the new protocol"]
_NO_COORDINATOR_YET = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
SNAPSHOT_OFTEN = ("--set", "metadata.log.max.snapshot.interval.ms=1000")


class Journey:
    """The directory and who serves it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.kafkalite = BrokerProcess(data)
        self.bootstrap = self.kafkalite.bootstrap
        self.kafka: KafkaProcess | None = None

    def start_kafka(self) -> None:
        self.kafka = run_kafka(self.data / "server.properties", self.kafkalite.port, self.data)

    def run(self, command: str, *options: str, check: bool = True) -> Any:
        return subprocess.run(
            [sys.executable, "-m", "kafkalite", command, "--data", self.data, *options],
            cwd=REPOSITORY,
            check=check,
            capture_output=True,
            text=True,
        )

    def graduate(self) -> str:
        return self.run("graduate", "--port", str(self.kafkalite.port), *SNAPSHOT_OFTEN).stdout

    def adopt(self) -> str:
        return self.run("adopt").stdout

    def state(self) -> ClusterState:
        return cluster_state(self.bootstrap, GROUPS)

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.data)): path.read_bytes()
            for path in sorted(self.data.rglob("*"))
            if path.is_file() and path.name != ".lock"
        }

    def close(self) -> None:
        self.kafkalite.close()
        if self.kafka is not None:
            self.kafka.kill()


@pytest.fixture
def journey(tmp_path: Path) -> Iterator[Journey]:
    journey = Journey(tmp_path / "data")
    try:
        yield journey
    finally:
        journey.close()


# What is done to a cluster, by stock clients


def wait(futures: dict[Any, Any]) -> None:
    for future in futures.values():
        future.result(30)


def create(bootstrap: str, **topics: dict[str, str]) -> None:
    """Topics of three partitions with their configs."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    new = [NewTopic(name, 3, 1, config=config) for name, config in topics.items()]
    wait(admin.create_topics(new))


def set_configs(bootstrap: str, kind: ResourceType, name: str, **configs: str) -> None:
    entries = [
        ConfigEntry(key.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
        for key, value in configs.items()
    ]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wait(admin.incremental_alter_configs([ConfigResource(kind, name, incremental_configs=entries)]))


def produce(bootstrap: str, topic: str, count: int, *, after_ms: int = 0, **settings: str) -> None:
    """Records with keys, nulls, headers and timestamps of their own in all three partitions."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 20, **settings}
    )
    for number in range(count):
        producer.produce(
            topic,
            partition=number % 3,
            key=f"key {number % 7}",
            value=None if number % 10 == 9 else f"{topic} {number} " * 5,
            timestamp=BASE_MS + after_ms + number,
            headers=[("number", b"%d" % number), ("empty", b""), ("none", None)],
        )
    assert producer.flush(30) == 0


def produce_transactions(bootstrap: str, topic: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "t"})
    producer.init_transactions(30)
    for outcome in ("commit", "abort", "commit"):
        producer.begin_transaction()
        for partition in range(3):
            producer.produce(topic, outcome, partition=partition, timestamp=BASE_MS)
        producer.commit_transaction() if outcome == "commit" else producer.abort_transaction()


def commit(bootstrap: str, group: str, topic: str, offset: int, **settings: str) -> None:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, **settings})
    offsets = [
        TopicPartition(topic, number, offset + number, metadata=f"note {number}")
        for number in range(3)
    ]

    def is_committed() -> bool:
        try:
            consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            if error.args[0].code() not in _NO_COORDINATOR_YET:
                raise
            return False
        return True

    wait_until(is_committed, "a coordinator, which Kafka makes when it is first asked for")
    consumer.close()


def consume_with_the_new_protocol(bootstrap: str, topic: str) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "of the new protocol",
            "group.protocol": "consumer",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([topic])
    assert consumer.poll(30) is not None
    consumer.commit(asynchronous=False)
    consumer.close()


def delete_records(bootstrap: str, topic: str, partition: int, before: int) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wait(admin.delete_records([TopicPartition(topic, partition, before)]))


def compact(bootstrap: str, topic: str) -> None:
    """A topic with segments that the log cleaner has been at."""
    create(
        bootstrap,
        **{
            topic: {
                "cleanup.policy": "compact",
                "segment.ms": "10",
                "min.cleanable.dirty.ratio": "0.01",
            }
        },
    )
    for round_number in range(3):
        produce(bootstrap, topic, 300, after_ms=1000 * round_number)
    partitions = [(topic, number) for number in range(3)]

    def is_cleaned() -> bool:
        records, extents = read_everything(bootstrap, partitions)
        return any(len(records[key]) < extents[key][1] for key in partitions)

    wait_until(is_cleaned, "the log cleaner")


def latest_values(state: ClusterState, topic: str) -> dict[tuple[int, bytes], tuple]:
    """What compaction must keep, taken out of `state`: how far the cleaner has come is a matter of time."""
    return {
        (number, record[1]): record
        for number in range(3)
        for record in state.records.pop((topic, number))
    }


def recreate(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wait(admin.delete_topics([topic]))
    create(bootstrap, **{topic: {}})


# The stages


def fill_kafkalite(bootstrap: str) -> None:
    create(
        bootstrap,
        **{f"codec-{codec}": {} for codec in CODECS},
        segments={"segment.bytes": "1048576", "max.message.bytes": "900000"},
        compacted={"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.2"},
        recreated={"retention.ms": "1000000"},
        deleted={},
        idempotent={},
    )
    for codec in CODECS:
        produce(bootstrap, f"codec-{codec}", 300, **{"compression.type": codec})
    produce(bootstrap, "segments", 12_000)
    produce(bootstrap, "compacted", 90)
    produce(bootstrap, "recreated", 60)
    recreate(bootstrap, "recreated")
    produce(bootstrap, "recreated", 30)
    produce(bootstrap, "deleted", 30)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wait(admin.delete_topics(["deleted"]))
    wait(admin.create_partitions([NewPartitions("codec-none", 5)]))
    set_configs(bootstrap, ResourceType.TOPIC, "codec-gzip", retention_ms="123456789")
    set_configs(bootstrap, ResourceType.TOPIC, "codec-gzip", message_timestamp_type="LogAppendTime")
    set_configs(bootstrap, ResourceType.BROKER, "1", message_max_bytes="2345678")
    commit(bootstrap, "billing", "codec-none", 10)
    commit(bootstrap, "audit", "codec-zstd", 20)
    commit(bootstrap, "audit", "compacted", 5)


def go_on_with_kafka(bootstrap: str) -> None:
    create(bootstrap, kafkas={"cleanup.policy": "compact,delete"}, transactions={})
    produce(bootstrap, "kafkas", 300)
    produce(bootstrap, "codec-none", 300, **{"compression.type": "zstd"})
    produce_transactions(bootstrap, "transactions")
    recreate(bootstrap, "recreated")
    produce(bootstrap, "recreated", 15)
    set_configs(bootstrap, ResourceType.TOPIC, "codec-lz4", retention_ms="999999999")
    set_configs(bootstrap, ResourceType.BROKER, "1", message_max_bytes="1234567")
    commit(bootstrap, "billing", "codec-none", 150)
    commit(bootstrap, "of kafka", "kafkas", 70)
    consume_with_the_new_protocol(bootstrap, "kafkas")
    delete_records(bootstrap, "segments", 1, 1000)


def go_on_with_kafkalite(bootstrap: str) -> None:
    create(bootstrap, third={"retention.bytes": "1000000"})
    produce(bootstrap, "third", 90)
    produce(bootstrap, "kafkas", 90)
    recreate(bootstrap, "recreated")
    commit(bootstrap, "of kafka", "third", 3)
    set_configs(bootstrap, ResourceType.TOPIC, "kafkas", retention_ms="77777777")


# The tests


def test_everything_survives_the_way_to_kafka_and_back_twice(journey: Journey) -> None:
    bootstrap, data = journey.bootstrap, journey.data
    with journey.kafkalite:
        fill_kafkalite(bootstrap)
        producer = IdempotentProducer(bootstrap, "idempotent")
        assert producer.produce(bootstrap, 0, 5) == (ErrorCode.NONE, 0)
        before, epochs = journey.state(), leader_epochs(bootstrap)
        assert journey.run("graduate", check=False).returncode == 1, "a broker runs on it"
        assert_kafka_stays_out(journey)
        assert journey.kafkalite.terminate() == 0
    assert before.configs[TOPIC, "codec-gzip"]["retention.ms"] == "123456789"
    assert before.configs[BROKER, "1"] == {"message.max.bytes": "2345678"}
    assert before.committed["audit"]["compacted", 2] == (7, "note 2")
    assert sum(map(len, before.records.values())) > 13_000

    files = journey.files()
    journey.run("graduate", "--dry-run")
    assert journey.files() == files
    assert "would put" not in journey.graduate()
    assert "nothing to do" in journey.graduate()
    assert_topics_untouched(files, journey.files())
    assert_kafkas_tools_understand(data)

    journey.start_kafka()
    assert differences(before, journey.state()) == []
    assert_epochs_grow(epochs, leader_epochs(bootstrap))
    refused = journey.run("adopt", check=False)
    assert f"in use by Apache Kafka (pid {journey.kafka.pid})" in refused.stderr
    assert_the_producer_goes_on(producer, bootstrap)
    go_on_with_kafka(bootstrap)
    on_kafka, epochs = journey.state(), leader_epochs(bootstrap)
    journey.kafka.stop()
    assert list((data / "__cluster_metadata-0").glob("*.checkpoint")), "Kafka has made a snapshot"

    refused = subprocess.run(
        journey.kafkalite._command(), capture_output=True, text=True, timeout=30, cwd=REPOSITORY
    )
    assert (refused.returncode, "kafkalite adopt" in refused.stderr) == (1, True)
    files = journey.files()
    journey.run("adopt", "--dry-run")
    assert journey.files() == files
    journey.adopt()
    assert_topics_untouched(files, journey.files())

    with journey.kafkalite:
        assert differences(on_kafka, journey.state()) == []
        assert_epochs_grow(epochs, leader_epochs(bootstrap))
        assert producer.produce(bootstrap, 8, 2)[0] == ErrorCode.NONE
        assert producer.produce(bootstrap, 8, 2)[0] == ErrorCode.NONE, "a duplicate"
        go_on_with_kafkalite(bootstrap)
        before, epochs = journey.state(), leader_epochs(bootstrap)
        assert journey.kafkalite.terminate() == 0
    journey.graduate()

    journey.start_kafka()
    assert differences(before, journey.state()) == []
    assert_epochs_grow(epochs, leader_epochs(bootstrap))
    assert producer.produce(bootstrap, 8, 2)[1] == 8, "the duplicate of what kafkalite got"
    produce(bootstrap, "third", 60)
    set_configs(bootstrap, ResourceType.TOPIC, "third", retention_ms="66666666")
    on_kafka = journey.state()
    journey.kafka.kill()

    assert "recover the logs: Kafka was killed" in journey.adopt()
    with journey.kafkalite:
        assert differences(on_kafka, journey.state()) == []
        assert journey.kafkalite.terminate() == 0


AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}


def test_a_cluster_that_began_as_kafka_is_adopted_after_a_kill(journey: Journey) -> None:
    """Formatted by Kafka, so with all its features and a quorum that could grow; with users, and many partitions."""
    bootstrap, data = journey.bootstrap, journey.data
    journey.kafka = start_formatted(journey)
    add_users(bootstrap)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wait(admin.create_topics([NewTopic("orders", 40, 1)]))
    produce(bootstrap, "orders", 300)
    commit(bootstrap, "billing", "orders", 5)
    compact(bootstrap, "cleaned")
    before, users = journey.state(), users_state(bootstrap)
    latest = latest_values(before, "cleaned")
    assert len(users["acls"]) == 2
    assert users["group"] == {(32, "g"): {"consumer.session.timeout.ms": "46000"}}
    journey.kafka.kill()

    journey.adopt()
    journey.kafkalite = BrokerProcess(data, port=journey.kafkalite.port, settings=AUTHORIZER)
    with journey.kafkalite:
        state = journey.state()
        assert latest_values(state, "cleaned") == latest
        assert differences(before, state) == []
        assert users_state(bootstrap) == users
        assert journey.kafkalite.terminate() == 0

    # With the file that Kafka was started with: what it says goes on to hold.
    journey.run("graduate", "--config", str(data.with_name("formatted.properties")))
    journey.start_kafka()
    state = journey.state()
    assert latest_values(state, "cleaned") == latest
    assert differences(before, state) == []
    assert users_state(bootstrap) == users


def start_formatted(journey: Journey) -> KafkaProcess:
    """A new Kafka as its documentation begins: `kafka-storage format --standalone`."""
    port = journey.kafkalite.port
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{port + 1}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{port + 1}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(journey.data),
        "offsets.topic.replication.factor": "1",
        "metadata.log.max.snapshot.interval.ms": "1000",
        "log.cleaner.backoff.ms": "200",
        **AUTHORIZER,
    }
    properties = journey.data.with_name("formatted.properties")
    properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    run_tool(
        "kafka.tools.StorageTool",
        *("format", "--standalone", "-t", "5L6g3nShT-eMCtK--X86sw", "-c", str(properties)),
    )
    return run_kafka(properties, port, journey.data)


def assert_kafka_stays_out(journey: Journey) -> None:
    """Started by mistake while kafkalite serves the directory, it stops before it touches anything."""
    metadata = {path: path.read_bytes() for path in (journey.data / "__cluster_metadata-0").iterdir()}  # fmt: skip
    properties = journey.data.with_name("mistake.properties")
    config = BrokerConfig({"listeners": f"PLAINTEXT://127.0.0.1:{free_port()}"})
    properties.write_text(server_properties(config, BrokerId(1), journey.data))
    with pytest.raises(BrokerFailed, match=r"bootstrap metadata from .*bootstrap\.checkpoint"):
        run_kafka(properties, config.listeners[0].port, journey.data)
    assert metadata == {path: path.read_bytes() for path in (journey.data / "__cluster_metadata-0").iterdir()}  # fmt: skip


def assert_the_producer_goes_on(producer: IdempotentProducer, bootstrap: str) -> None:
    """On Kafka, after five records on kafkalite."""
    assert producer.produce(bootstrap, 0, 5) == (ErrorCode.NONE, 0), "a duplicate, recognised"
    error, _ = producer.produce(bootstrap, 6, 1)
    assert error == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, "a gap, refused"
    assert producer.produce(bootstrap, 5, 3) == (ErrorCode.NONE, 5)
    later = IdempotentProducer(bootstrap, "idempotent")
    assert later.producer_id > producer.producer_id, "ids are not given out again"


def assert_topics_untouched(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """The files of the topics are byte for byte what they were."""
    assert before.items() <= {
        name: content for name, content in after.items() if "/" in name
    }.items() | {
        (name, content)
        for name, content in before.items()
        if "/" not in name or name.startswith("__cluster_metadata-0")
    }


def assert_epochs_grow(
    before: dict[tuple[str, int], int], after: dict[tuple[str, int], int]
) -> None:
    """Each broker leads under epochs of its own."""
    assert {key: after[key] > epoch for key, epoch in before.items()} == dict.fromkeys(before, True)


def assert_kafkas_tools_understand(data: Path) -> None:
    dump = run_tool(
        "org.apache.kafka.tools.DumpLogSegments",
        *("--cluster-metadata-decoder", "--skip-record-metadata"),
        *("--files", str(data / "bootstrap.checkpoint")),
    ).stdout
    assert "isvalid: false" not in dump
    assert dump.count('"type":"TOPIC_RECORD"') == 10  # nine of ours and __consumer_offsets
    info = run_tool(
        "kafka.tools.StorageTool", "info", "-c", str(data / "server.properties"), check=False
    )
    assert "Found problem" not in info.stdout
    assert f"Found log directory:\n  {data}" in info.stdout
