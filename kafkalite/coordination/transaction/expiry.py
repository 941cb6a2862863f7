"""What time does to transactional ids: open transactions time out, ids that nobody uses expire."""

from __future__ import annotations

from kafkalite.coordination.transaction.shard import Entry, TransactionShard
from kafkalite.coordination.transaction.states import TransactionState

TOMBSTONES_PER_BATCH_MAX = 200
"""With ids of ordinary length about 16 KiB, the size of Kafka's batches of them."""


def timed_out(shard: TransactionShard, now_ms: int) -> list[Entry]:
    """Those whose transaction has been open for longer than its producer wanted."""
    return [
        entry
        for entry in shard.entries.values()
        if entry.pending is None
        and entry.transaction.state == TransactionState.ONGOING
        and entry.transaction.start_ms + entry.transaction.timeout_ms < now_ms
    ]


def expired(shard: TransactionShard, now_ms: int, expiration_ms: int) -> list[Entry]:
    """Those with nothing open and without a change for `expiration_ms`."""
    return [
        entry
        for entry in shard.entries.values()
        if entry.pending is None
        and entry.transaction.state.is_at_rest
        and entry.transaction.updated_ms <= now_ms - expiration_ms
    ]
