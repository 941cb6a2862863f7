"""What administrators see of transactions: DescribeTransactions, ListTransactions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import groupby

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.describe_transactions import DescribeTransactionsResponse
from kafkalite_protocol.messages.list_transactions import (
    ListTransactionsRequest,
    ListTransactionsResponse,
)

from kafkalite.coordination.group.consumer.regex_syntax import ALPHABET, RegexError
from kafkalite.coordination.group.consumer.topic_regex import TopicRegex
from kafkalite.coordination.transaction.coordinator import TransactionCoordinator
from kafkalite.coordination.transaction.shard import Entry
from kafkalite.coordination.transaction.states import STATE_OF_TITLE
from kafkalite.errors import KafkaError
from kafkalite.types import TopicPartition

_Described = DescribeTransactionsResponse.TransactionState
_Listed = ListTransactionsResponse.TransactionState


def describe(coordinator: TransactionCoordinator, transactional_id: str) -> _Described:
    """Codes: INVALID_REQUEST, TRANSACTIONAL_ID_NOT_FOUND, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS."""
    try:
        entry = coordinator.find(transactional_id)
    except KafkaError as error:
        return _Described(error_code=error.code, transactional_id=transactional_id)
    if entry is None:
        return _Described(
            error_code=ErrorCode.TRANSACTIONAL_ID_NOT_FOUND, transactional_id=transactional_id
        )
    transaction = entry.transaction
    return _Described(
        transactional_id=transactional_id,
        transaction_state=transaction.state.title,
        transaction_timeout_ms=transaction.timeout_ms,
        transaction_start_time_ms=transaction.start_ms,
        producer_id=transaction.producer_id,
        producer_epoch=transaction.producer_epoch,
        topics=_by_topic(transaction.partitions),
    )


def _by_topic(
    partitions: Collection[TopicPartition],
) -> list[DescribeTransactionsResponse.TopicData]:
    return [
        DescribeTransactionsResponse.TopicData(topic, [each.partition for each in group])
        for topic, group in groupby(sorted(partitions), key=lambda each: each.topic)
    ]


def list_transactions(
    coordinator: TransactionCoordinator, request: ListTransactionsRequest, now_ms: int
) -> ListTransactionsResponse:
    """Those that pass every filter. Codes: COORDINATOR_LOAD_IN_PROGRESS, INVALID_REGULAR_EXPRESSION."""
    if coordinator.is_loading:
        return ListTransactionsResponse(error_code=ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    entries = list(coordinator.entries())
    try:
        matches = _matcher(request.transactional_id_pattern, entries)
    except RegexError:
        return ListTransactionsResponse(error_code=ErrorCode.INVALID_REGULAR_EXPRESSION)
    return ListTransactionsResponse(
        unknown_state_filters=[
            name for name in request.state_filters if name not in STATE_OF_TITLE
        ],
        transaction_states=[
            _Listed(
                entry.transactional_id,
                entry.transaction.producer_id,
                entry.transaction.state.title,
            )
            for entry in entries
            if _passes(entry, request, now_ms) and matches(entry.transactional_id)
        ],
    )


def _passes(entry: Entry, request: ListTransactionsRequest, now_ms: int) -> bool:
    transaction = entry.transaction
    return (
        (not request.producer_id_filters or transaction.producer_id in request.producer_id_filters)
        and (not request.state_filters or transaction.state.title in request.state_filters)
        and (request.duration_filter < 0 or now_ms - transaction.start_ms > request.duration_filter)
    )


def _matcher(pattern: str | None, entries: Iterable[Entry]) -> Callable[[str], bool]:
    """Does an id match as a whole? Raises RegexError."""
    if not pattern:
        return lambda _: True
    characters = ALPHABET.union(*(entry.transactional_id for entry in entries))
    return TopicRegex(pattern, characters).matches
