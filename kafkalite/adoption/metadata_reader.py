"""The metadata of a directory that nobody serves, read from its files; nothing is changed.

    kafkalite's    the log from its start offset on
    Kafka's        the newest whole snapshot, then the log from the snapshot's end on
    prepared       bootstrap.checkpoint
    a file         control batches tell of the quorum and are left out, but for the number of its voters

The log ends where the first batch is not sound: that one was being written when the process was killed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from kafkalite_protocol.control_records import ControlRecordType, control_record_type
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.messages.register_controller_record import RegisterControllerRecord
from kafkalite_protocol.messages.voters_record import VotersRecord
from kafkalite_protocol.record_batch import RecordBatchView
from kafkalite_protocol.records import Record, read_records

from kafkalite.errors import StartupError
from kafkalite.metadata.image import MetadataImage
from kafkalite.metadata.image_replay import ImageReplay
from kafkalite.metadata.metadata_directory import (
    BOOTSTRAP_CHECKPOINT,
    METADATA_DIRECTORY,
    log_names,
    snapshot_names,
)
from kafkalite.metadata.metadata_log import METADATA_PARTITION
from kafkalite.metadata.records import decode_record
from kafkalite.storage.batch_scan import sound_batches
from kafkalite.storage.checkpoints import (
    LOG_START_OFFSET_CHECKPOINT,
    CorruptCheckpointError,
    read_offset_checkpoint,
)
from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.segment_files import base_offset_of
from kafkalite.types import BrokerId, Offset

_FROM_THE_START: Final = Offset(0)


class FoundMetadata(NamedTuple):
    """What was read."""

    image: MetadataImage
    controllers: frozenset[BrokerId]
    """Of the quorum, as far as Kafka has written them down: registered ones and voters."""


class _Reading:
    """Batches on their way to an image."""

    def __init__(self, cluster_id: str) -> None:
        self._replay = ImageReplay(MetadataImage(cluster_id))
        self._controllers: set[BrokerId] = set()
        self.next_offset = _FROM_THE_START
        self.has_footer = False

    def take(self, batch: RecordBatchView, path: Path) -> None:
        try:
            for record in read_records(batch):
                if batch.is_control:
                    self._control(record)
                else:
                    self._metadata(record)
        except ProtocolError as error:
            raise StartupError(
                f"{path} has a record that this version of kafkalite does not understand, behind offset"
                f" {batch.base_offset}: {error}; a newer Apache Kafka or kafkalite wrote it"
            ) from error
        self.next_offset = Offset(batch.next_offset)

    def found(self) -> FoundMetadata:
        return FoundMetadata(self._replay.image(self.next_offset), frozenset(self._controllers))

    def _metadata(self, record: Record) -> None:
        message = decode_record(record.value or b"")
        if isinstance(message, RegisterControllerRecord):
            self._controllers.add(BrokerId(message.controller_id))
        self._replay.take(Offset(record.offset), message)

    def _control(self, record: Record) -> None:
        match control_record_type(record):
            case ControlRecordType.KRAFT_VOTERS:
                voters = VotersRecord.decode(0, record.value or b"").voters
                self._controllers = {BrokerId(voter.voter_id) for voter in voters}
            case ControlRecordType.SNAPSHOT_FOOTER:
                self.has_footer = True
            case _:
                pass


def read_log(filesystem: FileSystem, data: Path, cluster_id: str) -> FoundMetadata:
    """The metadata log of a data directory, from its newest snapshot or its start on. Raises StartupError, OSError."""
    directory = data / METADATA_DIRECTORY
    names = filesystem.listdir(directory)
    reading = _newest_snapshot(filesystem, directory, names, cluster_id)
    if reading is None:
        reading = _Reading(cluster_id)
        reading.next_offset = _log_start(filesystem, data)
    logs = log_names(names)
    for name in logs:
        whole = _read_segment(filesystem, directory / name, reading)
        if not whole and name != logs[-1]:
            raise _damaged(
                directory / name, "it has a batch that is not sound, and the log goes on"
            )
    return reading.found()


def read_bootstrap(filesystem: FileSystem, data: Path, cluster_id: str) -> FoundMetadata:
    """What a metadata log would begin with. Raises StartupError, OSError."""
    path = data / BOOTSTRAP_CHECKPOINT
    reading = _read_checkpoint(filesystem, path, cluster_id)
    if reading is None:
        raise _damaged(path, "it has no footer")
    return reading.found()


def _log_start(filesystem: FileSystem, data: Path) -> Offset:
    """kafkalite sums its log up now and then; what comes before does not count any more. Kafka never sets it."""
    try:
        starts = read_offset_checkpoint(filesystem, data / LOG_START_OFFSET_CHECKPOINT)
    except CorruptCheckpointError as error:
        raise StartupError(
            f"{error}; start and stop kafkalite once, which makes it anew"
        ) from error
    return starts.get(METADATA_PARTITION, _FROM_THE_START)


def _newest_snapshot(
    filesystem: FileSystem, directory: Path, names: list[str], cluster_id: str
) -> _Reading | None:
    for name in reversed(snapshot_names(names)):
        end_offset = base_offset_of(name.partition("-")[0])
        if end_offset is None:
            continue
        reading = _read_checkpoint(filesystem, directory / name, cluster_id)
        if reading is not None:
            reading.next_offset = end_offset
            return reading
    return None


def _read_checkpoint(filesystem: FileSystem, path: Path, cluster_id: str) -> _Reading | None:
    """None: the file was not finished."""
    reading = _Reading(cluster_id)
    file = filesystem.open(path, transient=True)
    for batch in sound_batches(file, 0, file.size, 0):
        reading.take(batch, path)
    file.close()
    return reading if reading.has_footer else None


def _read_segment(filesystem: FileSystem, path: Path, reading: _Reading) -> bool:
    """Read on in a segment, from the offset that is next. Returns whether all of the file was sound."""
    file = filesystem.open(path, transient=True)
    position = 0
    for batch in sound_batches(file, 0, file.size, base_offset_of(path.name) or 0):
        position += batch.total_bytes
        if batch.base_offset > reading.next_offset:
            raise _damaged(
                path,
                f"offsets {reading.next_offset} to {batch.base_offset - 1} are missing before it",
            )
        if batch.base_offset == reading.next_offset:
            reading.take(batch, path)
    size = file.size
    file.close()
    return position == size


def _damaged(path: Path, reason: str) -> StartupError:
    return StartupError(
        f"the metadata of the cluster cannot be read whole from {path}: {reason}; restore it from a backup"
    )
