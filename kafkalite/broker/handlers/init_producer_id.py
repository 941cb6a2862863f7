"""InitProducerId: v0-v5. A producer id and epoch for an idempotent producer.

v3: the producer may give the id and epoch it had, both or neither; without a transactional id Kafka hands out a new one
all the same.
A transactional id needs the transaction coordinator, which is not served yet: answered with INVALID_REQUEST.
v6 (two-phase commit, KIP-939) is unstable in Kafka 4.3 and not advertised there either.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.init_producer_id import (
    InitProducerIdRequest,
    InitProducerIdResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.types import ProducerId

API_KEY = ApiKey.INIT_PRODUCER_ID


def handle(
    context: RequestContext, request: InitProducerIdRequest
) -> InitProducerIdResponse | Deferred[InitProducerIdResponse]:
    knows_id, knows_epoch = request.producer_id != -1, request.producer_epoch != -1
    if request.transactional_id is not None or knows_id != knows_epoch:
        return InitProducerIdResponse(
            error_code=ErrorCode.INVALID_REQUEST, producer_id=-1, producer_epoch=-1
        )
    return context.broker.producer_ids.next().then(_granted)


def _granted(producer_id: ProducerId) -> InitProducerIdResponse:
    return InitProducerIdResponse(producer_id=producer_id, producer_epoch=0)
