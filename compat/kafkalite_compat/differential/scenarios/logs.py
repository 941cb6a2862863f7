"""DeleteRecords, DescribeLogDirs, AlterReplicaLogDirs, DescribeProducers: every version, good and bad."""

from __future__ import annotations

from typing import Any

from kafkalite_protocol.messages.alter_replica_log_dirs import AlterReplicaLogDirsRequest
from kafkalite_protocol.messages.delete_records import DeleteRecordsRequest
from kafkalite_protocol.messages.describe_log_dirs import DescribeLogDirsRequest
from kafkalite_protocol.messages.describe_producers import DescribeProducersRequest

from kafkalite_compat.differential.requests.records import (
    batch_of,
    fetch,
    idempotent,
    list_offsets,
    part,
    produce,
)
from kafkalite_compat.differential.side import Side

EARLIEST, LATEST, MAX_TIMESTAMP = -2, -1, -3


def delete_records(*topics: tuple[Any, ...], timeout_ms: int = 5000) -> DeleteRecordsRequest:
    """Topics are (name, (partition, offset), ...)."""
    return DeleteRecordsRequest(
        topics=[
            DeleteRecordsRequest.DeleteRecordsTopic(
                name=name,
                partitions=[
                    DeleteRecordsRequest.DeleteRecordsPartition(
                        partition_index=index, offset=offset
                    )
                    for index, offset in parts
                ],
            )
            for name, *parts in topics
        ],
        timeout_ms=timeout_ms,
    )


def describe_log_dirs(*topics: tuple[str, list[int]] | None) -> DescribeLogDirsRequest:
    """Nothing asks for all."""
    if not topics:
        return DescribeLogDirsRequest(topics=None)
    return DescribeLogDirsRequest(
        topics=[
            DescribeLogDirsRequest.DescribableLogDirTopic(topic=topic[0], partitions=topic[1])
            for topic in topics
            if topic is not None
        ]
    )


def alter_log_dirs(*directories: tuple[Any, ...]) -> AlterReplicaLogDirsRequest:
    """Directories are (path, (topic, [partition, ...]), ...)."""
    return AlterReplicaLogDirsRequest(
        dirs=[
            AlterReplicaLogDirsRequest.AlterReplicaLogDir(
                path=path,
                topics=[
                    AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic(
                        name=name, partitions=partitions
                    )
                    for name, partitions in topics
                ],
            )
            for path, *topics in directories
        ]
    )


def describe_producers(*topics: tuple[str, list[int]]) -> DescribeProducersRequest:
    return DescribeProducersRequest(
        topics=[
            DescribeProducersRequest.TopicRequest(name=name, partition_indexes=indexes)
            for name, indexes in topics
        ]
    )


def log_dir_of(side: Side) -> str:
    """The path of the broker's one data directory."""
    answer = side.client.ask(DescribeLogDirsRequest(topics=None), 4)
    return answer.results[0].log_dir


def deleted_records(side: Side) -> None:
    for version in range(3):
        topic = side.new_topic(f"deleted-{version}", partitions=2)
        for _ in range(4):
            side.client.ask(produce((topic, 0, batch_of(b"a", b"b", b"c"))), 9)
        for offset in (0, 3, 4, 4, 2, 7, 13, 12, 2**62, -2, -1, -3, -(2**63), 12):
            label = f"to {offset}"
            side.ask(label, delete_records((topic, (0, offset))), version)
            side.ask(f"{label}, then start", list_offsets(topic, (0, EARLIEST)), 7)
            side.ask(f"{label}, then end", list_offsets(topic, (0, LATEST)), 7)
            side.ask(f"{label}, then by time", list_offsets(topic, (0, 0)), 7)
            side.ask(f"{label}, then max time", list_offsets(topic, (0, MAX_TIMESTAMP)), 7)
            for read in (0, 3, 5, 11, 12):
                side.ask(f"{label}, then fetch {read}", fetch((topic, part(offset=read))), 11)
        side.ask("empty partition", delete_records((topic, (1, 0))), version)
        side.ask("empty partition, -1", delete_records((topic, (1, -1))), version)
        side.ask("empty partition, 1", delete_records((topic, (1, 1))), version)
        side.client.ask(produce((topic, 0, batch_of(b"later"))), 9)
        side.ask("goes on", fetch((topic, part(offset=12))), 11)


def deleted_records_of_bad_names(side: Side) -> None:
    topic = side.new_topic("deleted-bad")
    side.client.ask(produce((topic, 0, batch_of(b"a", b"b", b"c"))), 9)
    compacted = side.new_topic("deleted-compacted", cleanup_policy="compact")
    both = side.new_topic("deleted-compacted-too", cleanup_policy="compact,delete")
    for name in (compacted, both):
        side.client.ask(produce((name, 0, batch_of(b"a", b"b", b"c"))), 9)
    for version in range(3):
        side.ask("no such topic", delete_records(("nobody", (0, 0))), version)
        side.ask("no such partition", delete_records((topic, (1, 0))), version)
        side.ask("partition -1", delete_records((topic, (-1, 0))), version)
        side.ask("name that cannot be", delete_records(("a/b", (0, 0))), version)
        side.ask("empty name", delete_records(("", (0, 0))), version)
        side.ask("nothing", delete_records(), version)
        side.ask("no partitions", delete_records((topic,)), version)
        side.ask("twice", delete_records((topic, (0, 1), (0, 9))), version)
        side.ask("timeout 0", delete_records((topic, (0, 2)), timeout_ms=0), version)
        side.ask("timeout -1", delete_records((topic, (0, 2)), timeout_ms=-1), version)
        side.ask("compacted", delete_records((compacted, (0, 1))), version)
        side.ask("compacted, out of range", delete_records((compacted, (0, 99))), version)
        side.ask("compacted and deleted", delete_records((both, (0, 1))), version)
        side.ask("metadata", delete_records(("__cluster_metadata", (0, 1))), version)
        mixed = delete_records((topic, (0, 1), (5, 0)))
        side.ask("good and bad", mixed, version)


def log_dirs(side: Side) -> None:
    topic = side.new_topic("dirs", partitions=3)
    size = batch_of(b"value" * 100)
    side.client.ask(produce((topic, 0, size), (topic, 1, size + b"")), 9)
    for version in range(1, 6):
        side.ask("one", describe_log_dirs((topic, [0])), version)
        side.ask("two", describe_log_dirs((topic, [1])), version)
        side.ask("no such topic", describe_log_dirs(("nobody", [0])), version)
        side.ask("no such partition", describe_log_dirs((topic, [9])), version)
        side.ask("partition -1", describe_log_dirs((topic, [-1])), version)
        side.ask("no partitions", describe_log_dirs((topic, [])), version)
        side.ask("empty name", describe_log_dirs(("", [0])), version)
        side.ask("twice", describe_log_dirs((topic, [0, 0])), version)
        side.ask("no topics", describe_log_dirs(None), version)
        side.ask("metadata", describe_log_dirs(("__cluster_metadata", [0])), version)


def altered_log_dirs(side: Side) -> None:
    topic = side.new_topic("moved", partitions=2)
    where = log_dir_of(side)
    for version in (1, 2):
        side.ask("where it is", alter_log_dirs((where, (topic, [0]))), version)
        side.ask("trailing slash", alter_log_dirs((f"{where}/", (topic, [0]))), version)
        side.ask("elsewhere", alter_log_dirs(("/nowhere", (topic, [0]))), version)
        side.ask("relative", alter_log_dirs(("data", (topic, [0]))), version)
        side.ask("empty path", alter_log_dirs(("", (topic, [0]))), version)
        side.ask("no such topic", alter_log_dirs((where, ("nobody", [0]))), version)
        side.ask("no such partition", alter_log_dirs((where, (topic, [7]))), version)
        side.ask("partition -1", alter_log_dirs((where, (topic, [-1]))), version)
        side.ask("empty name", alter_log_dirs((where, ("", [0]))), version)
        side.ask("bad name", alter_log_dirs((where, ("a/b", [0]))), version)
        side.ask("no such topic elsewhere", alter_log_dirs(("/nowhere", ("nobody", [0]))), version)
        side.ask("nothing", alter_log_dirs(), version)
        side.ask("no topics", alter_log_dirs((where,)), version)
        side.ask("no partitions", alter_log_dirs((where, (topic, []))), version)
        twice = alter_log_dirs((where, (topic, [0])), ("/nowhere", (topic, [0])))
        side.ask("in two places", twice, version)
        side.ask("metadata", alter_log_dirs((where, ("__cluster_metadata", [0]))), version)


def producers(side: Side) -> None:
    topic = side.new_topic("producers", partitions=2)
    producer_id = side.producer_id()
    side.ask("none", describe_producers((topic, [0])), 0)
    for sequence in (0, 1):
        side.client.ask(produce((topic, 0, idempotent(producer_id, sequence))), 9)
    side.ask("one", describe_producers((topic, [0])), 0)
    side.client.ask(produce((topic, 0, idempotent(producer_id, 0, b"a", b"b", epoch=3))), 9)
    side.ask("new epoch", describe_producers((topic, [0])), 0)
    side.ask("the other partition", describe_producers((topic, [1])), 0)
    side.ask("no such partition", describe_producers((topic, [2])), 0)
    side.ask("partition -1", describe_producers((topic, [-1])), 0)
    side.ask("no such topic", describe_producers(("nobody", [0])), 0)
    side.ask("bad name", describe_producers(("a/b", [0])), 0)
    side.ask("empty name", describe_producers(("", [0])), 0)
    side.ask("nothing", describe_producers(), 0)
    side.ask("no partitions", describe_producers((topic, [])), 0)
    side.ask("twice", describe_producers((topic, [0, 0])), 0)
    side.ask("metadata", describe_producers(("__cluster_metadata", [0])), 0)
    side.client.ask(delete_records((topic, (0, -1))), 2)
    side.ask("after their records are deleted", describe_producers((topic, [0])), 0)


SCENARIOS = [
    deleted_records,
    deleted_records_of_bad_names,
    log_dirs,
    altered_log_dirs,
    producers,
]
