"""What lies in a data directory, counted by reading it; nothing is changed.

Records are counted by their offsets, from the log start to the log end: compaction and transaction markers make it an
upper bound. Groups are those that `__consumer_offsets` holds anything of.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.records import iter_records

from kafkalite.metadata.image import MetadataImage
from kafkalite.metadata.metadata_directory import log_names
from kafkalite.storage.batch_scan import batch_places, sound_batches
from kafkalite.storage.checkpoints import (
    LOG_START_OFFSET_CHECKPOINT,
    CorruptCheckpointError,
    read_offset_checkpoint,
)
from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.segment_files import base_offset_of
from kafkalite.types import Offset, TopicPartition

_GROUP_OFFSETS_TOPIC: Final = "__consumer_offsets"
_GROUP_KEY: Final = Struct(">hh")
"""Every key there begins so: int16 type of record, int16 length of the group id, the group id."""


class Survey(NamedTuple):
    """Figures for a report."""

    topics: int
    partitions: int
    records: int
    size_bytes: int
    """Of the log files."""
    groups: int
    missing: list[TopicPartition]
    """Partitions without a directory: they will begin empty."""

    def __str__(self) -> str:
        return (
            f"{self.topics} topics with {self.partitions} partitions, {self.records} records in {self.size_bytes} bytes,"
            f" {self.groups} groups"
        )


def survey(filesystem: FileSystem, data: Path, image: MetadataImage) -> Survey:
    """Look at every partition that `image` has. Raises OSError."""
    try:
        starts = read_offset_checkpoint(filesystem, data / LOG_START_OFFSET_CHECKPOINT)
    except CorruptCheckpointError:
        starts = {}
    partitions = [
        TopicPartition(topic.name, number)
        for topic in image.topics.values()
        for number in range(len(topic.partitions))
    ]
    missing = [tp for tp in partitions if not filesystem.exists(data / str(tp))]
    records = size_bytes = 0
    for tp in sorted(set(partitions) - set(missing)):
        start, end, length = _extent(filesystem, data / str(tp))
        records += max(0, end - max(start, starts.get(tp, start)))
        size_bytes += length
    present = [tp for tp in partitions if tp.topic == _GROUP_OFFSETS_TOPIC and tp not in missing]
    groups = {group for tp in present for group in _groups(filesystem, data / str(tp))}
    return Survey(len(image.topics), len(partitions), records, size_bytes, len(groups), missing)


def _extent(filesystem: FileSystem, directory: Path) -> tuple[Offset, Offset, int]:
    """First offset, the one after the last, and bytes."""
    names = log_names(filesystem.listdir(directory))
    size_bytes = sum(filesystem.size(directory / name) for name in names)
    if not names:
        return Offset(0), Offset(0), 0
    end = _base(names[-1])
    file = filesystem.open(directory / names[-1], transient=True)
    for place in batch_places(file, 0, file.size):
        end = Offset(place.last_offset + 1)
    file.close()
    return _base(names[0]), end, size_bytes


def _base(name: str) -> Offset:
    return base_offset_of(name) or Offset(0)


def _groups(filesystem: FileSystem, directory: Path) -> set[bytes]:
    """Ids of the groups with a record that no tombstone has taken back."""
    live: dict[bytes, bool] = {}
    for key, is_tombstone in _keys(filesystem, directory):
        live[key] = not is_tombstone
    return {_group_id(key) for key, is_live in live.items() if is_live}


def _keys(filesystem: FileSystem, directory: Path) -> Iterator[tuple[bytes, bool]]:
    for name in log_names(filesystem.listdir(directory)):
        file = filesystem.open(directory / name, transient=True)
        for batch in sound_batches(file, 0, file.size, _base(name)):
            if batch.is_control:
                continue
            try:
                for record in iter_records(batch):
                    if record.key is not None:
                        yield bytes(record.key), record.value is None
            except ProtocolError:
                continue  # the group coordinator will say so; this is only a count
        file.close()


def _group_id(key: bytes) -> bytes:
    if len(key) < _GROUP_KEY.size:
        return key
    _, length = _GROUP_KEY.unpack_from(key)
    return key[_GROUP_KEY.size : _GROUP_KEY.size + length]
