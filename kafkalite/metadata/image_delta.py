"""From one metadata image to the next: records are gathered in an `ImageDelta`, then made into an image.

The delta copies a dictionary of the old image when it changes it, and never touches the old image. Records are those of
`records.py`; what each one means for a partition follows Kafka's `PartitionRegistration` and `TopicsDelta`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kafkalite_protocol.messages.broker_registration_change_record import (
    BrokerRegistrationChangeRecord,
)
from kafkalite_protocol.messages.config_record import ConfigRecord
from kafkalite_protocol.messages.feature_level_record import FeatureLevelRecord
from kafkalite_protocol.messages.fence_broker_record import FenceBrokerRecord
from kafkalite_protocol.messages.partition_change_record import PartitionChangeRecord
from kafkalite_protocol.messages.partition_record import PartitionRecord
from kafkalite_protocol.messages.producer_ids_record import ProducerIdsRecord
from kafkalite_protocol.messages.register_broker_record import RegisterBrokerRecord
from kafkalite_protocol.messages.remove_topic_record import RemoveTopicRecord
from kafkalite_protocol.messages.topic_record import TopicRecord
from kafkalite_protocol.messages.unfence_broker_record import UnfenceBrokerRecord
from kafkalite_protocol.messages.unregister_broker_record import UnregisterBrokerRecord

from kafkalite.metadata.image import (
    BrokerImage,
    ConfigResource,
    ConfigResourceType,
    Endpoint,
    MetadataImage,
    PartitionImage,
    TopicImage,
)
from kafkalite.metadata.records import is_of_no_interest
from kafkalite.types import BrokerId, LeaderEpoch, Offset, ProducerId, Uuid

if TYPE_CHECKING:
    from kafkalite.metadata.records import MetadataRecord
    from kafkalite.metadata.users_records import UsersDelta

_LEADER_UNCHANGED: Final = -2
"""`PartitionChangeRecord.leader` when the election is left alone. The same leader named again is a new leadership."""

_UNFENCED: Final = -1
"""In `BrokerRegistrationChangeRecord.fenced`."""


def apply_records(
    image: MetadataImage, records: Iterable[MetadataRecord], next_offset: Offset
) -> MetadataImage:
    """The image after `records`, which end below `next_offset` in the metadata log. `image` stays as it was."""
    delta = ImageDelta(image)
    for record in records:
        delta.replay(record)
    return delta.image(next_offset)


class ImageDelta:
    """Changes on their way to becoming an image."""

    def __init__(self, image: MetadataImage) -> None:
        self._old = image
        self._brokers = dict(image.brokers)
        self._features = dict(image.features)
        self._users: UsersDelta | None = None
        self._next_producer_id = image.next_producer_id
        self._configs: dict[ConfigResource, dict[str, str]] = {}
        self._names: dict[Uuid, str] = {}
        """Names of the topics created here."""
        self._partitions: dict[Uuid, list[PartitionImage]] = {}
        """Partitions of the topics created or changed here."""
        self._removed: set[Uuid] = set()

    def replay(self, record: MetadataRecord) -> None:
        """Take one record in. Raises AssertionError or LookupError when it does not fit what came before."""
        match record:
            case PartitionChangeRecord():
                self._partition_change(record)
            case PartitionRecord():
                self._partition(record)
            case TopicRecord():
                self._topic(record)
            case RemoveTopicRecord():
                self._remove_topic(record)
            case ConfigRecord():
                self._config(record)
            case ProducerIdsRecord():
                self._next_producer_id = ProducerId(record.next_producer_id)
            case FeatureLevelRecord():
                self._feature_level(record)
            case RegisterBrokerRecord():
                self._register_broker(record)
            case UnregisterBrokerRecord():
                del self._brokers[BrokerId(record.broker_id)]
            case FenceBrokerRecord():
                self._set_fenced(record.id, 1)
            case UnfenceBrokerRecord():
                self._set_fenced(record.id, _UNFENCED)
            case BrokerRegistrationChangeRecord():
                self._set_fenced(record.broker_id, record.fenced)
            case _:
                self._other(record)

    def image(self, next_offset: Offset) -> MetadataImage:
        """The new image. The delta must not be used after it."""
        brokers = self._brokers
        live = frozenset(broker_id for broker_id, broker in brokers.items() if not broker.fenced)
        changed = replace(
            self._old,
            brokers=brokers,
            controller_id=min(live, default=self._old.controller_id),
            features=self._features,
            next_producer_id=self._next_producer_id,
            next_offset=next_offset,
            live_brokers=live,
        )
        if self._users is not None:
            changed = replace(changed, users=self._users.image())
        if self._configs:
            changed = replace(changed, configs=self._new_configs())
        if self._names or self._partitions or self._removed:
            changed = self._with_topics(changed)
        return changed

    def _new_configs(self) -> dict[ConfigResource, Mapping[str, str]]:
        merged: dict[ConfigResource, Mapping[str, str]] = {**self._old.configs, **self._configs}
        return {resource: values for resource, values in merged.items() if values}

    def _with_topics(self, image: MetadataImage) -> MetadataImage:
        by_name, by_id = dict(image.topics), dict(image.topics_by_id)
        for topic_id in self._removed:
            topic = by_id.pop(topic_id, None)
            if topic is not None:
                del by_name[topic.name]
        for topic_id, partitions in self._partitions.items():
            name = self._names.get(topic_id) or by_id[topic_id].name
            topic = TopicImage(name, topic_id, tuple(partitions))
            by_id[topic_id] = by_name[name] = topic
        return replace(image, topics=by_name, topics_by_id=by_id)

    # Topics

    def _topic(self, record: TopicRecord) -> None:
        topic_id = Uuid(record.topic_id)
        self._names[topic_id] = record.name
        self._partitions[topic_id] = []

    def _partition(self, record: PartitionRecord) -> None:
        partitions = self._partitions_of(Uuid(record.topic_id))
        assert record.partition_id == len(partitions), "partitions are written in order"
        partitions.append(
            PartitionImage(
                leader=BrokerId(record.leader),
                leader_epoch=LeaderEpoch(record.leader_epoch),
                replicas=_brokers(record.replicas),
                isr=_brokers(record.isr),
                partition_epoch=record.partition_epoch,
            )
        )

    def _partition_change(self, record: PartitionChangeRecord) -> None:
        partitions = self._partitions_of(Uuid(record.topic_id))
        old = partitions[record.partition_id]
        elected = record.leader != _LEADER_UNCHANGED
        partitions[record.partition_id] = PartitionImage(
            leader=BrokerId(record.leader) if elected else old.leader,
            leader_epoch=LeaderEpoch(old.leader_epoch + 1) if elected else old.leader_epoch,
            replicas=old.replicas if record.replicas is None else _brokers(record.replicas),
            isr=old.isr if record.isr is None else _brokers(record.isr),
            partition_epoch=old.partition_epoch + 1,
        )

    def _partitions_of(self, topic_id: Uuid) -> list[PartitionImage]:
        partitions = self._partitions.get(topic_id)
        if partitions is None:
            partitions = list(self._old.topics_by_id[topic_id].partitions)
            self._partitions[topic_id] = partitions
        return partitions

    def _remove_topic(self, record: RemoveTopicRecord) -> None:
        topic_id = Uuid(record.topic_id)
        name = self._names.pop(topic_id, None)
        self._partitions.pop(topic_id, None)
        if name is None:
            name = self._old.topics_by_id[topic_id].name
            self._removed.add(topic_id)
        # The settings go with the topic; no record says so.
        self._configs[ConfigResource(ConfigResourceType.TOPIC, name)] = {}

    # Everything else

    def _other(self, record: MetadataRecord) -> None:
        if is_of_no_interest(record):
            return
        if self._users is None:
            from kafkalite.metadata.users_records import UsersDelta

            self._users = UsersDelta(self._old.users)
        self._users.replay(record)

    def _config(self, record: ConfigRecord) -> None:
        resource = ConfigResource(record.resource_type, record.resource_name)
        values = self._configs.setdefault(resource, dict(self._old.configs.get(resource, {})))
        if record.value is None:
            values.pop(record.name, None)
        else:
            values[record.name] = record.value

    def _feature_level(self, record: FeatureLevelRecord) -> None:
        self._features[record.name] = record.feature_level

    def _register_broker(self, record: RegisterBrokerRecord) -> None:
        broker_id = BrokerId(record.broker_id)
        self._brokers[broker_id] = BrokerImage(
            broker_id=broker_id,
            broker_epoch=record.broker_epoch,
            incarnation_id=Uuid(record.incarnation_id),
            endpoints=tuple(
                Endpoint(point.name, point.host, point.port, point.security_protocol)
                for point in record.end_points
            ),
            rack=record.rack,
            fenced=record.fenced,
            log_dirs=tuple(map(Uuid, record.log_dirs)),
        )

    def _set_fenced(self, broker_id: int, change: int) -> None:
        """`change`: -1 unfenced, 0 none, 1 fenced."""
        if change != 0:
            key = BrokerId(broker_id)
            self._brokers[key] = self._brokers[key]._replace(fenced=change != _UNFENCED)


def _brokers(broker_ids: Iterable[int]) -> tuple[BrokerId, ...]:
    return tuple(map(BrokerId, broker_ids))
