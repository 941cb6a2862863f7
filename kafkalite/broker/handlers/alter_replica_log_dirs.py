"""AlterReplicaLogDirs: v1-v2. Where a partition's log shall lie: where it does is the only place that it can be told to go to.

Moving logs between several data directories is not implemented: INVALID_REQUEST. Of a partition that is sent to two places
the last one counts, as in Kafka.
"""

from __future__ import annotations

from pathlib import Path

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.alter_replica_log_dirs import (
    AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.errors import KafkaError
from kafkalite.types import TopicPartition

API_KEY = ApiKey.ALTER_REPLICA_LOG_DIRS

_Topic = AlterReplicaLogDirsResponse.AlterReplicaLogDirTopicResult
_Partition = AlterReplicaLogDirsResponse.AlterReplicaLogDirPartitionResult


def handle(
    context: RequestContext, request: AlterReplicaLogDirsRequest
) -> AlterReplicaLogDirsResponse:
    wanted = {
        TopicPartition(topic.name, index): directory.path
        for directory in request.dirs
        for topic in directory.topics
        for index in topic.partitions
    }
    topics: dict[str, _Topic] = {}
    for tp, path in wanted.items():
        if tp.topic not in topics:
            topics[tp.topic] = _Topic(topic_name=tp.topic)
        code = _move(context, tp, path)
        topics[tp.topic].partitions.append(
            _Partition(partition_index=tp.partition, error_code=code)
        )
    return AlterReplicaLogDirsResponse(results=list(topics.values()))


def _move(context: RequestContext, tp: TopicPartition, path: str) -> ErrorCode:
    """Directories are told by the very text that DescribeLogDirs gives (measured)."""
    directories = {str(each) for each in context.broker.logs.by_directory()}
    if path not in directories:
        return ErrorCode.LOG_DIR_NOT_FOUND
    try:
        log = context.broker.replicas.get(tp.topic, tp.partition).log
    except KafkaError as error:
        return error.code
    is_there = log.directory.parent.absolute() == Path(path)
    return ErrorCode.NONE if is_there else ErrorCode.INVALID_REQUEST
