"""One data directory of a broker, and whose it is: made, locked and identified before anything in it is read."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from kafkalite.errors import StartupError
from kafkalite.storage.descriptors import Descriptor
from kafkalite.storage.directory_lock import LockedError
from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.log import Log
from kafkalite.storage.metadata_files import (
    META_PROPERTIES,
    MetaProperties,
    format_uuid,
    read_meta_properties,
    write_meta_properties,
)
from kafkalite.types import BrokerId, TopicPartition, Uuid

LOCK_FILE = ".lock"


class LogDirectory:
    """One data directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock: Descriptor | None = None
        self.properties: MetaProperties | None = None
        self.was_clean = False
        self.is_cleaned = False
        """A log in it has been compacted, so that there is a checkpoint of that to be kept up to date."""
        self.logs: dict[TopicPartition, Log] = {}

    def take(self, filesystem: FileSystem) -> None:
        """Make the directory if it is not there, and lock it unless it is. Raises StartupError, OSError."""
        _make(filesystem, self.path)
        if self.lock is not None:
            return
        try:
            self.lock = filesystem.lock(self.path / LOCK_FILE)
        except BlockingIOError as error:
            holder = error.holder if isinstance(error, LockedError) else "another broker"
            raise StartupError(
                f"the data in {self.path} is in use by {holder}; stop it, or choose another directory with --data"
            ) from None


def _make(filesystem: FileSystem, path: Path) -> None:
    if not filesystem.exists(path):
        if path.parent != path:
            _make(filesystem, path.parent)
        filesystem.mkdir(path)
        filesystem.fsync_directory(path.parent)


def identify(
    directories: Sequence[LogDirectory],
    filesystem: FileSystem,
    rng: random.Random,
    node_id: BrokerId,
    cluster_id: str | None,
) -> str:
    """Read or write whose data this is; all directories must agree. Returns the cluster id; None asks for any.

    Raises StartupError, OSError.
    """
    wanted = cluster_id
    for directory in directories:
        directory.properties = read_meta_properties(filesystem, directory.path / META_PROPERTIES)
        if directory.properties is not None:
            _check_owner(directory.path, directory.properties, node_id, wanted)
            wanted = directory.properties.cluster_id
    found = wanted or format_uuid(_new_uuid(rng))
    for directory in directories:
        if directory.properties is None:
            directory.properties = MetaProperties(found, node_id, _new_uuid(rng))
            write_meta_properties(
                filesystem, directory.path / META_PROPERTIES, directory.properties
            )
    return found


def _check_owner(
    path: Path, properties: MetaProperties, node_id: BrokerId, cluster_id: str | None
) -> None:
    if properties.node_id != node_id:
        raise StartupError(
            f"the data in {path} belongs to node.id {properties.node_id}, and this broker is {node_id}; "
            f"start it with --set node.id={properties.node_id}, or choose another directory with --data"
        )
    if cluster_id is not None and properties.cluster_id != cluster_id:
        raise StartupError(
            f"the data in {path} belongs to cluster {properties.cluster_id}, not to {cluster_id}; "
            "choose another directory with --data"
        )


def _new_uuid(rng: random.Random) -> Uuid:
    """Random; never one that is written with a `-` first, which tools would take for an option."""
    while True:
        uuid = Uuid(rng.randbytes(16))
        if not format_uuid(uuid).startswith("-"):
            return uuid
