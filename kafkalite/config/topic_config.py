"""Topic configs, typed: what a topic's own settings and the broker's defaults come to.

A topic's override wins over the broker's key for the same thing (`retention.ms` over `log.retention.ms`, then
`.minutes`, then `.hours`), and each broker key is taken from its strongest source; see `BrokerConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kafkalite.config.problems import ConfigError

if TYPE_CHECKING:
    from kafkalite.config.broker_config import BrokerConfig
    from kafkalite.config.values import Value

_NO_LIMIT = (1 << 63) - 1


class TopicConfig:
    """The topic keys under their Kafka names with `_` for `.`; the values written here are Kafka's defaults. Immutable.

    Limits in ms and bytes: -1 is none for retention, 2**63 - 1 for the others.
    """

    cleanup_policy: tuple[str, ...] = ("delete",)
    compression_gzip_level: int = -1
    compression_lz4_level: int = 9
    compression_type: str = "producer"
    compression_zstd_level: int = 3
    delete_retention_ms: int = 86_400_000
    file_delete_delay_ms: int = 60_000
    flush_messages: int = _NO_LIMIT
    flush_ms: int = _NO_LIMIT
    follower_replication_throttled_replicas: tuple[str, ...] = ()
    index_interval_bytes: int = 4096
    leader_replication_throttled_replicas: tuple[str, ...] = ()
    local_retention_bytes: int = -2
    local_retention_ms: int = -2
    max_compaction_lag_ms: int = _NO_LIMIT
    max_message_bytes: int = 1_048_588
    message_timestamp_after_max_ms: int = 3_600_000
    message_timestamp_before_max_ms: int = _NO_LIMIT
    message_timestamp_type: str = "CreateTime"
    min_cleanable_dirty_ratio: float = 0.5
    min_compaction_lag_ms: int = 0
    min_insync_replicas: int = 1
    preallocate: bool = False
    remote_log_copy_disable: bool = False
    remote_log_delete_on_disable: bool = False
    remote_storage_enable: bool = False
    retention_bytes: int = -1
    retention_ms: int = 604_800_000
    segment_bytes: int = 1 << 30
    segment_index_bytes: int = 10 << 20
    segment_jitter_ms: int = 0
    segment_ms: int = 604_800_000
    unclean_leader_election_enable: bool = False

    def __init__(self, values: Mapping[str, Value] | None = None) -> None:
        """`values`: typed values by attribute name; what is left out is Kafka's default."""
        for attribute, value in (values or {}).items():
            assert attribute in TopicConfig.__annotations__, attribute
            object.__setattr__(self, attribute, value)

    def __setattr__(self, attribute: str, value: object) -> None:
        raise AttributeError(f"TopicConfig is immutable: {attribute}")

    @property
    def compacts(self) -> bool:
        """Keeps the last record of every key; so records need keys."""
        return "compact" in self.cleanup_policy

    @property
    def deletes(self) -> bool:
        """Old segments go, by age and size."""
        return "delete" in self.cleanup_policy

    @property
    def log_append_time(self) -> bool:
        """The broker stamps its own time on batches."""
        return self.message_timestamp_type == "LogAppendTime"

    @classmethod
    def resolve(
        cls, broker: BrokerConfig, overrides: Mapping[str, str] | None = None
    ) -> TopicConfig:
        """What holds for a topic with these overrides, which have passed `validate_topic_configs`."""
        defaults = broker.topic_defaults
        if not overrides:
            return defaults
        values = vars(defaults) | parse_topic_configs(overrides)
        return cls(values)


def parse_topic_configs(overrides: Mapping[str, str | None]) -> dict[str, Value]:
    """Typed values by attribute name. Raises ConfigError for the first key that is unknown, null or wrong.

    `internal.segment.bytes` is Kafka's way to have segments under 1 MiB in tests: it takes `segment.bytes`'s place.
    """
    from kafkalite.config.definitions import topic_definitions
    from kafkalite.config.values import parse, unknown_key

    definitions = topic_definitions()
    values: dict[str, Value] = {}
    for name, text in overrides.items():
        definition = definitions.get(name)
        if definition is None:
            raise unknown_key(name, definitions, "topic config")
        if text is None:
            raise ConfigError(name, None, "must have a value")
        values[name.replace(".", "_")] = parse(definition, text)
    if "internal_segment_bytes" in values:
        values["segment_bytes"] = values.pop("internal_segment_bytes")
    return values


def validate_topic_configs(
    overrides: Mapping[str, str | None], broker: BrokerConfig | None = None
) -> None:
    """Check a topic's overrides as CreateTopics and AlterConfigs do, one by one and against each other.

    `broker` gives the values of the keys that are not overridden. Raises ConfigError; a handler answers its text
    with INVALID_CONFIG.
    """
    values = parse_topic_configs(overrides)
    defaults = broker.topic_defaults if broker is not None else TopicConfig()
    config = TopicConfig(vars(defaults) | values)
    if config.min_compaction_lag_ms > config.max_compaction_lag_ms:
        raise ConfigError(
            "min.compaction.lag.ms",
            str(config.min_compaction_lag_ms),
            f"must not be more than max.compaction.lag.ms, which is {config.max_compaction_lag_ms}",
        )
    if config.remote_storage_enable:
        raise ConfigError("remote.storage.enable", "true", "this broker has no tiered storage")
