"""WriteTxnMarkers: v1-v2. End transactions in partitions of this broker; what coordinators ask of each other, and
`kafka-transactions abort` of a transaction that has lost its coordinator.

v2: the transaction version, which tells how the marker's epoch has to relate to that of the records. Markers of one
producer are answered together. Errors, per partition: 3 6 47 52.
"""

from __future__ import annotations

from functools import partial

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.write_txn_markers import (
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.coordination.ports import TransactionMarker
from kafkalite.coordination.transaction.coordinator import PartitionCodes
from kafkalite.deferred import Deferred, gather
from kafkalite.types import ProducerId, TopicPartition

API_KEY = ApiKey.WRITE_TXN_MARKERS

_Result = WriteTxnMarkersResponse.WritableTxnMarkerResult
_TopicResult = WriteTxnMarkersResponse.WritableTxnMarkerTopicResult
_PartitionResult = WriteTxnMarkersResponse.WritableTxnMarkerPartitionResult


def handle(
    context: RequestContext, request: WriteTxnMarkersRequest
) -> Deferred[WriteTxnMarkersResponse]:
    writer = context.broker.transaction_markers
    written = [writer.write(_marker(each)) for each in request.markers]
    return gather(written).then(partial(_response, request))


def _marker(asked: WriteTxnMarkersRequest.WritableTxnMarker) -> TransactionMarker:
    return TransactionMarker(
        ProducerId(asked.producer_id),
        asked.producer_epoch,
        asked.transaction_result,
        asked.coordinator_epoch,
        tuple(
            TopicPartition(topic.name, index)
            for topic in asked.topics
            for index in topic.partition_indexes
        ),
        asked.transaction_version,
    )


def _response(
    request: WriteTxnMarkersRequest, codes: list[PartitionCodes]
) -> WriteTxnMarkersResponse:
    by_producer: dict[int, dict[TopicPartition, ErrorCode]] = {}
    for asked, found in zip(request.markers, codes, strict=True):
        by_producer.setdefault(asked.producer_id, {}).update(found)
    return WriteTxnMarkersResponse(
        markers=[
            _Result(producer_id=producer_id, topics=_topics(found))
            for producer_id, found in by_producer.items()
            if found
        ]
    )


def _topics(codes: PartitionCodes) -> list[_TopicResult]:
    topics: dict[str, list[_PartitionResult]] = {}
    for tp, code in codes.items():
        topics.setdefault(tp.topic, []).append(
            _PartitionResult(partition_index=tp.partition, error_code=code)
        )
    return [_TopicResult(name=name, partitions=partitions) for name, partitions in topics.items()]
