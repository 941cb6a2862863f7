"""A file of metadata records between a header and a footer: `bootstrap.checkpoint`, and Kafka's snapshots.

    +------------------------+------------------+-----+------------------+------------------------+
    | control batch          | batch of records |     | batch of records | control batch          |
    | SnapshotHeader, offset 0 | offsets 1 to n | ... |                  | SnapshotFooter         |
    +------------------------+------------------+-----+------------------+------------------------+

Offsets count on from batch to batch; the leader epoch is 0 throughout. A file without its footer was not finished.
Byte by byte in docs/formats/metadata-checkpoint.md. Source: Kafka's `BatchFileWriter`, `RecordsSnapshotWriter`; compared
with what `kafka-storage format` 4.3.0 writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from kafkalite_protocol.control_records import ControlRecordType
from kafkalite_protocol.messages.snapshot_footer_record import SnapshotFooterRecord
from kafkalite_protocol.messages.snapshot_header_record import SnapshotHeaderRecord
from kafkalite_protocol.primitives import Message
from kafkalite_protocol.records import Record, build_batch

from kafkalite.metadata.records import MetadataRecord, encode_record
from kafkalite.storage.filesystem import FileSystem, replace_atomically
from kafkalite.types import LeaderEpoch, Offset

_RECORDS_PER_BATCH: Final = 1000
_LEADER_EPOCH: Final = LeaderEpoch(0)


def write_checkpoint(
    filesystem: FileSystem, path: Path, records: Iterable[MetadataRecord], now_ms: int
) -> None:
    """Replace the file, durably. Raises OSError."""
    replace_atomically(filesystem, path, b"".join(checkpoint_batches(records, now_ms)))


def checkpoint_batches(records: Iterable[MetadataRecord], now_ms: int) -> Iterator[bytes]:
    """The content of such a file, batch by batch."""
    yield _control(
        Offset(0), now_ms, ControlRecordType.SNAPSHOT_HEADER, SnapshotHeaderRecord(version=0)
    )
    offset, rest = Offset(1), iter(records)
    while chunk := list(islice(rest, _RECORDS_PER_BATCH)):
        batch = build_batch(
            [
                Record(Offset(offset + delta), now_ms, None, encode_record(record), [])
                for delta, record in enumerate(chunk)
            ],
            base_offset=offset,
            leader_epoch=_LEADER_EPOCH,
        )
        yield bytes(batch)
        offset = Offset(offset + len(chunk))
    yield _control(
        offset, now_ms, ControlRecordType.SNAPSHOT_FOOTER, SnapshotFooterRecord(version=0)
    )


def _control(offset: Offset, now_ms: int, kind: ControlRecordType, message: Message) -> bytes:
    """A control batch: the key is int16 version 0, int16 type; the value is the message of version 0."""
    key = b"\0\0" + kind.to_bytes(2, "big")
    record = Record(offset, now_ms, key, message.encode(0), [])
    return bytes(
        build_batch([record], base_offset=offset, leader_epoch=_LEADER_EPOCH, control=True)
    )
