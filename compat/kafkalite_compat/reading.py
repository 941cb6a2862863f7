"""Polling consumers until what is wanted has come: each wait has an end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from kafkalite_compat.checks import shown
from kafkalite_compat.steps import Consumer, Polled, TopicPartition

READ_WITHIN_S: Final = 30.0
JOIN_WITHIN_S: Final = 45.0
SHORT_POLL_MS: Final = 100
LONG_POLL_MS: Final = 1000


def collect(
    consumers: Sequence[Consumer], count: int, within_s: float = READ_WITHIN_S
) -> list[Polled]:
    """Poll in turn until at least `count` records have come; all that came. Raises AssertionError after `within_s`."""
    got: list[Polled] = []
    timeout_ms = LONG_POLL_MS if len(consumers) == 1 else SHORT_POLL_MS
    poll_until(consumers, lambda: len(got) >= count, got, timeout_ms, within_s, f"{count} records")
    return got


def collect_no_more_than(consumer: Consumer, count: int) -> list[Polled]:
    """As `collect` with one consumer, and then one poll more, so that a record too many is seen too."""
    return [*collect([consumer], count), *consumer.poll(SHORT_POLL_MS)]


def poll_until(
    consumers: Sequence[Consumer],
    done: Callable[[], object],
    got: list[Polled],
    timeout_ms: int = SHORT_POLL_MS,
    within_s: float = JOIN_WITHIN_S,
    what: str = "what was waited for",
) -> None:
    """Poll the consumers in turn, which keeps them in their groups, until `done`; records are added to `got`.

    Polls get longer the longer it takes: some clients join a group only while they are polled, and begin anew if that was too short.
    """
    deadline = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < deadline, (
            f"{what}: not within {within_s:.0f} s; read {len(got)} records, the last {shown(got[-1:])}"
        )
        for consumer in consumers:
            got += consumer.poll(timeout_ms)
        timeout_ms = min(timeout_ms * 5 // 4, LONG_POLL_MS)


def settle(
    consumers: Sequence[Consumer],
    partitions: set[TopicPartition],
    got: list[Polled] | None = None,
    enough: Callable[[Sequence[frozenset[TopicPartition]]], bool] | None = None,
) -> list[frozenset[TopicPartition]]:
    """Poll members of a group until each has some of the partitions, together they have all of them, and none is with two.

    `enough` replaces "each has some". Returns what each has.
    """
    owned: list[frozenset[TopicPartition]] = []
    wanted = enough or all

    def settled() -> bool:
        owned[:] = [consumer.assignment().partitions for consumer in consumers]
        held = [one for each in owned for one in each]
        return sorted(held) == sorted(partitions) and bool(wanted(owned))

    what = f"a share of {len(partitions)} partitions for each of {len(consumers)} members"
    poll_until(consumers, settled, [] if got is None else got, what=what)
    return owned
