"""The data directories of one broker and all the logs in them.

    <log.dirs>/.lock                              held by the running broker, with its pid inside
               meta.properties                    whose data this is
               .kafka_cleanshutdown               there between a clean stop and the next start
               recovery-point-offset-checkpoint   and the other checkpoints, for all partitions of the directory
               orders-3/                          a partition
               orders-3.5f0c...-delete/           a deleted one, until file.delete.delay.ms has passed
               orders-3.9b1e...-stray/            one that belonged to no topic when it was found; left to the operator
Kafka: LogManager.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.clock import Clock
from kafkalite.config import BrokerConfig
from kafkalite.errors import KafkaError, StartupError
from kafkalite.storage.checkpoint_files import CheckpointFiles
from kafkalite.storage.checkpoints import (
    CLEANER_CHECKPOINT,
    LOG_START_OFFSET_CHECKPOINT,
    RECOVERY_POINT_CHECKPOINT,
    REPLICATION_CHECKPOINT,
    CorruptCheckpointError,
    read_offset_checkpoint,
)
from kafkalite.storage.descriptors import Descriptor
from kafkalite.storage.filesystem import FileSystem, Space, remove_tree
from kafkalite.storage.log import Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.log_directory import LogDirectory, identify
from kafkalite.storage.log_loader import LogLoader
from kafkalite.storage.metadata_files import (
    CLEAN_SHUTDOWN,
    PARTITION_METADATA,
    read_partition_metadata,
    take_clean_shutdown,
    write_clean_shutdown,
    write_partition_metadata,
)
from kafkalite.storage.segment_files import base_offset_of
from kafkalite.types import ZERO_UUID, BrokerId, Offset, TopicPartition, Uuid

_log = logging.getLogger(__name__)

DELETE_SUFFIX = "-delete"
STRAY_SUFFIX = "-stray"

_DELETED_DIRECTORY = re.compile(r".*\.[0-9a-f]{32}-delete")
_PARTITION_DIRECTORY = re.compile(
    r"(?P<topic>[a-zA-Z0-9._-]{1,249})-(?P<partition>0|[1-9][0-9]{0,9})"
)
_NAME_BYTES_MAX = 255


class _Deleted(NamedTuple):
    """A deleted log's directory, or a file of a deleted segment, to be removed once its time has come."""

    path: Path
    due_ms: int


class LogManager:
    """All logs of one broker. `open` first; afterwards one thread uses it, but for the tasks that it hands out."""

    def __init__(
        self, config: BrokerConfig, *, filesystem: FileSystem, clock: Clock, rng: random.Random
    ) -> None:
        self._config = config
        self._filesystem = filesystem
        self._clock = clock
        self._rng = rng
        self._directories = [LogDirectory(Path(path)) for path in config.log_dirs]
        self._loader = LogLoader(filesystem, clock, rng)
        self._logs: dict[TopicPartition, Log] = {}
        self._deleted: list[_Deleted] = []
        self._cluster_id = ""
        self._checkpoints = CheckpointFiles(filesystem)
        self._gone: set[TopicPartition] = set()
        """Not there any more, but perhaps in the checkpoints on the disk."""

    @property
    def cluster_id(self) -> str:
        """22 characters of base64url, the same for as long as the data lives."""
        assert self._cluster_id, "known once opened"
        return self._cluster_id

    @property
    def directory_id(self) -> Uuid:
        """Of the first data directory."""
        properties = self._directories[0].properties
        assert properties is not None, "known once opened"
        return properties.directory_id

    # Opening

    def open(self, lock: Descriptor | None = None) -> None:
        """Take the directories and load every log. `lock`: that of the first one, held already. Raises StartupError."""
        self._directories[0].lock = lock
        try:
            for directory in self._directories:
                directory.take(self._filesystem)
            self._cluster_id = identify(
                self._directories,
                self._filesystem,
                self._rng,
                BrokerId(self._config.node_id),
                self._config.cluster_id,
            )
            for directory in self._directories:
                self._load_logs(directory)
        except OSError as error:
            self.release()
            raise StartupError(
                f"the data directory cannot be used: {error}; check that it can be written to and has room, "
                "or choose another with --data"
            ) from error
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let go of the directories as they are."""
        for directory in self._directories:
            directory.lock = None

    def _load_logs(self, directory: LogDirectory) -> None:
        filesystem, path = self._filesystem, directory.path
        directory.was_clean = take_clean_shutdown(filesystem, path / CLEAN_SHUTDOWN) is not None
        recovery_points = self._read_checkpoint(path / RECOVERY_POINT_CHECKPOINT)
        start_offsets = self._read_checkpoint(path / LOG_START_OFFSET_CHECKPOINT)
        cleaned_offsets = self._read_checkpoint(path / CLEANER_CHECKPOINT)
        directory.is_cleaned = bool(cleaned_offsets)
        config = LogConfig()
        for name in filesystem.listdir(path):
            if _DELETED_DIRECTORY.fullmatch(name) and filesystem.is_directory(path / name):
                self._deleted.append(_Deleted(path / name, self._clock.now_ms()))
                continue
            match = _PARTITION_DIRECTORY.fullmatch(name)
            if match is None or not filesystem.is_directory(path / name):
                continue
            if not _is_partition(filesystem.listdir(path / name)):
                _log.warning("%s is no partition and is left alone", path / name)
                continue
            topic_partition = TopicPartition(match["topic"], int(match["partition"]))
            if topic_partition in self._logs:
                raise StartupError(
                    f"{topic_partition} is in two data directories, {path} and {self._logs[topic_partition].directory.parent}; "
                    "remove one of them"
                )
            log = self._loader.load(
                path / name,
                topic_partition,
                self._topic_id(path / name),
                config,
                recovery_point=recovery_points.get(topic_partition, Offset(0)),
                log_start_offset=start_offsets.get(topic_partition, Offset(0)),
                clean=directory.was_clean and topic_partition in recovery_points,
            )
            log.cleaned_offset = cleaned_offsets.get(topic_partition, Offset(0))
            self._logs[topic_partition] = directory.logs[topic_partition] = log
        self._gone |= (recovery_points.keys() | start_offsets.keys()) - self._logs.keys()

    def _read_checkpoint(self, path: Path) -> dict[TopicPartition, Offset]:
        try:
            return read_offset_checkpoint(self._filesystem, path)
        except CorruptCheckpointError as error:
            _log.warning("%s; going on without it", error)
            return {}

    def _topic_id(self, directory: Path) -> Uuid:
        try:
            topic_id = read_partition_metadata(self._filesystem, directory / PARTITION_METADATA)
        except CorruptCheckpointError as error:
            _log.warning("%s; the cluster's metadata tells the topic id", error)
            topic_id = None
        return ZERO_UUID if topic_id is None else topic_id

    # Logs

    def log(self, topic_partition: TopicPartition) -> Log | None:
        return self._logs.get(topic_partition)

    def logs(self) -> Iterable[Log]:
        return tuple(self._logs.values())

    def by_directory(self) -> dict[Path, Mapping[TopicPartition, Log]]:
        """The logs of each data directory, whose path is absolute."""
        return {directory.path.absolute(): directory.logs for directory in self._directories}

    def create_log(self, topic_partition: TopicPartition, topic_id: Uuid, config: LogConfig) -> Log:
        """A new, empty log in the directory that has fewest. Raises KafkaError(KAFKA_STORAGE_ERROR)."""
        assert topic_partition not in self._logs, f"{topic_partition} is there already"
        home = self._emptiest()
        directory = home.path / str(topic_partition)
        try:
            if topic_partition in self._gone:
                # After a kill the offsets of the old log would be taken for the new one's.
                self.checkpoint_task()()
            self._filesystem.mkdir(directory)
            try:
                write_partition_metadata(
                    self._filesystem, directory / PARTITION_METADATA, topic_id, is_new=True
                )
                log = self._loader.create(directory, topic_partition, topic_id, config)
            except OSError:
                remove_tree(self._filesystem, directory)
                raise
        except OSError as error:
            _log.error("%s could not be made: %s", directory, error)
            raise KafkaError(
                ErrorCode.KAFKA_STORAGE_ERROR,
                f"The log of {topic_partition} could not be made: {error.strerror or error}",
            ) from error
        self._logs[topic_partition] = home.logs[topic_partition] = log
        return log

    def adopt_topic_id(self, log: Log, topic_id: Uuid) -> None:
        """A log that has lost its `partition.metadata` gets the id that the cluster's metadata knows."""
        write_partition_metadata(self._filesystem, log.directory / PARTITION_METADATA, topic_id)
        log.topic_id = topic_id

    def delete_log(self, topic_partition: TopicPartition) -> None:
        """The log is gone at once; its files go after `file.delete.delay.ms` (`purge_task`)."""
        log = self._logs[topic_partition]
        target = self._put_away(topic_partition, DELETE_SUFFIX)
        if target is not None:
            due_ms = self._clock.now_ms() + log.config.file_delete_delay_ms
            self._deleted.append(_Deleted(target, due_ms))

    def _put_away(self, topic_partition: TopicPartition, suffix: str) -> Path | None:
        """Forget the log and rename its directory, to what is returned; None when that failed."""
        log = self._logs.pop(topic_partition)
        for directory in self._directories:
            directory.logs.pop(topic_partition, None)
        self._gone.add(topic_partition)
        name = str(topic_partition)
        mark = f".{self._rng.randbytes(16).hex()}{suffix}"
        target = log.directory.with_name(name[: _NAME_BYTES_MAX - len(mark)] + mark)
        try:
            log.abandon()
            self._filesystem.rename(log.directory, target)
        except OSError as error:
            _log.error("%s could not be put away: %s; remove it by hand", log.directory, error)
            return None
        return target

    def put_aside(self, topic_partition: TopicPartition) -> None:
        """The log belongs to no topic. Its files stay, under another name, for somebody to look at: metadata may be lost too."""
        log = self._logs[topic_partition]
        target = self._put_away(topic_partition, STRAY_SUFFIX)
        if target is not None:
            _log.warning(
                "%s belongs to no topic of this cluster; its files are in %s now: remove them when nobody misses them",
                log.directory,
                target,
            )

    def _emptiest(self) -> LogDirectory:
        return min(self._directories, key=lambda directory: len(directory.logs))

    # Now and then

    def logs_to_flush(self, now_ms: int) -> list[Log]:
        """Those whose `flush.ms` has passed, or that have begun a new segment."""
        return [log for log in self._logs.values() if log.is_flush_due(now_ms)]

    def spaces_task(self) -> Callable[[], dict[Path, Space]]:
        """Looks how much room the disk of each data directory has; for a worker thread. Raises OSError."""
        paths = [directory.path.absolute() for directory in self._directories]
        return lambda: {path: self._filesystem.space(path) for path in paths}

    def checkpoint_task(self) -> Callable[[], None]:
        """Writes all checkpoints as they are now; for a worker thread. Raises OSError."""
        contents = self._log_starts() | self._cleaned_offsets()
        for directory in self._directories:
            logs = directory.logs
            contents[directory.path / RECOVERY_POINT_CHECKPOINT] = {
                tp: log.recovery_point for tp, log in logs.items()
            }
            # The high watermarks: with one replica, the log ends.
            contents[directory.path / REPLICATION_CHECKPOINT] = {
                tp: log.log_end_offset for tp, log in logs.items()
            }
        write = self._checkpoints.task(contents)
        gone = tuple(self._gone)

        def run() -> None:
            write()
            self._gone.difference_update(gone)

        return run

    def log_starts_task(self) -> Callable[[], None]:
        """Writes the log starts as they are now: what was deleted stays deleted. As `checkpoint_task`, but much less."""
        return self._checkpoints.task(self._log_starts())

    def _log_starts(self) -> dict[Path, dict[TopicPartition, Offset]]:
        """Those that the names of the segments do not tell."""
        return {
            directory.path / LOG_START_OFFSET_CHECKPOINT: {
                tp: log.log_start_offset
                for tp, log in directory.logs.items()
                if log.log_start_offset > log.segments.base_offsets[0]
            }
            for directory in self._directories
        }

    def cleaner_checkpoint_task(self) -> Callable[[], None]:
        """Writes up to where the logs are compacted, as of now. As `checkpoint_task`, but much less."""
        return self._checkpoints.task(self._cleaned_offsets())

    def _cleaned_offsets(self) -> dict[Path, dict[TopicPartition, Offset]]:
        """Of the directories in which anything has been compacted."""
        contents = {}
        for directory in self._directories:
            offsets = {
                tp: log.cleaned_offset for tp, log in directory.logs.items() if log.cleaned_offset
            }
            directory.is_cleaned |= bool(offsets)
            if directory.is_cleaned:
                contents[directory.path / CLEANER_CHECKPOINT] = offsets
        return contents

    def purge_task(self, now_ms: int) -> Callable[[], None] | None:
        """Removes the deleted logs and segments that are due; for a worker thread. None: none is."""
        for log in self._logs.values():
            due_ms = now_ms + log.config.file_delete_delay_ms
            self._deleted += [_Deleted(path, due_ms) for path in log.deleted_files]
            log.deleted_files.clear()
        due = [deleted.path for deleted in self._deleted if deleted.due_ms <= now_ms]
        if not due:
            return None
        self._deleted = [deleted for deleted in self._deleted if deleted.due_ms > now_ms]

        def run() -> None:
            for path in due:
                self._purge(path)

        return run

    def _purge(self, path: Path) -> None:
        if not self._filesystem.exists(path):
            return  # its log was deleted meanwhile, and is elsewhere
        if self._filesystem.is_directory(path):
            remove_tree(self._filesystem, path)
        else:
            self._filesystem.remove(path)

    # Closing

    def close(self) -> None:
        """Flush and close every log; a data directory whose logs all closed well is marked clean."""
        failed = [directory for directory in self._directories if not _close_logs(directory)]
        try:
            self.checkpoint_task()()
            for directory in self._directories:
                if directory not in failed:
                    write_clean_shutdown(self._filesystem, directory.path / CLEAN_SHUTDOWN)
        except OSError as error:
            _log.error(
                "the clean stop could not be written down: %s; the logs will be recovered", error
            )
        self.release()


def _close_logs(directory: LogDirectory) -> bool:
    """Did all of them close well?"""
    closed_well = True
    for log in directory.logs.values():
        try:
            log.close()
        except KafkaError as error:
            _log.error("%s; it will be recovered at the next start", error)
            closed_well = False
    return closed_well


def _is_partition(names: list[str]) -> bool:
    """Or somebody else's directory whose name only looks like one? Empty: a kill came just after it was made."""
    return not names or any(
        name.startswith(PARTITION_METADATA) or base_offset_of(name) is not None for name in names
    )
