"""kafkalite -> Apache Kafka: from a stopped directory to one that Kafka 4.3 in KRaft mode starts on.

    recover                     only after a kill
    topic ids                   partition.metadata where it is missing: Kafka takes such a log for a stray
    server.properties           unless there is one
    bootstrap.checkpoint        all metadata; Kafka's log begins with it as long as there is no log
    __cluster_metadata-0        put aside: from here on it is Kafka's

The logs of the topics stay as they are: they are Kafka's own format. Up to the last step the directory is kafkalite's, and
what was written does not change what kafkalite finds.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from kafkalite.adoption.checkpoint_file import write_checkpoint
from kafkalite.adoption.data_directory import DataDirectory
from kafkalite.adoption.metadata_reader import FoundMetadata, read_bootstrap, read_log
from kafkalite.adoption.plan import Plan, Step
from kafkalite.adoption.portable_image import (
    check_one_node,
    records_for_kafka,
    with_kafka_features,
)
from kafkalite.adoption.server_properties import server_properties
from kafkalite.adoption.survey import survey
from kafkalite.config import BrokerConfig
from kafkalite.errors import StartupError
from kafkalite.metadata.image import MetadataImage
from kafkalite.metadata.metadata_directory import (
    BOOTSTRAP_CHECKPOINT,
    METADATA_DIRECTORY,
    MetadataOwner,
)
from kafkalite.storage.filesystem import replace_atomically
from kafkalite.storage.metadata_files import PARTITION_METADATA, write_partition_metadata
from kafkalite.types import TopicPartition

SERVER_PROPERTIES: Final = "server.properties"


def plan_graduation(directory: DataDirectory, config: BrokerConfig) -> Plan:
    """What is to be done to a held directory; `config` is what Kafka is to run with. Raises StartupError, OSError."""
    path, owner = directory.path, directory.owner
    found = _found_metadata(directory, owner)
    check_one_node(found, directory.properties.node_id, path)
    counted = survey(directory.filesystem, path, found.image)
    if counted.missing:
        raise StartupError(
            f"{len(counted.missing)} partition(s) are not in {path}, the first is {counted.missing[0]}; data in several"
            " directories (log.dirs) cannot be moved. If kafkalite was killed while it made them, start and stop it once"
        )
    then = [
        "start Apache Kafka 4.3 or newer on it (its configuration may be changed first):",
        f"    bin/kafka-server-start.sh {path / SERVER_PROPERTIES}",
        f"and to come back, with Kafka stopped:  kafkalite adopt --data {path}",
    ]
    if owner is MetadataOwner.PREPARED:
        return Plan(
            f"{path} is prepared for Apache Kafka already.",
            counted,
            _write_properties(directory, config),
            then,
        )
    steps = [
        *_recover(directory),
        *_write_topic_ids(directory, found.image),
        *_write_properties(directory, config),
        *_hand_over(directory, found.image),
    ]
    return Plan(
        f"{path} is kafkalite's: cluster {directory.properties.cluster_id}, node {directory.properties.node_id}.",
        counted,
        steps,
        then,
    )


def _found_metadata(directory: DataDirectory, owner: MetadataOwner) -> FoundMetadata:
    filesystem, path = directory.filesystem, directory.path
    cluster_id = directory.properties.cluster_id
    match owner:
        case MetadataOwner.KAFKALITE:
            return read_log(filesystem, path, cluster_id)
        case MetadataOwner.PREPARED:
            return read_bootstrap(filesystem, path, cluster_id)
        case MetadataOwner.KAFKA:
            raise StartupError(
                f"{path} is Apache Kafka's already: it has run on it; `kafkalite adopt` is the way back"
            )
        case MetadataOwner.NOBODY:
            raise StartupError(
                f"{path} has no metadata of a cluster: kafkalite has never served it"
            )


def _recover(directory: DataDirectory) -> list[Step]:
    if directory.is_clean:
        return []
    return [Step("recover the logs: kafkalite was killed", directory.recover)]


def _write_topic_ids(directory: DataDirectory, image: MetadataImage) -> list[Step]:
    missing = [
        (TopicPartition(topic.name, number), topic.topic_id)
        for topic in image.topics.values()
        for number in range(len(topic.partitions))
        if not directory.filesystem.exists(
            directory.path / f"{topic.name}-{number}" / PARTITION_METADATA
        )
    ]

    def write() -> None:
        for tp, topic_id in missing:
            path = directory.path / str(tp) / PARTITION_METADATA
            write_partition_metadata(directory.filesystem, path, topic_id)

    return [Step(f"write {PARTITION_METADATA} of {len(missing)} partitions", write)] if missing else []  # fmt: skip


def _write_properties(directory: DataDirectory, config: BrokerConfig) -> list[Step]:
    path = directory.path / SERVER_PROPERTIES
    if directory.filesystem.exists(path):
        return []
    text = server_properties(config, directory.properties.node_id, directory.path)
    write = partial(replace_atomically, directory.filesystem, path, text.encode())
    return [Step(f"write {path}, the configuration for Kafka", write)]


def _hand_over(directory: DataDirectory, image: MetadataImage) -> list[Step]:
    bootstrap = directory.path / BOOTSTRAP_CHECKPOINT
    aside = directory.name_aside("kafkalite")

    def write() -> None:
        records = records_for_kafka(with_kafka_features(image), directory.properties.directory_id)
        write_checkpoint(directory.filesystem, bootstrap, records, directory.clock.now_ms())

    return [
        Step(f"write {bootstrap}, the metadata for Kafka to begin with", write),
        Step(
            f"put {METADATA_DIRECTORY} aside, as {aside.name}",
            lambda: directory.put_metadata_aside(aside),
        ),
    ]
