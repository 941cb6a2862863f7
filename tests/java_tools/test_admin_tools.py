"""Kafka's tools of administration, unchanged: what they print of kafkalite is what they print of Apache Kafka.

Each broker has an authorizer. Compared line by line, but for ports, ids and offsets; of refusals only the exceptions, since
the words are our own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from kafkalite_compat.brokers.ports import free_port
from kafkalite_compat.differential.catalogue import AUTHORIZER
from kafkalite_compat.differential.side import Side

from tests.broker_process import BrokerProcess
from tests.java_kafka import run_tool, start_kafka

pytestmark = [pytest.mark.java, pytest.mark.timeout(240)]

TOOLS = "org.apache.kafka.tools."
CONFIGS = "kafka.admin.ConfigCommand"
ACLS = f"{TOOLS}AclCommand"
METRICS = f"{TOOLS}ClientMetricsCommand"

TOPIC = "admin-tools"


class Printed(NamedTuple):
    """What a tool had to say."""

    status: int
    lines: list[str]
    exceptions: set[str]


class Both:
    """A tool run against both brokers."""

    def __init__(self, kafka: str, kafkalite: str) -> None:
        self._kafka = kafka
        self._kafkalite = kafkalite

    def run(self, tool: str, *arguments: str) -> tuple[Printed, Printed]:
        """What it printed of Apache Kafka, and of kafkalite."""
        return self._print(self._kafka, tool, arguments), self._print(
            self._kafkalite, tool, arguments
        )

    def _print(self, bootstrap: str, tool: str, arguments: tuple[str, ...]) -> Printed:
        done = run_tool(tool, "--bootstrap-server", bootstrap, *arguments, check=False)
        exceptions = set(re.findall(r"errors\.(\w+Exception)", done.stdout + done.stderr))
        text = done.stdout.replace(bootstrap, "HOST:PORT")
        text = re.sub(r"(Could not \w+ [\w.]+ to \d+\.).*", r"\1", text)
        text = re.sub(r'"log_dirs":\["[^"]*"\]', '"log_dirs":["DIRECTORY"]', text)
        # What Kafka's storage tool sets for all brokers when it formats a directory
        text = re.sub(r"  min\.insync\.replicas=1 sensitive=false synonyms=.*", "", text)
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        return Printed(done.returncode, lines, exceptions)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    settings = {"authorizer.class.name": AUTHORIZER, "super.users": "User:ANONYMOUS"}
    directory = tmp_path_factory.mktemp("admin-tools")
    with (
        start_kafka(free_port(), directory / "kafka", settings) as kafka,
        BrokerProcess(directory / "kafkalite", settings=settings) as kafkalite,
    ):
        for bootstrap in (kafka.bootstrap, kafkalite.bootstrap):
            side = Side(bootstrap)
            side.new_topic(TOPIC, 2)
            side.close()
        yield Both(kafka.bootstrap, kafkalite.bootstrap)


def entity(kind: str, name: str) -> tuple[str, ...]:
    return ("--entity-type", kind, "--entity-name", name)


GROUP, SUBSCRIPTION = entity("groups", "g"), entity("client-metrics", "s")
ALICE = entity("users", "alice")

IN_TURN: list[tuple[str, str, tuple[str, ...]]] = [
    ("alter a topic", CONFIGS, ("--alter", *entity("topics", TOPIC), "--add-config", "retention.ms=1000,cleanup.policy=[compact,delete]")),
    ("describe a topic", CONFIGS, ("--describe", *entity("topics", TOPIC))),
    ("delete from a topic", CONFIGS, ("--alter", *entity("topics", TOPIC), "--delete-config", "retention.ms")),
    ("alter a broker", CONFIGS, ("--alter", *entity("brokers", "1"), "--add-config", "log.cleaner.threads=2")),
    ("describe a broker", CONFIGS, ("--describe", *entity("brokers", "1"))),
    ("alter all brokers", CONFIGS, ("--alter", "--entity-type", "brokers", "--entity-default", "--add-config", "message.max.bytes=2000000")),
    ("describe all brokers", CONFIGS, ("--describe", "--entity-type", "brokers", "--entity-default")),
    ("alter a group", CONFIGS, ("--alter", *GROUP, "--add-config", "consumer.session.timeout.ms=50000,share.auto.offset.reset=earliest")),
    ("describe a group", CONFIGS, ("--describe", *GROUP)),
    ("alter a group too far", CONFIGS, ("--alter", *GROUP, "--add-config", "consumer.session.timeout.ms=1")),
    ("delete from a group", CONFIGS, ("--alter", *GROUP, "--delete-config", "consumer.session.timeout.ms")),
    ("describe groups", CONFIGS, ("--describe", "--entity-type", "groups")),
    ("alter client metrics", CONFIGS, ("--alter", *SUBSCRIPTION, "--add-config", "interval.ms=1000,metrics=[a,b],match=[client_id=x]")),
    ("describe client metrics", CONFIGS, ("--describe", *SUBSCRIPTION)),
    ("kafka-client-metrics alters", METRICS, ("--alter", "--name", "s2", "--interval", "5000", "--metrics", "a.b")),
    ("kafka-client-metrics describes", METRICS, ("--describe", "--name", "s2")),
    ("kafka-client-metrics deletes", METRICS, ("--delete", "--name", "s2")),
    ("alter a user", CONFIGS, ("--alter", *ALICE, "--add-config", "producer_byte_rate=1024,SCRAM-SHA-256=[iterations=4096,password=secret]")),
    ("alter all users' clients", CONFIGS, ("--alter", "--entity-type", "users", "--entity-default", *entity("clients", "c"), "--add-config", "request_percentage=50")),
    ("describe users", CONFIGS, ("--describe", "--entity-type", "users")),
    ("describe a user", CONFIGS, ("--describe", *ALICE)),
    ("alter an address", CONFIGS, ("--alter", *entity("ips", "10.0.0.1"), "--add-config", "connection_creation_rate=5")),
    ("describe an address", CONFIGS, ("--describe", *entity("ips", "10.0.0.1"))),
    ("kafka-acls adds", ACLS, ("--add", "--allow-principal", "User:alice", "--producer", "--topic", TOPIC)),
    ("kafka-acls adds prefixes", ACLS, ("--add", "--deny-principal", "User:bob", "--operation", "All", "--topic", "ad", "--resource-pattern-type", "prefixed")),
    ("kafka-acls lists", ACLS, ("--list", "--topic", TOPIC, "--resource-pattern-type", "match")),
    ("kafka-acls removes", ACLS, ("--remove", "--force", "--topic", TOPIC)),
    ("elect preferred", f"{TOOLS}LeaderElectionCommand", ("--election-type", "preferred", "--all-topic-partitions")),
    ("elect one", f"{TOOLS}LeaderElectionCommand", ("--election-type", "preferred", "--topic", TOPIC, "--partition", "0")),
    ("upgrade nothing", f"{TOOLS}FeatureCommand", ("upgrade", "--feature", "group.version=1")),
    ("upgrade too far", f"{TOOLS}FeatureCommand", ("upgrade", "--feature", "group.version=2")),
    ("downgrade", f"{TOOLS}FeatureCommand", ("downgrade", "--feature", "share.version=0")),
]  # fmt: skip


def test_configs_users_acls_and_elections_print_the_same(both: Both) -> None:
    """One after the other: what one sets another shows."""
    different = []
    for label, tool, arguments in IN_TURN:
        theirs, ours = both.run(tool, *arguments)
        if ours.exceptions or theirs.exceptions:
            same = (theirs.status, theirs.exceptions) == (ours.status, ours.exceptions)
        else:
            same = (theirs.status, sorted(theirs.lines)) == (ours.status, sorted(ours.lines))
        if not same:
            different.append(f"{label}:\n Kafka     {theirs}\n kafkalite {ours}")
    assert not different, "\n".join(different)


def test_kafka_metadata_quorum_describes_a_quorum_of_one(both: Both) -> None:
    for what in ("--status", "--replication"):
        theirs, ours = both.run(f"{TOOLS}MetadataQuorumCommand", "describe", what)
        assert theirs.status == ours.status == 0
        assert len(ours.lines) == len(theirs.lines)
        for their_line, our_line in zip(theirs.lines, ours.lines, strict=True):
            assert their_line.split()[0] == our_line.split()[0]
    assert ours.lines[1].split()[-1] == "Leader"


def test_kafka_features_describes_what_is_finalized(both: Both) -> None:
    theirs, ours = both.run(f"{TOOLS}FeatureCommand", "describe")
    theirs_by_name, ours_by_name = (
        {line.split()[1]: re.sub(r"Epoch:.*", "", line) for line in one.lines}
        for one in (theirs, ours)
    )
    for name, line in ours_by_name.items():
        assert line == theirs_by_name[name]
    assert theirs_by_name.keys() - ours_by_name.keys() <= {
        "transaction.version",
        "eligible.leader.replicas.version",
    }


def test_kafka_reassign_partitions_leaves_everything_where_it_is(
    both: Both, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    partitions = [{"topic": TOPIC, "partition": index, "replicas": [1]} for index in range(2)]
    plan.write_text(json.dumps({"version": 1, "partitions": partitions}))
    for what in ("--execute", "--verify"):
        theirs, ours = both.run(
            f"{TOOLS}reassign.ReassignPartitionsCommand",
            "--reassignment-json-file",
            str(plan),
            what,
        )
        assert ours == theirs
    theirs, ours = both.run(f"{TOOLS}reassign.ReassignPartitionsCommand", "--list")
    assert ours == theirs
