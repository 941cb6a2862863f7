"""EndTxn: v0-v5. Commits or aborts; answered when that is certain, before all partitions have their markers.

v2: PRODUCER_FENCED. v5 (KIP-890): the answer has the producer id and epoch of the next transaction.
Errors: 42 48 49 51 90 (47 before v2), and 14 15 16 of the coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.end_txn import EndTxnRequest, EndTxnResponse

from kafkalite.broker.handlers.outcome import answer_either
from kafkalite.broker.request import RequestContext
from kafkalite.broker.transactions import code_for
from kafkalite.coordination.transaction.coordinator import Producer
from kafkalite.deferred import Deferred
from kafkalite.types import ProducerId

API_KEY = ApiKey.END_TXN

_EPOCH_BUMP_VERSION = 5


def handle(context: RequestContext, request: EndTxnRequest) -> Deferred[EndTxnResponse]:
    ended = context.broker.transaction_coordinator.end_transaction(
        Producer(request.transactional_id, ProducerId(request.producer_id), request.producer_epoch),
        request.committed,
        2 if context.api_version >= _EPOCH_BUMP_VERSION else 0,
    )
    return answer_either(
        ended,
        lambda following: EndTxnResponse(
            producer_id=following.producer_id, producer_epoch=following.epoch
        ),
        lambda error: EndTxnResponse(error_code=code_for(error.code, context.api_version)),
    )
