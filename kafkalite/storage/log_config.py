"""The topic configs that a log acts on, typed and with Kafka's defaults."""

from __future__ import annotations

from dataclasses import dataclass

from kafkalite_protocol.compression import Compression
from kafkalite_protocol.record_batch import TimestampType

NEVER_MS = 2**63 - 1
"""Kafka's way to say "no limit" in a config of type long."""


@dataclass(frozen=True, slots=True)
class LogConfig:
    """Immutable; a changed topic config is a new `LogConfig` given to `Log.reconfigure`.

    Each field is the topic config of that name with dots for underscores (`segment_bytes` is `segment.bytes`),
    but for `producer_id_expiration_ms`, which is the broker's `producer.id.expiration.ms`, and `segment_ms`, which is no more
    than `max.compaction.lag.ms` where the topic is compacted.
    """

    compact: bool = False
    """`cleanup.policy` contains compact: records need keys."""
    delete: bool = True
    """`cleanup.policy` contains delete: retention applies."""
    compression: Compression | None = None
    """What batches are stored in; None: whatever they came in (`compression.type=producer`)."""
    compression_level: int | None = None
    """Of that codec; None: its default."""
    delete_retention_ms: int = 86_400_000
    file_delete_delay_ms: int = 60_000
    flush_messages: int = NEVER_MS
    """Not the log's own business: who appends has it flushed (`Replica`)."""
    flush_ms: int = NEVER_MS
    index_interval_bytes: int = 4096
    max_compaction_lag_ms: int = NEVER_MS
    max_message_bytes: int = 1_048_588
    message_timestamp_after_max_ms: int = 3_600_000
    message_timestamp_before_max_ms: int = NEVER_MS
    message_timestamp_type: TimestampType = TimestampType.CREATE_TIME
    min_cleanable_dirty_ratio: float = 0.5
    min_compaction_lag_ms: int = 0
    producer_id_expiration_ms: int = 86_400_000
    retention_bytes: int = -1
    retention_ms: int = 604_800_000
    segment_bytes: int = 1_073_741_824
    segment_index_bytes: int = 10_485_760
    segment_jitter_ms: int = 0
    segment_ms: int = 604_800_000
