"""Checkpoint files: short lists of numbers as text, replaced as a whole.

    0                      version of the format
    2                      how many entries follow
    orders 0 1500          one entry a line, fields separated by a space
    orders 1 1480

An *offset checkpoint* (`recovery-point-offset-checkpoint`, `log-start-offset-checkpoint`,
`replication-offset-checkpoint`) lies in a log directory and has an entry `topic partition offset`
for each of its partitions. `leader-epoch-checkpoint` lies in a partition's directory and has an
entry `epoch startOffset` for each leader epoch. Kafka: `CheckpointFile`, `OffsetCheckpointFile`,
`LeaderEpochCheckpointFile`. An empty file is an empty list, as in Kafka.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafkalite.storage.filesystem import FileSystem, replace_atomically
from kafkalite.types import LeaderEpoch, Offset, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

RECOVERY_POINT_CHECKPOINT = "recovery-point-offset-checkpoint"
"""Up to where each log is flushed; recovery after a kill begins there."""
LOG_START_OFFSET_CHECKPOINT = "log-start-offset-checkpoint"
"""First readable offsets that the segment files alone do not tell (DeleteRecords)."""
REPLICATION_CHECKPOINT = "replication-offset-checkpoint"
"""High watermarks."""
CLEANER_CHECKPOINT = "cleaner-offset-checkpoint"
"""Up to where compaction has cleaned."""
LEADER_EPOCH_CHECKPOINT = "leader-epoch-checkpoint"

_VERSION = 0


class CorruptCheckpointError(Exception):
    """A checkpoint file that is not in its format.

    All of them can be made again: a lost recovery point means recovery from the start of the log, a
    lost log start offset that deleted records below it reappear, lost leader epochs that they are
    read from the batches.
    """


def read_offset_checkpoint(filesystem: FileSystem, path: Path) -> dict[TopicPartition, Offset]:
    """The offsets by partition; nothing when there is no such file. Raises
    `CorruptCheckpointError`.
    """
    offsets = {}
    for topic, partition, offset in _read(filesystem, path, fields=3):
        key = TopicPartition(topic, _number(path, partition))
        offsets[key] = Offset(_number(path, offset))
    return offsets


def write_offset_checkpoint(
    filesystem: FileSystem, path: Path, offsets: Mapping[TopicPartition, Offset]
) -> None:
    """Replace the file, durably. Raises OSError."""
    entries = (f"{tp.topic} {tp.partition} {offset}" for tp, offset in offsets.items())
    _write(filesystem, path, entries, sync=True)


def read_leader_epochs(filesystem: FileSystem, path: Path) -> list[tuple[LeaderEpoch, Offset]]:
    """(epoch, start offset) in order of the epochs. Raises `CorruptCheckpointError`."""
    return [
        (LeaderEpoch(_number(path, epoch)), Offset(_number(path, start_offset)))
        for epoch, start_offset in _read(filesystem, path, fields=2)
    ]


def write_leader_epochs(
    filesystem: FileSystem,
    path: Path,
    epochs: Iterable[tuple[LeaderEpoch, Offset]],
    *,
    sync: bool = True,
) -> None:
    """Replace the file; without `sync` it may be lost with the power, but not with the process."""
    entries = (f"{epoch} {start_offset}" for epoch, start_offset in epochs)
    _write(filesystem, path, entries, sync=sync)


def _read(filesystem: FileSystem, path: Path, fields: int) -> list[list[str]]:
    if not filesystem.exists(path):
        return []
    try:
        lines = filesystem.read_bytes(path).decode().splitlines()
    except UnicodeDecodeError:
        raise _corrupt(path, "it is not text") from None
    if not lines:
        return []
    if lines[0] != str(_VERSION):
        raise _corrupt(path, f"version {lines[0]!r} is not {_VERSION}")
    entries = [line.split() for line in lines[2:]]
    if len(lines) < 2 or _number(path, lines[1]) != len(entries):
        raise _corrupt(path, f"it announces {lines[1:2]} entries and has {len(entries)}")
    for number, entry in enumerate(entries, start=3):
        if len(entry) != fields:
            raise _corrupt(path, f"line {number} has {len(entry)} fields, not {fields}")
    return entries


def _write(filesystem: FileSystem, path: Path, entries: Iterable[str], *, sync: bool) -> None:
    lines = list(entries)
    text = "\n".join([str(_VERSION), str(len(lines)), *lines, ""])
    replace_atomically(filesystem, path, text.encode(), sync=sync)


def _number(path: Path, text: str) -> int:
    if not text.isdecimal():
        raise _corrupt(path, f"{text!r} is not a number")
    return int(text)


def _corrupt(path: Path, reason: str) -> CorruptCheckpointError:
    return CorruptCheckpointError(f"checkpoint file {path} is corrupt: {reason}")
