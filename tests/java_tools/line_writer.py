"""Writes lines of words in transactions until it is told to end; a process of its own, so that it can be killed.

    python line_writer.py BOOTSTRAP TOPIC

Each transaction has some lines for each partition; some are aborted. Whoever starts next with the
same topic fences it and ends its transaction. Ends at the end of its standard input, after the
transaction it is in.
"""

from __future__ import annotations

import os
import random
import select
import sys
from collections.abc import Callable

from confluent_kafka import KafkaException, Producer

PARTITIONS = 4
LINES = 5
WORDS = 20
ABORTED_SHARE = 0.1
ATTEMPT_S = 30.0
PAUSE_S = 0.04


def main(bootstrap: str, topic: str) -> None:
    """Write; with a new producer when the library has given one up, which it does after kills of Apache Kafka, too."""
    while True:
        try:
            return write(bootstrap, topic)
        except KafkaException as failure:
            if not failure.args[0].fatal():
                raise
            print(failure, flush=True)


def write(bootstrap: str, topic: str) -> None:
    chance = random.Random(os.getpid())
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "transactional.id": f"writer-of-{topic}",
            "transaction.timeout.ms": 10_000,
            "reconnect.backoff.max.ms": 500,
            "metadata.recovery.strategy": "none",  # see faults/bank_teller.py
        }
    )
    repeated(lambda: producer.init_transactions(ATTEMPT_S))
    while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
        producer.begin_transaction()
        for partition in range(PARTITIONS):
            for _ in range(LINES):
                line = f"apple word{chance.randrange(WORDS)} apple"
                producer.produce(topic, line, partition=partition)
        try:
            if chance.random() < ABORTED_SHARE:
                producer.flush(ATTEMPT_S)
                repeated(lambda: producer.abort_transaction(ATTEMPT_S))
            else:
                repeated(lambda: producer.commit_transaction(ATTEMPT_S))
        except KafkaException as failure:
            if not failure.args[0].txn_requires_abort():
                raise
            repeated(lambda: producer.abort_transaction(ATTEMPT_S))


def repeated(call: Callable[[], object]) -> None:
    """Call again for as long as the library says that it may be called again."""
    while True:
        try:
            call()
        except KafkaException as failure:
            if not failure.args[0].retriable():
                raise
        else:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
