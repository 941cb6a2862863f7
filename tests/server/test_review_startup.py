"""A broker that cannot start says why in words; one that cannot do one thing still does the others."""

from __future__ import annotations

import os
import shutil

import anyio
import pytest
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest
from kafkalite_protocol.messages.produce import ProduceRequest
from kafkalite_protocol.records import Record, build_batch

from kafkalite.config import BrokerConfig
from kafkalite.errors import StartupError
from kafkalite.server.run import Server
from tests.broker_in_thread import running_broker


def start_and_stop(data):
    async def run():
        settings = {"listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": str(data)}
        async with Server(BrokerConfig(settings)).running():
            pass

    anyio.run(run)


def create(client, *names):
    topics = [
        CreateTopicsRequest.CreatableTopic(name=name, num_partitions=1, replication_factor=1)
        for name in names
    ]
    response = client.ask(CreateTopicsRequest(topics=topics, timeout_ms=10_000), 7)
    return [topic.error_code for topic in response.topics]


def produce(client, topic):
    partition = ProduceRequest.PartitionProduceData(
        index=0, records=memoryview(build_batch([Record(0, 1000, None, b"x", [])]))
    )
    topics = [ProduceRequest.TopicProduceData(name=topic, partition_data=[partition])]
    response = client.ask(ProduceRequest(acks=-1, timeout_ms=5000, topic_data=topics), 9)
    return response.responses[0].partition_responses[0].error_code


def test_a_second_broker_on_the_same_data_is_told_the_pid_of_the_first(tmp_path):
    with (
        running_broker(tmp_path / "data"),
        pytest.raises(StartupError, match=f"in use by the broker with pid {os.getpid()};"),
    ):
        start_and_stop(tmp_path / "data")


@pytest.mark.parametrize("loss", ["the folder is gone", "the log is cut off"])
def test_data_without_its_cluster_metadata_is_not_taken_for_a_new_directory(tmp_path, loss):
    with running_broker(tmp_path / "data") as server, RawClient(server.bootstrap_servers) as client:
        assert create(client, "a", "b") == [0, 0]
    metadata = tmp_path / "data" / "__cluster_metadata-0"
    if loss == "the folder is gone":
        shutil.rmtree(metadata)
    else:
        (tmp_path / "data" / ".kafka_cleanshutdown").unlink()
        for segment in metadata.glob("*.log"):
            os.truncate(segment, 100)
    for _ in range(2):
        with pytest.raises(StartupError, match=r"holds partitions \(a-0, b-0\), but its cluster"):
            start_and_stop(tmp_path / "data")
    assert {"a-0", "b-0"} <= {path.name for path in (tmp_path / "data").iterdir()}


def test_a_partition_whose_directory_cannot_be_made_leaves_the_others_alone(tmp_path):
    with running_broker(tmp_path / "data") as server:
        (tmp_path / "data" / "taken-0").write_text("a file of somebody else")
        with RawClient(server.bootstrap_servers) as client:
            assert create(client, "taken", "free") == [0, 0]
            assert produce(client, "taken") == ErrorCode.KAFKA_STORAGE_ERROR
            assert produce(client, "free") == ErrorCode.NONE
    with (
        running_broker(tmp_path / "data") as server,
        RawClient(server.bootstrap_servers) as client,
    ):
        assert produce(client, "taken") == ErrorCode.KAFKA_STORAGE_ERROR
        assert produce(client, "free") == ErrorCode.NONE


def test_damaged_metadata_stops_the_start_in_words(tmp_path):
    data = tmp_path / "data"
    start_and_stop(data)
    log = data / "__cluster_metadata-0" / f"{0:020}.log"
    content = bytearray(log.read_bytes())
    content[61:80] = b"\xff" * 19
    log.write_bytes(content)
    with pytest.raises(StartupError, match=r"The cluster metadata log|cannot be brought back"):
        start_and_stop(data)


def test_data_that_the_metadata_does_not_know_is_put_aside_and_not_deleted(tmp_path):
    data = tmp_path / "data"
    with running_broker(data) as server, RawClient(server.bootstrap_servers) as client:
        create(client, "orders")
        assert produce(client, "orders") == ErrorCode.NONE
    (data / "orders-0").rename(data / "ghosts-0")
    with running_broker(data) as server, RawClient(server.bootstrap_servers) as client:
        assert create(client, "ghosts") == [0]
        assert produce(client, "ghosts") == ErrorCode.NONE
    (stray,) = data.glob("ghosts-0.*-stray")
    assert (stray / f"{0:020}.log").stat().st_size > 0
