"""ListTransactions: v0-v2. The transactional ids that are coordinated here.

v1: a filter by how long a transaction has been open. v2: by a regular expression, here in RE2's syntax (Kafka: Java's).
Errors: 14 128.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.list_transactions import (
    ListTransactionsRequest,
    ListTransactionsResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.coordination.transaction.describe import list_transactions

API_KEY = ApiKey.LIST_TRANSACTIONS


def handle(context: RequestContext, request: ListTransactionsRequest) -> ListTransactionsResponse:
    broker = context.broker
    return list_transactions(broker.transaction_coordinator, request, broker.clock.now_ms())
