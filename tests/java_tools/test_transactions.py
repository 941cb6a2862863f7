"""The Java client's transactions under every level of transaction.version, and the tools that look at them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafkalite_compat.brokers.ports import free_port
from kafkalite_compat.differential.requests.records import batch_of, list_offsets, produce
from kafkalite_compat.differential.requests.transactions import Writer
from kafkalite_compat.differential.side import Side
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest

from tests.broker_process import BrokerProcess
from tests.java_kafka import class_path, run_tool, start_kafka
from tests.java_tools.side_by_side import Broker

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]

QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
SOURCE = Path(__file__).parent / "java" / "Transactions.java"
TOOL = "org.apache.kafka.tools.TransactionsCommand"
DUMP = "org.apache.kafka.tools.DumpLogSegments"

QUICK = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "200"}
"""What times out is aborted within 200 ms, not 10 s."""

EVERYWHERE = [
    "open: 0 committed, 6 in all",
    "committed: 6 committed, 6 in all",
    "aborted: 6 committed, 15 in all",
    "empty: 6 committed, 15 in all",
    "fifty in a row: 81 committed, 165 in all",
    "large: 20000 committed, 40000 in all",
    "fenced, sending: InvalidProducerEpochException",
    "fenced, committing: InvalidProducerEpochException",
    "fenced: 3 committed, 5 in all",
    "timed out: 0 committed, 2 in all",
    "transformed: 300 in, 300",
    "offsets: 300",
]
SHORT_NUMBER_MAX = 9
EMPTY_TO_COMPLETE_COMMIT = [0, 1, 2, 4]
COMMIT_AFTER_TIMEOUT = {
    0: "ProducerFencedException",
    1: "ProducerFencedException",
    2: "InvalidTxnStateException",
}


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    subprocess.run(["javac", "-cp", class_path(), "-d", str(folder), str(SOURCE)], check=True)
    return folder


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Kafka and kafkalite, whose transaction.version these tests may change."""
    directory = tmp_path_factory.mktemp("versions")
    with (
        start_kafka(free_port(), directory / "kafka", QUICK) as kafka,
        BrokerProcess(directory / "kafkalite", settings=QUICK) as kafkalite,
    ):
        yield kafka.bootstrap, kafkalite.bootstrap


@pytest.mark.parametrize("level", [2, 1, 0])
def test_an_application_of_the_java_client_ends_as_it_should(
    level: int, brokers: tuple[str, str], classes: Path
) -> None:
    def run(bootstrap: str) -> list[str]:
        command = ["java", "-Xmx256M", QUIET, "-cp", class_path(classes), "Transactions", bootstrap]
        done = subprocess.run(
            [*command, str(level)], capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, f"{bootstrap}: {done.stdout}{done.stderr[-500:]}"
        return done.stdout.splitlines()

    # Below level 2 Kafka itself now and then answers this client with an old epoch (seen once in three runs).
    with ThreadPoolExecutor(2) as several:
        for printed in several.map(run, brokers if level == 2 else brokers[1:]):
            expected = [*EVERYWHERE, f"timed out, committing: {COMMIT_AFTER_TIMEOUT[level]}"]
            assert sorted(printed[1:]) == sorted(expected)


def open_transaction(
    side: Side, name: str, topic: str, index: int = 0, version: int = 12
) -> Writer:
    """A transaction with one record in the partition, which nobody ends."""
    writer = Writer(side, name).open()
    batch = batch_of(
        b"v",
        producer_id=writer.producer_id,
        producer_epoch=writer.epoch,
        base_sequence=0,
        transactional=True,
    )
    answer = side.client.ask(produce((topic, index, batch), transactional_id=name), version)
    assert answer.responses[0].partition_responses[0].error_code == 0
    return writer


def use_up_short_producer_ids(side: Side) -> None:
    """From now on they have two digits at least, and are masked with the other long numbers."""
    while side.producer_id() < SHORT_NUMBER_MAX:
        pass


def masked(printed: str, *names: str) -> list[list[str]]:
    """The columns of the tool's table, numbers that differ between any two brokers masked; only lines with one of `names`."""
    lines = [line.split() for line in printed.splitlines() if any(one in line for one in names)]
    return [[re.sub(r"^\d{2,}$", "N", word) for word in line] for line in lines]


def test_kafka_transactions_lists_and_describes_alike(
    compared_bootstrap: str, kafka_bootstrap: str, tmp_path: Path
) -> None:
    seen: list[list[Any]] = []
    for address in (kafka_bootstrap, compared_bootstrap):
        broker = Broker(address, tmp_path)
        with closing(Side(address)) as side:
            topic = side.new_topic("listed-transactions", 2)
            use_up_short_producer_ids(side)
            open_transaction(side, "tool-open", topic)
            writer = open_transaction(side, "tool-ended", topic, 1)
            writer.end("end", True, 5)
            Writer(side, "tool-empty").open()
        names = ("tool-", "Transaction")
        seen.append(
            [
                masked(broker.run(TOOL, "list"), *names),
                masked(broker.run(TOOL, "list", "--duration-filter", "0"), *names),
                masked(broker.run(TOOL, "list", "--transactional-id-pattern", "tool-e.*"), *names),
                masked(broker.run(TOOL, "describe", "--transactional-id", "tool-open"), *names),
                masked(broker.run(TOOL, "describe", "--transactional-id", "tool-ended"), *names),
                masked(broker.run(TOOL, "describe", "--transactional-id", "tool-none"), *names),
                masked(
                    broker.run(TOOL, "describe-producers", "--topic", topic, "--partition", "0"),
                    *names,
                    "0",
                ),
            ]
        )
    theirs, ours = seen
    # The list is in the order of a hash map.
    assert [sorted(each) for each in ours] == [sorted(each) for each in theirs]


def verify_partitions(side: Side, *, enabled: bool) -> None:
    """Whether a partition asks before a transaction is opened in it."""
    config = IncrementalAlterConfigsRequest.AlterableConfig(
        "transaction.partition.verification.enable", 0, str(enabled).lower()
    )
    resource = IncrementalAlterConfigsRequest.AlterConfigsResource(4, "", [config])
    answer = side.client.ask(IncrementalAlterConfigsRequest([resource]), 1)
    assert answer.responses[0].error_code == 0, answer
    side.catch_up()


def test_a_hanging_transaction_is_found_and_aborted_by_the_tool(
    brokers: tuple[str, str], tmp_path: Path
) -> None:
    """One that is open in a partition and that the coordinator does not know of, as it was possible before KIP-890."""
    seen: list[list[Any]] = []
    for address in brokers:
        broker = Broker(address, tmp_path)
        with closing(Side(address)) as side:
            topic = side.new_topic("hanging-transactions")
            use_up_short_producer_ids(side)
            verify_partitions(side, enabled=False)
            open_transaction(side, "tool-hanging", topic, version=10)
            verify_partitions(side, enabled=True)
            where = ("--topic", topic, "--partition", "0")
            find = ("find-hanging", "--topic", topic, "--max-transaction-timeout", "0")
            seen.append(
                [
                    masked(broker.run(TOOL, *find), topic),
                    end_of(side, topic),
                    broker.run(TOOL, "abort", *where, "--start-offset", "0"),
                    masked(broker.run(TOOL, *find), topic),
                    end_of(side, topic),
                    broker.run(TOOL, "abort", *where, "--start-offset", "0"),
                ]
            )
    theirs, ours = seen
    assert ours == theirs
    assert [ours[1], ours[4]] == [0, 2]
    assert len(ours[0]) == 1
    assert not ours[3]


def end_of(side: Side, topic: str) -> int:
    """What a reader of committed records takes for the end."""
    request = list_offsets(topic, (0, -1), isolation_level=1)
    request.replica_id = -1
    return int(side.client.ask(request, 7).topics[0].partitions[0].offset)


def test_the_state_of_a_transaction_is_read_record_by_record(tmp_path: Path) -> None:
    settings = {"transaction.state.log.num.partitions": "1"}
    with (
        BrokerProcess(tmp_path / "data", settings=settings) as broker,
        closing(Side(broker.bootstrap)) as side,
    ):
        topic = side.new_topic("dumped", 2)
        writer = open_transaction(side, "dumped-id", topic, 1)
        writer.end("end", True, 5)
    log = tmp_path / "data" / "__transaction_state-0" / "00000000000000000000.log"
    done = run_tool(DUMP, "--transaction-log-decoder", "--files", str(log))
    payloads = re.findall(r"payload: (.*)$", done.stdout, re.MULTILINE)
    states = [json.loads(payload)["data"] for payload in payloads]
    assert [state["transactionStatus"] for state in states] == EMPTY_TO_COMPLETE_COMMIT
    assert states[1]["transactionPartitions"] == [{"topic": "dumped", "partitionIds": [1]}]
    assert {state["producerId"] for state in states} == {writer.producer_id}
