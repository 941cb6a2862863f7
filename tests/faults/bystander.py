"""A client that does honest work while others misbehave, and a watch on the broker's memory."""

from __future__ import annotations

from typing import ClassVar

import confluent_kafka
import psutil  # type: ignore[import-untyped]

from tests.background_work import BackgroundWork

SAMPLE_S = 0.1


class Bystander(BackgroundWork):
    """Produces a record and reads it back, over and over, in a thread, until the context ends.

    Attributes:
        rounds: Records that came back.
    """

    PATIENCE_S: ClassVar[float] = 120

    def __init__(self, bootstrap: str, topic: str) -> None:
        super().__init__()
        self.rounds = 0
        self._topic = topic
        self._errors: list[object] = []
        common = {"bootstrap.servers": bootstrap, "error_cb": self._errors.append}
        self._producer = confluent_kafka.Producer({**common, "acks": "all", "linger.ms": 0})
        self._consumer = confluent_kafka.Consumer({**common, "group.id": "bystander"})
        self._consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        assert self._errors == [], "the bystander was disturbed"
        assert self.rounds > 0

    def work(self) -> None:
        try:
            while not self._stopping.is_set():
                self._round(b"record %d" % self.rounds)
                self.rounds += 1
        finally:
            self._consumer.close()

    def _round(self, value: bytes) -> None:
        self._producer.produce(self._topic, value, partition=0)
        assert self._producer.flush(30) == 0, "not acknowledged"
        message = self._consumer.poll(30)
        assert message is not None, "not delivered"
        assert message.error() is None, message.error()
        assert (message.offset(), message.value()) == (self.rounds, value)


class MemoryWatch(BackgroundWork):
    """The largest resident set of a process while the context lasts."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.largest_bytes = 0
        self._process = psutil.Process(pid)

    def work(self) -> None:
        while not self._stopping.wait(SAMPLE_S):
            self.largest_bytes = max(self.largest_bytes, self._process.memory_info().rss)
