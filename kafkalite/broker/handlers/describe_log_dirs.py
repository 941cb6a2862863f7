"""DescribeLogDirs: v1-v5. What lies in each data directory: the partitions with their sizes, and the room on its disk.

No topics asked for (null) means all; the log of the cluster's metadata is no partition to be seen (measured).
v3: an error at the top. v4: total and usable bytes. v5: whether a directory is cordoned, which none is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.describe_log_dirs import (
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.metadata.image import METADATA_TOPIC
from kafkalite.storage.log import Log
from kafkalite.types import TopicPartition

API_KEY = ApiKey.DESCRIBE_LOG_DIRS

_Directory = DescribeLogDirsResponse.DescribeLogDirsResult
_Topic = DescribeLogDirsResponse.DescribeLogDirsTopic
_Partition = DescribeLogDirsResponse.DescribeLogDirsPartition


def handle(
    context: RequestContext, request: DescribeLogDirsRequest
) -> Deferred[DescribeLogDirsResponse]:
    wanted = _wanted(request)
    logs = context.broker.logs
    results = [
        _Directory(log_dir=str(path), topics=_topics(of_directory, wanted))
        for path, of_directory in logs.by_directory().items()
    ]

    def add_space(spaces: Mapping[Path, tuple[int, int]]) -> DescribeLogDirsResponse:
        for result in results:
            result.total_bytes, result.usable_bytes = spaces[Path(result.log_dir)]
        return DescribeLogDirsResponse(results=results)

    return context.broker.blocking.submit(logs.spaces_task()).then(add_space)


def _wanted(request: DescribeLogDirsRequest) -> set[tuple[str, int]] | None:
    """None: all."""
    if request.topics is None:
        return None
    return {(topic.topic, index) for topic in request.topics for index in topic.partitions}


def _topics(
    logs: Mapping[TopicPartition, Log], wanted: set[tuple[str, int]] | None
) -> list[_Topic]:
    topics: dict[str, _Topic] = {}
    for tp in sorted(logs):
        if tp.topic == METADATA_TOPIC or (wanted is not None and tp not in wanted):
            continue
        if tp.topic not in topics:
            topics[tp.topic] = _Topic(name=tp.topic)
        topics[tp.topic].partitions.append(
            _Partition(partition_index=tp.partition, partition_size=logs[tp].size_bytes)
        )
    return list(topics.values())
