"""The segment that a cleaning makes of several, as files `.cleaned` beside them.

    00000000000000000000.log.cleaned        the batches that stay
    00000000000000000000.index.cleaned      both indexes are kept in memory and written at the end: the memory maps that other
    00000000000000000000.timeindex.cleaned  segments use belong to the event loop's thread
    00000000000000000000.txnindex.cleaned   only where an aborted transaction is still of interest

Everything is durable before the files get other names.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kafkalite.storage.offset_index import OffsetIndex
from kafkalite.storage.segment_files import (
    CLEANED_SUFFIX,
    LOG_SUFFIX,
    OFFSET_INDEX_SUFFIX,
    TIME_INDEX_SUFFIX,
    TRANSACTION_INDEX_SUFFIX,
    segment_path,
)
from kafkalite.storage.time_index import TimeIndex
from kafkalite.storage.transaction_index import encode_aborted_transaction
from kafkalite.types import NO_TIMESTAMP

if TYPE_CHECKING:
    from pathlib import Path

    from kafkalite_protocol.buffers import Buffer
    from kafkalite_protocol.record_batch import RecordBatchView

    from kafkalite.storage.filesystem import FileSystem
    from kafkalite.storage.log_config import LogConfig
    from kafkalite.storage.transaction_index import AbortedTransaction
    from kafkalite.types import Offset

_WRITE_BYTES = 1 << 18


class CleanedSegmentWriter:
    """Batches are appended in order, then `finish`. May run in any thread. Methods raise OSError."""

    def __init__(
        self, filesystem: FileSystem, directory: Path, base_offset: Offset, config: LogConfig
    ) -> None:
        self._filesystem = filesystem
        self._directory = directory
        self._base_offset = base_offset
        self._index_interval_bytes = config.index_interval_bytes
        self._index_bytes_max = config.segment_index_bytes
        self._log = filesystem.open(self._path(LOG_SUFFIX), create=True, transient=True)
        self._pending = bytearray()
        self._offset_entries = bytearray()
        self._time_entries = bytearray()
        self._bytes_since_index_entry = 0
        self._last_time_entry_ms = self._max_timestamp_ms = NO_TIMESTAMP
        self._max_timestamp_offset = int(base_offset)
        self.size_bytes = 0

    def append(self, batch: RecordBatchView) -> None:
        """Add a batch. Which ones are indexed is as in `Segment`."""
        if batch.max_timestamp_ms > self._max_timestamp_ms:
            self._max_timestamp_ms = batch.max_timestamp_ms
            self._max_timestamp_offset = batch.last_offset
        if self._bytes_since_index_entry > self._index_interval_bytes:
            self._index(batch.last_offset)
            self._bytes_since_index_entry = 0
        size_bytes = batch.total_bytes
        self._bytes_since_index_entry += size_bytes
        self.size_bytes += size_bytes
        self._pending += batch.view()
        if len(self._pending) >= _WRITE_BYTES:
            self._write_pending()

    def finish(self, aborted: Iterable[AbortedTransaction], modified_as: Path) -> None:
        """Complete the files and make them durable; the log file gets the modification time of the file `modified_as`."""
        self._write_pending()
        self._log.close()
        self._filesystem.fsync(self._log.path)
        self._index_time()
        self._write(OFFSET_INDEX_SUFFIX, self._offset_entries)
        self._write(TIME_INDEX_SUFFIX, self._time_entries)
        kept = b"".join(map(encode_aborted_transaction, aborted))
        if kept:
            self._write(TRANSACTION_INDEX_SUFFIX, kept)
        self._filesystem.copy_modification_time(modified_as, self._log.path)

    def _index(self, last_offset: int) -> None:
        """An entry for the batch that is about to be added. A full index leaves the rest to be found by walking."""
        if len(self._offset_entries) + OffsetIndex.ENTRY.size > self._index_bytes_max:
            return
        self._offset_entries += OffsetIndex.ENTRY.pack(
            last_offset - self._base_offset, self.size_bytes
        )
        self._index_time()

    def _index_time(self) -> None:
        """As `TimeIndex.maybe_append`: timestamps grow from entry to entry."""
        if self._max_timestamp_ms > self._last_time_entry_ms:
            self._last_time_entry_ms = self._max_timestamp_ms
            self._time_entries += TimeIndex.ENTRY.pack(
                self._max_timestamp_ms, self._max_timestamp_offset - self._base_offset
            )

    def _write_pending(self) -> None:
        if self._pending:
            self._log.append([self._pending])
            self._pending = bytearray()

    def _write(self, suffix: str, data: Buffer) -> None:
        path = self._path(suffix)
        file = self._filesystem.open(path, create=True, transient=True)
        if data:
            file.append([data])
        file.close()
        self._filesystem.fsync(path)

    def _path(self, suffix: str) -> Path:
        return cleaned_path(self._directory, self._base_offset, suffix)


def cleaned_path(directory: Path, base_offset: Offset, suffix: str) -> Path:
    """`orders-3/00000000000000000042.log.cleaned` for 42 and `.log`."""
    return segment_path(directory, base_offset, suffix + CLEANED_SUFFIX)


def remove_cleaned_files(filesystem: FileSystem, directory: Path) -> None:
    """What a cleaning that was given up has left. Raises OSError."""
    for name in filesystem.listdir(directory):
        if name.endswith(CLEANED_SUFFIX):
            filesystem.remove(directory / name)
