"""Kafka Streams counts exactly once: each word has been 1, 2, 3... to the end, whatever was killed meanwhile, fifty times over."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from tests.broker_process import REPOSITORY, BrokerProcess
from tests.java_tools.word_count import CLASSIC, QUICK, STREAMS, WordCount, compiled
from tests.waiting import wait_until

pytestmark = [pytest.mark.java, pytest.mark.slow, pytest.mark.timeout(1800)]

KILLS = int(os.environ.get("KAFKALITE_TEST_KILLS", "50"))
SEED = int(os.environ.get("KAFKALITE_TEST_SEED", "20"))
PROCESSES = 2
INPUT_PARTITIONS = 4
WAIT_S = 180

EXACTLY_ONCE = {
    "processing.guarantee": "exactly_once_v2",
    "statestore.cache.max.bytes": "0",  # each count is told, not only the last of an interval
    "commit.interval.ms": "100",
}
VICTIMS = ["broker"] * 5 + ["writer"] * 3 + ["application"] * 2
"""Of ten kills. An application's is the dearest: it is noticed after 6 s only."""


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("classes"))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    with BrokerProcess(tmp_path / "data", settings=QUICK) as broker:
        yield broker


class CommittedRecords:
    """All that a read_committed reader finds in a topic; reads on at each call."""

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self.records: list[tuple[bytes, bytes]] = []
        self._partitions = partitions
        self._ended: set[int | None] = set()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"reader-of-{topic}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "reconnect.backoff.max.ms": 500,
                "metadata.recovery.strategy": "none",  # see faults/bank_teller.py
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(topic, each, 0) for each in range(partitions)])

    def read(self) -> int:
        """How many there are by now."""
        for message in self._consumer.consume(5000, 0.1):
            error = message.error()
            if error is None:
                self.records.append((message.key() or b"", message.value() or b""))
            elif error.code() == KafkaError._PARTITION_EOF:
                self._ended.add(message.partition())
        return len(self.records)

    @property
    def are_at_end(self) -> bool:
        """Whether each partition has been read to what was its end then."""
        return len(self._ended) == self._partitions

    def close(self) -> None:
        self._consumer.close()


class Writer:
    """The process that writes the input, see `line_writer.py`."""

    def __init__(self, bootstrap: str, topic: str, log: Path) -> None:
        self._command = [sys.executable, "-m", "tests.java_tools.line_writer", bootstrap, topic]
        self._log = log
        self._process = self._start()

    def kill_and_restart(self) -> None:
        self.kill()
        self._process = self._start()

    def kill(self) -> None:
        with self._process:  # closes its input, and waits
            self._process.kill()

    def finish(self) -> None:
        """Let it complete its transaction and end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(WAIT_S) == 0, self._log.read_text()[-2000:]

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=log, stderr=log
            )


@pytest.mark.parametrize("protocol", [STREAMS, CLASSIC], ids=["streams", "classic"])
def test_each_word_is_counted_exactly_once_over_fifty_kills(
    broker: BrokerProcess, classes: Path, tmp_path: Path, protocol: dict[str, str]
) -> None:
    chance = random.Random(SEED)
    application = WordCount(broker, classes, tmp_path, {**protocol, **EXACTLY_ONCE})
    application.create_topics()
    counts = CommittedRecords(broker.bootstrap, application.output, 1)
    writer = Writer(broker.bootstrap, application.input, tmp_path / "writer.log")
    with ExitStack() as running:
        running.callback(counts.close)
        running.callback(writer.kill)
        processes = [running.enter_context(application.process()) for _ in range(PROCESSES)]
        victims = (VICTIMS * (KILLS // len(VICTIMS) + 1))[:KILLS]
        chance.shuffle(victims)
        for number, victim in enumerate(victims):
            enough = counts.read() + chance.randint(1, 1000)
            wait_until(
                lambda enough=enough: counts.read() >= enough,  # type: ignore[misc]
                f"{enough} counts before kill {number}, of {victim}",
                WAIT_S,
            )
            if victim == "broker":
                broker.kill9()
                broker.start()
            elif victim == "writer":
                writer.kill_and_restart()
            else:
                processes.pop(chance.randrange(PROCESSES)).kill()
                processes.append(running.enter_context(application.process()))
        writer.finish()
        given = words_of(broker.bootstrap, application.input)
        wait_until(lambda: counts.read() >= given.total(), f"{given.total()} counts", WAIT_S)
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(60) == 0
        counts.read()
    told: dict[str, list[int]] = defaultdict(list)
    for word, count in counts.records:
        told[word.decode()].append(int(count))
    assert told == {word: list(range(1, count + 1)) for word, count in given.items()}
    assert "Traceback" not in broker.log()


def words_of(bootstrap: str, topic: str) -> Counter[str]:
    """Of all committed lines: the exact answer."""
    lines = CommittedRecords(bootstrap, topic, INPUT_PARTITIONS)
    wait_until(lambda: lines.read() > 0 and lines.are_at_end, "the end of all lines", WAIT_S)
    lines.close()
    return Counter(word.decode() for _, line in lines.records for word in line.split())
