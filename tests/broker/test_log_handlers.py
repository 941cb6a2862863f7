"""DeleteRecords, DescribeLogDirs, AlterReplicaLogDirs, DescribeProducers; what Kafka answers is compared by `kafkalite-compat differential`."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from kafkalite_compat.differential.requests.records import (
    batch_of,
    fetch,
    idempotent,
    list_offsets,
    part,
    produce,
)
from kafkalite_compat.differential.scenarios.logs import (
    alter_log_dirs,
    delete_records,
    describe_log_dirs,
    describe_producers,
)
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest
from kafkalite_protocol.messages.describe_log_dirs import DescribeLogDirsRequest

from tests.broker_in_thread import running_broker

EARLIEST = -2
needs_own_broker = pytest.mark.skipif(
    "KAFKALITE_TEST_BOOTSTRAP" in os.environ, reason="looks into the broker's directory"
)


def start_of(client: RawClient, topic: str) -> int:
    return client.ask(list_offsets(topic, (0, EARLIEST)), 7).topics[0].partitions[0].offset


def test_fetch_parked_below_the_new_start_is_answered_at_once(bootstrap, client, new_topic):
    topic = new_topic()
    client.ask(produce((topic, 0, batch_of(b"a", b"b"))), 9)
    with RawClient(bootstrap) as reader:
        waiting = fetch((topic, part(offset=0)), min_bytes=1 << 20, max_wait_ms=15_000)
        reader.send(waiting, 11)
        client.ask(delete_records((topic, (0, 2))), 2)
        answer = reader.receive(1, 11)
    assert answer.responses[0].partitions[0].error_code == ErrorCode.OFFSET_OUT_OF_RANGE


def test_session_hears_of_a_log_start_that_moved(client, new_topic):
    topic = new_topic()
    client.ask(produce((topic, 0, batch_of(b"a", b"b", b"c"))), 9)
    opened = client.ask(fetch((topic, part(offset=3)), session_epoch=0), 11)
    client.ask(delete_records((topic, (0, 1))), 2)
    again = fetch(session_id=opened.session_id, session_epoch=1)
    answer = client.ask(again, 11)
    assert answer.responses[0].partitions[0].log_start_offset == 1


@needs_own_broker
def test_deleted_records_stay_deleted_after_a_kill(tmp_path: Path) -> None:
    with running_broker(tmp_path / "data") as server:
        with RawClient(server.bootstrap_servers) as client:
            make_topic(client, "orders")
            client.ask(produce(("orders", 0, batch_of(b"a", b"b", b"c"))), 9)
            client.ask(delete_records(("orders", (0, 2))), 2)
        shutil.copytree(tmp_path / "data", tmp_path / "killed")
    with (
        running_broker(tmp_path / "killed") as server,
        RawClient(server.bootstrap_servers) as client,
    ):
        assert start_of(client, "orders") == 2


@needs_own_broker
def test_relative_data_directory_is_told_by_its_absolute_path(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with running_broker(Path("data")) as server, RawClient(server.bootstrap_servers) as client:
        make_topic(client, "orders")
        (found,) = client.ask(describe_log_dirs(), 5).results
        assert found.log_dir == str(tmp_path / "data")
        assert 0 < found.usable_bytes <= found.total_bytes
        answer = client.ask(alter_log_dirs((found.log_dir, ("orders", [0]))), 2)
        assert answer.results[0].partitions[0].error_code == 0


@needs_own_broker
def test_several_data_directories_are_told_apart(tmp_path: Path) -> None:
    both = f"{tmp_path / 'a'},{tmp_path / 'b'}"
    with (
        running_broker(tmp_path / "a", log_dirs=both) as server,
        RawClient(server.bootstrap_servers) as client,
    ):
        make_topic(client, "orders", partitions=4)
        found = client.ask(describe_log_dirs(), 4).results
        assert [one.log_dir for one in found] == [str(tmp_path / "a"), str(tmp_path / "b")]
        held = {
            one.log_dir: [p.partition_index for t in one.topics for p in t.partitions]
            for one in found
        }
        assert sorted(index for indexes in held.values() for index in indexes) == [0, 1, 2, 3]
        moved = held[str(tmp_path / "b")][0]
        answer = client.ask(alter_log_dirs((str(tmp_path / "a"), ("orders", [moved]))), 2)
        assert answer.results[0].partitions[0].error_code == ErrorCode.INVALID_REQUEST


def test_sizes_are_those_of_the_files(client, new_topic):
    topic = new_topic(partitions=2)
    data = batch_of(b"x" * 100)
    client.ask(produce((topic, 1, data)), 9)
    (found,) = client.ask(describe_log_dirs((topic, [0, 1])), 4).results
    sizes = {p.partition_index: p.partition_size for p in found.topics[0].partitions}
    assert sizes == {0: 0, 1: len(data)}


def test_metadata_log_is_no_partition_to_be_seen(client):
    (found,) = client.ask(DescribeLogDirsRequest(topics=None), 4).results
    assert "__cluster_metadata" not in [topic.name for topic in found.topics]


def test_producer_is_described_by_what_it_wrote_last(client, new_topic):
    topic = new_topic()
    producer_id = random.Random(7).randrange(1 << 40, 1 << 50)
    client.ask(produce((topic, 0, idempotent(producer_id, 0, b"a", b"b"))), 9)
    (described,) = client.ask(describe_producers((topic, [0])), 0).topics[0].partitions
    (producer,) = described.active_producers
    assert (producer.producer_id, producer.last_sequence) == (producer_id, 1)
    assert producer.current_txn_start_offset == -1


def make_topic(client: RawClient, name: str, partitions: int = 1) -> None:
    topic = CreateTopicsRequest.CreatableTopic(
        name=name, num_partitions=partitions, replication_factor=1
    )
    answer = client.ask(CreateTopicsRequest(topics=[topic], timeout_ms=10_000), 7)
    assert answer.topics[0].error_code == 0
