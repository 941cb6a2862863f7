"""Money moves in transactions while tellers and the broker are killed: at any time a read_committed reader finds all of it."""

from __future__ import annotations

import os
import random
import signal
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.broker_process import BrokerProcess
from tests.faults.bank import Bank, give_orders
from tests.faults.bank_book import TOTAL, make_orders
from tests.faults.bank_teller import CONFUSED, FENCED, PARTITIONS
from tests.forgotten_sockets import IGNORE_FORGOTTEN_SOCKETS, close_forgotten_sockets

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    IGNORE_FORGOTTEN_SOCKETS,
]

ORDERS = int(os.environ.get("KAFKALITE_TEST_TRANSACTIONS", "10400"))
SEED = int(os.environ.get("KAFKALITE_TEST_SEED", "20"))
KILLED = -signal.SIGKILL


@pytest.fixture(autouse=True)
def _no_sockets_are_left() -> Iterator[None]:
    yield
    close_forgotten_sockets()


class Misfortunes:
    """What happens to a bank, by name."""

    def __init__(self, bank: Bank, broker: BrokerProcess, chance: random.Random) -> None:
        self.bank, self._broker, self._chance = bank, broker, chance
        self.zombies: Counter[int] = Counter()

    def broker_is_killed(self) -> None:
        self._broker.kill9()
        self._broker.start()

    def teller_is_killed(self) -> None:
        self.bank.tellers.kill(self._busy_partition())

    def both_are_killed(self) -> None:
        self._broker.kill9()
        self.teller_is_killed()
        self._broker.start()

    def teller_comes_back(self) -> None:
        """One is stopped wherever it is, and goes on when another has long taken its place."""
        partition = self._busy_partition()
        zombie = self.bank.tellers.dismiss(partition)
        zombie.send_signal(signal.SIGSTOP)
        try:
            enough = self.bank.book.done_in(partition) + 5
            if self._chance.random() < 0.3:
                self.broker_is_killed()
            self.bank.read(lambda: self.bank.book.done_in(partition) >= enough, "the successor")
        finally:
            zombie.send_signal(signal.SIGCONT)
        self.bank.read(lambda: zombie.poll() is not None, "the end of the zombie")
        self.zombies[zombie.returncode] += 1

    def auditor_comes(self) -> None:
        self.bank.audit()

    def _busy_partition(self) -> int:
        """One whose teller is in the midst of its work, and has much of it left."""
        self.bank.read(lambda: bool(self.bank.tellers.busy()), "a busy teller")
        by_work_left = sorted(self.bank.tellers.busy(), key=self.bank.book.done_in)
        return self._chance.choice(by_work_left[: PARTITIONS // 2])


MISFORTUNES: list[tuple[Callable[[Misfortunes], None], int]] = [
    (Misfortunes.broker_is_killed, 20),
    (Misfortunes.teller_is_killed, 15),
    (Misfortunes.both_are_killed, 5),
    (Misfortunes.teller_comes_back, 6),
    (Misfortunes.auditor_comes, 6),
]


def test_no_money_is_made_or_lost_whoever_is_killed(broker: BrokerProcess, tmp_path: Path) -> None:
    """10 000 transactions over 8 partitions and the consumed offsets; and no zombie gets anything through."""
    chance = random.Random(SEED)
    orders = make_orders(PARTITIONS, ORDERS // PARTITIONS, chance)
    name = create_topics(broker.bootstrap)
    give_orders(broker.bootstrap, name, orders)
    bank = Bank(broker.bootstrap, name, orders, tmp_path)
    misfortunes = Misfortunes(bank, broker, chance)
    sequence = [each for each, times in MISFORTUNES for _ in range(times)]
    chance.shuffle(sequence)
    try:
        for number, misfortune in enumerate(sequence, start=1):
            enough = ORDERS * number // (len(sequence) + 1) + chance.randint(0, 50)
            bank.read(lambda enough=enough: bank.book.orders_done >= enough, "more orders")  # type: ignore[misc]
            misfortune(misfortunes)
        bank.read(lambda: bank.book.orders_done >= ORDERS, "all orders")
        bank.read(lambda: bank.tellers.are_done, "the tellers to finish")
        bank.audit()
        assert bank.book.total == TOTAL
        assert bank.void_entries() > 0, "nothing was aborted"
    finally:
        bank.close()
    assert misfortunes.zombies.keys() <= {FENCED, KILLED}
    assert misfortunes.zombies[FENCED] > 0
    assert bank.tellers.exits.keys() <= {0, FENCED, CONFUSED, KILLED}, bank.tellers.last_words()
    said = bank.tellers.said()
    assert said["leaving"] > 0
    assert said["aborted"] + said["committed"] > ORDERS
    assert "Traceback" not in broker.log()


def create_topics(bootstrap: str) -> str:
    name = f"bank-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topics = [NewTopic(f"{name}-{kind}", PARTITIONS, 1) for kind in ("orders", "entries")]
    for created in admin.create_topics(topics).values():
        created.result(30)
    return name
