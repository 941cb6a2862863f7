"""AddPartitionsToTxn: v0-v5. Partitions that a transaction is about to write to.

v0-v3: one transaction, from its producer. v2: PRODUCER_FENCED. v4-v5 (KIP-890): several, from the brokers that were written
to, which may only ask whether the partitions are in it. All partitions of a transaction are added or none: when one
does not exist, the others are OPERATION_NOT_ATTEMPTED.
Errors: 3 42 49 51 55 90 (47 before v2) 120, and 14 15 16 of the coordinator.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.broker.transactions import code_for
from kafkalite.coordination.transaction.coordinator import PartitionCodes, Producer
from kafkalite.deferred import Deferred, gather, resolved
from kafkalite.types import ProducerId, TopicPartition

API_KEY = ApiKey.ADD_PARTITIONS_TO_TXN

_BATCH_VERSION = 4

_Transaction = AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction
_Result = AddPartitionsToTxnResponse.AddPartitionsToTxnResult
_TopicResult = AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult
_PartitionResult = AddPartitionsToTxnResponse.AddPartitionsToTxnPartitionResult


def handle(
    context: RequestContext, request: AddPartitionsToTxnRequest
) -> Deferred[AddPartitionsToTxnResponse]:
    if context.api_version < _BATCH_VERSION:
        only = _Transaction(
            request.v3_and_below_transactional_id,
            request.v3_and_below_producer_id,
            request.v3_and_below_producer_epoch,
            topics=request.v3_and_below_topics,
        )
        return _add(context, only).then(
            lambda topics: AddPartitionsToTxnResponse(results_by_topic_v3_and_below=topics)
        )
    # Of several with one id the first counts, as in Kafka
    by_id = {each.transactional_id: each for each in reversed(request.transactions)}
    asked = list(reversed(by_id.values()))
    return gather([_add(context, each) for each in asked]).then(
        lambda answers: AddPartitionsToTxnResponse(
            results_by_transaction=[
                _Result(each.transactional_id, topics)
                for each, topics in zip(asked, answers, strict=True)
            ]
        )
    )


def _add(context: RequestContext, transaction: _Transaction) -> Deferred[list[_TopicResult]]:
    return _codes(context, transaction).then(lambda codes: _results(codes, context.api_version))


def _codes(context: RequestContext, transaction: _Transaction) -> Deferred[PartitionCodes]:
    coordinator = context.broker.transaction_coordinator
    partitions = {
        TopicPartition(topic.name, index)
        for topic in transaction.topics
        for index in topic.partitions
    }
    missing = {tp for tp in partitions if context.broker.image.partition(tp) is None}
    if missing:
        return resolved(
            {
                tp: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                if tp in missing
                else ErrorCode.OPERATION_NOT_ATTEMPTED
                for tp in partitions
            }
        )
    producer = Producer(
        transaction.transactional_id,
        ProducerId(transaction.producer_id),
        transaction.producer_epoch,
    )
    if transaction.verify_only:
        return resolved(coordinator.verify_partitions(producer, partitions))
    return coordinator.add_partitions(
        producer, partitions, 2 if context.api_version >= _BATCH_VERSION else 0
    )


def _results(codes: Mapping[TopicPartition, ErrorCode], api_version: int) -> list[_TopicResult]:
    return [
        _TopicResult(
            topic, [_PartitionResult(tp.partition, code_for(codes[tp], api_version)) for tp in tps]
        )
        for topic, tps in groupby(sorted(codes), key=lambda tp: tp.topic)
    ]
