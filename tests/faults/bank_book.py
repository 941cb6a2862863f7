"""Orders that move money from one account to another, and the book of what has become of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

ACCOUNTS = 40
OPENING_BALANCE = 1000
TOTAL = ACCOUNTS * OPENING_BALANCE


class Order(NamedTuple):
    debtor: int
    creditor: int
    amount: int


def make_orders(partitions: int, each: int, chance: random.Random) -> list[list[Order]]:
    """By partition, and there by offset."""

    def order() -> Order:
        debtor, creditor = chance.sample(range(ACCOUNTS), 2)
        return Order(debtor, creditor, chance.randint(1, 99))

    return [[order() for _ in range(each)] for _ in range(partitions)]


class Book:
    """What the committed entries say.

    An order of which one entry has been read and the other not yet is on its way: partitions are read
    one after the other. Its money counts as `in_transit`.
    """

    def __init__(self, orders: Sequence[Sequence[Order]]) -> None:
        self._orders = orders
        self._balances = [OPENING_BALANCE] * ACCOUNTS
        self._half: dict[tuple[int, int], int] = {}
        self._whole: list[set[int]] = [set() for _ in orders]

    def enter(self, account: int, value: str) -> None:
        """Take over one entry, which must be of an order, and the only one of that for this account."""
        partition, offset, change, word = value.split()
        assert word == "kept", f"{value} was aborted"
        key, amount = (int(partition), int(offset)), int(change)
        order = self._orders[key[0]][key[1]]
        expected = (order.debtor, -order.amount) if amount < 0 else (order.creditor, order.amount)
        assert (account, amount) == expected, f"{value} of account {account} is not {order}"
        assert key[1] not in self._whole[key[0]], f"{value} comes once more"
        self._balances[account] += amount
        other = self._half.pop(key, None)
        if other is None:
            self._half[key] = amount
        else:
            assert other == -amount, f"{value} comes twice"
            self._whole[key[0]].add(key[1])

    @property
    def in_transit(self) -> int:
        return -sum(self._half.values())

    @property
    def total(self) -> int:
        return sum(self._balances) + self.in_transit

    @property
    def orders_done(self) -> int:
        return sum(map(len, self._whole))

    def done_in(self, partition: int) -> int:
        return len(self._whole[partition])

    def is_at(self, committed: Sequence[int]) -> bool:
        """Whether exactly the orders below these offsets are here, with both entries."""
        return not self._half and self._whole == [set(range(each)) for each in committed]
