"""The port through which a broker changes the cluster and hears of changes.

Shaped like KRaft's RPCs, so that a local log, another process or a quorum can stand behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.events import (
    AlteredResource,
    AlteredUser,
    CreatedTopic,
    DeletedAcls,
    DeletedTopic,
    ElectedLeader,
    FeatureUpdate,
    GrownTopic,
    MorePartitions,
    NewTopic,
    QuotaChange,
    Reassignment,
    RegisterBroker,
    ResourceChange,
    ScramDeletion,
    ScramUpsertion,
)
from kafkalite.metadata.image import MetadataImage
from kafkalite.types import TopicPartition, Uuid

if TYPE_CHECKING:
    from kafkalite.metadata.acl_filter import AclFilter
    from kafkalite.metadata.users_image import AclEntry

ImageListener = Callable[[MetadataImage, MetadataImage], None]
"""Called with the old and the new image."""


class ControlPlane(Protocol):
    """Changes are durable, and have reached every listener, before their Deferred resolves."""

    @property
    def image(self) -> MetadataImage:
        """The cluster as this broker knows it now."""
        ...

    @property
    def leader_epoch(self) -> int:
        """Number of the leadership under which the metadata log is written now."""
        ...

    def on_change(self, listener: ImageListener) -> None:
        """Call `listener` after each change, in the order of registration and before the change is answered."""
        ...

    def register(self, registration: RegisterBroker) -> Deferred[int]:
        """Announce this broker; the answer is its broker epoch. Must come before anything else is asked."""
        ...

    def create_topics(
        self, topics: Sequence[NewTopic], *, validate_only: bool = False
    ) -> Deferred[list[CreatedTopic]]: ...

    def delete_topics(self, topic_ids: Sequence[Uuid]) -> Deferred[list[DeletedTopic]]: ...

    def create_partitions(
        self, topics: Sequence[MorePartitions], *, validate_only: bool = False
    ) -> Deferred[list[GrownTopic]]: ...

    def alter_configs(
        self, resources: Sequence[ResourceChange], *, validate_only: bool = False
    ) -> Deferred[list[AlteredResource]]: ...

    def allocate_producer_ids(self) -> Deferred[range]:
        """A block of producer ids for this broker to give out."""
        ...

    def unregister_broker(self, broker_id: int) -> Deferred[None]: ...

    def update_features(
        self, updates: Sequence[FeatureUpdate], *, validate_only: bool = False
    ) -> Deferred[None]: ...

    def elect_leaders(
        self, partitions: Sequence[TopicPartition] | None, *, unclean: bool = False
    ) -> Deferred[list[ElectedLeader]]:
        """None: of all partitions."""
        ...

    def alter_reassignments(
        self, reassignments: Sequence[Reassignment], *, allow_replication_factor_change: bool = True
    ) -> Deferred[list[KafkaError | None]]: ...

    def create_acls(self, entries: Sequence[AclEntry]) -> Deferred[list[KafkaError | None]]: ...

    def delete_acls(self, filters: Sequence[AclFilter]) -> Deferred[list[DeletedAcls]]: ...

    def alter_client_quotas(
        self, changes: Sequence[QuotaChange], *, validate_only: bool = False
    ) -> Deferred[list[KafkaError | None]]: ...

    def alter_scram_credentials(
        self, deletions: Sequence[ScramDeletion], upsertions: Sequence[ScramUpsertion]
    ) -> Deferred[list[AlteredUser]]: ...
