"""The broker's configuration, typed, under Kafka's names.

What kafkalite reads is an attribute: the key's Kafka name with `_` for `.`, and the value written here is the default. So
a broker without settings reads no definition file at all. All other keys are checked and kept in their source, so that
DescribeConfigs shows them. To make another key readable, add its line here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING

from kafkalite.config.group_config import GroupConfig
from kafkalite.config.listeners import DEFAULT_LISTENER, Listener, resolve_listeners
from kafkalite.config.topic_config import TopicConfig

if TYPE_CHECKING:
    from kafkalite.config.problems import ConfigError
    from kafkalite.config.values import Value


class ConfigSource(IntEnum):
    """Where a value comes from, by its number in DescribeConfigs; for topics and brokers the strongest first."""

    DYNAMIC_TOPIC = 1
    DYNAMIC_BROKER = 2
    DYNAMIC_DEFAULT_BROKER = 3
    STATIC_BROKER = 4
    DEFAULT = 5
    DYNAMIC_CLIENT_METRICS = 7
    DYNAMIC_GROUP = 8


Sources = tuple[tuple[ConfigSource, Mapping[str, str]], ...]
"""Settings as text by their names, each with where it comes from, the strongest first."""


class BrokerConfig:
    """What one broker runs with. Immutable; a dynamic change makes a new one (`with_dynamic`).

    `sources` are the settings as text, the strongest first: this broker's dynamic ones, all brokers' dynamic ones, and
    the static ones (flags, environment and file, merged). `cluster_id` is not a Kafka config: None means that the
    data directory says, or that a new one is made.
    """

    # Who and where
    node_id: int = 1
    broker_rack: str | None = None
    listeners: tuple[Listener, ...] = (DEFAULT_LISTENER,)
    """Without the controller's, which kafkalite does not have."""
    advertised_listeners: tuple[Listener, ...] = ()
    log_dirs: tuple[str, ...] = ("./kafkalite-data",)

    # Who may do what
    authorizer_class_name: str = ""
    """Empty: nobody asks. `authorizer.STANDARD_AUTHORIZER`: ACLs can be made and listed."""

    # Connections and requests
    socket_request_max_bytes: int = 104_857_600
    socket_listen_backlog_size: int = 50
    socket_send_buffer_bytes: int = 102_400
    socket_receive_buffer_bytes: int = 102_400
    connections_max_idle_ms: int = 600_000
    max_connections: int = 2_147_483_647
    max_connections_per_ip: int = 2_147_483_647
    max_connections_per_ip_overrides: str = ""
    request_timeout_ms: int = 30_000
    fetch_max_bytes: int = 57_671_680
    max_incremental_fetch_session_cache_slots: int = 1000
    max_request_partition_size_limit: int = 2000
    telemetry_max_bytes: int = 1_048_576

    # Topics
    auto_create_topics_enable: bool = True
    num_partitions: int = 1
    default_replication_factor: int = 1
    delete_topic_enable: bool = True

    # The log; what has a topic config of its own is in `topic_defaults`
    log_cleaner_backoff_ms: int = 15_000
    log_cleaner_dedupe_buffer_size: int = 134_217_728
    log_cleaner_enable: bool = True
    log_cleaner_io_buffer_load_factor: float = 0.9
    log_cleaner_io_max_bytes_per_second: float = 1.7976931348623157e308
    log_flush_offset_checkpoint_interval_ms: int = 60_000
    log_flush_scheduler_interval_ms: int = (1 << 63) - 1
    log_flush_start_offset_checkpoint_interval_ms: int = 60_000
    log_initial_task_delay_ms: int = 30_000
    log_retention_check_interval_ms: int = 300_000
    num_recovery_threads_per_data_dir: int = 2
    replica_high_watermark_checkpoint_interval_ms: int = 5000

    # Groups and committed offsets
    group_consumer_assignors: tuple[str, ...] = ("uniform", "range")
    group_consumer_max_size: int = 2_147_483_647
    group_consumer_migration_policy: str = "bidirectional"
    group_consumer_regex_refresh_interval_ms: int = 600_000
    group_initial_rebalance_delay_ms: int = 0
    group_min_session_timeout_ms: int = 6000
    group_max_session_timeout_ms: int = 1_800_000
    group_max_size: int = 2_147_483_647
    offset_metadata_max_bytes: int = 4096
    offsets_commit_timeout_ms: int = 5000
    offsets_retention_minutes: int = 10_080
    offsets_retention_check_interval_ms: int = 600_000
    offsets_topic_num_partitions: int = 50
    offsets_topic_replication_factor: int = 1
    offsets_topic_segment_bytes: int = 104_857_600

    # Share groups
    group_share_max_share_sessions: int = 2000
    group_share_max_size: int = 200
    group_streams_max_size: int = 2_147_483_647
    share_coordinator_snapshot_update_records_per_snapshot: int = 500
    share_coordinator_state_topic_min_isr: int = 1
    share_coordinator_state_topic_num_partitions: int = 50
    share_coordinator_state_topic_prune_interval_ms: int = 300_000
    share_coordinator_state_topic_replication_factor: int = 1
    share_coordinator_state_topic_segment_bytes: int = 104_857_600

    # Transactions
    transaction_abort_timed_out_transaction_cleanup_interval_ms: int = 10_000
    transaction_max_timeout_ms: int = 900_000
    transaction_remove_expired_transaction_cleanup_interval_ms: int = 3_600_000
    transaction_state_log_min_isr: int = 1
    transaction_state_log_num_partitions: int = 50
    transaction_state_log_replication_factor: int = 1
    transaction_state_log_segment_bytes: int = 104_857_600
    transactional_id_expiration_ms: int = 604_800_000

    # Transactions, in the partitions
    add_partitions_to_txn_retry_backoff_max_ms: int = 100
    add_partitions_to_txn_retry_backoff_ms: int = 20
    transaction_partition_verification_enable: bool = True

    # Producers
    producer_id_expiration_ms: int = 86_400_000
    producer_id_expiration_check_interval_ms: int = 600_000

    cluster_id: str | None
    sources: Sources
    topic_defaults: TopicConfig
    """What a topic without overrides has."""
    group_defaults: GroupConfig
    """What a group without overrides has."""

    def __init__(
        self,
        static: Mapping[str, str] | None = None,
        *,
        dynamic: Mapping[str, str] | None = None,
        dynamic_default: Mapping[str, str] | None = None,
        cluster_id: str | None = None,
    ) -> None:
        """Settings as text by their Kafka names. Raises InvalidConfigurationError with everything that is wrong.

        Keys that Kafka does not have are kept and shown by DescribeConfigs without their value, as Kafka does. Whether
        static settings contradict each other is looked at when each is good by itself; dynamic ones were checked when
        they were altered, and are not to keep a broker from starting.
        """
        sources = (
            (ConfigSource.DYNAMIC_BROKER, dict(dynamic or {})),
            (ConfigSource.DYNAMIC_DEFAULT_BROKER, dict(dynamic_default or {})),
            (ConfigSource.STATIC_BROKER, dict(static or {})),
        )
        object.__setattr__(self, "cluster_id", cluster_id)
        values = _parse(sources) if any(settings for _, settings in sources) else {}
        for attribute, value in _attributes(values):
            object.__setattr__(self, attribute, value)
        object.__setattr__(self, "sources", _with_both_ids(sources))
        object.__setattr__(self, "topic_defaults", _topic_defaults(values))
        object.__setattr__(self, "group_defaults", _group_defaults(values))
        if static and not dynamic and not dynamic_default:
            _refuse_contradictions(self)

    def __setattr__(self, attribute: str, value: object) -> None:
        raise AttributeError(f"BrokerConfig is immutable: {attribute}")

    def advertised_listener(self, name: str) -> Listener | None:
        """What `advertised.listeners` tells the clients of the listener `name`; None when it says nothing."""
        return next(
            (listener for listener in self.advertised_listeners if listener.name == name), None
        )

    def is_set(self, key: str) -> bool:
        """Whether any source has this key."""
        return any(key in settings for _, settings in self.sources)

    def whole_number(self, key: str) -> int:
        """The value of any broker key of Kafka's that is a number, also of those that are no attribute."""
        from kafkalite.config.definitions import broker_definitions
        from kafkalite.config.our_defaults import default_text
        from kafkalite.config.values import parse

        definition = broker_definitions()[key]
        texts = (settings[key] for _, settings in self.sources if key in settings)
        value = parse(definition, next(texts, default_text(definition) or ""))
        assert isinstance(value, int), key
        return value

    def with_dynamic(
        self, dynamic: Mapping[str, str], dynamic_default: Mapping[str, str]
    ) -> BrokerConfig:
        """The same static settings under other dynamic ones. Raises InvalidConfigurationError."""
        static = self.sources[-1][1]
        return BrokerConfig(
            static, dynamic=dynamic, dynamic_default=dynamic_default, cluster_id=self.cluster_id
        )


def _with_both_ids(sources: Sources) -> Sources:
    """Kafka shows `node.id` and its old name `broker.id` alike, whichever was given."""
    *dynamic, (source, static) = sources
    ids = {name: static[name] for name in ("node.id", "broker.id") if name in static}
    for value in list(ids.values())[:1]:
        ids = {"node.id": value, "broker.id": value} | ids
    return (*dynamic, (source, {**static, **ids}))


def _parse(sources: Sources) -> dict[str, Value]:
    """The strongest value of every key that is set, typed. Raises InvalidConfigurationError."""
    from kafkalite.config.authorizer import authorizer_problems
    from kafkalite.config.definitions import broker_definitions
    from kafkalite.config.problems import ConfigError, InvalidConfigurationError
    from kafkalite.config.values import parse

    definitions = broker_definitions()
    values: dict[str, Value] = {}
    problems: list[ConfigError] = []
    for _, settings in reversed(sources):
        for key, text in settings.items():
            if key in definitions:
                try:
                    values[key] = parse(definitions[key], text)
                except ConfigError as problem:
                    problems.append(problem)
    problems += authorizer_problems(sources[-1][1])
    # A listener is also checked when another key is wrong, so that one start tells everything.
    resolve_listeners(values, problems)
    if problems:
        raise InvalidConfigurationError(problems)
    return values


def _refuse_contradictions(config: BrokerConfig) -> None:
    from kafkalite.config.contradictions import contradictions
    from kafkalite.config.problems import InvalidConfigurationError

    if problems := contradictions(config):
        raise InvalidConfigurationError(problems)


def _attributes(values: Mapping[str, Value]) -> Iterator[tuple[str, object]]:
    """The values that something reads, by attribute name."""
    if not values:
        return
    for name, old_name in (("log_dirs", "log.dir"), ("node_id", "broker.id")):
        if old_name in values:
            yield name, values[old_name]
    bound, advertised = resolve_listeners(values, [])
    yield "listeners", bound
    yield "advertised_listeners", advertised
    for key, value in values.items():
        attribute = key.replace(".", "_")
        if attribute in BrokerConfig.__annotations__ and not key.endswith("listeners"):
            yield attribute, value


def _topic_defaults(values: Mapping[str, Value]) -> TopicConfig:
    """The broker's keys that are defaults of topic configs, under the topic's names and in the topic's units."""
    if not values:
        return TopicConfig()
    from kafkalite.config.definitions import topic_definitions
    from kafkalite.config.values import to_milliseconds

    defaults: dict[str, Value] = {}
    for definition in topic_definitions().values():
        for key in definition.broker:
            if key in values:
                value = values[key]
                if len(definition.broker) > 1:
                    assert isinstance(value, int)
                    value = to_milliseconds(key, value)
                defaults[definition.name.replace(".", "_")] = value
                break
    return TopicConfig(defaults)


def _group_defaults(values: Mapping[str, Value]) -> GroupConfig:
    """The broker's keys that are defaults of group configs."""
    if not values:
        return GroupConfig()
    from kafkalite.config.definitions import group_definitions

    defaults = {
        definition.name: values[key]
        for definition in group_definitions().values()
        for key in definition.broker
        if key in values
    }
    return GroupConfig().with_values(defaults)
