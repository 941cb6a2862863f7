"""Records that say what an image has: `image_delta.py` the other way round.

New topics and brokers are written with these, and so is a whole image, to take the place of all that led to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafkalite_protocol.messages.config_record import ConfigRecord
from kafkalite_protocol.messages.feature_level_record import FeatureLevelRecord
from kafkalite_protocol.messages.partition_record import PartitionRecord
from kafkalite_protocol.messages.producer_ids_record import ProducerIdsRecord
from kafkalite_protocol.messages.register_broker_record import RegisterBrokerRecord
from kafkalite_protocol.messages.topic_record import TopicRecord

from kafkalite.metadata.features import SUPPORTED_FEATURES
from kafkalite.metadata.image import BrokerImage, MetadataImage, PartitionImage
from kafkalite.metadata.users_image import NO_USERS
from kafkalite.types import ZERO_UUID, BrokerId, Uuid

if TYPE_CHECKING:
    from kafkalite.metadata.records import MetadataRecord


def image_records(image: MetadataImage) -> Iterator[MetadataRecord]:
    """Records that make `image`, but for its offset, out of nothing, and that change nothing in `image` itself."""
    for feature, level in image.features.items():
        yield FeatureLevelRecord(feature, level)
    for broker in image.brokers.values():
        yield broker_record(broker)
    for topic in image.topics.values():
        yield TopicRecord(topic.name, topic.topic_id)
        for number, partition in enumerate(topic.partitions):
            yield partition_record(image, topic.topic_id, number, partition)
    for resource, configs in image.configs.items():
        for name, value in configs.items():
            yield ConfigRecord(resource.type, resource.name, name, value)
    if image.users is not NO_USERS:
        from kafkalite.metadata.users_records import users_records

        yield from users_records(image.users)
    yield ProducerIdsRecord(next_producer_id=image.next_producer_id)


def image_record_count(image: MetadataImage) -> int:
    """How many records `image_records` gives."""
    partitions = sum(len(topic.partitions) for topic in image.topics.values())
    configs = sum(map(len, image.configs.values()))
    rest = (
        len(image.features) + len(image.brokers) + len(image.topics) + image.users.record_count + 1
    )
    return partitions + configs + rest


def broker_record(broker: BrokerImage) -> RegisterBrokerRecord:
    """A broker's registration, with the features of this version."""
    return RegisterBrokerRecord(
        broker_id=broker.broker_id,
        incarnation_id=broker.incarnation_id,
        broker_epoch=broker.broker_epoch,
        end_points=[RegisterBrokerRecord.BrokerEndpoint(*point) for point in broker.endpoints],
        features=[
            RegisterBrokerRecord.BrokerFeature(name, lowest, highest)
            for name, (lowest, highest) in SUPPORTED_FEATURES.items()
        ],
        rack=broker.rack,
        fenced=broker.fenced,
        log_dirs=list(broker.log_dirs),
    )


def partition_record(
    image: MetadataImage, topic_id: Uuid, number: int, partition: PartitionImage
) -> PartitionRecord:
    """One partition of a topic; brokers are looked up in `image`."""
    return PartitionRecord(
        partition_id=number,
        topic_id=topic_id,
        replicas=[*partition.replicas],
        isr=[*partition.isr],
        leader=partition.leader,
        leader_epoch=partition.leader_epoch,
        partition_epoch=partition.partition_epoch,
        directories=[_directory(image, broker) for broker in partition.replicas],
    )


def _directory(image: MetadataImage, broker_id: BrokerId) -> Uuid:
    """A broker's only directory; with several it chooses one itself, and until then nobody knows which."""
    broker = image.brokers.get(broker_id)
    return broker.log_dirs[0] if broker is not None and len(broker.log_dirs) == 1 else ZERO_UUID
