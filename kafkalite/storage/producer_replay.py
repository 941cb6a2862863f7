"""Bringing producer state in line with a log: the latest snapshot, then the batches after it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from kafkalite_protocol.control_records import ControlRecordType, read_end_transaction_marker
from kafkalite_protocol.record_batch import RecordBatchView

from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.producer_snapshot import CorruptSnapshotError
from kafkalite.storage.producer_state import (
    ProducerState,
    read_snapshot,
    snapshot_offsets,
    snapshot_path,
)
from kafkalite.storage.segment import Segment
from kafkalite.storage.transaction_index import AbortedTransaction
from kafkalite.types import Offset

_log = logging.getLogger(__name__)


def note_producer(state: ProducerState, batch: RecordBatchView) -> AbortedTransaction | None:
    """Take note of an appended batch that has a producer id: of records, or the marker that ends a transaction.

    Returns what the transaction index has to keep, if anything.
    """
    if not batch.is_control:
        state.update(batch)
        return None
    marker = read_end_transaction_marker(batch)
    if marker is None:
        return None
    return state.complete(
        batch,
        aborted=marker.type is ControlRecordType.ABORT,
        coordinator_epoch=marker.coordinator_epoch,
    )


def load_latest_snapshot(
    state: ProducerState, filesystem: FileSystem, directory: Path, at_most: Offset
) -> Offset | None:
    """Make `state` that of the latest sound snapshot at or below `at_most` and return its offset.

    None, with an empty state, when there is no such snapshot. Those that are not sound are removed. Raises OSError.
    """
    for offset in reversed(snapshot_offsets(filesystem.listdir(directory))):
        if offset > at_most:
            continue
        try:
            read_snapshot(filesystem, directory, offset, state)
        except CorruptSnapshotError as error:
            _log.warning("%s; going back to an earlier one", error)
            filesystem.remove(snapshot_path(directory, offset))
        else:
            return offset
    state.clear()
    return None


def replay(state: ProducerState, segments: Iterable[Segment], start: Offset, end: Offset) -> None:
    """Add to `state` the batches of `segments` in [start, end). Raises OSError."""
    for segment in segments:
        if segment.next_offset <= start or segment.base_offset >= end:
            continue
        for batch in segment.sound_batches_from(start):
            if batch.producer_id >= 0 and batch.base_offset < end:
                note_producer(state, batch)


def rebuild_transaction_index(
    segments: Sequence[Segment],
    segment: Segment,
    filesystem: FileSystem,
    directory: Path,
    expiration_ms: int,
) -> None:
    """Make `segment`'s transaction index again from its markers, and from what the producers were where it begins.

    Raises OSError.
    """
    state = ProducerState(expiration_ms)
    start = load_latest_snapshot(state, filesystem, directory, segment.base_offset)
    replay(
        state,
        segments,
        segments[0].base_offset if start is None else start,
        segment.base_offset,
    )
    segment.transaction_index.reset()
    for batch in segment.sound_batches_from(segment.base_offset):
        if batch.producer_id >= 0:
            aborted = note_producer(state, batch)
            if aborted is not None:
                segment.transaction_index.append(aborted)


def remove_snapshots(filesystem: FileSystem, directory: Path, *, above: Offset) -> None:
    """Remove the snapshots of a future that was cut off. Raises OSError."""
    for offset in snapshot_offsets(filesystem.listdir(directory)):
        if offset > above:
            filesystem.remove(snapshot_path(directory, offset))
