"""TxnOffsetCommit: v0-v5. Store the next offsets a group will read, as part of a transaction: they count once it is committed.

v2: leader epochs. v3: the consumer's generation or member epoch, member id and instance id (KIP-447). v4: TRANSACTION_ABORTABLE.
v5: makes the group's partition of `__consumer_offsets` part of the transaction by itself (KIP-890); before, AddOffsetsToTxn has
done it. Errors, per partition: 3 12 22 24 25 47 48 49 51 69 82 120, and 14 15 16 of the coordinators.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.broker.transaction_verification import ClientSupport
from kafkalite.coordination.transaction.coordinator import Producer
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError
from kafkalite.types import ProducerId, TopicPartition

API_KEY = ApiKey.TXN_OFFSET_COMMIT


def handle(
    context: RequestContext, request: TxnOffsetCommitRequest
) -> TxnOffsetCommitResponse | Deferred[TxnOffsetCommitResponse]:
    broker = context.broker
    producer = Producer(
        request.transactional_id, ProducerId(request.producer_id), request.producer_epoch
    )

    def verify(tp: TopicPartition) -> Deferred[ErrorCode]:
        try:
            replica = broker.replicas.get(*tp)
        except KafkaError as error:
            return resolved(error.code)
        support = ClientSupport.of_offset_commit(context.api_version)
        codes = broker.transaction_verifier.verify(producer, [replica], support)
        return codes.then(lambda found: found.get(tp, ErrorCode.NONE))

    return broker.group_coordinator.commit_transactional_offsets(request, verify)
