"""BrokerConfig and TopicConfig: defaults, sources and their precedence, checks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kafkalite.config import (
    BrokerConfig,
    ConfigError,
    ConfigSource,
    InvalidConfigurationError,
    TopicConfig,
    validate_topic_configs,
)
from kafkalite.config.definitions import broker_definitions, topic_definitions
from kafkalite.config.our_defaults import OUR_DEFAULTS
from kafkalite.config.values import parse

BROKER_KEYS = [
    attribute.replace("_", ".")
    for attribute in BrokerConfig.__annotations__
    if attribute not in ("cluster_id", "sources", "topic_defaults", "group_defaults")
]


@pytest.mark.parametrize("key", BROKER_KEYS)
def test_attribute_of_the_broker_is_a_key_of_kafka_with_its_type_and_default(key: str) -> None:
    definition = broker_definitions()[key]
    text = OUR_DEFAULTS[key][0] if key in OUR_DEFAULTS else definition.default
    value = getattr(BrokerConfig(), key.replace(".", "_"))
    if key == "listeners":
        value = tuple(map(str, value))
    if text is None:
        assert value in (None, ())
    else:
        assert value == parse(definition, text)


@pytest.mark.parametrize("attribute", TopicConfig.__annotations__)
def test_attribute_of_a_topic_is_a_key_of_kafka_with_its_type_and_default(attribute: str) -> None:
    definition = topic_definitions()[attribute.replace("_", ".")]
    assert definition.default is not None
    assert getattr(TopicConfig(), attribute) == parse(definition, definition.default)


def test_every_topic_key_is_an_attribute() -> None:
    names = {d.name for d in topic_definitions().values() if not d.internal}
    assert {attribute.replace("_", ".") for attribute in TopicConfig.__annotations__} == names


def test_start_without_settings_reads_no_definitions() -> None:
    code = (
        "import sys; from kafkalite.config import BrokerConfig; BrokerConfig().topic_defaults;"
        "sys.exit(any(m in sys.modules for m in ('json', 'kafkalite.config.definitions', 'kafkalite.config.values')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_static_setting_is_typed() -> None:
    config = BrokerConfig({"num.partitions": "3", "auto.create.topics.enable": "false"})
    assert (config.num_partitions, config.auto_create_topics_enable) == (3, False)


def test_dynamic_settings_win_over_dynamic_defaults_over_static_ones() -> None:
    config = BrokerConfig(
        {"message.max.bytes": "1000", "log.segment.bytes": "2000000", "fetch.max.bytes": "5000"},
        dynamic={"message.max.bytes": "3000"},
        dynamic_default={"message.max.bytes": "2000", "log.segment.bytes": "3000000"},
    )
    assert config.topic_defaults.max_message_bytes == 3000
    assert config.topic_defaults.segment_bytes == 3_000_000
    assert config.fetch_max_bytes == 5000


def test_with_dynamic_keeps_static_settings_and_cluster_id() -> None:
    config = BrokerConfig({"num.partitions": "3"}, cluster_id="abc")
    changed = config.with_dynamic({"message.max.bytes": "1000"}, {})
    assert (changed.num_partitions, changed.topic_defaults.max_message_bytes) == (3, 1000)
    assert changed.cluster_id == "abc"
    assert config.topic_defaults.max_message_bytes == 1_048_588


def test_everything_wrong_is_told_at_once() -> None:
    settings = {
        "num.partitions": "0",
        "log.segment.bytes": "12",
        "listeners": "SSL://:9093",
        "advertised.listeners": "SSL://0.0.0.0:9093",
    }
    with pytest.raises(InvalidConfigurationError) as caught:
        BrokerConfig(settings)
    assert [problem.key for problem in caught.value.problems] == [
        "num.partitions",
        "log.segment.bytes",
        "listeners",
        "advertised.listeners",
    ]
    assert "num.partitions=0: must be at least 1" in str(caught.value)


def test_config_does_not_change() -> None:
    with pytest.raises(AttributeError):
        BrokerConfig().num_partitions = 2
    with pytest.raises(AttributeError):
        TopicConfig().retention_ms = 2


def test_node_id_and_broker_id_are_one() -> None:
    assert BrokerConfig({"broker.id": "7"}).node_id == 7
    assert BrokerConfig({"node.id": "7"}).sources[-1] == (
        ConfigSource.STATIC_BROKER,
        {"node.id": "7", "broker.id": "7"},
    )


def test_log_dirs_wins_over_log_dir() -> None:
    assert BrokerConfig({"log.dir": "a"}).log_dirs == ("a",)
    assert BrokerConfig({"log.dir": "a", "log.dirs": "b,c"}).log_dirs == ("b", "c")


@pytest.mark.parametrize(
    ("settings", "retention_ms"),
    [
        ({"log.retention.hours": "1"}, 3_600_000),
        ({"log.retention.hours": "1", "log.retention.minutes": "5"}, 300_000),
        ({"log.retention.hours": "1", "log.retention.minutes": "5", "log.retention.ms": "7"}, 7),
        ({"log.retention.hours": "-1"}, -1),
    ],
)
def test_finer_unit_wins(settings: dict[str, str], retention_ms: int) -> None:
    assert BrokerConfig(settings).topic_defaults.retention_ms == retention_ms


def test_roll_and_flush_have_synonyms_too() -> None:
    defaults = BrokerConfig(
        {
            "log.roll.hours": "2",
            "log.roll.jitter.hours": "1",
            "log.flush.scheduler.interval.ms": "5",
        }
    ).topic_defaults
    assert (defaults.segment_ms, defaults.segment_jitter_ms, defaults.flush_ms) == (
        7_200_000,
        3_600_000,
        5,
    )


def test_topic_override_wins_over_the_broker() -> None:
    broker = BrokerConfig({"log.retention.ms": "5000", "log.segment.bytes": "2000000"})
    config = TopicConfig.resolve(broker, {"retention.ms": "1000", "cleanup.policy": "compact"})
    assert (config.retention_ms, config.segment_bytes) == (1000, 2_000_000)
    assert (config.compacts, config.deletes) == (True, False)


def test_topic_without_overrides_shares_the_defaults() -> None:
    broker = BrokerConfig()
    assert TopicConfig.resolve(broker) is broker.topic_defaults


def test_internal_segment_bytes_goes_below_the_limit() -> None:
    assert (
        TopicConfig.resolve(BrokerConfig(), {"internal.segment.bytes": "100"}).segment_bytes == 100
    )


def test_log_append_time() -> None:
    assert not TopicConfig().log_append_time
    assert TopicConfig({"message_timestamp_type": "LogAppendTime"}).log_append_time


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"retention.m": "1"}, "retention.m: there is no such topic config (did you mean retention.ms?)"),
        ({"log.retention.ms": "1"}, "log.retention.ms: there is no such topic config (did you mean local.retention.ms?)"),
        ({"retention.ms": None}, "retention.ms: must have a value"),
        ({"retention.ms": "-2"}, "retention.ms=-2: must be at least -1 ms"),
        ({"min.compaction.lag.ms": "2", "max.compaction.lag.ms": "1"}, "min.compaction.lag.ms=2: must not be more than max.compaction.lag.ms, which is 1"),
        ({"remote.storage.enable": "true"}, "remote.storage.enable=true: this broker has no tiered storage"),
    ],
)  # fmt: skip
def test_wrong_topic_config_is_refused_in_words(
    overrides: dict[str, str | None], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        validate_topic_configs(overrides, BrokerConfig())
    assert str(caught.value) == message


def test_override_is_checked_against_the_brokers_value() -> None:
    broker = BrokerConfig({"log.cleaner.max.compaction.lag.ms": "5"})
    with pytest.raises(ConfigError):
        validate_topic_configs({"min.compaction.lag.ms": "6"}, broker)
    validate_topic_configs({"min.compaction.lag.ms": "6"})
