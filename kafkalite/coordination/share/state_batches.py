"""State batches laid over one another: what a share partition's state is after an update.

    known    [0-9 available, 1 delivery] [10-19 acknowledged, 1]
    update             [5-12 acknowledged, 1]
    merged   [0-4 available, 1] [5-19 acknowledged, 1]

Where batches overlap, the one with more deliveries holds, of equals the one with the higher state: a state only ever moves
that way. Neighbours of one state and count are joined. (Kafka's class is PersisterStateBatchCombiner.)
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import attrgetter

from kafkalite.coordination.share.persister import StateBatch
from kafkalite.types import Offset

_FIRST = attrgetter("first_offset")
_LAST = attrgetter("last_offset")


def merge(
    known: Sequence[StateBatch], update: Sequence[StateBatch], start_offset: Offset
) -> list[StateBatch]:
    """`known` (in order, without overlap) with `update` (any order, may overlap) laid over it, nothing below `start_offset`.

    Batches that end before they begin are left out.
    """
    fresh = [batch for batch in update if batch.first_offset <= batch.last_offset]
    if not fresh:
        return _cut(known, start_offset)
    # Only the neighbourhood of the update is worked on: acknowledgements come by the thousand.
    low = bisect_left(known, min(map(_FIRST, fresh)) - 1, key=_LAST)
    high = bisect_right(known, max(map(_LAST, fresh)) + 1, key=_FIRST)
    return _cut([*known[:low], *_overlay([*known[low:high], *fresh]), *known[high:]], start_offset)


def _cut(batches: Sequence[StateBatch], start_offset: Offset) -> list[StateBatch]:
    kept = list(batches[bisect_left(batches, start_offset, key=_LAST) :])
    if kept and kept[0].first_offset < start_offset:
        kept[0] = kept[0]._replace(first_offset=start_offset)
    return kept


def _overlay(batches: Iterable[StateBatch]) -> list[StateBatch]:
    """Sweep over the edges; on each stretch between two of them the strongest batch that covers it holds."""
    waiting = sorted(batches, key=_FIRST)
    edges = sorted(
        {edge for batch in waiting for edge in (batch.first_offset, batch.last_offset + 1)}
    )
    out: list[StateBatch] = []
    covering: list[tuple[int, int, int]] = []
    begun = 0
    for edge, next_edge in pairwise(edges):
        while begun < len(waiting) and waiting[begun].first_offset <= edge:
            batch = waiting[begun]
            heapq.heappush(
                covering, (-batch.delivery_count, -batch.delivery_state, batch.last_offset)
            )
            begun += 1
        while covering and covering[0][2] < edge:
            heapq.heappop(covering)
        if covering:
            count, state, _ = covering[0]
            _append(out, StateBatch(Offset(edge), Offset(next_edge - 1), -state, -count))
    return out


def _append(out: list[StateBatch], batch: StateBatch) -> None:
    last = out[-1] if out else None
    if last is not None and last.last_offset + 1 == batch.first_offset and last[2:] == batch[2:]:
        out[-1] = last._replace(last_offset=batch.last_offset)
    else:
        out.append(batch)
