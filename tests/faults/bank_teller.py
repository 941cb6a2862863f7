"""A teller of the bank: carries out the orders of one partition, one transaction each. A process of its own, so that it can be killed.

    python bank_teller.py BOOTSTRAP NAME PARTITION ORDERS LOCK SEED

Reads orders `debtor creditor amount` from the topic NAME-orders, from where the group NAME has committed,
up to offset ORDERS, and for each writes two entries `partition offset change kept|void` to NAME-entries and
the offset to the group, with the transactional id NAME-PARTITION. An order is repeated until its
transaction is committed; what is aborted on purpose says `void`. Prints a line for each thing that happens:

    opened OFFSET          it has taken over from whoever was teller before
    began | committed | aborted | failed ERROR
    leaving                it is killed now, by itself, within a transaction
    fenced ERROR           another teller has taken its place; ends with status 3
    confused ERROR         the library takes the end of a transaction for impossible; ends with status 4

Ends with status 0 after the last order. Each transaction is within a shared lock on the file LOCK, and
none begins while LOCK.audit exists: so an auditor finds a moment without any.
"""

from __future__ import annotations

import fcntl
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

FENCED = 3
CONFUSED = 4
"""librdkafka ends a transaction that the coordinator may not have heard of, after a kill; with Apache Kafka, too."""

FENCING_CODES = {
    KafkaError._FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.PRODUCER_FENCED,
}
RECONNECTING = {
    "reconnect.backoff.max.ms": 500,
    # librdkafka 2.16, when it starts over with its first addresses, may wait for a handle of a broker to end and send nothing any more
    "metadata.recovery.strategy": "none",
}
PARTITIONS = 8
VOID_SHARE = 0.08
LEFT_SHARE = 0.002
TRANSACTION_TIMEOUT_MS = 10_000
ATTEMPT_S = 30.0
PAUSE_S = 0.02


class Teller:
    def __init__(self, bootstrap: str, name: str, partition: int, seed: int) -> None:
        self._name = name
        self._partition = partition
        self._chance = random.Random(seed)
        broker = {"bootstrap.servers": bootstrap, **RECONNECTING}
        producing = {
            "transactional.id": f"{name}-{partition}",
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
            "linger.ms": 0,
        }
        self._producer = Producer({**broker, **producing})
        self._consumer = Consumer({**broker, "group.id": name, "enable.auto.commit": False})

    def open(self) -> int:
        """Fence the teller before, end its transaction, and begin where it has come to."""
        repeated(lambda: self._producer.init_transactions(ATTEMPT_S))
        here = TopicPartition(f"{self._name}-orders", self._partition)
        (committed,) = repeated(lambda: self._consumer.committed([here], ATTEMPT_S))
        assert committed.error is None, committed.error
        here.offset = max(committed.offset, 0)
        self._consumer.assign([here])
        return int(here.offset)

    def next_order(self) -> Any:
        while True:
            message = self._consumer.poll(1)
            if message is not None and message.error() is None:
                return message

    def carry_out(self, order: Any) -> bool:
        """One transaction. Whether it was committed."""
        kept = self._chance.random() >= VOID_SHARE
        try:
            self._producer.begin_transaction()
            tell("began")
            self._write_entries(order, "kept" if kept else "void")
            self._leave_sometimes()
            self._send_offset(order.offset() + 1)
            self._leave_sometimes()
            if kept:
                repeated(lambda: self._producer.commit_transaction(ATTEMPT_S))
            else:
                repeated(lambda: self._producer.abort_transaction(ATTEMPT_S))
        except KafkaException as failure:
            if not failure.args[0].txn_requires_abort():
                raise
            tell("failed", failure.args[0])
            repeated(lambda: self._producer.abort_transaction(ATTEMPT_S))
            return False
        tell("committed" if kept else "aborted")
        return kept

    def _write_entries(self, order: Any, word: str) -> None:
        debtor, creditor, amount = (int(each) for each in order.value().split())
        for account, change in ((debtor, -amount), (creditor, amount)):
            self._producer.produce(
                f"{self._name}-entries",
                f"{self._partition} {order.offset()} {change} {word}",
                str(account),
                partition=account % PARTITIONS,
            )

    def _send_offset(self, offset: int) -> None:
        next_order = TopicPartition(f"{self._name}-orders", self._partition, offset)
        group = self._consumer.consumer_group_metadata()
        repeated(lambda: self._producer.send_offsets_to_transaction([next_order], group, ATTEMPT_S))

    def _leave_sometimes(self) -> None:
        if self._chance.random() < LEFT_SHARE:
            self._producer.flush(ATTEMPT_S)
            tell("leaving")
            os.kill(os.getpid(), signal.SIGKILL)


def repeated(call: Callable[[], Any]) -> Any:
    """Call again for as long as the library says that it may be called again."""
    while True:
        try:
            return call()
        except KafkaException as failure:
            if not failure.args[0].retriable():
                raise


@contextmanager
def between_audits(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        while True:
            fcntl.flock(file, fcntl.LOCK_SH)
            if not lock.with_suffix(".audit").exists():
                break
            fcntl.flock(file, fcntl.LOCK_UN)
            time.sleep(PAUSE_S)
        yield


def tell(*words: object) -> None:
    print(*words, flush=True)


def main(bootstrap: str, name: str, partition: str, orders: str, lock: str, seed: str) -> int:
    teller = Teller(bootstrap, name, int(partition), int(seed))
    try:
        offset = teller.open()
        tell("opened", offset)
        while offset < int(orders):
            order = teller.next_order()
            assert order.offset() == offset, f"{order.offset()} came for {offset}"
            done = False
            while not done:
                with between_audits(Path(lock)):
                    done = teller.carry_out(order)
            offset += 1
    except KafkaException as failure:
        if failure.args[0].code() in FENCING_CODES:
            tell("fenced", failure.args[0])
            return FENCED
        if failure.args[0].code() == KafkaError.INVALID_TXN_STATE:
            tell("confused", failure.args[0])
            return CONFUSED
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
