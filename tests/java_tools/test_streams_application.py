"""A Kafka Streams application, unchanged: words are counted by two processes, one of which is killed, as is the broker.

At least once: no word may be missing in the counts, some may be counted twice after a kill.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.messages.streams_group_describe import (
    StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse,
)

from tests.broker_process import BrokerProcess
from tests.java_tools.word_count import CLASSIC, QUICK, STREAMS, WordCount, compiled
from tests.waiting import wait_until

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]

LINES = 200
WORDS_OF_LINE = 3


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("classes"))


class CountedLines(WordCount):
    """What the application was given, and what it has counted so far."""

    def __init__(
        self, broker: BrokerProcess, classes: Path, folder: Path, settings: dict[str, str]
    ) -> None:
        super().__init__(broker, classes, folder, settings)
        self.expected: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()

    def give_lines(self) -> None:
        producer = KafkaProducer(bootstrap_servers=self._broker.bootstrap)
        for number in range(LINES):
            words = ["apple", f"word{number % 20}", "apple"]
            self.expected.update(words)
            producer.send(self.input, key=str(number).encode(), value=" ".join(words).encode())
        producer.flush(60)
        producer.close()

    def wait_for_counts(self) -> None:
        """Read what was counted until nothing is missing any more."""
        consumer = KafkaConsumer(
            self.output, bootstrap_servers=self._broker.bootstrap, auto_offset_reset="earliest"
        )

        def complete() -> bool:
            for records in consumer.poll(200).values():
                for record in records:
                    word, count = record.key.decode(), int(record.value)
                    self.counted[word] = max(self.counted[word], count)
            return all(self.counted[word] >= count for word, count in self.expected.items())

        wait_until(complete, "everything is counted", 120)
        consumer.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    with BrokerProcess(tmp_path / "data", settings=QUICK) as broker:
        yield broker


@pytest.mark.parametrize("protocol", [STREAMS, CLASSIC], ids=["streams", "classic"])
def test_words_are_counted_whoever_is_killed(
    broker: BrokerProcess, classes: Path, tmp_path: Path, protocol: dict[str, str]
) -> None:
    application = CountedLines(broker, classes, tmp_path, protocol)
    application.create_topics()
    with ExitStack() as running:
        first = running.enter_context(application.process())
        second = running.enter_context(application.process())
        application.give_lines()
        application.wait_for_counts()
        assert application.counted == application.expected, "nothing has failed yet"

        if protocol is STREAMS:
            wait_until(lambda: is_shared_by(broker, application.id, 2), "both have tasks")
        second.kill()
        application.give_lines()
        application.wait_for_counts()

        third = running.enter_context(application.process())
        broker.kill9()
        broker.start()
        application.give_lines()
        application.wait_for_counts()
        if protocol is STREAMS:
            wait_until(lambda: is_shared_by(broker, application.id, 2), "both have tasks again")

        for process in (first, third):
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(60) == 0
    if protocol is STREAMS:
        assert described(broker, application.id).group_state == "Empty"


def is_shared_by(broker: BrokerProcess, group_id: str, members: int) -> bool:
    """Stable, everybody with active tasks, and each task with state with a copy: 4 tasks of 2 subtopologies."""
    group = described(broker, group_id)
    if group.group_state != "Stable" or len(group.members) != members:
        return False
    active = [_count(each.assignment.active_tasks) for each in group.members]
    standby = [_count(each.assignment.standby_tasks) for each in group.members]
    return min(active) > 0 and sum(active) == 8 and sum(standby) == 4


def described(broker: BrokerProcess, group_id: str) -> StreamsGroupDescribeResponse.DescribedGroup:
    with RawClient(broker.bootstrap) as client:
        group = client.ask(StreamsGroupDescribeRequest([group_id]), 0).groups[0]
    assert isinstance(group, StreamsGroupDescribeResponse.DescribedGroup)
    return group


def _count(tasks: list[StreamsGroupDescribeResponse.TaskIds]) -> int:
    return sum(len(each.partitions) for each in tasks)
