"""The cluster itself: its first records, brokers that start, leaders they get, producer ids they give out.

Pure functions of an image.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.partition_change_record import PartitionChangeRecord
from kafkalite_protocol.messages.producer_ids_record import ProducerIdsRecord
from kafkalite_protocol.messages.unregister_broker_record import UnregisterBrokerRecord

from kafkalite.errors import KafkaError
from kafkalite.metadata import features
from kafkalite.metadata.events import AllocateProducerIds, RegisterBroker, UnregisterBroker
from kafkalite.metadata.image import (
    NO_LEADER,
    BrokerImage,
    MetadataImage,
    PartitionImage,
    TopicImage,
)
from kafkalite.metadata.image_records import broker_record
from kafkalite.types import BrokerId

if TYPE_CHECKING:
    from kafkalite.metadata.records import MetadataRecord

PRODUCER_ID_BLOCK: Final = 1000
"""Ids handed to a broker at once (KIP-730). Those it has not given out when it stops are lost; 2^63 are plenty."""


def register_broker(
    image: MetadataImage, event: RegisterBroker
) -> tuple[list[MetadataRecord], int]:
    """Records, and the broker epoch: the offset of the registration.

    A broker that comes back begins a new leadership of each partition it leads, one epoch higher, so that whatever an
    earlier run of it wrote last can be told from what this one writes.
    """
    records: list[MetadataRecord] = [*features.upgrades(image)]
    broker_epoch = image.next_offset + len(records)
    broker = BrokerImage(
        event.broker_id,
        broker_epoch,
        event.incarnation_id,
        event.endpoints,
        event.rack,
        fenced=False,
        log_dirs=event.log_dirs,
    )
    records.append(broker_record(broker))
    for topic in image.topics.values():
        records += _elections(topic, event.broker_id)
    return records, broker_epoch


def _elections(topic: TopicImage, broker_id: BrokerId) -> Iterator[PartitionChangeRecord]:
    for number, partition in enumerate(topic.partitions):
        if _takes_over(partition, broker_id):
            yield PartitionChangeRecord(
                partition_id=number, topic_id=topic.topic_id, leader=broker_id
            )


def _takes_over(partition: PartitionImage, broker_id: BrokerId) -> bool:
    return partition.leader == broker_id or (
        partition.leader == NO_LEADER and broker_id in partition.isr
    )


def unregister_broker(
    image: MetadataImage, event: UnregisterBroker
) -> tuple[list[MetadataRecord], None]:
    """Records. Raises `KafkaError` for a broker that is not registered, or that is running."""
    broker = image.brokers.get(BrokerId(event.broker_id))
    if broker is None:
        raise KafkaError(
            ErrorCode.BROKER_ID_NOT_REGISTERED, f"There is no broker {event.broker_id}."
        )
    if not broker.fenced:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"Broker {event.broker_id} is running: it answers you."
        )
    return [UnregisterBrokerRecord(broker.broker_id, broker.broker_epoch)], None


def allocate_producer_ids(
    image: MetadataImage, event: AllocateProducerIds
) -> tuple[list[MetadataRecord], range]:
    """Records, and a block of ids never given before. Raises `KafkaError` for a broker that is not of now."""
    broker = image.brokers.get(event.broker_id)
    if broker is None:
        raise KafkaError(ErrorCode.BROKER_ID_NOT_REGISTERED)
    if broker.broker_epoch != event.broker_epoch:
        raise KafkaError(ErrorCode.STALE_BROKER_EPOCH)
    first = image.next_producer_id
    record = ProducerIdsRecord(
        broker_id=event.broker_id,
        broker_epoch=event.broker_epoch,
        next_producer_id=first + PRODUCER_ID_BLOCK,
    )
    return [record], range(first, first + PRODUCER_ID_BLOCK)
