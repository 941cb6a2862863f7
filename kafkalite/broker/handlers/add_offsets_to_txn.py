"""AddOffsetsToTxn: v0-v4. The transaction will commit offsets of a group: its partition of `__consumer_offsets` gets a marker.

v2: PRODUCER_FENCED. Clients of transactions of version 2 do not ask: TxnOffsetCommit v5 does it by itself.
Errors: 42 49 51 90 (47 before v2), and 14 15 16 of the coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.add_offsets_to_txn import (
    AddOffsetsToTxnRequest,
    AddOffsetsToTxnResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.broker.transactions import code_for
from kafkalite.coordination.group.coordinator import CONSUMER_OFFSETS_TOPIC
from kafkalite.coordination.transaction.coordinator import Producer
from kafkalite.deferred import Deferred
from kafkalite.types import ProducerId, TopicPartition

API_KEY = ApiKey.ADD_OFFSETS_TO_TXN


def handle(
    context: RequestContext, request: AddOffsetsToTxnRequest
) -> Deferred[AddOffsetsToTxnResponse]:
    broker = context.broker
    partition = TopicPartition(
        CONSUMER_OFFSETS_TOPIC, broker.group_coordinator.partition_for(request.group_id)
    )
    producer = Producer(
        request.transactional_id, ProducerId(request.producer_id), request.producer_epoch
    )
    return broker.transaction_coordinator.add_partitions(producer, [partition], 0).then(
        lambda codes: AddOffsetsToTxnResponse(
            error_code=code_for(codes[partition], context.api_version)
        )
    )
