"""DescribeTransactions: v0. Transactional ids that are coordinated here: state, producer, partitions. Errors: 42 105, and 14 16."""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.describe_transactions import (
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.coordination.transaction.describe import describe

API_KEY = ApiKey.DESCRIBE_TRANSACTIONS


def handle(
    context: RequestContext, request: DescribeTransactionsRequest
) -> DescribeTransactionsResponse:
    coordinator = context.broker.transaction_coordinator
    return DescribeTransactionsResponse(
        transaction_states=[describe(coordinator, each) for each in request.transactional_ids]
    )
