"""A run made up: every verdict, texts that want escaping, and the size of a real one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from kafkalite_compat.results import BrokerInfo, Cell, ClientInfo, Outcome, Results, ScenarioInfo

GROUPS = {
    "C": ("connect", 4),
    "M": ("metadata", 4),
    "P": ("produce", 8),
    "I": ("idempotence", 3),
    "F": ("fetch", 6),
    "G": ("groups", 8),
    "O": ("offsets", 5),
    "T": ("transactions", 6),
    "A": ("admin", 8),
    "L": ("compaction and retention", 2),
    "R": ("reconnect", 2),
    "S": ("share groups", 2),
    "X": ("applications", 2),
}
LIBRARIES = {
    "C": ["kcat"],
    "Go": ["confluent-kafka-go", "franz-go", "kafka-go", "sarama"],
    "Java": ["kafka-clients", "kafka-connect", "kafka-streams"],
    "Node": ["@platformatic/kafka", "confluent-kafka-javascript", "kafkajs"],
    "Python": ["aiokafka", "confluent-kafka", "kafka-python"],
    "Rust": ["rdkafka", "rskafka"],
}
VERSIONS = ["3.2.0", "2.9.1", "1.12.0"]
HOSTILE = "<script>window.broken = 1</script> </script><!-- `|` *x* [link](x) & \" ' \x1b[31m \x00 ]]> {{ 7 * 7 }}"
"""What a client must not be able to do to the one who reads the report."""

KAFKALITE = BrokerInfo("kafkalite", "0.1.0", reference=False)
KAFKA = BrokerInfo("Apache Kafka", "4.3.0", reference=True)


def sample(
    brokers: tuple[BrokerInfo, ...] = (KAFKALITE, KAFKA), *, versions: int = 3, hostile: bool = True
) -> Results:
    """60 scenarios x 48 client versions x the brokers; some versions could not be installed."""
    chance = random.Random(6)
    scenarios = [
        ScenarioInfo(
            f"{letter}{number:02}",
            name,
            f"What {name} number {number} shows is a sentence of some length that holds for every broker",
            f"Done with `{name}`: {number} records are written.\n\nThey must come back in order, and no others.",
        )
        for letter, (name, count) in GROUPS.items()
        for number in range(1, count + 1)
    ]
    clients = [
        ClientInfo(name, version, language, f"{language} 1.2", _reason(name, version))
        for language, names in LIBRARIES.items()
        for name in names
        for version in VERSIONS[:versions]
    ]
    results = Results(
        started="2026-11-21T13:00:00+00:00",
        seconds=1234.5,
        machine={"cores": 2, "system": "Linux x86_64"},
        brokers=list(brokers),
        scenarios=scenarios,
        clients=clients,
    )
    for client in clients:
        for broker in brokers:
            results.cells += _session(client, broker, scenarios, chance)
    if hostile:
        _make_hostile(results, "kafka-python", "P03")
    return results


def _reason(name: str, version: str) -> str | None:
    if name == "rskafka" and version == VERSIONS[2]:
        return "could not be installed: cargo build ended with 101:\nerror: no such crate"
    return None


def _session(
    client: ClientInfo, broker: BrokerInfo, scenarios: list[ScenarioInfo], chance: random.Random
) -> Iterator[Cell]:
    for scenario in scenarios:
        outcome, detail = Outcome.PASS, ""
        if client.reason is not None:
            outcome, detail = Outcome.SKIPPED, client.reason
        elif scenario.group == "share groups" and client.client != "kafka-clients":
            outcome, detail = Outcome.UNSUPPORTED, "the library has no share groups"
        elif scenario.group == "admin" and client.client in {"kcat", "rskafka"}:
            outcome, detail = Outcome.UNSUPPORTED, "the library has no admin API"
        elif client.client == "kafkajs" and scenario.number == "G05":
            outcome, detail = Outcome.FAIL, "poll: the group did not settle within 30 s"
        elif not broker.reference and chance.random() < 0.01:
            outcome = Outcome.FAIL
            detail = (
                f"produce: {chance.choice(['None', '42'])}: expected offset 7, was given 8\n"
                + ("  at line of a trace\n" * chance.randrange(12))
            )
        elif chance.random() < 0.004:
            detail = "at the second try; before: poll: no answer within 60 s"
        elif scenario.group == "reconnect" and broker.name.startswith("127."):
            outcome, detail = (
                Outcome.SKIPPED,
                "the broker was not started by the suite: it cannot be restarted",
            )
        seconds = 0.0 if outcome is Outcome.SKIPPED else round(chance.random() * 2, 2)
        yield Cell(
            client.client, client.version, scenario.number, broker.name, outcome, detail, seconds
        )


def _make_hostile(results: Results, client: str, number: str) -> None:
    """The newest version's cell on the first broker fails with a detail that attacks the reader."""
    at, cell = next(
        (at, cell)
        for at, cell in enumerate(results.cells)
        if (cell.client, cell.scenario) == (client, number)
    )
    results.cells[at] = replace(cell, outcome=Outcome.FAIL, detail=HOSTILE)
