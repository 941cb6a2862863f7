"""What the cluster looks like at one offset of the metadata log: an immutable value that handlers read.

    image.topics["orders"].partitions[3].leader

A change makes a new image (`image_delta.py`); everything that did not change is shared with the old one. What is
copied is the dictionary that holds the changed thing: a change to one topic among 10 000 costs two shallow copies,
some 0.1 ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from kafkalite.metadata.users_image import NO_USERS, UsersImage
from kafkalite.types import BrokerId, LeaderEpoch, Offset, ProducerId, TopicPartition, Uuid

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

_FIRST_PRODUCER_ID: Final = ProducerId(0)
_FIRST_OFFSET: Final = Offset(0)

NO_LEADER: Final = BrokerId(-1)

METADATA_TOPIC: Final = "__cluster_metadata"
"""The topic of the metadata log itself; no topic of the image."""

INTERNAL_TOPICS: Final = frozenset(
    {"__consumer_offsets", "__transaction_state", "__share_group_state"}
)
"""Topics that Kafka creates for itself and marks `is_internal` for clients."""


class ConfigResourceType(IntEnum):
    """What a set of configs belongs to, by Kafka's numbers (`ConfigResource.Type`)."""

    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


class ConfigResource(NamedTuple):
    """`(TOPIC, "orders")`; `(BROKER, "")` holds the defaults of all brokers."""

    type: int
    name: str


class PartitionImage(NamedTuple):
    """Who leads and who copies one partition.

    `leader` is `NO_LEADER` when nobody can. `leader_epoch` grows with every election, `partition_epoch` with every
    change. `replicas` are in order of preference; `isr` is a subset of them.
    """

    leader: BrokerId
    leader_epoch: LeaderEpoch
    replicas: tuple[BrokerId, ...]
    isr: tuple[BrokerId, ...]
    partition_epoch: int


@dataclass(frozen=True, slots=True, eq=False)
class TopicImage:
    """One topic; partition n is `partitions[n]`. Two images of a topic are the same only if they are one object."""

    name: str
    topic_id: Uuid
    partitions: tuple[PartitionImage, ...]
    memo: dict[object, bytes] = field(default_factory=dict, repr=False)
    """Encoded answers about this topic. They live as long as what they were made from."""

    @property
    def is_internal(self) -> bool:
        return self.name in INTERNAL_TOPICS


class Endpoint(NamedTuple):
    """Where a broker's listener is reached: the advertised address."""

    listener: str
    host: str
    port: int
    security_protocol: int = 0


class BrokerImage(NamedTuple):
    """A registered broker. `broker_epoch` is the offset of its registration; `fenced` brokers lead nothing."""

    broker_id: BrokerId
    broker_epoch: int
    incarnation_id: Uuid
    endpoints: tuple[Endpoint, ...]
    rack: str | None = None
    fenced: bool = False
    log_dirs: tuple[Uuid, ...] = ()


@dataclass(frozen=True, slots=True)
class MetadataImage:
    """The whole cluster. Replace, never change: mappings are read-only by contract."""

    cluster_id: str
    controller_id: BrokerId = NO_LEADER
    brokers: Mapping[BrokerId, BrokerImage] = field(default_factory=dict)
    topics: Mapping[str, TopicImage] = field(default_factory=dict)
    topics_by_id: Mapping[Uuid, TopicImage] = field(default_factory=dict)
    configs: Mapping[ConfigResource, Mapping[str, str]] = field(default_factory=dict)
    """What was set by somebody; a resource without settings is absent."""
    features: Mapping[str, int] = field(default_factory=dict)
    """Finalized feature levels by name. A level of 0 was asked for by somebody; clients are not told of it."""
    users: UsersImage = NO_USERS
    next_producer_id: ProducerId = _FIRST_PRODUCER_ID
    """First id of the next block of producer ids."""
    next_offset: Offset = _FIRST_OFFSET
    """Offset that the next record of the metadata log will get."""
    live_brokers: frozenset[BrokerId] = frozenset()
    """Registered and not fenced."""

    def partition(self, topic_partition: TopicPartition) -> PartitionImage | None:
        """The partition, or None when there is no such topic or number."""
        topic = self.topics.get(topic_partition.topic)
        if topic is None or not 0 <= topic_partition.partition < len(topic.partitions):
            return None
        return topic.partitions[topic_partition.partition]

    def config_of(self, resource_type: ConfigResourceType, name: str) -> Mapping[str, str]:
        """What was set for one resource; empty when nothing was. The same object until something is set."""
        return self.configs.get(ConfigResource(resource_type, name), _NOTHING)

    def topic_configs(self, name: str) -> Mapping[str, str]:
        """What was set for a topic; empty when nothing was, or there is no such topic."""
        return self.config_of(ConfigResourceType.TOPIC, name)
