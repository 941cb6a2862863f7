"""A stopped data directory, held while something is done to it as a whole."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final, NamedTuple, Self

from kafkalite.clock import Clock
from kafkalite.config import BrokerConfig
from kafkalite.errors import StartupError
from kafkalite.metadata.metadata_directory import METADATA_DIRECTORY, MetadataOwner, metadata_owner
from kafkalite.storage.descriptors import Descriptor
from kafkalite.storage.directory_lock import LockedError
from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.log_directory import LOCK_FILE
from kafkalite.storage.log_manager import STRAY_SUFFIX, LogManager
from kafkalite.storage.metadata_files import (
    CLEAN_SHUTDOWN,
    META_PROPERTIES,
    MetaProperties,
    read_meta_properties,
)

ASIDE_PREFIX: Final = f"{METADATA_DIRECTORY}."
"""A directory `__cluster_metadata-0.<anything>-stray` is left alone by both brokers; under most other names Kafka would not
start (`UnifiedLog.parseTopicPartitionName`, `LogManager.loadLogs`)."""


class Outside(NamedTuple):
    """The world as arguments."""

    filesystem: FileSystem
    clock: Clock
    rng: random.Random


class DataDirectory:
    """A context manager: inside the block nobody else serves the directory."""

    def __init__(self, path: Path, outside: Outside) -> None:
        self.path = path
        self.filesystem, self.clock, self.rng = outside
        self._lock: Descriptor | None = None
        self.properties: MetaProperties
        """Whose it is; known inside the block."""

    def __enter__(self) -> Self:
        """Raises StartupError when the directory is in use, or no broker's."""
        properties = read_meta_properties(self.filesystem, self.path / META_PROPERTIES)
        if properties is None:
            raise StartupError(
                f"{self.path} is no data directory of a broker: it has no {META_PROPERTIES}; name it with --data"
            )
        self.properties = properties
        try:
            self._lock = self.filesystem.lock(self.path / LOCK_FILE)
        except BlockingIOError as error:
            holder = error.holder if isinstance(error, LockedError) else "another broker"
            raise StartupError(
                f"the data in {self.path} is in use by {holder}; stop it first"
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._lock = None

    @property
    def owner(self) -> MetadataOwner:
        return metadata_owner(self.filesystem, self.path)

    @property
    def is_clean(self) -> bool:
        """The last broker on it stopped in order."""
        return self.filesystem.exists(self.path / CLEAN_SHUTDOWN)

    def recover(self) -> None:
        """Check and repair the logs after a kill, as a start would, and mark the directory clean. Raises StartupError."""
        config = BrokerConfig({"log.dirs": str(self.path), "node.id": str(self.properties.node_id)})
        logs = LogManager(config, filesystem=self.filesystem, clock=self.clock, rng=self.rng)
        logs.open(self._lock)
        logs.close()

    def name_aside(self, writer: str) -> Path:
        """Where the metadata log that `writer` wrote can be put: a name that is free."""
        taken = set(self.filesystem.listdir(self.path))
        number = 1
        while (name := f"{ASIDE_PREFIX}{writer}-{number}{STRAY_SUFFIX}") in taken:
            number += 1
        return self.path / name

    def put_metadata_aside(self, target: Path) -> None:
        """One rename, durable. Raises OSError."""
        self.filesystem.rename(self.path / METADATA_DIRECTORY, target)
        self.filesystem.fsync_directory(self.path)
