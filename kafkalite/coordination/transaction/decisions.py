"""What a request makes of a transactional id: the next `Transaction`, or the error of the client. Nothing is written here.

EndTxn where nothing is open (after Kafka's own table; retry: the epoch before the present one):

                      version 1            version 2
                                     abort            commit
                    abort  commit  retry  present   retry  present
    Empty             48     48      90    aborts     90     48
    CompleteAbort     ok     48      ok    aborts     48     48
    CompleteCommit    48     ok      48    aborts     ok     48

Codes: 48 INVALID_TXN_STATE, 90 PRODUCER_FENCED. Kafka: TransactionCoordinator.
"""

from __future__ import annotations

from collections.abc import Collection

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.transaction.states import TransactionState
from kafkalite.coordination.transaction.transaction import (
    EPOCH_BUMP_VERSION,
    EPOCH_MAX,
    ProducerIdAndEpoch,
    Transaction,
    is_epoch_exhausted,
)
from kafkalite.errors import KafkaError
from kafkalite.types import NO_PRODUCER_EPOCH, NO_PRODUCER_ID, ProducerId, TopicPartition


def initialized(
    transaction: Transaction,
    timeout_ms: int,
    expected: ProducerIdAndEpoch | None,
    now_ms: int,
    transaction_version: int,
    spare_id: ProducerId,
) -> Transaction:
    """InitProducerId. Empty: what the producer is told; PrepareAbort: what is open must be aborted first.

    `expected` is what a producer that goes on after an error has had; `transaction_version` is the cluster's, and
    `spare_id` an unused producer id where the epoch is exhausted. Raises KafkaError PRODUCER_FENCED, CONCURRENT_TRANSACTIONS.
    """
    if expected is not None and not _is_known(transaction, expected):
        raise KafkaError(ErrorCode.PRODUCER_FENCED)
    if transaction.state.is_preparing:
        raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)
    if transaction.state == TransactionState.ONGOING:
        return transaction.fenced(now_ms, transaction_version, _next_id(transaction, spare_id))
    same_producer = expected is not None
    if transaction.is_epoch_exhausted and (
        expected is None or expected.epoch == transaction.producer_epoch
    ):
        return transaction.with_producer_id(
            spare_id, timeout_ms, now_ms, same_producer=same_producer
        )
    return transaction.with_next_epoch(
        timeout_ms, None if expected is None else expected.epoch, now_ms
    )


def _is_known(transaction: Transaction, producer: ProducerIdAndEpoch) -> bool:
    """Can this producer be the one that was initialized last? Its epoch is looked at later.

    An id that has no epoch yet takes anybody: the producer's own has expired. The last epoch of the producer id
    before: the answer with the new one may not have reached it.
    """
    return (
        transaction.producer_epoch == NO_PRODUCER_EPOCH
        or producer.producer_id == transaction.producer_id
        or (
            producer.producer_id == transaction.previous_producer_id
            and is_epoch_exhausted(producer.epoch)
        )
    )


def with_partitions(
    transaction: Transaction,
    producer: ProducerIdAndEpoch,
    partitions: Collection[TopicPartition],
    now_ms: int,
    client_version: int,
) -> Transaction | None:
    """AddPartitionsToTxn; None when they are all in it.

    Raises KafkaError INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS.
    """
    check_producer(transaction, producer)
    if transaction.state.is_preparing:
        raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)
    if transaction.state == TransactionState.ONGOING and transaction.partitions.issuperset(
        partitions
    ):
        return None
    return transaction.with_partitions(partitions, now_ms, client_version)


def check_producer(transaction: Transaction, producer: ProducerIdAndEpoch) -> None:
    """Raises KafkaError INVALID_PRODUCER_ID_MAPPING or PRODUCER_FENCED unless it is the present one."""
    if producer.producer_id != transaction.producer_id:
        raise KafkaError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    if producer.epoch != transaction.producer_epoch:
        raise KafkaError(ErrorCode.PRODUCER_FENCED)


def ended(
    transaction: Transaction,
    producer: ProducerIdAndEpoch,
    commit: bool,
    now_ms: int,
    client_version: int,
    spare_id: ProducerId,
) -> Transaction | None:
    """EndTxn; None when it has ended in this way before. `spare_id` as for `initialized`.

    Raises KafkaError INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, INVALID_TXN_STATE, CONCURRENT_TRANSACTIONS.
    """
    if client_version < EPOCH_BUMP_VERSION:
        return _ended_v1(transaction, producer, commit, now_ms)
    return _ended_v2(transaction, producer, commit, now_ms, client_version, spare_id)


def _ended_v1(
    transaction: Transaction, producer: ProducerIdAndEpoch, commit: bool, now_ms: int
) -> Transaction | None:
    check_producer(transaction, producer)
    if transaction.state == TransactionState.ONGOING:
        return transaction.ending(commit, now_ms, 0)
    if transaction.state == TransactionState.EMPTY:
        raise _invalid_state(transaction, commit)
    _check_ends_like(transaction, commit)
    return None


def _ended_v2(
    transaction: Transaction,
    producer: ProducerIdAndEpoch,
    commit: bool,
    now_ms: int,
    client_version: int,
    spare_id: ProducerId,
) -> Transaction | None:
    is_present = producer.epoch == transaction.producer_epoch
    is_rotated = (
        producer.producer_id == transaction.previous_producer_id
        and producer.epoch == EPOCH_MAX - 1
        and transaction.producer_epoch == 0
    )
    is_retry = producer.epoch + 1 == transaction.producer_epoch or is_rotated
    if producer.producer_id != transaction.producer_id and not is_rotated:
        raise KafkaError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    state = transaction.state
    if state in (TransactionState.ONGOING, TransactionState.EMPTY):
        if not is_present:
            raise KafkaError(ErrorCode.PRODUCER_FENCED)
    elif not is_retry and (state.is_preparing or not is_present):
        raise KafkaError(ErrorCode.PRODUCER_FENCED)
    if state == TransactionState.ONGOING or (state.is_at_rest and not is_retry and not commit):
        next_id = _next_id(transaction, spare_id)
        return transaction.ending(commit, now_ms, client_version, next_id)
    if not is_retry:
        raise _invalid_state(transaction, commit)
    _check_ends_like(transaction, commit)
    return None


def _next_id(transaction: Transaction, spare_id: ProducerId) -> ProducerId:
    """The producer id after this transaction, if it gets another."""
    return spare_id if transaction.is_epoch_exhausted else NO_PRODUCER_ID


def _check_ends_like(transaction: Transaction, commit: bool) -> None:
    """Raises unless the transaction has ended with this outcome, or CONCURRENT_TRANSACTIONS while it is being ended."""
    committed = transaction.state in (
        TransactionState.PREPARE_COMMIT,
        TransactionState.COMPLETE_COMMIT,
    )
    if committed != commit:
        raise _invalid_state(transaction, commit)
    if transaction.state.is_preparing:
        raise KafkaError(ErrorCode.CONCURRENT_TRANSACTIONS)


def _invalid_state(transaction: Transaction, commit: bool) -> KafkaError:
    verb = "committed" if commit else "aborted"
    return KafkaError(
        ErrorCode.INVALID_TXN_STATE, f"it is {transaction.state.title} and cannot be {verb}"
    )
