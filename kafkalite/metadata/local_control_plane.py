"""The control plane of a single node: its metadata log is a partition of its own, `__cluster_metadata-0`.

    event -> step(staged image) -> append -> staged image -> flush -> image, listeners, answer

Two images are kept. `staged` has what is appended, and decisions are made on it. `image` has what is flushed, and
everybody reads that one: nothing is told that a power cut could take back. Events that arrive during a flush are
appended at once and share the next flush.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kafkalite.config.broker_config import BrokerConfig
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.control_plane import ImageListener
from kafkalite.metadata.controller import step
from kafkalite.metadata.events import (
    AllocateProducerIds,
    AlterClientQuotas,
    AlterConfigs,
    AlteredResource,
    AlteredUser,
    AlterReassignments,
    AlterScramCredentials,
    CreateAcls,
    CreatedTopic,
    CreatePartitions,
    CreateTopics,
    DeleteAcls,
    DeletedAcls,
    DeletedTopic,
    DeleteTopics,
    ElectedLeader,
    ElectLeaders,
    Event,
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
    UnregisterBroker,
    UpdateFeatures,
)
from kafkalite.metadata.image import MetadataImage
from kafkalite.metadata.image_delta import apply_records
from kafkalite.metadata.image_records import image_record_count, image_records
from kafkalite.types import BrokerId, Offset, TopicPartition, Uuid

if TYPE_CHECKING:
    from kafkalite.metadata.acl_filter import AclFilter
    from kafkalite.metadata.metadata_log import MetadataLog
    from kafkalite.metadata.users_image import AclEntry


_LONG_LOG_RECORDS: Final = 20_000
"""A log of fewer records than this is replayed in a fifth of a second, and left alone."""

_RECORDS_PER_BATCH: Final = 10_000


class _Pending(NamedTuple):
    """A decision on its way to the disk."""

    image: MetadataImage
    """The image with it."""
    response: Any
    answer: Deferred[Any]


class LocalControlPlane:
    """A `ControlPlane` over a log of this process. One at a time per log."""

    def __init__(
        self,
        log: MetadataLog,
        *,
        cluster_id: str,
        config: BrokerConfig,
        random: Random,
    ) -> None:
        """Replays `log`. Raises `StartupError` when it cannot be understood."""
        self._log = log
        self._config = config
        self._random = random
        self._image = self._staged = log.replay(MetadataImage(cluster_id))
        self._listeners: list[ImageListener] = []
        self._pending: deque[_Pending] = deque()
        self._flushing = 0
        """How many of `_pending` the flush under way makes durable."""
        self._broken: KafkaError | None = None
        """Why no change can be made any more: what is on disk is not known since a flush failed."""
        self._broker_id = BrokerId(-1)
        self._broker_epoch = -1

    @property
    def image(self) -> MetadataImage:
        return self._image

    @property
    def leader_epoch(self) -> int:
        return self._log.leader_epoch

    def on_change(self, listener: ImageListener) -> None:
        self._listeners.append(listener)

    def register(self, registration: RegisterBroker) -> Deferred[int]:
        """Announce this broker. A log that has grown long is summed up on this occasion."""
        self._broker_id = registration.broker_id

        def remember(broker_epoch: int) -> int:
            self._broker_epoch = broker_epoch
            return broker_epoch

        answer = self._decide(registration).then(remember)
        if self._log.record_count > _LONG_LOG_RECORDS + 2 * image_record_count(self._staged):
            self._sum_up()
        return answer

    def create_topics(
        self, topics: Sequence[NewTopic], *, validate_only: bool = False
    ) -> Deferred[list[CreatedTopic]]:
        return self._decide(CreateTopics(topics, validate_only))

    def delete_topics(self, topic_ids: Sequence[Uuid]) -> Deferred[list[DeletedTopic]]:
        return self._decide(DeleteTopics(topic_ids))

    def create_partitions(
        self, topics: Sequence[MorePartitions], *, validate_only: bool = False
    ) -> Deferred[list[GrownTopic]]:
        return self._decide(CreatePartitions(topics, validate_only))

    def alter_configs(
        self, resources: Sequence[ResourceChange], *, validate_only: bool = False
    ) -> Deferred[list[AlteredResource]]:
        return self._decide(AlterConfigs(resources, validate_only))

    def allocate_producer_ids(self) -> Deferred[range]:
        return self._decide(AllocateProducerIds(self._broker_id, self._broker_epoch))

    def unregister_broker(self, broker_id: int) -> Deferred[None]:
        return self._decide(UnregisterBroker(broker_id))

    def update_features(
        self, updates: Sequence[FeatureUpdate], *, validate_only: bool = False
    ) -> Deferred[None]:
        return self._decide(UpdateFeatures(updates, validate_only))

    def elect_leaders(
        self, partitions: Sequence[TopicPartition] | None, *, unclean: bool = False
    ) -> Deferred[list[ElectedLeader]]:
        return self._decide(ElectLeaders(partitions, unclean))

    def alter_reassignments(
        self, reassignments: Sequence[Reassignment], *, allow_replication_factor_change: bool = True
    ) -> Deferred[list[KafkaError | None]]:
        return self._decide(AlterReassignments(reassignments, allow_replication_factor_change))

    def create_acls(self, entries: Sequence[AclEntry]) -> Deferred[list[KafkaError | None]]:
        return self._decide(CreateAcls(entries))

    def delete_acls(self, filters: Sequence[AclFilter]) -> Deferred[list[DeletedAcls]]:
        return self._decide(DeleteAcls(filters))

    def alter_client_quotas(
        self, changes: Sequence[QuotaChange], *, validate_only: bool = False
    ) -> Deferred[list[KafkaError | None]]:
        return self._decide(AlterClientQuotas(changes, validate_only))

    def alter_scram_credentials(
        self, deletions: Sequence[ScramDeletion], upsertions: Sequence[ScramUpsertion]
    ) -> Deferred[list[AlteredUser]]:
        return self._decide(AlterScramCredentials(deletions, upsertions))

    def _sum_up(self) -> None:
        """Say the image again at the end of the log and, once that is durable, drop what comes before."""
        first = self._staged.next_offset
        records = image_records(self._staged)
        done: Deferred[Offset] = Deferred()
        while chunk := list(islice(records, _RECORDS_PER_BATCH)):
            self._staged = replace(self._staged, next_offset=self._log.append(chunk))
        self._pending.append(_Pending(self._staged, first, done))
        done.on_done(lambda durable: self._log.forget_before(durable.result()))
        self._flush()

    # From a decision to its answer

    def _decide(self, event: Event) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        try:
            if self._broken is not None:
                raise self._broken
            result = step(self._staged, event, self._config, self._random)
            if result.records:
                next_offset = self._log.append(result.records)
                self._staged = apply_records(self._staged, result.records, next_offset)
        except KafkaError as error:
            answer.fail(error)
            return answer
        self._pending.append(_Pending(self._staged, result.response, answer))
        self._flush()
        return answer

    def _flush(self) -> None:
        """Start a flush unless one is under way, or answer at once when there is nothing to flush."""
        while self._pending and not self._flushing:
            self._flushing = len(self._pending)
            if self._pending[-1].image is self._image:
                self._publish()
            else:
                self._log.flush().on_done(self._flushed)

    def _flushed(self, flush: Deferred[None]) -> None:
        try:
            flush.result()
        except KafkaError as error:
            self._break(error)
        else:
            self._publish()
            self._flush()

    def _publish(self) -> None:
        """Make what is flushed known. What is decided meanwhile, by listeners or by those who get an answer, waits."""
        done = [self._pending[index] for index in range(self._flushing)]
        old, self._image = self._image, done[-1].image
        if self._image is not old:
            for listener in self._listeners:
                listener(old, self._image)
        for pending in done:
            pending.answer.resolve(pending.response)
        for _ in done:
            self._pending.popleft()
        self._flushing = 0

    def _break(self, error: KafkaError) -> None:
        self._broken = error
        self._flushing = 0
        while self._pending:
            self._pending.popleft().answer.fail(error)
