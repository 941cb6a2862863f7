"""The port through which a broker changes the cluster and hears of changes.

Shaped like KRaft's RPCs, so that a local log, another process or a quorum can stand behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from kafkalite.deferred import Deferred
from kafkalite.metadata.events import (
    AlteredResource,
    CreatedTopic,
    DeletedTopic,
    GrownTopic,
    MorePartitions,
    NewTopic,
    RegisterBroker,
    ResourceChange,
)
from kafkalite.metadata.image import MetadataImage
from kafkalite.types import Uuid

ImageListener = Callable[[MetadataImage, MetadataImage], None]
"""Called with the old and the new image."""


class ControlPlane(Protocol):
    """Changes are durable, and have reached every listener, before their Deferred resolves."""

    @property
    def image(self) -> MetadataImage:
        """The cluster as this broker knows it now."""
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
