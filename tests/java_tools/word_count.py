"""Kafka Streams' word count as processes that may be killed; see java/WordCount.java."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kafka.admin import KafkaAdminClient, NewTopic

from tests.broker_process import BrokerProcess
from tests.java_kafka import streams_libs

SOURCE: Final = Path(__file__).parent / "java" / "WordCount.java"

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


def compiled(folder: Path) -> Path:
    """The folder, with the application's classes in it."""
    class_path = f"{streams_libs()}/*"
    subprocess.run(["javac", "-cp", class_path, "-d", str(folder), str(SOURCE)], check=True)
    return folder


class WordCount:
    """Processes of one application, and its topics."""

    def __init__(
        self, broker: BrokerProcess, classes: Path, folder: Path, settings: dict[str, str]
    ) -> None:
        name = uuid.uuid4().hex[:8]
        self.id, self.input, self.output = f"words-{name}", f"lines-{name}", f"counts-{name}"
        self._broker = broker
        self._classes = classes
        self._folder = folder
        self._settings = settings
        self._started = 0

    def create_topics(self) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self._broker.bootstrap)
        admin.create_topics([NewTopic(self.input, 4, 1), NewTopic(self.output, 1, 1)])
        admin.close()

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
