"""The configs that the group coordinator acts on, typed. Kafka's names are beside each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GroupCoordinatorConfig:
    """Made from the broker's configuration by the composition root."""

    min_session_timeout_ms: int = 6_000
    """group.min.session.timeout.ms"""
    max_session_timeout_ms: int = 1_800_000
    """group.max.session.timeout.ms"""
    max_size: int = 2**31 - 1
    """group.max.size: members of one classic group"""
    initial_rebalance_delay_ms: int = 0
    """group.initial.rebalance.delay.ms. Kafka waits 3000 for more members of an empty group; nobody waits for
    a development broker."""
    offset_metadata_max_bytes: int = 4_096
    """offset.metadata.max.bytes: of the text beside one committed offset"""
    offsets_retention_ms: int = 10_080 * 60_000
    """offsets.retention.minutes"""
    consumer_max_size: int = 2**31 - 1
    """group.consumer.max.size: members of one consumer group"""
    consumer_assignors: tuple[str, ...] = ("uniform", "range")
    """group.consumer.assignors; the first is the default"""
    consumer_migration_policy: str = "bidirectional"
    """group.consumer.migration.policy, in lower case: whether a group may change its type while it has members"""
    consumer_regex_refresh_interval_ms: int = 600_000
    """group.consumer.regex.refresh.interval.ms"""
    share_max_size: int = 200
    """group.share.max.size: members of one share group"""
    streams_max_size: int = 2**31 - 1
    """group.streams.max.size: members of one streams group"""
    new_member_join_timeout_ms: int = 300_000
    """How long a new member's first JoinGroup may stay parked. Such a client knows no member id yet, so it cannot
    heartbeat, and one that has gone away must not stay in the group for ever. Not configurable in Kafka either."""
