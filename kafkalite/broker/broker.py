"""One broker, put together: logs, metadata, replicas, coordinators, and what requests share. Knows no sockets.

    Broker(...)      nothing touched yet
    open()           lock and recover the data, replay the metadata, become leader, replay the groups     (blocks; worker thread)
    start()          periodic work begins                                                                  (on the loop)
    answer_parked()  parked fetches get their answers, nothing new is started
    close()          logs flushed and closed, clean-shutdown marker                                        (blocks; worker thread)

Two brokers can live in one process: everything they share with the world is an argument.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from kafkalite_protocol.errors import ProtocolError

from kafkalite.broker.blocking import Blocking, RunInline
from kafkalite.broker.coordinated_topics import (
    Coordinator,
    entries_of,
    follow_leadership,
    records_of,
)
from kafkalite.broker.coordinator_ports import ImageTopics, ReplicaWriter
from kafkalite.broker.fetch_session import FetchSessionCache
from kafkalite.broker.idle_acls import tell_of_idle_acls
from kafkalite.broker.internal_topics import (
    GROUP_OFFSETS_TOPIC,
    SHARE_GROUP_STATE_TOPIC,
    TRANSACTION_STATE_TOPIC,
    InternalTopics,
)
from kafkalite.broker.lost_metadata import refuse_lost_metadata
from kafkalite.broker.maintenance import Maintenance
from kafkalite.broker.parts import PartsOnDemand
from kafkalite.broker.producer_ids import ProducerIds
from kafkalite.broker.purgatory import FetchPurgatory
from kafkalite.broker.recompression import Recompressor
from kafkalite.broker.replicas import Replicas
from kafkalite.broker.request import ConnectionInfo
from kafkalite.broker.rounds import Rounds
from kafkalite.clock import Clock
from kafkalite.config import BrokerConfig
from kafkalite.coordination.group.config import GroupCoordinatorConfig
from kafkalite.coordination.group.coordinator import GroupCoordinator
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError, StartupError
from kafkalite.metadata.dynamic_config import with_dynamic_configs
from kafkalite.metadata.events import RegisterBroker
from kafkalite.metadata.image import Endpoint, MetadataImage
from kafkalite.metadata.local_control_plane import LocalControlPlane
from kafkalite.metadata.metadata_directory import keep_kafka_out, refuse_kafkas
from kafkalite.metadata.metadata_log import (
    METADATA_LOG_CONFIG,
    METADATA_PARTITION,
    METADATA_TOPIC_ID,
    MetadataLog,
)
from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.log import Log
from kafkalite.storage.log_manager import LogManager
from kafkalite.timer import Timer
from kafkalite.types import BrokerId, Offset, TopicPartition, Uuid

if TYPE_CHECKING:
    from kafkalite.broker.replica import Replica

E = TypeVar("E")

_WILDCARD_HOSTS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to


class ListenerAddress(NamedTuple):
    """A listener as it is bound, and what clients are told to dial."""

    name: str
    host: str
    """Empty for every address."""
    port: int
    """The real one, also where 0 was asked for."""
    advertised_host: str | None
    """None: whatever address the client reached us by."""
    advertised_port: int

    @property
    def is_wildcard(self) -> bool:
        """Bound to every address of the machine."""
        return self.host in _WILDCARD_HOSTS


class Broker(PartsOnDemand):
    """See the module. Attributes are what handlers use; some of them are `PartsOnDemand`."""

    def __init__(
        self,
        config: BrokerConfig,
        *,
        listeners: list[ListenerAddress],
        clock: Clock,
        timer: Timer,
        filesystem: FileSystem,
        rng: random.Random,
        blocking: Blocking,
    ) -> None:
        self._static_config = config
        self.config = config
        """What holds now: the static settings under those that were set at run time."""
        self.node_id = BrokerId(config.node_id)
        self.clock = clock
        self.timer = timer
        self.random = rng
        self.blocking = blocking
        self._listeners = {listener.name: listener for listener in listeners}
        self._inline: Blocking = RunInline()
        self._started = False
        self._filesystem = filesystem
        self.logs = LogManager(config, filesystem=filesystem, clock=clock, rng=rng)
        self.fetch_purgatory = FetchPurgatory(timer)
        self.fetch_sessions = FetchSessionCache(
            config.max_incremental_fetch_session_cache_slots, clock, rng
        )
        self.producer_ids = ProducerIds(lambda: self.control_plane.allocate_producer_ids())
        self.internal_topics = InternalTopics(self)
        self.recompressor = Recompressor(blocking, clock)
        self.log_starts_saved = Rounds(lambda: self.blocking.submit(self.logs.log_starts_task()))
        """`join()` resolves once the log starts are on the disk."""
        self._maintenance = Maintenance(self)

    @property
    def cluster_id(self) -> str:
        return self.logs.cluster_id

    def open(self) -> None:
        """Take the data directory and bring everything back to where it was. Raises StartupError."""
        for directory in self._static_config.log_dirs:
            refuse_kafkas(self._filesystem, Path(directory))
        self.logs.open()
        try:
            for directory in self._static_config.log_dirs:
                keep_kafka_out(self._filesystem, Path(directory))
            self._open_metadata()
            self._open_groups()
            self._register()
            self.replicas.put_strays_aside()
        except (KafkaError, ProtocolError, OSError) as error:
            self.logs.release()
            reason = error.message if isinstance(error, KafkaError) and error.message else error
            raise StartupError(f"the data cannot be brought back: {reason}") from error
        except BaseException:
            self.logs.release()
            raise

    def start(self) -> None:
        """From now on blocking work goes to worker threads, and periodic work is done."""
        self._started = True
        self._maintenance.start()

    def answer_parked(self) -> None:
        """The broker is about to stop: whoever waits is answered now."""
        self._maintenance.stop()
        self.fetch_purgatory.finish_all()
        self.group_coordinator.close()

    def close(self) -> None:
        """Flush and close; the next start finds a clean shutdown."""
        self.logs.close()

    def endpoint(self, node_id: int, connection: ConnectionInfo) -> tuple[str, int]:
        """Host and port at which the client of `connection` reaches broker `node_id`.

        For this broker without advertised.listeners: the address the client dialled, when we listen on all of them.
        Another broker's comes from the image, for the same listener. ("", -1) when there is none.
        """
        if node_id == self.node_id:
            listener = self._listeners[connection.listener]
            if listener.advertised_host is not None:
                return listener.advertised_host, listener.advertised_port
            host = connection.local_host if listener.is_wildcard else listener.host
            return host, listener.advertised_port
        broker = self.image.brokers.get(BrokerId(node_id))
        for endpoint in broker.endpoints if broker is not None else ():
            if endpoint.listener == connection.listener:
                return endpoint.host, endpoint.port
        return "", -1

    # Opening

    def _open_metadata(self) -> None:
        log = self.logs.log(METADATA_PARTITION)
        if log is None:
            log = self.logs.create_log(METADATA_PARTITION, METADATA_TOPIC_ID, METADATA_LOG_CONFIG)
        self.control_plane = LocalControlPlane(
            MetadataLog(log, self.clock, self._flush, lambda: self.logs.checkpoint_task()()),
            cluster_id=self.logs.cluster_id,
            config=self.config,
            random=self.random,
        )
        refuse_lost_metadata(self.control_plane.image, self.logs.logs())
        self.replicas = Replicas(
            self.node_id,
            self.logs,
            lambda: self.config,
            lambda: self.control_plane.image,
            self._flush,
        )
        self.config = with_dynamic_configs(self._static_config, self.control_plane.image)
        # What the log says from earlier runs; leadership comes with the registration.
        self.replicas.apply(MetadataImage(self.logs.cluster_id), self.control_plane.image)
        tell_of_idle_acls(MetadataImage(self.logs.cluster_id), self.control_plane.image)
        self.control_plane.on_change(tell_of_idle_acls)
        self.control_plane.on_change(self._on_change)

    def _open_groups(self) -> None:
        config = self.config
        self.group_coordinator = GroupCoordinator(
            writer=ReplicaWriter(self.replicas, self.clock),
            topics=ImageTopics(lambda: self.control_plane.image),
            timer=self.timer,
            clock=self.clock,
            random=self.random,
            partition_count=self.partition_count(
                GROUP_OFFSETS_TOPIC, config.offsets_topic_num_partitions
            ),
            settings_of=self.settings_of_group,
            config=GroupCoordinatorConfig(
                min_session_timeout_ms=config.group_min_session_timeout_ms,
                max_session_timeout_ms=config.group_max_session_timeout_ms,
                max_size=config.group_max_size,
                initial_rebalance_delay_ms=config.group_initial_rebalance_delay_ms,
                offset_metadata_max_bytes=config.offset_metadata_max_bytes,
                offsets_retention_ms=config.offsets_retention_minutes * 60_000,
                consumer_max_size=config.group_consumer_max_size,
                consumer_assignors=config.group_consumer_assignors,
                consumer_migration_policy=config.group_consumer_migration_policy.lower(),
                consumer_regex_refresh_interval_ms=config.group_consumer_regex_refresh_interval_ms,
                share_max_size=config.group_share_max_size,
                streams_max_size=config.group_streams_max_size,
            ),
            persister=lambda: self.share_persister,
            log_end=self._log_end,
        )

    def _log_end(self, tp: TopicPartition) -> Offset | None:
        """The end of what consumers may read; None where somebody else leads."""
        try:
            return self.replicas.get(*tp).high_watermark
        except KafkaError:
            return None

    def _register(self) -> None:
        """Announce this process; the controller makes it leader of what it holds."""
        endpoints = tuple(
            Endpoint(
                listener.name,
                listener.advertised_host or listener.host or "localhost",
                listener.advertised_port,
            )
            for listener in self._listeners.values()
        )
        registration = self.control_plane.register(
            RegisterBroker(
                broker_id=self.node_id,
                incarnation_id=Uuid(self.random.randbytes(16)),
                endpoints=endpoints,
                log_dirs=(self.logs.directory_id,),
                rack=self.config.broker_rack,
            )
        )
        registration.result()

    def _flush(self, log: Log) -> Deferred[None]:
        """Make durable what is in the log now; fails with OSError."""
        task = log.flush_task()
        blocking = self.blocking if self._started else self._inline
        if task is None:
            return blocking.submit(lambda: None)
        return blocking.submit(task.run).then(lambda _: log.flushed(task))

    # Metadata changes

    def _on_change(self, old: MetadataImage, new: MetadataImage) -> None:
        if new.configs is not old.configs:
            self.config = with_dynamic_configs(self._static_config, new)
        removed = self.replicas.apply(old, new)
        if new.topics is not old.topics:
            self.group_coordinator.on_topics_changed()
        if removed:
            self.group_coordinator.on_topics_deleted([topic.name for topic in removed])
            removed_ids = {topic.topic_id for topic in removed}
            if "share_coordinator" in vars(self):
                self.share_coordinator.on_topics_deleted(removed_ids)
            if "sharing" in vars(self):
                self.sharing.topics_deleted(removed_ids)
        if self._may_have_moved(SHARE_GROUP_STATE_TOPIC, old, new):
            self._follow(self.share_coordinator, SHARE_GROUP_STATE_TOPIC, new, records_of)
        if self._may_have_moved(GROUP_OFFSETS_TOPIC, old, new):
            self._follow(self.group_coordinator, GROUP_OFFSETS_TOPIC, new, entries_of)
        if self._may_have_moved(TRANSACTION_STATE_TOPIC, old, new):
            self._follow(self.transaction_coordinator, TRANSACTION_STATE_TOPIC, new, records_of)

    def _may_have_moved(self, topic: str, old: MetadataImage, new: MetadataImage) -> bool:
        found = new.topics.get(topic)
        return found is not None and (found is not old.topics.get(topic) or not self._started)

    def _follow(
        self,
        coordinator: Coordinator[E],
        topic: str,
        image: MetadataImage,
        read: Callable[[Replica], Iterable[E]],
    ) -> None:
        follow_leadership(coordinator, topic, image, self.replicas, self.node_id, read)
