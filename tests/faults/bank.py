"""A bank on a broker: orders, tellers who carry them out in transactions, and a read_committed reader who keeps the book.

An order moves an amount from one account to another. It is one record of NAME-orders; its teller writes
two entries to NAME-entries, into the partitions of the two accounts, and commits the order's offset, in
one transaction. So each order has both of its entries once, or none; and the offsets that are committed
say exactly which.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.messages.list_offsets import ListOffsetsRequest

from tests.faults.bank_book import TOTAL, Book, Order
from tests.faults.bank_teller import PARTITIONS, RECONNECTING
from tests.faults.bank_tellers import Tellers, is_locked

WAIT_S = 120
READ_UNCOMMITTED, READ_COMMITTED = 0, 1
LATEST = -1


def give_orders(bootstrap: str, name: str, orders: Sequence[Sequence[Order]]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    for partition, its_orders in enumerate(orders):
        for order in its_orders:
            value = f"{order.debtor} {order.creditor} {order.amount}"
            producer.produce(f"{name}-orders", value, partition=partition)
    assert producer.flush(WAIT_S) == 0


class Bank:
    def __init__(
        self, bootstrap: str, name: str, orders: Sequence[Sequence[Order]], folder: Path
    ) -> None:
        self.book = Book(orders)
        self.tellers = Tellers(bootstrap, name, PARTITIONS, len(orders[0]), folder)
        self._bootstrap, self._name = bootstrap, name
        self._reader = self._new_reader("read_committed")

    def read(self, until: Callable[[], bool], what: str) -> None:
        """Keep the book, and each partition with a teller, until something holds. The total is the same after each read."""
        deadline = time.monotonic() + WAIT_S
        while not until():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {WAIT_S} s for {what}\n{self.tellers.last_words()}")
            self.tellers.replace_who_has_ended()
            for message in self._reader.consume(500, 0.05):
                if message.error() is None:
                    self.book.enter(int(message.key()), message.value().decode())
            assert self.book.total == TOTAL

    def audit(self) -> None:
        """Between transactions everything is whole: nothing is open, and offsets and entries agree."""
        with self.tellers.held_up() as transactions:
            self.read(lambda: is_locked(transactions), "every teller to pause")
            self.read(lambda: self._open_partitions() == [], "the end of all transactions")
            committed = self._committed_offsets()
            self.read(lambda: self.book.is_at(committed), f"the entries of {committed}")
            assert self.book.in_transit == 0

    def void_entries(self) -> int:
        """How many aborted entries lie in the logs, for readers who want everything."""
        reader = self._new_reader("read_uncommitted")
        count = 0
        at_end: set[int] = set()
        while len(at_end) < PARTITIONS:
            for message in reader.consume(5000, 1):
                if message.error() is None:
                    count += message.value().endswith(b"void")
                else:
                    at_end.add(message.partition())
        reader.close()
        return count

    def close(self) -> None:
        self._reader.close()
        self.tellers.close()

    def _open_partitions(self) -> list[int]:
        """Where the last stable offset is not the high watermark."""
        with RawClient(self._bootstrap) as client:
            stable, watermarks = (
                self._latest(client, each) for each in (READ_COMMITTED, READ_UNCOMMITTED)
            )
        return [each for each in range(PARTITIONS) if stable[each] != watermarks[each]]

    def _latest(self, client: RawClient, isolation_level: int) -> dict[int, int]:
        asked = [
            ListOffsetsRequest.ListOffsetsPartition(partition_index=each, timestamp=LATEST)
            for each in range(PARTITIONS)
        ]
        topic = ListOffsetsRequest.ListOffsetsTopic(f"{self._name}-entries", asked)
        request = ListOffsetsRequest(isolation_level=isolation_level, topics=[topic])
        answered = client.ask(request, 7).topics[0].partitions
        assert not any(each.error_code for each in answered), answered
        return {each.partition_index: each.offset for each in answered}

    def _committed_offsets(self) -> list[int]:
        """Of the group, in the order of the partitions; waits while any of them is pending."""
        asking = Consumer({"bootstrap.servers": self._bootstrap, "group.id": self._name})
        everywhere = [TopicPartition(f"{self._name}-orders", each) for each in range(PARTITIONS)]
        offsets = [max(each.offset, 0) for each in asking.committed(everywhere, WAIT_S)]
        asking.close()
        return offsets

    def _new_reader(self, isolation_level: str) -> Consumer:
        reader = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": f"{self._name}-{isolation_level}",
                "isolation.level": isolation_level,
                "enable.auto.commit": False,
                "enable.partition.eof": isolation_level == "read_uncommitted",
                **RECONNECTING,
                "log_level": 0,
            }
        )
        entries = f"{self._name}-entries"
        reader.assign([TopicPartition(entries, each, 0) for each in range(PARTITIONS)])
        return reader
