"""A cluster of one node as both brokers can begin with it.

Who is registered, who leads and who is in sync belongs to the run that wrote it. The next one registers anew: partitions
have no leader, their only replica is in sync, and whoever opens the directory is elected under the next leader epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kafkalite_protocol.messages.partition_record import PartitionRecord
from kafkalite_protocol.messages.producer_ids_record import ProducerIdsRecord

from kafkalite.adoption.metadata_reader import FoundMetadata
from kafkalite.errors import StartupError
from kafkalite.metadata.features import KRAFT_VERSION, SUPPORTED_FEATURES
from kafkalite.metadata.image import NO_LEADER, MetadataImage, PartitionImage, TopicImage
from kafkalite.metadata.image_records import image_records
from kafkalite.metadata.records import METADATA_VERSION
from kafkalite.types import BrokerId, Uuid

if TYPE_CHECKING:
    from kafkalite.metadata.records import MetadataRecord

_METADATA_VERSION_FEATURE: Final = "metadata.version"
_OLDEST_METADATA_VERSION: Final = SUPPORTED_FEATURES[_METADATA_VERSION_FEATURE][0]

KAFKA_FEATURES: Final[Mapping[str, int]] = {
    _METADATA_VERSION_FEATURE: METADATA_VERSION,
    "group.version": 1,
    "share.version": 1,
    "streams.version": 1,
    "transaction.version": 2,
}
"""What `kafka-storage format` of 4.3 finalizes, but for the next."""

_ELIGIBLE_LEADER_REPLICAS: Final = "eligible.leader.replicas.version"
"""Left out: with it Kafka takes a broker whose last epoch it does not know for one that lost its data, and leaves the
partitions without leader and in-sync replicas (measured). `kafka-features upgrade` turns it on later."""


def check_one_node(found: FoundMetadata, node_id: BrokerId, data: Path) -> None:
    """Raises StartupError for a cluster that one node with one data directory cannot go on with."""
    image = found.image
    level = image.features.get(_METADATA_VERSION_FEATURE, METADATA_VERSION)
    if not _OLDEST_METADATA_VERSION <= level <= METADATA_VERSION:
        raise StartupError(
            f"the cluster in {data} has metadata.version {level}; {_OLDEST_METADATA_VERSION} to {METADATA_VERSION}"
            " (Kafka 3.3 to 4.3) can be read"
        )
    others = sorted((found.controllers | image.brokers.keys()) - {node_id})
    if others:
        raise StartupError(
            f"the cluster in {data} has other nodes than {node_id}: {_some(others)}; only a cluster of one node that is"
            " broker and controller can be moved (shrink it first: move the replicas here, then unregister the others)"
        )
    elsewhere = [
        f"{topic.name}-{number}"
        for topic in image.topics.values()
        for number, partition in enumerate(topic.partitions)
        if partition.replicas != (node_id,)
    ]
    if elsewhere:
        raise StartupError(
            f"{len(elsewhere)} partition(s) have replicas on other nodes than {node_id}: {_some(elsewhere)};"
            " reassign them first"
        )
    broker = image.brokers.get(node_id)
    if broker is not None and len(broker.log_dirs) > 1:
        raise StartupError(
            f"the data of node {node_id} is spread over {len(broker.log_dirs)} directories (log.dirs); only one can be moved"
        )
    tiered = [
        name for name in image.topics if image.topic_configs(name).get("remote.storage.enable") == "true"
    ]  # fmt: skip
    if tiered:
        raise StartupError(
            f"topics with remote.storage.enable have data that is not in {data}: {_some(tiered)}; turn it off first"
        )


def portable_image(image: MetadataImage) -> MetadataImage:
    """`image` without what belongs to the run that wrote it."""
    topics = {name: _leaderless(topic) for name, topic in image.topics.items()}
    return replace(
        image,
        brokers={},
        live_brokers=frozenset(),
        controller_id=NO_LEADER,
        topics=topics,
        topics_by_id={topic.topic_id: topic for topic in topics.values()},
    )


def with_kafka_features(image: MetadataImage) -> MetadataImage:
    """`image` with the features of a new cluster of Kafka 4.3, where kafkalite does not know better."""
    return replace(image, features={**KAFKA_FEATURES, **image.features})


def records_for_kafka(image: MetadataImage, directory_id: Uuid) -> Iterator[MetadataRecord]:
    """What Kafka is to begin with, as the content of a bootstrap.checkpoint."""
    features = {
        name: level
        for name, level in image.features.items()
        if level and name != _ELIGIBLE_LEADER_REPLICAS
    }
    for record in image_records(portable_image(replace(image, features=features))):
        if isinstance(record, PartitionRecord):
            record.directories = [directory_id]
        if isinstance(record, ProducerIdsRecord) and not record.next_producer_id:
            continue  # Kafka takes only what is more than it has.
        yield record


def image_for_kafkalite(image: MetadataImage) -> MetadataImage:
    """What kafkalite is to begin with. A feature that it has and Kafka had turned off stays off."""
    features = {
        name: min(image.features.get(name, 0), highest)
        for name, (_, highest) in SUPPORTED_FEATURES.items()
        if name != KRAFT_VERSION  # of the quorum, and never a record of the metadata
    }
    features[_METADATA_VERSION_FEATURE] = METADATA_VERSION
    return portable_image(replace(image, features=features))


def _leaderless(topic: TopicImage) -> TopicImage:
    return TopicImage(topic.name, topic.topic_id, tuple(map(_without_leader, topic.partitions)))


def _without_leader(partition: PartitionImage) -> PartitionImage:
    return partition._replace(leader=NO_LEADER, isr=partition.replicas)


def _some(things: list[str] | list[BrokerId]) -> str:
    shown = ", ".join(map(str, things[:5]))
    return shown if len(things) <= 5 else f"{shown} and {len(things) - 5} more"
