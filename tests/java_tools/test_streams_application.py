"""A Kafka Streams application, unchanged: words are counted by two processes, one of which is killed, as is the broker.

At least once: no word may be missing in the counts, some may be counted twice after a kill.
"""

from __future__ import annotations

import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from kafkalite_protocol.messages.streams_group_describe import (
    StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse,
)

from tests.broker_process import BrokerProcess
from tests.java_kafka import streams_libs
from tests.raw_client import RawClient
from tests.waiting import wait_until

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]

SOURCE = Path(__file__).parent / "java" / "WordCount.java"
LINES = 200
WORDS_OF_LINE = 3

QUICK = {
    "group.streams.heartbeat.interval.ms": "1000",
    "group.streams.min.heartbeat.interval.ms": "1000",
    "group.streams.session.timeout.ms": "6000",
    "group.streams.min.session.timeout.ms": "6000",
    "group.streams.num.standby.replicas": "1",
}
"""A killed process is missed after 6 s, not 45."""

STREAMS = {"group.protocol": "streams"}
CLASSIC = {
    "group.protocol": "classic",
    "consumer.session.timeout.ms": "6000",
    "consumer.heartbeat.interval.ms": "1000",
    "num.standby.replicas": "1",
}


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    class_path = f"{streams_libs()}/*"
    subprocess.run(["javac", "-cp", class_path, "-d", str(folder), str(SOURCE)], check=True)
    return folder


class Application:
    """Processes of one word count, what they were given, and what they have counted so far."""

    def __init__(
        self, broker: BrokerProcess, classes: Path, folder: Path, settings: dict[str, str]
    ) -> None:
        name = uuid.uuid4().hex[:8]
        self.id, self.input, self.output = f"words-{name}", f"lines-{name}", f"counts-{name}"
        self.expected: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()
        self._broker = broker
        self._classes = classes
        self._folder = folder
        self._settings = settings
        self._started = 0

    @contextmanager
    def process(self) -> Iterator[subprocess.Popen[bytes]]:
        """One instance, killed at the end of the block if it still runs."""
        self._started += 1
        settings = {
            "bootstrap.servers": self._broker.bootstrap,
            "application.id": self.id,
            "client.id": f"process-{self._started}",
            "state.dir": str(self._folder / f"state-{self._started}"),
            "input": self.input,
            "output": self.output,
            **self._settings,
        }
        command = ["java", "-Xmx256M", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"]
        command += ["-cp", f"{self._classes}:{streams_libs()}/*", "WordCount"]
        command += [f"{key}={value}" for key, value in settings.items()]
        with (self._folder / f"process-{self._started}.log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        with process:
            try:
                yield process
            finally:
                process.kill()

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
    application = Application(broker, classes, tmp_path, protocol)
    create_topics(broker, application)
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


def create_topics(broker: BrokerProcess, application: Application) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics([NewTopic(application.input, 4, 1), NewTopic(application.output, 1, 1)])
    admin.close()


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
