"""The command line tools that come with Apache Kafka, unchanged; what they print is Kafka's answer."""

from __future__ import annotations

import re
import subprocess
import uuid

import pytest

from tests.java_kafka import class_path, run_tool

pytestmark = [pytest.mark.java, pytest.mark.timeout(180)]

TOOLS = "org.apache.kafka.tools."


@pytest.fixture
def topic(bootstrap: str) -> str:
    """A topic of three partitions that kafka-topics has made."""
    name = f"tools-{uuid.uuid4().hex[:8]}"
    created = kafka_topics(
        bootstrap,
        "--create",
        "--topic",
        name,
        "--partitions",
        "3",
        "--config",
        "retention.ms=3600000",
    )
    assert created == f"Created topic {name}.\n"
    return name


def test_kafka_topics_describes_and_lists_what_it_created(bootstrap: str, topic: str) -> None:
    head, *partitions = kafka_topics(bootstrap, "--describe", "--topic", topic).splitlines()
    fields = dict(field.split(": ", 1) for field in head.split("\t"))
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", fields.pop("TopicId"))
    # Apache Kafka formatted by its own tool also has min.insync.replicas=1, a default it then stores.
    assert "retention.ms=3600000" in fields.pop("Configs").split(",")
    assert fields == {
        "Topic": topic,
        "PartitionCount": "3",
        "ReplicationFactor": "1",
    }
    assert [line.split("\t")[1:6] for line in partitions] == [
        [f"Topic: {topic}", f"Partition: {index}", "Leader: 1", "Replicas: 1", "Isr: 1"]
        for index in range(3)
    ]
    assert topic in kafka_topics(bootstrap, "--list").splitlines()


def test_kafka_topics_adds_partitions_and_deletes(bootstrap: str, topic: str) -> None:
    kafka_topics(bootstrap, "--alter", "--topic", topic, "--partitions", "5")
    described = kafka_topics(bootstrap, "--describe", "--topic", topic)
    assert "PartitionCount: 5" in described

    kafka_topics(bootstrap, "--delete", "--topic", topic)
    missing = run_tool(
        f"{TOOLS}TopicCommand",
        "--bootstrap-server",
        bootstrap,
        "--describe",
        "--topic",
        topic,
        check=False,
    )
    assert missing.returncode == 1
    assert f"Topic '{topic}' does not exist as expected" in missing.stdout


def test_kafka_topics_reports_a_topic_that_exists_already(bootstrap: str, topic: str) -> None:
    again = run_tool(
        f"{TOOLS}TopicCommand",
        "--bootstrap-server",
        bootstrap,
        "--create",
        "--topic",
        topic,
        check=False,
    )
    assert again.returncode == 1
    assert topic in again.stdout
    assert "TopicExistsException" in again.stderr


def test_console_consumer_prints_what_console_producer_was_given(
    bootstrap: str, topic: str
) -> None:
    lines = [f"key-{n % 7}:value {n} äöü" for n in range(1000)]
    console_producer(
        bootstrap,
        topic,
        "\n".join(lines) + "\n",
        *("--reader-property", "parse.key=true", "--reader-property", "key.separator=:"),
    )
    consumed = run_tool(
        f"{TOOLS}consumer.ConsoleConsumer",
        *("--bootstrap-server", bootstrap, "--topic", topic, "--from-beginning"),
        *("--max-messages", str(len(lines)), "--group", f"group-{topic}"),
        *("--formatter-property", "print.key=true", "--formatter-property", "key.separator=:"),
    )
    assert f"Processed a total of {len(lines)} messages" in consumed.stderr
    got = consumed.stdout.splitlines()
    assert sorted(got) == sorted(lines)
    for key in {line.split(":")[0] for line in lines}:
        of_this_key = [line for line in lines if line.startswith(f"{key}:")]
        assert [line for line in got if line.startswith(f"{key}:")] == of_this_key

    console_producer(bootstrap, topic, "one more\n")
    went_on = run_tool(
        f"{TOOLS}consumer.ConsoleConsumer",
        *("--bootstrap-server", bootstrap, "--topic", topic, "--max-messages", "1"),
        *("--group", f"group-{topic}", "--command-property", "auto.offset.reset=earliest"),
    )
    assert went_on.stdout == "one more\n"


def test_kafka_get_offsets_gives_ends_starts_and_the_offset_of_the_latest_timestamp(
    bootstrap: str, topic: str
) -> None:
    console_producer(bootstrap, topic, "one\ntwo\nthree\n")
    ends = kafka_get_offsets(bootstrap, topic)
    assert sum(ends.values()) == 3
    assert kafka_get_offsets(bootstrap, topic, "--time", "earliest") == {0: 0, 1: 0, 2: 0}
    assert kafka_get_offsets(bootstrap, topic, "--time", "latest") == ends
    latest_record = kafka_get_offsets(bootstrap, topic, "--time", "max-timestamp")
    assert latest_record
    assert all(offset < ends[partition] for partition, offset in latest_record.items())


def test_kafka_configs_shows_what_was_set_and_what_was_altered(bootstrap: str, topic: str) -> None:
    assert "retention.ms=3600000 sensitive=false" in kafka_configs(bootstrap, topic, "--describe")
    kafka_configs(bootstrap, topic, "--alter", "--add-config", "retention.ms=7200000")
    assert kafka_configs(bootstrap, topic, "--describe") == (
        f"Dynamic configs for topic {topic} are:\n"
        "  retention.ms=7200000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=7200000}\n"
    )
    everything = kafka_configs(bootstrap, topic, "--describe", "--all")
    assert (
        "  cleanup.policy=delete sensitive=false synonyms={DEFAULT_CONFIG:log.cleanup.policy=delete}"
        in everything
    )


def test_kafka_broker_api_versions_knows_this_broker(bootstrap: str) -> None:
    printed = run_tool(f"{TOOLS}BrokerApiVersionsCommand", "--bootstrap-server", bootstrap).stdout
    assert printed.startswith(bootstrap)
    assert "Produce(0): 0 to 13 [usable: 13]" in printed

    assert "ERROR" not in printed


def kafka_topics(bootstrap: str, *args: str) -> str:
    return run_tool(f"{TOOLS}TopicCommand", "--bootstrap-server", bootstrap, *args).stdout


def kafka_configs(bootstrap: str, topic: str, *args: str) -> str:
    entity = ("--bootstrap-server", bootstrap, "--entity-type", "topics", "--entity-name", topic)
    return run_tool("kafka.admin.ConfigCommand", *entity, *args).stdout


def kafka_get_offsets(bootstrap: str, topic: str, *args: str) -> dict[int, int]:
    """Offsets by partition, from lines like `topic:0:42`."""
    arguments = ("--bootstrap-server", bootstrap, "--topic", topic, *args)
    printed = run_tool(f"{TOOLS}GetOffsetShell", *arguments).stdout
    rows = [line.rsplit(":", 2) for line in printed.splitlines()]
    assert all(row[0] == topic for row in rows)
    return {int(partition): int(offset) for _, partition, offset in rows}


def console_producer(bootstrap: str, topic: str, text: str, *args: str) -> None:
    """Give the text to kafka-console-producer, a record a line."""
    command = ["java", "-Xmx512M", "-cp", class_path(), f"{TOOLS}ConsoleProducer"]
    arguments = ["--bootstrap-server", bootstrap, "--topic", topic, *args]
    subprocess.run([*command, *arguments], input=text, check=True, capture_output=True, text=True)
