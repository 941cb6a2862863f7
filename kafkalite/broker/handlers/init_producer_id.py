"""InitProducerId: v0-v5. A producer id and epoch: a new one, or for a transactional id the next epoch of its own.

v3: the producer may give the id and epoch it had, both or neither; without a transactional id Kafka hands out a new one
all the same. v4: PRODUCER_FENCED. v5: what the client knows of transactions of version 2.
v6 (two-phase commit, KIP-939) is unstable in Kafka 4.3 and not advertised there either.
Errors: 42 50 51 90 (47 before v4), and 14 15 16 of the coordinator.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.init_producer_id import (
    InitProducerIdRequest,
    InitProducerIdResponse,
)

from kafkalite.broker.handlers.outcome import answer_either
from kafkalite.broker.request import RequestContext
from kafkalite.broker.transactions import code_for
from kafkalite.coordination.transaction.transaction import ProducerIdAndEpoch
from kafkalite.deferred import Deferred
from kafkalite.types import NO_PRODUCER_EPOCH, NO_PRODUCER_ID, ProducerId

API_KEY = ApiKey.INIT_PRODUCER_ID

_FENCED_VERSION = 4


def handle(
    context: RequestContext, request: InitProducerIdRequest
) -> InitProducerIdResponse | Deferred[InitProducerIdResponse]:
    known = ProducerIdAndEpoch(ProducerId(request.producer_id), request.producer_epoch)
    if (known.producer_id == NO_PRODUCER_ID) != (known.epoch == NO_PRODUCER_EPOCH):
        return _refused(ErrorCode.INVALID_REQUEST)
    if request.transactional_id is None:
        granted = context.broker.producer_ids.next().then(lambda new: ProducerIdAndEpoch(new, 0))
    else:
        granted = context.broker.transaction_coordinator.init_producer_id(
            request.transactional_id,
            request.transaction_timeout_ms,
            None if known.producer_id == NO_PRODUCER_ID else known,
        )
    return answer_either(
        granted,
        lambda producer: InitProducerIdResponse(
            producer_id=producer.producer_id, producer_epoch=producer.epoch
        ),
        lambda error: _refused(code_for(error.code, context.api_version, _FENCED_VERSION)),
    )


def _refused(code: ErrorCode) -> InitProducerIdResponse:
    return InitProducerIdResponse(
        error_code=code, producer_id=NO_PRODUCER_ID, producer_epoch=NO_PRODUCER_EPOCH
    )
