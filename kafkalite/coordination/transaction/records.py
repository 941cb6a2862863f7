"""Records of `__transaction_state`, Kafka's schemas: each holds all that is known of one transactional id.

key     | int16 0 | TransactionLogKey: transactional id |
value   | int16 version | TransactionLogValue |              version 1 from transaction.version 1 on, else 0;
                                                             null: a tombstone, the id has expired
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.messages.transaction_log_key import TransactionLogKey
from kafkalite_protocol.messages.transaction_log_value import TransactionLogValue

from kafkalite.coordination.group.record_bytes import (
    decode_key,
    decode_value,
    encode_record,
    key_type,
    tombstone_of,
)
from kafkalite.coordination.ports import KeyValue
from kafkalite.coordination.transaction.states import TransactionState
from kafkalite.coordination.transaction.transaction import Transaction
from kafkalite.types import ProducerId, TopicPartition

_IN_LOG = frozenset(TransactionState) - {
    TransactionState.DEAD,
    TransactionState.PREPARE_EPOCH_FENCE,
}


def encode(transactional_id: str, transaction: Transaction, transaction_version: int) -> KeyValue:
    """The record that makes `transaction` the last word, under the cluster's version of transactions."""
    assert transaction.state in _IN_LOG, f"{transaction.state.name} is not for the log"
    value = TransactionLogValue(
        producer_id=transaction.producer_id,
        previous_producer_id=transaction.previous_producer_id,
        next_producer_id=transaction.next_producer_id,
        producer_epoch=transaction.producer_epoch,
        transaction_timeout_ms=transaction.timeout_ms,
        transaction_status=transaction.state,
        transaction_partitions=None
        if transaction.state == TransactionState.EMPTY
        else _by_topic(transaction.partitions),
        transaction_last_update_timestamp_ms=transaction.updated_ms,
        transaction_start_timestamp_ms=transaction.start_ms,
        client_transaction_version=transaction.client_version,
    )
    version = min(transaction_version, TransactionLogValue.MAX_VERSION)
    return encode_record(TransactionLogKey(transactional_id), value, version)


def encode_tombstone(transactional_id: str) -> KeyValue:
    return tombstone_of(TransactionLogKey(transactional_id))


def decode(key: bytes, value: bytes | None) -> tuple[str, Transaction | None] | None:
    """The id, and what is known of it; None for a type of record that is not known. ProtocolError when damaged."""
    if key_type(key) != TransactionLogKey.RECORD_KEY:
        return None
    transactional_id = decode_key(TransactionLogKey, key).transactional_id
    if value is None:
        return transactional_id, None
    return transactional_id, _transaction(decode_value(TransactionLogValue, value))


def _transaction(value: TransactionLogValue) -> Transaction:
    if value.transaction_status not in _IN_LOG:
        raise ProtocolError(f"there is no state {value.transaction_status} of a transaction")
    return Transaction(
        producer_id=ProducerId(value.producer_id),
        producer_epoch=value.producer_epoch,
        timeout_ms=value.transaction_timeout_ms,
        state=TransactionState(value.transaction_status),
        partitions=frozenset(
            TopicPartition(each.topic, partition)
            for each in value.transaction_partitions or ()
            for partition in each.partition_ids
        ),
        start_ms=value.transaction_start_timestamp_ms,
        updated_ms=value.transaction_last_update_timestamp_ms,
        previous_producer_id=ProducerId(value.previous_producer_id),
        next_producer_id=ProducerId(value.next_producer_id),
        client_version=value.client_transaction_version,
    )


def _by_topic(partitions: Iterable[TopicPartition]) -> list[TransactionLogValue.PartitionsSchema]:
    return [
        TransactionLogValue.PartitionsSchema(topic, [each.partition for each in group])
        for topic, group in groupby(sorted(partitions), key=lambda each: each.topic)
    ]
