"""DeleteRecords: v0-v2. The log of each partition begins at the given offset from now on; -1: at its high watermark.

The start may lie within a batch: the batch stays, and readers skip what is before. Answered when the new starts are on the
disk, so that what was deleted stays deleted also after a kill; the files go with the next retention check.
Of a partition that is asked for twice the last offset counts (measured). v2: flexible.
"""

from __future__ import annotations

import logging

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.delete_records import DeleteRecordsRequest, DeleteRecordsResponse

from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.types import Offset, TopicPartition

API_KEY = ApiKey.DELETE_RECORDS

_log = logging.getLogger(__name__)

_NO_LOW_WATERMARK = -1

_Answered = DeleteRecordsResponse.DeleteRecordsPartitionResult


def handle(
    context: RequestContext, request: DeleteRecordsRequest
) -> DeleteRecordsResponse | Deferred[DeleteRecordsResponse]:
    wanted = {
        TopicPartition(topic.name, partition.partition_index): Offset(partition.offset)
        for topic in request.topics
        for partition in topic.partitions
    }
    answers = {tp: _delete(context, tp, offset) for tp, offset in wanted.items()}
    response = _response(answers)
    if all(answer.error_code for answer in answers.values()):
        return response
    out: Deferred[DeleteRecordsResponse] = Deferred()

    def saved(done: Deferred[None]) -> None:
        try:
            done.result()
        except OSError as error:
            _log.error("the new log starts could not be written down: %s", error)
            for answer in answers.values():
                _fail(answer, ErrorCode.KAFKA_STORAGE_ERROR)
        out.resolve(response)

    context.broker.log_starts_saved.join().on_done(saved)
    return out


def _delete(context: RequestContext, tp: TopicPartition, offset: Offset) -> _Answered:
    answer = _Answered(partition_index=tp.partition)
    try:
        replica = context.broker.replicas.get(tp.topic, tp.partition)
        if replica.is_internal:
            raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION)
        answer.low_watermark = replica.delete_records(offset)
    except KafkaError as error:
        _fail(answer, error.code)
    return answer


def _fail(answer: _Answered, code: ErrorCode) -> None:
    answer.low_watermark = _NO_LOW_WATERMARK
    answer.error_code = answer.error_code or code


def _response(answers: dict[TopicPartition, _Answered]) -> DeleteRecordsResponse:
    topics: dict[str, DeleteRecordsResponse.DeleteRecordsTopicResult] = {}
    for tp, answer in answers.items():
        if tp.topic not in topics:
            topics[tp.topic] = DeleteRecordsResponse.DeleteRecordsTopicResult(name=tp.topic)
        topics[tp.topic].partitions.append(answer)
    return DeleteRecordsResponse(topics=list(topics.values()))
