"""The broker's side of the coordinators' ports: they write through replicas and see topics through the image."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from kafkalite_protocol.records import Record, build_batch

from kafkalite.broker.replicas import Replicas
from kafkalite.clock import Clock
from kafkalite.coordination.ports import KeyValue, ProducerOfBatch
from kafkalite.deferred import Deferred, resolved
from kafkalite.metadata.image import MetadataImage
from kafkalite.storage.log import AppendOrigin
from kafkalite.types import Offset, TopicPartition, Uuid


class ReplicaWriter:
    """A `TransactionalWriter` over this broker's replicas: acks=all, answered when the high watermark has passed."""

    def __init__(self, replicas: Replicas, clock: Clock) -> None:
        self._replicas = replicas
        self._clock = clock

    def append(self, tp: TopicPartition, records: list[KeyValue]) -> Deferred[Offset]:
        return self._append(tp, build_batch(self._records(records)))

    def append_transactional(
        self, tp: TopicPartition, records: list[KeyValue], producer: ProducerOfBatch
    ) -> Deferred[Offset]:
        batch = build_batch(
            self._records(records),
            producer_id=producer.producer_id,
            producer_epoch=producer.epoch,
            base_sequence=0,
            transactional=True,
        )
        return self._append(tp, batch)

    def _records(self, records: list[KeyValue]) -> list[Record]:
        now_ms = self._clock.now_ms()
        return [
            Record(offset, now_ms, key, value, []) for offset, (key, value) in enumerate(records)
        ]

    def _append(self, tp: TopicPartition, batch: bytearray) -> Deferred[Offset]:
        replica = self._replicas.get(tp.topic, tp.partition)
        info = replica.append(
            memoryview(batch),
            self._clock.now_ms(),
            acks_all=True,
            origin=AppendOrigin.COORDINATOR,
        )
        waiter = replica.wait_for_high_watermark(Offset(info.last_offset + 1))
        if waiter is None:
            return resolved(info.last_offset)
        return waiter.then(lambda _: info.last_offset)


class ImageTopics:
    """A `TopicView` of whatever the current image is."""

    def __init__(self, image: Callable[[], MetadataImage]) -> None:
        self._image = image

    @property
    def version(self) -> int:
        return self._image().next_offset - 1

    def topic_id(self, name: str) -> Uuid | None:
        topic = self._image().topics.get(name)
        return None if topic is None else topic.topic_id

    def topic_name(self, topic_id: Uuid) -> str | None:
        topic = self._image().topics_by_id.get(topic_id)
        return None if topic is None else topic.name

    def partition_exists(self, tp: TopicPartition) -> bool:
        return self._image().partition(tp) is not None

    def partition_count(self, name: str) -> int:
        topic = self._image().topics.get(name)
        return 0 if topic is None else len(topic.partitions)

    def partition_racks(self, name: str) -> Sequence[Sequence[str]]:
        image = self._image()
        topic = image.topics.get(name)
        racks = {each.broker_id: each.rack for each in image.brokers.values() if each.rack}
        return [
            [racks[replica] for replica in partition.replicas if replica in racks]
            for partition in (topic.partitions if topic is not None else ())
        ]

    def topic_names(self) -> Collection[str]:
        return self._image().topics.keys()
