"""Data directories to graduate and adopt, without a JVM.

A directory of Kafka's is one of kafkalite's with a `quorum-state` in its metadata log: Kafka 4.3 takes such a log as its own
(tests/java_tools has it do so).
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest
from kafkalite_protocol.messages.delete_topics import DeleteTopicsRequest
from kafkalite_protocol.messages.init_producer_id import InitProducerIdRequest
from kafkalite_protocol.messages.offset_commit import OffsetCommitRequest
from kafkalite_protocol.messages.produce import ProduceRequest
from kafkalite_protocol.records import Record, build_batch

from kafkalite.adoption.adopt import plan_adoption
from kafkalite.adoption.data_directory import DataDirectory, Outside
from kafkalite.adoption.graduate import plan_graduation
from kafkalite.adoption.metadata_reader import FoundMetadata, read_bootstrap, read_log
from kafkalite.adoption.portable_image import portable_image
from kafkalite.clock import ManualClock
from kafkalite.config import BrokerConfig
from kafkalite.metadata.metadata_directory import MetadataOwner, metadata_owner
from kafkalite.storage.real_filesystem import RealFileSystem
from tests.broker_in_thread import running_broker

CLUSTER_ID = "of no importance"


def fill(data: Path) -> None:
    """Two topics, one of them created twice, records, a committed offset; stopped in order."""
    with (
        running_broker(data, offsets_topic_num_partitions="2") as server,
        RawClient(server.bootstrap_servers) as client,
    ):
        for name in ("orders", "twice"):
            create_topic(client, name)
        client.ask(DeleteTopicsRequest(topic_names=["twice"], timeout_ms=9000), 5)
        create_topic(client, "twice")
        client.ask(InitProducerIdRequest(None, 1000), 4)
        for _ in range(3):
            produce(client, "orders")
        commit_offset(client, "billing")


def create_topic(client: RawClient, name: str) -> None:
    config = CreateTopicsRequest.CreatableTopicConfig("retention.ms", "86400000")
    topic = CreateTopicsRequest.CreatableTopic(name, 2, 1, configs=[config])
    answer = client.ask(CreateTopicsRequest([topic], 9000), 7)
    assert answer.topics[0].error_code == 0


def produce(client: RawClient, topic: str) -> None:
    now_ms = ManualClock().now_ms()
    batch = build_batch([Record(delta, now_ms, b"k", b"value", []) for delta in range(5)])
    data = ProduceRequest.TopicProduceData(
        topic, partition_data=[ProduceRequest.PartitionProduceData(0, memoryview(batch))]
    )
    answer = client.ask(ProduceRequest(None, -1, 9000, [data]), 9)
    assert answer.responses[0].partition_responses[0].error_code == 0


def commit_offset(client: RawClient, group: str) -> None:
    from tests.waiting import wait_until

    partition = OffsetCommitRequest.OffsetCommitRequestPartition(0, committed_offset=7)
    topic = OffsetCommitRequest.OffsetCommitRequestTopic("orders", partitions=[partition])
    request = OffsetCommitRequest(group, topics=[topic])

    def is_committed() -> bool:
        answer = client.ask(request, 8)
        return answer.topics[0].partitions[0].error_code == 0

    find_coordinator(client, group)
    wait_until(is_committed, "a coordinator")


def find_coordinator(client: RawClient, group: str) -> None:
    from kafkalite_protocol.messages.find_coordinator import FindCoordinatorRequest

    client.ask(FindCoordinatorRequest(group, 0), 3)


def make_kafkas(data: Path) -> None:
    """As if Kafka had served it: it writes its vote before anything else."""
    (data / "__cluster_metadata-0" / "quorum-state").write_text("{}")


def outside(filesystem: object | None = None) -> Outside:
    return Outside(filesystem or RealFileSystem(), ManualClock(), random.Random(5))


def graduate(data: Path, filesystem: object | None = None, **settings: str) -> list[str]:
    """What was done."""
    config = BrokerConfig({key.replace("_", "."): value for key, value in settings.items()})
    with DataDirectory(data, outside(filesystem)) as directory:
        plan = plan_graduation(directory, config)
        for step in plan.steps:
            step.do()
    return [step.what for step in plan.steps]


def adopt(data: Path, filesystem: object | None = None) -> list[str]:
    with DataDirectory(data, outside(filesystem)) as directory:
        plan = plan_adoption(directory)
        for step in plan.steps:
            step.do()
    return [step.what for step in plan.steps]


def owner(data: Path) -> MetadataOwner:
    return metadata_owner(RealFileSystem(), data)


def found(data: Path) -> FoundMetadata:
    """As the broker whose it is finds it. The log of kafkalite must not have been summed up."""
    if owner(data) is MetadataOwner.PREPARED:
        return read_bootstrap(RealFileSystem(), data, CLUSTER_ID)
    return read_log(RealFileSystem(), data, CLUSTER_ID)


def essence(data: Path) -> tuple:
    """What must never get lost on the way: everything in the metadata but features and who serves it."""
    image = portable_image(found(data).image)
    topics = {name: (it.topic_id, it.partitions) for name, it in image.topics.items()}
    return topics, image.configs, image.users, image.next_producer_id


def topic_files(data: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(data)): path.read_bytes()
        for path in sorted(data.rglob("*"))
        if path.is_file()
        and path.parent != data
        and not path.parent.name.startswith("__cluster_metadata")
    }


def copy(source: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target
