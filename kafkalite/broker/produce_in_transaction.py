"""What the coordinator of a transaction says to a Produce request, before anything of it is appended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.replica import Replica
from kafkalite.broker.transaction_verification import ClientSupport
from kafkalite.coordination.transaction.coordinator import PartitionCodes, Producer
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError
from kafkalite.types import ProducerId, TopicPartition

if TYPE_CHECKING:
    from kafkalite.broker.broker import Broker

BATCH_HEADER_BYTES = 61
ATTRIBUTES_LOW_BYTE = 22
TRANSACTIONAL_BIT = 0x10
_PRODUCER = Struct(">qhi")
"""Id, epoch, base sequence."""
_PRODUCER_POSITION = 43

_COORDINATOR_IS_AWAY = frozenset(
    {
        ErrorCode.NETWORK_EXCEPTION,
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
    }
)


class Verdict(NamedTuple):
    """What was said of one request's partitions."""

    refused: Mapping[TopicPartition, KafkaError]
    check_late: Callable[[Replica], None] | None
    """For a batch that is not appended at once: raises KafkaError when its transaction has ended meanwhile."""


NOT_ASKED = Verdict({}, None)


def is_transactional(records: memoryview) -> bool:
    return len(records) >= BATCH_HEADER_BYTES and bool(
        records[ATTRIBUTES_LOW_BYTE] & TRANSACTIONAL_BIT
    )


def verdict_on(
    broker: Broker,
    transactional_id: str,
    batches: Iterable[tuple[Replica, memoryview]],
    api_version: int,
) -> Deferred[Verdict]:
    """Ask about those of `batches` that belong to a transaction: all have to be of one producer. Never fails."""
    replicas = {}
    sequences = {}
    producers = set()
    for replica, records in batches:
        if is_transactional(records):
            producer_id, epoch, sequence = _PRODUCER.unpack_from(records, _PRODUCER_POSITION)
            producers.add((producer_id, epoch))
            replicas[replica.topic_partition] = replica
            sequences[replica.topic_partition] = sequence
    if not producers:
        return resolved(NOT_ASKED)
    if len(producers) > 1:
        error = KafkaError(
            ErrorCode.INVALID_PRODUCER_ID_MAPPING,
            "the transactional records of a request are those of one producer id and epoch",
        )
        return resolved(Verdict(dict.fromkeys(replicas, error), None))
    producer_id, epoch = producers.pop()
    producer = Producer(transactional_id, ProducerId(producer_id), epoch)
    support = ClientSupport.of_produce(api_version)
    verifier = broker.transaction_verifier

    def verdict(codes: PartitionCodes) -> Verdict:
        refused = {
            tp: _refusal(code, support) for tp, code in codes.items() if code != ErrorCode.NONE
        }
        if support is ClientSupport.LEAVES_ADDING:
            # Whoever added the partition just now begins with sequence 0, unless it has been here before.
            for tp in codes.keys() - refused.keys():
                known = replicas[tp].log.producer_state.active_producers
                if sequences[tp] != 0 and producer.producer_id not in known:
                    refused[tp] = KafkaError(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
        return Verdict(refused, lambda replica: verifier.check_late(producer, replica, support))

    return verifier.verify_patiently(producer, replicas.values(), support).then(verdict)


def _refusal(code: ErrorCode, support: ClientSupport) -> KafkaError:
    """As Kafka's ReplicaManager puts it. Older clients take an unknown retriable code for the end of all; NOT_ENOUGH_REPLICAS
    they try again, without asking for metadata."""
    if code is ErrorCode.INVALID_TXN_STATE:
        return KafkaError(code, "the partition was not added to the transaction")
    retried = code is ErrorCode.CONCURRENT_TRANSACTIONS and (
        support is not ClientSupport.LEAVES_ADDING
    )
    if retried or code in _COORDINATOR_IS_AWAY:
        return KafkaError(
            ErrorCode.NOT_ENOUGH_REPLICAS,
            f"it cannot be verified now that the partition is in the transaction: {code.name}",
        )
    return KafkaError(code)
