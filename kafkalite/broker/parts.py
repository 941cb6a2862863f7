"""The parts of a broker that are made, and their code loaded, when they are first asked for.

A broker that only moves records has no share groups, no transactions, no Kafka Streams and nothing to compact. What serves them
would cost every start and every idle broker, so it is imported in the properties here, and in handlers, which are loaded on
use as well. `"sharing" in vars(broker)` tells whether a part is there.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from kafkalite.broker.coordinator_ports import ImageTopics, ReplicaWriter
from kafkalite.broker.internal_topics import SHARE_GROUP_STATE_TOPIC, TRANSACTION_STATE_TOPIC
from kafkalite.metadata.dynamic_config import config_of_group

if TYPE_CHECKING:
    from kafkalite.broker.blocking import Blocking
    from kafkalite.broker.compaction import Compaction
    from kafkalite.broker.internal_topics import InternalTopics
    from kafkalite.broker.producer_ids import ProducerIds
    from kafkalite.broker.replicas import Replicas
    from kafkalite.broker.share.sharing import Sharing
    from kafkalite.broker.streams_topics import StreamsTopics
    from kafkalite.broker.transaction_markers import ReplicaMarkers
    from kafkalite.broker.transaction_verification import TransactionVerifier
    from kafkalite.clock import Clock
    from kafkalite.config import BrokerConfig
    from kafkalite.config.group_config import GroupConfig
    from kafkalite.coordination.group.coordinator import GroupCoordinator
    from kafkalite.coordination.share.coordinator import ShareCoordinator
    from kafkalite.coordination.share.local_persister import LocalPersister
    from kafkalite.coordination.transaction.coordinator import TransactionCoordinator
    from kafkalite.metadata.image import MetadataImage
    from kafkalite.metadata.local_control_plane import LocalControlPlane
    from kafkalite.storage.log_manager import LogManager
    from kafkalite.timer import Timer


class PartsOnDemand:
    """See the module. `Broker` is built on it, and gives it what the parts are made from."""

    logs: LogManager

    config: BrokerConfig
    clock: Clock
    timer: Timer
    blocking: Blocking
    control_plane: LocalControlPlane
    replicas: Replicas
    group_coordinator: GroupCoordinator
    internal_topics: InternalTopics
    producer_ids: ProducerIds

    @property
    def image(self) -> MetadataImage:
        return self.control_plane.image

    def settings_of_group(self, group_id: str) -> GroupConfig:
        """A group's own configs over the broker's, as they are now."""
        return config_of_group(self.config, self.image, group_id)

    def partition_count(self, internal_topic: str, configured: int) -> int:
        """Of the topic that is there, else of the one that will be made: keys hash to partitions by it."""
        topic = self.image.topics.get(internal_topic)
        return configured if topic is None else len(topic.partitions)

    @cached_property
    def streams_topics(self) -> StreamsTopics:
        from kafkalite.broker.streams_topics import StreamsTopics

        return StreamsTopics(self.control_plane, self.clock)

    @cached_property
    def compaction(self) -> Compaction:
        from kafkalite.broker.compaction import Compaction

        return Compaction(self)

    # Share groups

    @cached_property
    def sharing(self) -> Sharing:
        from kafkalite.broker.share.sharing import Sharing

        return Sharing(
            self.replicas,
            self.share_persister,
            timer=self.timer,
            clock=self.clock,
            blocking=self.blocking,
            settings_of=self.settings_of_group,
            session_slots=lambda: self.config.group_share_max_share_sessions,
        )

    @cached_property
    def share_persister(self) -> LocalPersister:
        """The durable state of share partitions, for those who share and for the groups."""
        from kafkalite.coordination.share.local_persister import LocalPersister

        return LocalPersister(
            self.share_coordinator, lambda: self.internal_topics.ensure(SHARE_GROUP_STATE_TOPIC)
        )

    @cached_property
    def share_coordinator(self) -> ShareCoordinator:
        from kafkalite.coordination.share.coordinator import (
            ShareCoordinator,
            ShareCoordinatorConfig,
        )

        config = self.config
        return ShareCoordinator(
            ReplicaWriter(self.replicas, self.clock),
            self.clock,
            ImageTopics(lambda: self.image),
            self.partition_count(
                SHARE_GROUP_STATE_TOPIC, config.share_coordinator_state_topic_num_partitions
            ),
            ShareCoordinatorConfig(
                config.share_coordinator_snapshot_update_records_per_snapshot,
            ),
        )

    # Transactions

    @cached_property
    def transaction_verifier(self) -> TransactionVerifier:
        """Asks whether a batch belongs to a transaction."""
        from kafkalite.broker.transaction_verification import TransactionVerifier

        return TransactionVerifier(
            self.transaction_coordinator, lambda: self.config, self.timer, self.clock
        )

    @cached_property
    def transaction_markers(self) -> ReplicaMarkers:
        from kafkalite.broker.transaction_markers import ReplicaMarkers

        return ReplicaMarkers(
            self.replicas,
            self.clock,
            offsets_ended=lambda *end: self.group_coordinator.transaction_ended(*end),
        )

    @cached_property
    def transaction_coordinator(self) -> TransactionCoordinator:
        from kafkalite.broker.transactions import TRANSACTION_VERSION
        from kafkalite.coordination.transaction.coordinator import (
            TransactionConfig,
            TransactionCoordinator,
        )

        config = self.config
        return TransactionCoordinator(
            ReplicaWriter(self.replicas, self.clock),
            self.transaction_markers,
            self.timer,
            self.clock,
            self.partition_count(
                TRANSACTION_STATE_TOPIC, config.transaction_state_log_num_partitions
            ),
            next_producer_id=self.producer_ids.next,
            coordinator_epoch=lambda partition: (
                self.replicas.get(TRANSACTION_STATE_TOPIC, partition).leader_epoch
            ),
            transaction_version=lambda: self.image.features.get(TRANSACTION_VERSION, 0),
            config=TransactionConfig(
                max_timeout_ms=config.transaction_max_timeout_ms,
                id_expiration_ms=config.transactional_id_expiration_ms,
            ),
        )
