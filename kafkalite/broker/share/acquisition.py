"""What one fetch acquires of a share partition, batch by batch of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kafkalite.broker.share.stretch import Stretch
from kafkalite.types import MemberId

NO_END = 1 << 63
"""Beyond every offset."""


class Acquired(NamedTuple):
    """Part of an answer to ShareFetch."""

    first: int
    last: int
    delivery_count: int


class Limits(NamedTuple):
    """What one fetch may acquire."""

    max_records: int
    """Whole batches of the log are acquired: the last may go beyond, unless `exact`."""
    batch_size: int
    """Records acquired together, at least, when there are so many."""
    max_locks: int
    """share.partition.max.record.locks: records in flight"""
    delivery_limit: int
    """share.delivery.count.limit"""
    exact: bool = False
    """Never more than `max_records` (KIP-1206)."""


@dataclass(slots=True)
class Acquisition:
    """One fetch's acquiring, batch by batch of the log."""

    member_id: MemberId
    deadline_ms: int
    limits: Limits
    room: int
    end: int
    """Nothing is acquired from this offset on."""
    position: int
    """Up to where the log has been looked at."""
    taken: list[Stretch]
    count: int = 0
    throttled: bool = False
    """Of records that have been delivered too often, `room` and no more."""

    @property
    def is_full(self) -> bool:
        return self.count >= self.room

    @property
    def acquired(self) -> list[Acquired]:
        """Neighbours of one batch that were delivered equally often, as one."""
        out: list[Acquired] = []
        batch = -1
        for each in self.taken:
            last = out[-1] if out else None
            if (
                last is not None
                and batch == each.batch
                and (last.last + 1, last.delivery_count) == (each.first, each.delivery_count)
            ):
                out[-1] = last._replace(last=each.last)
            else:
                out.append(Acquired(each.first, each.last, each.delivery_count))
            batch = each.batch
        return out
