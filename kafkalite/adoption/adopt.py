"""Apache Kafka -> kafkalite: from the stopped directory of a one-node KRaft cluster to one that kafkalite serves.

    bootstrap.checkpoint                   what Kafka's metadata log and snapshots say, in one file
    __cluster_metadata-0                   Kafka's, put aside: Kafka would begin again with the file, to the same effect
    recover                                only after a kill
    __cluster_metadata-0.adopting-stray    kafkalite's log is written here
    __cluster_metadata-0                   renamed to this: from here on it is kafkalite's
    bootstrap.checkpoint                   a sentence, which keeps Kafka out

A directory that is only prepared (formatted, or graduated and never started) begins at the third line. The logs of the
topics stay as they are.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from kafkalite.adoption.checkpoint_file import write_checkpoint
from kafkalite.adoption.data_directory import ASIDE_PREFIX, DataDirectory
from kafkalite.adoption.metadata_reader import FoundMetadata, read_bootstrap, read_log
from kafkalite.adoption.plan import Plan, Step
from kafkalite.adoption.portable_image import (
    check_one_node,
    image_for_kafkalite,
    records_for_kafka,
)
from kafkalite.adoption.survey import survey
from kafkalite.errors import StartupError
from kafkalite.metadata.image import MetadataImage
from kafkalite.metadata.image_records import image_records
from kafkalite.metadata.metadata_directory import (
    BOOTSTRAP_CHECKPOINT,
    METADATA_DIRECTORY,
    MetadataOwner,
    has_bootstrap,
    keep_kafka_out,
)
from kafkalite.metadata.metadata_log import (
    METADATA_LOG_CONFIG,
    METADATA_PARTITION,
    METADATA_TOPIC_ID,
    MetadataLog,
)
from kafkalite.storage.checkpoints import (
    LOG_START_OFFSET_CHECKPOINT,
    RECOVERY_POINT_CHECKPOINT,
    REPLICATION_CHECKPOINT,
    CorruptCheckpointError,
    read_offset_checkpoint,
    write_offset_checkpoint,
)
from kafkalite.storage.filesystem import remove_tree
from kafkalite.storage.log_loader import LogLoader
from kafkalite.storage.log_manager import STRAY_SUFFIX
from kafkalite.storage.metadata_files import PARTITION_METADATA, write_partition_metadata

_ADOPTING: Final = f"{ASIDE_PREFIX}adopting{STRAY_SUFFIX}"
_RECORDS_PER_BATCH: Final = 10_000


def plan_adoption(directory: DataDirectory) -> Plan:
    """What is to be done to a held directory. Raises StartupError, OSError."""
    path, owner = directory.path, directory.owner
    found = _found_metadata(directory, owner)
    check_one_node(found, directory.properties.node_id, path)
    counted = survey(directory.filesystem, path, found.image)
    node_id = directory.properties.node_id
    other_node = f" --set node.id={node_id}" if node_id != 1 else ""
    then = [
        f"serve it:  kafkalite serve --data {path}{other_node}",
        f"and to go back, with kafkalite stopped:  kafkalite graduate --data {path}",
    ]
    if owner is MetadataOwner.KAFKALITE:
        return Plan(f"{path} is kafkalite's already.", counted, [], then)
    steps = [] if owner is MetadataOwner.PREPARED else _take_over(directory, found.image)
    steps += _put_aside(directory)
    if not directory.is_clean and found.image.topics:
        steps.append(Step("recover the logs: Kafka was killed", directory.recover))
    steps += _begin(directory, found.image)
    return Plan(
        f"{path} is Apache Kafka's: cluster {directory.properties.cluster_id}, node {node_id}.",
        counted,
        steps,
        then,
    )


def _found_metadata(directory: DataDirectory, owner: MetadataOwner) -> FoundMetadata:
    filesystem, path = directory.filesystem, directory.path
    cluster_id = directory.properties.cluster_id
    match owner:
        case MetadataOwner.KAFKA | MetadataOwner.KAFKALITE:
            found = read_log(filesystem, path, cluster_id)
            if found.image.features or not has_bootstrap(filesystem, path):
                return found
            # Killed before the first records were whole: Kafka would begin again with the file.
            return read_bootstrap(filesystem, path, cluster_id)
        case MetadataOwner.PREPARED:
            return read_bootstrap(filesystem, path, cluster_id)
        case MetadataOwner.NOBODY:
            raise StartupError(
                f"{path} has no metadata of a cluster, neither {METADATA_DIRECTORY} nor {BOOTSTRAP_CHECKPOINT}; if Kafka"
                f" keeps it elsewhere (metadata.log.dir), move it here first; a cluster with ZooKeeper cannot be adopted"
            )


def _take_over(directory: DataDirectory, image: MetadataImage) -> list[Step]:
    path = directory.path / BOOTSTRAP_CHECKPOINT

    def write() -> None:
        records = records_for_kafka(image, directory.properties.directory_id)
        write_checkpoint(directory.filesystem, path, records, directory.clock.now_ms())

    return [Step(f"write {path}: what Kafka's metadata log says", write)]


def _put_aside(directory: DataDirectory) -> list[Step]:
    if not directory.filesystem.exists(directory.path / METADATA_DIRECTORY):
        return []
    aside = directory.name_aside("kafka")
    return [
        Step(
            f"put {METADATA_DIRECTORY} aside, as {aside.name}",
            lambda: directory.put_metadata_aside(aside),
        )
    ]


def _begin(directory: DataDirectory, image: MetadataImage) -> list[Step]:
    def write() -> None:
        _forget_checkpoints(directory)
        _write_log(directory, image_for_kafkalite(image))
        filesystem, path = directory.filesystem, directory.path
        filesystem.fsync_directory(path / _ADOPTING)
        filesystem.rename(path / _ADOPTING, path / METADATA_DIRECTORY)
        filesystem.fsync_directory(path)
        keep_kafka_out(filesystem, path)

    return [Step(f"write {METADATA_DIRECTORY}, kafkalite's metadata log", write)]


def _forget_checkpoints(directory: DataDirectory) -> None:
    """Offsets of an earlier metadata log would be taken for the new one's."""
    for name in (RECOVERY_POINT_CHECKPOINT, LOG_START_OFFSET_CHECKPOINT, REPLICATION_CHECKPOINT):
        path = directory.path / name
        try:
            offsets = read_offset_checkpoint(directory.filesystem, path)
        except CorruptCheckpointError:
            continue  # it says nothing about any log
        if offsets.pop(METADATA_PARTITION, None) is not None:
            write_offset_checkpoint(directory.filesystem, path, offsets)


def _write_log(directory: DataDirectory, image: MetadataImage) -> None:
    """A metadata log that says `image`, under a name that nobody looks at yet."""
    filesystem, path = directory.filesystem, directory.path / _ADOPTING
    if filesystem.exists(path):
        remove_tree(filesystem, path)  # of an adoption that was interrupted
    filesystem.mkdir(path)
    write_partition_metadata(filesystem, path / PARTITION_METADATA, METADATA_TOPIC_ID)
    loader = LogLoader(filesystem, directory.clock, directory.rng)
    log = loader.load(path, METADATA_PARTITION, METADATA_TOPIC_ID, METADATA_LOG_CONFIG)
    metadata = MetadataLog(log, directory.clock)
    metadata.replay(MetadataImage(image.cluster_id))
    records = image_records(image)
    while chunk := list(islice(records, _RECORDS_PER_BATCH)):
        metadata.append(chunk)
    log.close()
