"""What the controller is asked, and what it answers: plain values, shaped like KRaft's requests.

Each entry of a request succeeds or fails alone: a result carries its own `error`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from kafkalite.types import ZERO_UUID, BrokerId, Uuid

if TYPE_CHECKING:
    from kafkalite.errors import KafkaError
    from kafkalite.metadata.image import ConfigResource, Endpoint

USE_DEFAULT: Final = -1
"""A number of partitions or replicas left to the broker's config."""


# Topics


class NewTopic(NamedTuple):
    """A topic to make: by numbers, or by `assignments` of (partition, brokers in order of preference)."""

    name: str
    num_partitions: int = USE_DEFAULT
    replication_factor: int = USE_DEFAULT
    assignments: Sequence[tuple[int, Sequence[int]]] = ()
    configs: Mapping[str, str | None] = MappingProxyType({})


class CreateTopics(NamedTuple):
    """Names must differ from each other. `validate_only` checks everything and makes nothing."""

    topics: Sequence[NewTopic]
    validate_only: bool = False


class CreatedTopic(NamedTuple):
    """One answer to `CreateTopics`, in the order asked."""

    name: str
    error: KafkaError | None = None
    topic_id: Uuid = ZERO_UUID
    num_partitions: int = -1
    replication_factor: int = -1
    configs: Mapping[str, str] = MappingProxyType({})


class DeleteTopics(NamedTuple):
    """Ids must differ from each other."""

    topic_ids: Sequence[Uuid]


class DeletedTopic(NamedTuple):
    """One answer to `DeleteTopics`, in the order asked."""

    topic_id: Uuid
    error: KafkaError | None = None


class MorePartitions(NamedTuple):
    """A topic to grow to `total` partitions; `assignments` has the brokers of each new one, None to let us choose."""

    name: str
    total: int
    assignments: Sequence[Sequence[int]] | None = None


class CreatePartitions(NamedTuple):
    """Names must differ from each other."""

    topics: Sequence[MorePartitions]
    validate_only: bool = False


class GrownTopic(NamedTuple):
    """One answer to `CreatePartitions`, in the order asked."""

    name: str
    error: KafkaError | None = None


# Configs


class ConfigOperation(IntEnum):
    """What to do with one config (`AlterConfigOp.OpType`). The last two are for lists."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


class ConfigChange(NamedTuple):
    """`value` is None for DELETE."""

    name: str
    operation: ConfigOperation
    value: str | None


class ResourceChange(NamedTuple):
    """All changes to one resource; made together or not at all."""

    resource: ConfigResource
    changes: Sequence[ConfigChange]


class AlterConfigs(NamedTuple):
    """Resources must differ from each other."""

    resources: Sequence[ResourceChange]
    validate_only: bool = False


class AlteredResource(NamedTuple):
    """One answer to `AlterConfigs`, in the order asked."""

    resource: ConfigResource
    error: KafkaError | None = None


# Brokers


class RegisterBroker(NamedTuple):
    """A broker process has started. The answer is its broker epoch."""

    broker_id: BrokerId
    incarnation_id: Uuid
    endpoints: tuple[Endpoint, ...]
    log_dirs: tuple[Uuid, ...] = ()
    rack: str | None = None


class AllocateProducerIds(NamedTuple):
    """A broker wants producer ids to give out. The answer is a range of them, never given before."""

    broker_id: BrokerId
    broker_epoch: int


Event = (
    CreateTopics
    | DeleteTopics
    | CreatePartitions
    | AlterConfigs
    | RegisterBroker
    | AllocateProducerIds
)
