"""Configs as DescribeConfigs answers them. What is expected here was answered by Apache Kafka 4.3.0."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kafkalite.config import BrokerConfig, ConfigSource
from kafkalite.config.definitions import (
    ConfigType,
    broker_definitions,
    client_metrics_definitions,
    documentation,
    group_definitions,
    topic_definitions,
)
from kafkalite.config.describe import (
    ConfigEntry,
    describe_broker,
    describe_group,
    describe_topic,
)
from kafkalite.config.group_config import BOUNDS

DYNAMIC_TOPIC, DYNAMIC_BROKER = ConfigSource.DYNAMIC_TOPIC, ConfigSource.DYNAMIC_BROKER
STATIC, DEFAULT = ConfigSource.STATIC_BROKER, ConfigSource.DEFAULT

# The settings of the broker that was asked, with all it answered noted beside.
STATIC_SETTINGS = {
    "log.retention.hours": "24",
    "log.roll.hours": "12",
    "log.segment.bytes": "2000000",
    "log.flush.interval.ms": "1000",
    "message.max.bytes": "2000000",
    "foo.unknown": "bar",
    "ssl.keystore.password": "secret",
}


def topic(name: str, settings: dict[str, str] | None = None, **overrides: str) -> ConfigEntry:
    written = {key.replace("_", "."): value for key, value in overrides.items()}
    (entry,) = describe_topic(BrokerConfig(settings), written, [name])
    return entry


def broker(name: str, settings: dict[str, str] | None = None) -> ConfigEntry:
    (entry,) = describe_broker(BrokerConfig(settings), [name])
    return entry


def test_fresh_topic_has_33_keys_by_name_all_default() -> None:
    entries = describe_topic(BrokerConfig())
    assert len(entries) == 33
    assert [entry.name for entry in entries] == sorted(entry.name for entry in entries)
    assert {entry.source for entry in entries} == {DEFAULT}
    assert not any(entry.read_only or entry.sensitive for entry in entries)


def test_fresh_broker_has_340_keys_all_default() -> None:
    entries = describe_broker(BrokerConfig())
    assert len(entries) == 340
    assert {entry.source for entry in entries} == {DEFAULT}
    assert all(entry.is_default for entry in entries)


@pytest.mark.parametrize(
    ("name", "value", "source", "synonyms"),
    [
        # Only log.retention.hours is set: the value comes from it, yet Kafka names no synonym and says DEFAULT.
        ("retention.ms", "86400000", DEFAULT, []),
        ("segment.ms", "43200000", DEFAULT, []),
        ("segment.bytes", "2000000", STATIC, [("log.segment.bytes", "2000000", STATIC), ("log.segment.bytes", "1073741824", DEFAULT)]),
        ("flush.ms", "1000", STATIC, [("log.flush.interval.ms", "1000", STATIC), ("log.flush.scheduler.interval.ms", "9223372036854775807", DEFAULT)]),
        ("max.message.bytes", "2000000", STATIC, [("message.max.bytes", "2000000", STATIC), ("message.max.bytes", "1048588", DEFAULT)]),
        ("remote.storage.enable", "false", DEFAULT, []),
    ],
)  # fmt: skip
def test_topic_under_a_broker_with_settings(
    name: str, value: str, source: ConfigSource, synonyms: list[tuple[str, str, ConfigSource]]
) -> None:
    entry = topic(name, STATIC_SETTINGS)
    assert (entry.value, entry.source, list(entry.synonyms)) == (value, source, synonyms)
    assert entry.read_only is False


@pytest.mark.parametrize(
    ("name", "value", "kind", "source", "read_only", "synonyms"),
    [
        ("log.retention.ms", None, "LONG", DEFAULT, False, []),
        ("log.retention.minutes", None, "INT", DEFAULT, True, []),
        ("log.retention.hours", "24", "INT", STATIC, True, [("log.retention.hours", "24", STATIC), ("log.retention.hours", "168", DEFAULT)]),
        ("log.flush.scheduler.interval.ms", "9223372036854775807", "LONG", DEFAULT, True, [("log.flush.scheduler.interval.ms", "9223372036854775807", DEFAULT)]),
        ("foo.unknown", None, "UNKNOWN", STATIC, True, [("foo.unknown", None, STATIC)]),
        ("ssl.keystore.password", None, "PASSWORD", STATIC, False, [("ssl.keystore.password", None, STATIC)]),
        ("ssl.key.password", None, "PASSWORD", DEFAULT, False, []),
        ("num.io.threads", "8", "INT", DEFAULT, False, [("num.io.threads", "8", DEFAULT)]),
    ],
)  # fmt: skip
def test_broker_with_settings(
    name: str,
    value: str | None,
    kind: str,
    source: ConfigSource,
    read_only: bool,
    synonyms: list[object],
) -> None:
    entry = broker(name, STATIC_SETTINGS)
    assert (entry.value, entry.type, entry.source) == (value, ConfigType[kind], source)
    assert (entry.read_only, list(entry.synonyms)) == (read_only, synonyms)
    assert entry.sensitive is (kind in ("PASSWORD", "UNKNOWN"))


def test_broker_id_is_shown_beside_node_id() -> None:
    assert list(broker("broker.id", {"node.id": "1"}).synonyms) == [
        ("broker.id", "1", STATIC),
        ("broker.id", "-1", DEFAULT),
    ]


def test_override_is_the_first_synonym_and_is_shown_parsed() -> None:
    entry = topic("min.cleanable.dirty.ratio", min_cleanable_dirty_ratio=" 0.50 ")
    assert (entry.value, entry.source) == ("0.5", DYNAMIC_TOPIC)
    assert list(entry.synonyms) == [
        ("min.cleanable.dirty.ratio", "0.5", DYNAMIC_TOPIC),
        ("log.cleaner.min.cleanable.ratio", "0.5", DEFAULT),
    ]


def test_dynamic_broker_setting_is_a_stronger_synonym_than_a_static_one() -> None:
    config = BrokerConfig({"message.max.bytes": "2"}, dynamic={"message.max.bytes": "1"})
    (entry,) = describe_topic(config, names=["max.message.bytes"])
    assert (entry.value, entry.source) == ("1", DYNAMIC_BROKER)
    assert [synonym.value for synonym in entry.synonyms] == ["1", "2", "1048588"]


def test_names_pick_and_unknown_names_give_nothing() -> None:
    assert [
        entry.name for entry in describe_topic(BrokerConfig(), names=["retention.ms", "nope"])
    ] == ["retention.ms"]
    assert describe_topic(BrokerConfig(), names=[]) == []
    assert describe_broker(BrokerConfig(), names=["nope"]) == []


def test_internal_keys_are_not_shown() -> None:
    assert describe_broker(BrokerConfig(), names=["unstable.api.versions.enable"]) == []
    assert describe_topic(BrokerConfig(), names=["internal.segment.bytes"]) == []


def test_documentation_is_our_sentence_for_what_acts_and_none_for_the_rest() -> None:
    assert topic("segment.ms").documentation == documentation()["segment.ms"]
    assert broker("log.segment.bytes").documentation == "The default of segment.bytes."
    assert topic("remote.storage.enable").documentation is None


def test_group_key_has_its_own_sentence_or_that_of_its_default() -> None:
    entries = {entry.name: entry.documentation for entry in describe_group(BrokerConfig(), {})}
    sentences = documentation()
    assert entries["share.isolation.level"] == sentences["share.isolation.level"]
    assert entries["streams.session.timeout.ms"] == sentences["group.streams.session.timeout.ms"]


def test_every_documented_key_exists() -> None:
    scopes = (broker_definitions, topic_definitions, group_definitions, client_metrics_definitions)
    assert set(documentation()) <= {key for scope in scopes for key in scope()}


ELSEWHERE = {
    "broker.id",
    "cleanup.policy",
    "controller.listener.names",
    "listener.security.protocol.map",
    "log.cleanup.policy",
    "log.dir",
}
"""Keys that act inside the config package, by giving the value of another."""

BY_NAME = set(client_metrics_definitions())
"""Read under their own names, in metadata/client_metrics.py."""


@pytest.mark.parametrize("key", sorted({*documentation()} - ELSEWHERE - BY_NAME))
def test_key_that_is_said_to_act_is_read_somewhere(key: str) -> None:
    topic_key = documentation()[key].removeprefix("The default of ").removesuffix(".")
    read_as = topic_key if topic_key in topic_definitions() else group_key_of(key)
    attribute = read_as.replace(".", "_")
    package = Path(__file__).parents[2] / "kafkalite"
    readers = [path for path in package.rglob("*.py") if path.parent.name not in ("config", "cli")]
    assert any(re.search(rf"\.{attribute}\b", path.read_text()) for path in readers)


def group_key_of(key: str) -> str:
    """The group config that a broker key is the default or a bound of; other keys as they are."""
    for definition in group_definitions().values():
        if key in definition.broker or key in BOUNDS.get(definition.name, ()):
            return definition.name
    return key
