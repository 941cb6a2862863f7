"""Configs beside a real Apache Kafka: its ConfigDef, its answers to DescribeConfigs and CreateTopics."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic
from kafkalite_compat.brokers.apache_kafka import one_node
from kafkalite_compat.brokers.ports import free_port

from kafkalite.config import (
    BrokerConfig,
    ConfigError,
    InvalidConfigurationError,
    validate_topic_configs,
)
from kafkalite.config.definitions import topic_definitions
from kafkalite.config.describe import ConfigEntry, describe_broker, describe_topic
from kafkalite.config.our_defaults import OUR_DEFAULTS
from kafkalite.config.properties import parse_properties
from tests.java_kafka import class_path, kafka_libs, start_kafka

pytestmark = [pytest.mark.java, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]

SETTINGS = {
    "log.retention.hours": "24",
    "log.roll.ms": "50000000",
    "log.segment.bytes": "2000000",
    "log.flush.interval.ms": "1000",
    "log.cleaner.io.buffer.load.factor": "0.80",
    "foo.unknown": "bar",
    "ssl.keystore.password": "secret",
}

VALUES = (
    "", " ", "0", "-1", "-2", "1", "5", "9", "10", "18", "23", "1048575", "1048576", "2147483647", "2147483648",
    "9223372036854775808", "0.5", "1.5", "0x10", "+5", " 7 ", "true", "TRUE", "yes", "delete", "compact",
    "compact, delete", "Delete", "delete,delete", "gzip", "GZIP", "CreateTime", "createtime", "*", "0:1",
    "0:1,0:1", "a:b", "delete,", ",delete", "1e3",
)  # fmt: skip


OF_KAFKA = {"group.streams.assignment.interval.ms": "1000"}
"""Kafka's default where ours is another that a rule is about."""

KINDS = ("consumer", "share", "streams")
CONTRADICTIONS = (
    # Each number beside its limits and defaults, alone and with others.
    *({f"group.{kind}.{key}": str(value)}
      for kind in KINDS
      for key in ("heartbeat.interval.ms", "min.heartbeat.interval.ms", "max.heartbeat.interval.ms", "session.timeout.ms",
                  "min.session.timeout.ms", "max.session.timeout.ms", "assignment.interval.ms", "min.assignment.interval.ms")
      for value in (1, 999, 1000, 1001, 4999, 5000, 5001, 14999, 15000, 15001, 44999, 45000, 45001, 60000, 60001, 2147483647)),
    *({f"group.{kind}.min.session.timeout.ms": "10000", f"group.{kind}.session.timeout.ms": str(value),
       f"group.{kind}.heartbeat.interval.ms": "12000"}
      for kind in KINDS for value in (11999, 12000, 12001)),
    *({f"group.share.{key}": str(value)}
      for key in ("delivery.count.limit", "min.delivery.count.limit", "max.delivery.count.limit", "record.lock.duration.ms",
                  "min.record.lock.duration.ms", "max.record.lock.duration.ms", "partition.max.record.locks",
                  "min.partition.max.record.locks", "max.partition.max.record.locks", "max.size", "max.share.sessions")
      for value in (1, 2, 4, 5, 6, 10, 25, 199, 200, 201, 1000, 1999, 2000, 2001, 14999, 15000, 30000, 30001, 60000, 3600000)),
    *({"group.streams.num.standby.replicas": str(value)} for value in (0, 2, 3)),
    {"group.streams.max.standby.replicas": "2"},
    *({key: str(value)}
      for key in ("log.retention.ms", "log.retention.minutes", "log.retention.hours", "log.roll.ms", "log.roll.hours",
                  "log.roll.jitter.ms", "log.roll.jitter.hours", "log.flush.interval.ms", "log.flush.scheduler.interval.ms",
                  "connections.max.idle.ms", "max.connections.per.ip", "log.cleaner.threads", "log.cleaner.dedupe.buffer.size",
                  "connection.failed.authentication.delay.ms", "queued.max.request.bytes", "socket.request.max.bytes")
      for value in (-5, -1, 0, 1, 99, 100, 101, 127, 128, 599999, 600000, 1048576, 1048577, 104857599, 104857600, 2147483647)),
    {"log.retention.hours": "0", "log.retention.minutes": "1"},
    {"log.flush.scheduler.interval.ms": "-1", "log.flush.interval.ms": "5"},
    {"connections.max.idle.ms": "100", "connection.failed.authentication.delay.ms": "99"},
    {"queued.max.request.bytes": "1000", "socket.request.max.bytes": "1000"},
    *({"log.cleaner.dedupe.buffer.size": str(value), "log.cleaner.threads": "2"} for value in (2097153, 2097154)),
    *({"max.connections.per.ip": "0", "max.connections.per.ip.overrides": value}
      for value in ("", "a", "a:5", "::1:5", ":5", "a:", "a:x", "a:-1", "a:+1", "a:5,b:6", "a:5,,b:6", "a:5, b:6", ",a:5")),
    *({"broker.id": value} for value in ("-1", "0", "1", "2")),
)  # fmt: skip


class RealKafka:
    """A running Apache Kafka, and the settings it was started with."""

    def __init__(self, bootstrap: str, settings: dict[str, str]) -> None:
        self.admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        self.settings = settings


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    directory = tmp_path_factory.mktemp("kafka") / "data"
    with start_kafka(free_port(), directory, SETTINGS) as process:
        written = directory.with_name("data.properties").read_text()
        real = RealKafka(process.bootstrap, parse_properties(written))
        try:
            yield real
        finally:
            real.admin.close()


def test_definitions_are_what_kafka_defines(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(ROOT / "kafkalite" / "config" / "definitions" / "extract.py"),
        str(kafka_libs()),
        str(tmp_path),
    ]
    subprocess.run(command, check=True)
    for name in ("broker.json", "topic.json"):
        committed = ROOT / "kafkalite" / "config" / "definitions" / name
        assert (tmp_path / name).read_text() == committed.read_text()


def test_settings_that_contradict_each_other_are_refused_as_in_kafka(tmp_path: Path) -> None:
    source = Path(__file__).with_name("JudgeSettings.java")
    subprocess.run(["javac", "-cp", class_path(), "-d", str(tmp_path), str(source)], check=True)
    settings = [
        {**one_node(9092, tmp_path / "data"), **OF_KAFKA, **case} for case in CONTRADICTIONS
    ]
    lines = ["\t".join(f"{key}={value}" for key, value in one.items()) for one in settings]
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=off"
    done = subprocess.run(
        ["java", quiet, "-cp", class_path(tmp_path), "JudgeSettings"],
        input="\n".join(lines), text=True, check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    theirs = [line == "taken" for line in done.stdout.splitlines()]
    assert {True, False} == set(theirs)
    differ = [
        case
        for case, one, taken in zip(CONTRADICTIONS, settings, theirs, strict=True)
        if taken != is_taken(one)
    ]
    assert differ == []


def is_taken(settings: dict[str, str]) -> bool:
    try:
        BrokerConfig(settings)
    except InvalidConfigurationError:
        return False
    return True


def seen_by_client(entry: ConfigEntry) -> dict[str, object]:
    sources = {
        1: "DYNAMIC_TOPIC",
        2: "DYNAMIC_BROKER",
        3: "DYNAMIC_DEFAULT_BROKER",
        4: "STATIC_BROKER",
        5: "DEFAULT",
    }
    return {
        "value": entry.value,
        "config_type": entry.type.name,
        "config_source": f"{sources[entry.source]}_CONFIG",
        "read_only": entry.read_only,
        "is_sensitive": entry.sensitive,
        "synonyms": [
            {"name": name, "value": value, "source": f"{sources[source]}_CONFIG"}
            for name, value, source in entry.synonyms
            # Where our defaults are others the value that was overridden is another.
            if not (source == 5 and name in OUR_DEFAULTS)
        ],
    }


def masked(answer: dict[str, object]) -> dict[str, object]:
    synonyms = [
        synonym
        for synonym in answer["synonyms"]  # type: ignore[attr-defined]
        if not (synonym["source"] == "DEFAULT_CONFIG" and synonym["name"] in OUR_DEFAULTS)
    ]
    return {key: answer[key] for key in answer if key != "documentation"} | {"synonyms": synonyms}


def describe(kafka: RealKafka, kind: ConfigResourceType, name: str) -> dict[str, dict[str, object]]:
    resource = ConfigResource(kind, name)
    answer = kafka.admin.describe_configs([resource], include_synonyms=True, config_filter="all")
    described: dict[str, dict[str, object]] = answer[kind.name.lower()][name]
    # Kafka sets this itself, for the feature eligible.leader.replicas.version, as if a client had.
    described.pop("min.insync.replicas")
    return described


def test_broker_is_described_as_kafka_describes_it(kafka: RealKafka) -> None:
    theirs = describe(kafka, ConfigResourceType.BROKER, "1")
    ours = {
        entry.name: seen_by_client(entry) for entry in describe_broker(BrokerConfig(kafka.settings))
    }
    del ours["min.insync.replicas"]
    # A default of ours shows only where the settings leave it.
    unset = set(OUR_DEFAULTS) - set(kafka.settings) - {"broker.id"}
    assert {name: masked(answer) for name, answer in theirs.items() if name not in unset} == {
        name: answer for name, answer in ours.items() if name not in unset
    }


def test_topic_is_described_as_kafka_describes_it(kafka: RealKafka) -> None:
    overrides = {
        "retention.ms": "1000",
        "cleanup.policy": "compact, delete",
        "min.cleanable.dirty.ratio": "0.250",
        "max.message.bytes": " 2000 ",
        "preallocate": "TRUE",
    }
    kafka.admin.create_topics([NewTopic("described", 1, 1, topic_configs=overrides)])
    theirs = describe(kafka, ConfigResourceType.TOPIC, "described")
    ours = {
        entry.name: seen_by_client(entry)
        for entry in describe_topic(BrokerConfig(kafka.settings), overrides)
    }
    del ours["min.insync.replicas"]
    assert {name: masked(answer) for name, answer in theirs.items()} == ours


def test_topic_configs_are_refused_when_kafka_refuses_them(kafka: RealKafka) -> None:
    cases = [{name: value} for name in topic_definitions() for value in VALUES]
    cases += [
        {"min.compaction.lag.ms": "5", "max.compaction.lag.ms": "4"},
        {"remote.storage.enable": "true"},
        {"local.retention.ms": "5", "retention.ms": "4"},
        {"retention": "1"},
        {"log.retention.ms": "1"},
    ]
    topics = [
        NewTopic(f"checked-{number}", 1, 1, topic_configs=case) for number, case in enumerate(cases)
    ]
    answer = kafka.admin.create_topics(topics, validate_only=True, raise_errors=False)
    theirs = {result["name"]: result["error_code"] for result in answer["topics"]}
    config = BrokerConfig(kafka.settings)
    differ = [
        case
        for topic, case in zip(topics, cases, strict=True)
        if theirs[topic.name] != code(case, config)
    ]
    assert differ == []


def code(overrides: dict[str, str], config: BrokerConfig) -> int:
    try:
        validate_topic_configs(overrides, config)
    except ConfigError:
        return 40
    return 0
