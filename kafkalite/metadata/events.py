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
    from kafkalite.metadata.acl_filter import AclFilter
    from kafkalite.metadata.image import ConfigResource, Endpoint
    from kafkalite.metadata.users_image import AclEntry
    from kafkalite.types import TopicPartition

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


class UnregisterBroker(NamedTuple):
    """A broker that will not come back. The answer is None."""

    broker_id: int


class FeatureUpdate(NamedTuple):
    """A feature to bring to `level`. `upgrade_type`: 1 up only, 2 down if nothing is lost, 3 down anyway."""

    name: str
    level: int
    upgrade_type: int


class UpdateFeatures(NamedTuple):
    """All of them or none. The answer is None."""

    updates: Sequence[FeatureUpdate]
    validate_only: bool = False


# Leaders and replicas


class ElectLeaders(NamedTuple):
    """Make the first replica of each of `partitions` its leader, or with `unclean` any replica of one that has none.

    Partitions None means all. The answer is an `ElectedLeader` each, but of all only those that needed an election.
    """

    partitions: Sequence[TopicPartition] | None
    unclean: bool = False


class ElectedLeader(NamedTuple):
    partition: TopicPartition
    error: KafkaError | None = None


class Reassignment(NamedTuple):
    """Where a partition shall be; `replicas` None cancels what is under way."""

    partition: TopicPartition
    replicas: Sequence[int] | None


class AlterReassignments(NamedTuple):
    """The answer is an error or None for each of `reassignments`."""

    reassignments: Sequence[Reassignment]
    allow_replication_factor_change: bool = True


# Users


class CreateAcls(NamedTuple):
    """The answer is an error or None for each entry."""

    entries: Sequence[AclEntry]


class DeleteAcls(NamedTuple):
    """The answer is a `DeletedAcls` for each filter."""

    filters: Sequence[AclFilter]


class DeletedAcls(NamedTuple):
    entries: Sequence[AclEntry]
    error: KafkaError | None = None


class QuotaChange(NamedTuple):
    """Values by key for one entity, made together or not at all. None removes a quota."""

    entity: Sequence[tuple[str, str | None]]
    """(type, name), name None for the default of the type."""
    values: Sequence[tuple[str, float | None]]


class AlterClientQuotas(NamedTuple):
    """The answer is an error or None for each of `changes`."""

    changes: Sequence[QuotaChange]
    validate_only: bool = False


class ScramDeletion(NamedTuple):
    name: str
    mechanism: int


class ScramUpsertion(NamedTuple):
    name: str
    mechanism: int
    iterations: int
    salt: bytes
    salted_password: bytes


class AlterScramCredentials(NamedTuple):
    """The answer is an `AlteredUser` for each user."""

    deletions: Sequence[ScramDeletion]
    upsertions: Sequence[ScramUpsertion]


class AlteredUser(NamedTuple):
    name: str
    error: KafkaError | None = None


Event = (
    CreateTopics
    | DeleteTopics
    | CreatePartitions
    | AlterConfigs
    | RegisterBroker
    | AllocateProducerIds
    | UnregisterBroker
    | UpdateFeatures
    | ElectLeaders
    | AlterReassignments
    | CreateAcls
    | DeleteAcls
    | AlterClientQuotas
    | AlterScramCredentials
)
