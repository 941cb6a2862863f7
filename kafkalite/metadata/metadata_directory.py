"""Whose metadata a data directory holds: kafkalite's or Apache Kafka's. Told by the files alone; nothing is changed.

    data/bootstrap.checkpoint                 what Kafka begins its metadata log with, as long as that is empty; kafkalite
                                              leaves a sentence there instead
         __cluster_metadata-0/*.log           the metadata log, of either
                             /quorum-state    Kafka's vote; it is there before Kafka appends anything
                             /*.checkpoint    Kafka's snapshots of the metadata

What becomes of a directory (-> kafkalite graduate, ~> kafkalite adopt):

    NOBODY      no metadata                        a first start makes it KAFKALITE or KAFKA
    KAFKALITE   a log without a vote               -> PREPARED; Kafka started on it: KAFKA
    PREPARED    bootstrap.checkpoint, no log       Kafka started on it: KAFKA; ~> KAFKALITE
    KAFKA       a log with a vote or snapshots     ~> PREPARED ~> KAFKALITE

PREPARED is also what `kafka-storage format` leaves. Each step between two of them is one rename.

The sentence keeps Kafka out of a directory of kafkalite's. Kafka opens its metadata log, and writes to it, before it takes
the lock on the directory: started by mistake beside kafkalite it would damage the log. A bootstrap.checkpoint that it
cannot read is what it finds even earlier; it stops, naming the file, with nothing touched (measured with 4.3.0).
"""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Final

from kafkalite.errors import StartupError
from kafkalite.metadata.image import METADATA_TOPIC
from kafkalite.storage.filesystem import FileSystem, replace_atomically
from kafkalite.storage.segment_files import LOG_SUFFIX, base_offset_of, suffix_of

METADATA_DIRECTORY: Final = f"{METADATA_TOPIC}-0"
BOOTSTRAP_CHECKPOINT: Final = "bootstrap.checkpoint"
QUORUM_STATE: Final = "quorum-state"
SNAPSHOT_SUFFIX: Final = ".checkpoint"


_KEEP_OUT: Final = b"kafkalite serves this directory. For Apache Kafka: stop it, and run  kafkalite graduate --data <directory>\n"


class MetadataOwner(Enum):
    """Whose metadata counts; the states are drawn above."""

    NOBODY = "nobody"
    KAFKALITE = "kafkalite"
    PREPARED = "prepared for Apache Kafka"
    KAFKA = "Apache Kafka"


def metadata_owner(filesystem: FileSystem, data: Path) -> MetadataOwner:
    """Whose metadata the data directory holds. Raises OSError."""
    directory = data / METADATA_DIRECTORY
    names = filesystem.listdir(directory) if filesystem.exists(directory) else []
    is_kafkas = QUORUM_STATE in names or bool(snapshot_names(names))
    if any(filesystem.size(directory / name) for name in log_names(names)):
        return MetadataOwner.KAFKA if is_kafkas else MetadataOwner.KAFKALITE
    if has_bootstrap(filesystem, data):
        return MetadataOwner.PREPARED
    if is_kafkas:
        return MetadataOwner.KAFKA
    return MetadataOwner.KAFKALITE if names else MetadataOwner.NOBODY


def has_bootstrap(filesystem: FileSystem, data: Path) -> bool:
    """Is there metadata for Kafka to begin with? Raises OSError."""
    path = data / BOOTSTRAP_CHECKPOINT
    return filesystem.exists(path) and filesystem.read_bytes(path) != _KEEP_OUT


def keep_kafka_out(filesystem: FileSystem, data: Path) -> None:
    """Kafka is not to start on the directory, which is kafkalite's. Raises OSError."""
    path = data / BOOTSTRAP_CHECKPOINT
    if has_bootstrap(filesystem, data) or not filesystem.exists(path):
        replace_atomically(filesystem, path, _KEEP_OUT, sync=False)


def refuse_kafkas(filesystem: FileSystem, data: Path) -> None:
    """A broker must not start on Kafka's metadata: it would find no topics. Raises StartupError.

    A directory that cannot be read is left to those who need it.
    """
    with suppress(OSError):
        if metadata_owner(filesystem, data) in (MetadataOwner.KAFKA, MetadataOwner.PREPARED):
            raise StartupError(
                f"the data in {data} belongs to Apache Kafka: it wrote it, or the directory was prepared for it;"
                f" `kafkalite adopt --data {data}` makes it kafkalite's, `--dry-run` shows what that would do"
            )


def log_names(names: list[str]) -> list[str]:
    """The log files among the names of a directory, in order of their offsets."""
    return sorted(name for name in names if base_offset_of(name) is not None and suffix_of(name) == LOG_SUFFIX)  # fmt: skip


def snapshot_names(names: list[str]) -> list[str]:
    """Kafka's snapshots `<end offset>-<epoch>.checkpoint` among the names of a directory, oldest first."""
    return sorted(name for name in names if name.endswith(SNAPSHOT_SUFFIX))
