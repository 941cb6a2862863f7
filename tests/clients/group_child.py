"""A consumer in a process of its own, so that it can be killed; writes down what happens to it, one event to a line.

    python group_child.py BOOTSTRAP TOPIC GROUP classic|consumer

    NANOSECONDS assign|revoke|lost PARTITION...      when it may begin, and must no longer, read partitions
    NANOSECONDS read PARTITION OFFSET                before its commit
    NANOSECONDS closed

The clock is CLOCK_MONOTONIC, one for all processes. Ends on SIGTERM, leaving the group.
"""

from __future__ import annotations

import signal
import sys
import time
from typing import Any

from confluent_kafka import Consumer, KafkaException


def main(bootstrap: str, topic: str, group: str, protocol: str) -> None:
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    config: dict[str, Any] = {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "group.protocol": protocol,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "reconnect.backoff.max.ms": 500,
    }
    if protocol == "classic":
        config |= {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}
    consumer = Consumer(config)

    def revoked(_: Consumer, partitions: list[Any]) -> None:
        tell("revoke", *(each.partition for each in partitions))

    consumer.subscribe(
        [topic],
        on_assign=lambda _, partitions: tell("assign", *(each.partition for each in partitions)),
        on_revoke=revoked,
        on_lost=lambda _, partitions: tell("lost", *(each.partition for each in partitions)),
    )
    while not stopping:
        messages = [each for each in consumer.consume(20, 0.2) if each.error() is None]
        for message in messages:
            tell("read", message.partition(), message.offset())
        if messages:
            try:
                consumer.commit(asynchronous=False)
            except KafkaException as error:
                tell("uncommitted", error.args[0].name())
    consumer.close()
    tell("closed")


def tell(event: str, *details: object) -> None:
    print(time.monotonic_ns(), event, *details, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
