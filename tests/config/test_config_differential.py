"""Configs beside a real Apache Kafka: its ConfigDef, its answers to DescribeConfigs and CreateTopics."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewTopic
from kafkalite_compat.brokers.ports import free_port

from kafkalite.config import BrokerConfig, ConfigError, validate_topic_configs
from kafkalite.config.broker_config import OUR_DEFAULTS
from kafkalite.config.definitions import topic_definitions
from kafkalite.config.describe import ConfigEntry, describe_broker, describe_topic
from kafkalite.config.properties import parse_properties
from tests.java_kafka import kafka_libs, start_kafka

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
