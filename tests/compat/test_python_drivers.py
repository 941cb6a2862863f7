"""Drivers of Python clients, spoken to as the suite does, with the libraries that this interpreter has."""

from __future__ import annotations

import base64
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafkalite_compat.catalogue import DRIVERS, load_clients
from kafkalite_compat.driver import Driver, NotSupported, StepFailed
from kafkalite_compat.drivers.python.kafka_python_polling import Member
from kafkalite_compat.drivers.python.serving import Unsupported, refuse_others
from kafkalite_compat.runtimes import Command

from tests.broker_process import BrokerProcess

CONTRACT = Path(__file__).parent.parent.parent / "compat" / "DRIVERS.md"
CLIENTS = ["confluent_kafka", "kafka_python", "aiokafka"]
PLAIN_TEXT = base64.b64encode(b"plain").decode()


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with BrokerProcess(tmp_path_factory.mktemp("drivers") / "data") as broker:
        yield broker.bootstrap


@contextmanager
def driver_of(client: str, folder: Path, source: str | None = None) -> Iterator[Driver]:
    arguments = ("-c", source) if source else ("-m", f"python.{client}_driver")
    command = Command((sys.executable, "-P", *arguments), {"PYTHONPATH": str(DRIVERS)})
    with Driver(command, folder / "driver.log") as driver:
        yield driver


def steps_of_the_contract() -> list[str]:
    """The names in the first columns of the tables of steps."""
    text = CONTRACT.read_text().partition("## Connection")[2].partition("## The catalogue")[0]
    rows = re.findall(r"^\| (`[^|]*`) \|", text, re.MULTILINE)
    return sorted({name for row in rows for name in re.findall(r"`(\w+)`", row)})


@pytest.mark.parametrize("client", CLIENTS)
def test_every_step_of_the_contract_is_known_or_said_to_be_lacking(
    client: str, tmp_path: Path
) -> None:
    steps = steps_of_the_contract()
    assert {"start", "produce", "acknowledge", "delete_acls", "stop_connect"} <= set(steps)
    with driver_of(client, tmp_path) as driver:
        for step in steps:
            with pytest.raises((NotSupported, StepFailed)) as refusal:
                driver.call(step, no_such_field=1)
            assert refusal.type is NotSupported
            assert "knows no step" not in str(refusal.value)


@pytest.mark.parametrize("client", CLIENTS)
def test_unknown_step_and_missing_field_are_told_apart(client: str, tmp_path: Path) -> None:
    with driver_of(client, tmp_path) as driver:
        with pytest.raises(NotSupported, match="knows no step make_coffee"):
            driver.call("make_coffee")
        with pytest.raises(StepFailed, match="produce needs producer, topic, records"):
            driver.call("produce", topic=None)
        with pytest.raises(StepFailed, match="no open producer p"):
            driver.call("produce", producer="p", topic="t", records=[])


@pytest.mark.parametrize("client", CLIENTS)
def test_records_come_back_as_they_were_given(client: str, bootstrap: str, tmp_path: Path) -> None:
    topic, record = f"{client}-records", {"topic": f"{client}-records", "partition": 0}
    sent = [
        {"key": None, "value": PLAIN_TEXT, "headers": [["h", PLAIN_TEXT]], "timestamp_ms": 5000},
        {"key": PLAIN_TEXT, "value": None, "headers": [], "timestamp_ms": 6000},
    ]
    with driver_of(client, tmp_path) as driver:
        driver.call("start", bootstrap=bootstrap)
        configs = {"retention.ms": "-1"}
        driver.call("create_topic", topic=topic, partitions=1, replication=None, configs=configs)
        driver.call("open_producer", producer="p", compression="lz4", batch_bytes=None)
        records = [{"partition": 0, **one} for one in sent]
        produced = driver.call("produce", producer="p", topic=topic, records=records)["results"]
        assert [one["offset"] for one in produced] == [0, 1]

        driver.call("open_consumer", consumer="c", group=f"{client}-reader")
        driver.call("assign", consumer="c", partitions=[{**record, "offset": "earliest"}])
        got: list[dict[str, Any]] = []
        while len(got) < len(sent):
            got += driver.call("poll", consumer="c", timeout_ms=1000, max_records=1)["records"]
        assert [{name: one[name] for name in sent[0]} for one in got] == sent
        assert driver.call("position", consumer="c", **record) == {"offset": 2}

        driver.call("commit_offsets", consumer="c")
        (committed,) = driver.call("committed", consumer="c", partitions=[record])["offsets"]
        assert committed["offset"] == 2
        assert driver.call("list_offsets", **record, at=5500)["offset"] == 1
        driver.call("close_consumer", consumer="c")
        with pytest.raises(StepFailed) as exists:
            driver.call("create_topic", topic=topic, partitions=1)
        assert exists.value.code == 36


@pytest.mark.parametrize("client", CLIENTS)
def test_two_members_in_one_driver_share_a_group(
    client: str, bootstrap: str, tmp_path: Path
) -> None:
    topic = f"{client}-shared"
    with driver_of(client, tmp_path) as driver:
        driver.call("start", bootstrap=bootstrap)
        driver.call("create_topic", topic=topic, partitions=2)
        for consumer in ("c1", "c2"):
            options = {"assignor": "range", "heartbeat_interval_ms": 300}
            driver.call("open_consumer", consumer=consumer, group=f"{client}-group", **options)
            driver.call("subscribe", consumer=consumer, topics=[topic])
        owned: list[list[int]] = []
        while sorted(owned) != [[0], [1]]:
            owned = []
            for consumer in ("c1", "c2"):
                driver.call("poll", consumer=consumer, timeout_ms=100)
                partitions = driver.call("assignment", consumer=consumer)["partitions"]
                owned.append([one["partition"] for one in partitions])
        events = driver.call("rebalances", consumer="c1")["events"]
        assert events[0]["kind"] == "assigned"
        assert driver.call("rebalances", consumer="c1") == {"events": []}


def test_what_a_library_prints_does_not_disturb_the_answers(tmp_path: Path) -> None:
    source = """
import os
from python.serving import op, serve

class Loud:
    @op
    def start(self, bootstrap):
        print("hello from Python")
        os.write(1, b"hello from C\\n")

serve([Loud()], lambda problem: None, {})
"""
    with driver_of("", tmp_path, source) as driver:
        assert driver.call("start", bootstrap="b") == {}
        driver.close()
        assert sorted(driver.log_tail().split("\n")) == ["", "hello from C", "hello from Python"]


def test_null_in_a_record_is_no_unknown_field() -> None:
    refuse_others("produce", {"value": "v", "colour": None}, ["value"])
    with pytest.raises(Unsupported, match="colour"):
        refuse_others("produce", {"value": "v", "colour": "red"}, ["value"])


class SlowConsumer:
    """Gives one record when it is let, however short the poll."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.sought: list[tuple[str, int]] = []

    def poll(self, timeout_ms: int, max_records: int) -> dict[str, list[Any]]:
        assert self.let.wait(30)
        return {"t-0": [Record(7), Record(8)], "revoked-0": [Record(1)]}

    def assignment(self) -> set[str]:
        return {"t-0"}

    def seek(self, where: str, offset: int) -> None:
        self.sought.append((where, offset))


class Record:
    def __init__(self, offset: int) -> None:
        self.offset = offset


def test_poll_that_ends_late_gives_its_records_to_the_next() -> None:
    consumer = SlowConsumer()
    member = Member(consumer)
    member.in_group = True
    assert member.poll(1, 500) == {}
    consumer.let.set()
    assert [one.offset for one in member.poll(30_000, 500)["t-0"]] == [7, 8]
    assert consumer.sought == []


def test_step_after_a_late_poll_finds_the_consumer_where_the_last_given_record_was() -> None:
    consumer = SlowConsumer()
    member = Member(consumer)
    member.in_group = True
    assert member.poll(1, 500) == {}
    consumer.let.set()
    assert member.call(lambda opened: list(opened.sought)) == [("t-0", 7)]


def test_python_clients_are_pinned_in_three_versions_each() -> None:
    clients = {one.name: one for one in load_clients() if one.runtime == "python"}
    assert set(clients) == {"kafka-python", "confluent-kafka", "aiokafka"}
    for client in clients.values():
        assert client.driver_path.is_file()
        assert len(client.versions) >= 3
        for version in client.versions:
            assert f"{client.name}=={version.version}" in version.requires
            assert all("==" in requirement for requirement in version.requires)
