"""The replicas that this broker holds, kept in step with the metadata image.

Existence and leadership are read from the image; a replica is what the image says this broker has. Created and removed
inside the image's change, so a topic is usable the moment its creation is answered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

from kafkalite_protocol.compression import Compression
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.record_batch import TimestampType

from kafkalite.broker.replica import Replica
from kafkalite.config import BrokerConfig, TopicConfig
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.image import (
    METADATA_TOPIC,
    ConfigResource,
    ConfigResourceType,
    MetadataImage,
    TopicImage,
)
from kafkalite.storage.log import Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.log_manager import LogManager
from kafkalite.types import ZERO_UUID, BrokerId, TopicPartition, Uuid

_log = logging.getLogger(__name__)

_SHARED_FIELDS = tuple(
    name for name in LogConfig.__dataclass_fields__ if name in TopicConfig.__annotations__
)
"""The configs that LogConfig and TopicConfig have under one name and type."""


def log_config(topic: TopicConfig, broker: BrokerConfig) -> LogConfig:
    """What a log needs of its topic's configs."""
    values = {
        name: getattr(topic, name) for name in _SHARED_FIELDS if name != "message_timestamp_type"
    }
    if topic.compacts:
        # What is in the active segment cannot be compacted (Kafka: LogConfig.maxSegmentMs).
        values["segment_ms"] = min(topic.segment_ms, topic.max_compaction_lag_ms)
    return LogConfig(
        **values,
        compact=topic.compacts,
        compression=_codec_of(topic),
        compression_level=_level_of(topic),
        delete=topic.deletes,
        message_timestamp_type=TimestampType.LOG_APPEND_TIME
        if topic.log_append_time
        else TimestampType.CREATE_TIME,
        producer_id_expiration_ms=broker.producer_id_expiration_ms,
    )


def _codec_of(topic: TopicConfig) -> Compression | None:
    match topic.compression_type:
        case "producer":
            return None
        case "uncompressed":
            return Compression.NONE
        case name:
            return Compression[name.upper()]


def _level_of(topic: TopicConfig) -> int | None:
    match topic.compression_type:
        case "gzip":
            return topic.compression_gzip_level
        case "lz4":
            return topic.compression_lz4_level
        case "zstd":
            return topic.compression_zstd_level
        case _:
            return None


class Replicas:
    """All of this broker's replicas, by topic name and by topic id."""

    def __init__(
        self,
        broker_id: BrokerId,
        logs: LogManager,
        config: Callable[[], BrokerConfig],
        image: Callable[[], MetadataImage],
        flush: Callable[[Log], Deferred[None]],
    ) -> None:
        self._broker_id = broker_id
        self._logs = logs
        self._config = config
        self._image = image
        self._flush = flush
        self._by_name: dict[tuple[str, int], Replica] = {}
        self._by_id: dict[tuple[bytes, int], Replica] = {}

    def __iter__(self) -> Iterator[Replica]:
        return iter(tuple(self._by_name.values()))

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, topic: str, partition: int) -> Replica:
        """Raises KafkaError UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER (another broker has it) or KAFKA_STORAGE_ERROR."""
        replica = self._by_name.get((topic, partition))
        if replica is None:
            raise self._why_missing(self._image().topics.get(topic), partition)
        return replica

    def by_topic_id(self, topic_id: bytes, partition: int) -> Replica:
        """As `get`, and UNKNOWN_TOPIC_ID when no topic has this id."""
        replica = self._by_id.get((topic_id, partition))
        if replica is None:
            topic = self._image().topics_by_id.get(Uuid(topic_id))
            if topic is None:
                raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID)
            raise self._why_missing(topic, partition)
        return replica

    def apply(self, old: MetadataImage, new: MetadataImage) -> list[TopicImage]:
        """Create, change and remove replicas so that they are what `new` says. Returns the topics that are gone."""
        if old.topics is new.topics and old.configs is new.configs:
            return []
        removed = [
            topic
            for topic_id, topic in old.topics_by_id.items()
            if topic_id not in new.topics_by_id
        ]
        for topic in removed:
            self._remove(topic)
        broker_changed = any(
            old.configs.get(key) is not new.configs.get(key) for key in self._broker_resources()
        )
        for topic_id, topic in new.topics_by_id.items():
            before = old.topics_by_id.get(topic_id)
            if before is not topic:
                self._apply_topic(topic, new)
            elif broker_changed or old.topic_configs(topic.name) != new.topic_configs(topic.name):
                self._reconfigure(topic, new)
        return removed

    def _broker_resources(self) -> tuple[ConfigResource, ConfigResource]:
        """Whose configs are the defaults of every topic here: this broker's and all brokers'."""
        return (
            ConfigResource(ConfigResourceType.BROKER, str(self._broker_id)),
            ConfigResource(ConfigResourceType.BROKER, ""),
        )

    def put_strays_aside(self) -> None:
        """Logs of topics that the image does not know: deleted just before a kill, or the metadata is not that of the data."""
        for log in self._logs.logs():
            tp = log.topic_partition
            if tp.topic != METADATA_TOPIC and self._image().partition(tp) is None:
                self._logs.put_aside(tp)

    def _apply_topic(self, topic: TopicImage, image: MetadataImage) -> None:
        config: TopicConfig | None = None
        for index, partition in enumerate(topic.partitions):
            replica = self._by_name.get((topic.name, index))
            if replica is not None:
                replica.apply(partition)
            elif self._broker_id in partition.replicas:
                if config is None:
                    config = TopicConfig.resolve(self._config(), image.topic_configs(topic.name))
                try:
                    log = self._open_log(topic, index, config)
                    replica = Replica(
                        log, self._broker_id, partition, self._flush, config.min_insync_replicas
                    )
                except KafkaError as error:
                    # The change is decided and the others must hear of it; this partition answers KAFKA_STORAGE_ERROR.
                    _log.error("%s-%d is not served: %s", topic.name, index, error)
                    continue
                self._by_name[topic.name, index] = replica
                self._by_id[topic.topic_id, index] = replica

    def _open_log(self, topic: TopicImage, index: int, config: TopicConfig) -> Log:
        topic_partition = TopicPartition(topic.name, index)
        log = self._logs.log(topic_partition)
        settings = log_config(config, self._config())
        if log is not None and log.topic_id == ZERO_UUID:
            self._logs.adopt_topic_id(log, topic.topic_id)
        if log is not None and log.topic_id == topic.topic_id:
            log.reconfigure(settings)
            return log
        if log is not None:
            # Left behind by a topic of the same name: deleted while its directory could not be, or lost with the metadata.
            self._logs.put_aside(topic_partition)
        return self._logs.create_log(topic_partition, topic.topic_id, settings)

    def _reconfigure(self, topic: TopicImage, image: MetadataImage) -> None:
        config = TopicConfig.resolve(self._config(), image.topic_configs(topic.name))
        for replica in self._of_topic(topic):
            replica.log.reconfigure(log_config(config, self._config()))
            replica.min_insync_replicas = config.min_insync_replicas

    def _remove(self, topic: TopicImage) -> None:
        for replica in self._of_topic(topic):
            del self._by_name[replica.topic_partition.topic, replica.topic_partition.partition]
            del self._by_id[topic.topic_id, replica.topic_partition.partition]
            replica.removed()
            self._logs.delete_log(replica.topic_partition)

    def _of_topic(self, topic: TopicImage) -> Iterable[Replica]:
        found = (self._by_name.get((topic.name, index)) for index in range(len(topic.partitions)))
        return [replica for replica in found if replica is not None]

    def _why_missing(self, topic: TopicImage | None, partition: int) -> KafkaError:
        if topic is None or not 0 <= partition < len(topic.partitions):
            return KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        if self._broker_id in topic.partitions[partition].replicas:
            return KafkaError(
                ErrorCode.KAFKA_STORAGE_ERROR, "the partition's log could not be opened"
            )
        return KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
