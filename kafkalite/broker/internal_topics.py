"""Topics that the broker makes for itself when they are first needed, with Kafka's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.deferred import Deferred, resolved
from kafkalite.metadata.events import NewTopic

if TYPE_CHECKING:
    from kafkalite.broker.broker import Broker

GROUP_OFFSETS_TOPIC = "__consumer_offsets"
SHARE_GROUP_STATE_TOPIC = "__share_group_state"
TRANSACTION_STATE_TOPIC = "__transaction_state"

MADE_HERE = frozenset({GROUP_OFFSETS_TOPIC, SHARE_GROUP_STATE_TOPIC, TRANSACTION_STATE_TOPIC})
"""Those that have a definition."""


class InternalTopics:
    """Makes sure that they exist."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def ensure(self, name: str) -> Deferred[None]:
        """Resolved when `name` exists and can be used. Fails with KafkaError when it cannot be made."""
        if name in self._broker.image.topics:
            return resolved(None)
        return self._broker.control_plane.create_topics([self.definition(name)]).then(
            lambda created: _check(created[0].error)
        )

    def definition(self, name: str) -> NewTopic:
        """Partitions, replicas and configs of an internal topic, as Kafka makes it."""
        assert name in MADE_HERE, f"no coordinator here uses {name}"
        config = self._broker.config
        live_brokers = max(1, len(self._broker.image.live_brokers))
        if name == SHARE_GROUP_STATE_TOPIC:
            # Not compacted: an update must outlive all but the next snapshot.
            return NewTopic(
                name,
                num_partitions=config.share_coordinator_state_topic_num_partitions,
                replication_factor=min(
                    config.share_coordinator_state_topic_replication_factor, live_brokers
                ),
                configs={
                    "cleanup.policy": "delete",
                    "compression.type": "producer",
                    "min.insync.replicas": str(config.share_coordinator_state_topic_min_isr),
                    "retention.ms": "-1",
                    "segment.bytes": str(config.share_coordinator_state_topic_segment_bytes),
                },
            )
        if name == TRANSACTION_STATE_TOPIC:
            return NewTopic(
                name,
                num_partitions=config.transaction_state_log_num_partitions,
                replication_factor=min(
                    config.transaction_state_log_replication_factor, live_brokers
                ),
                configs={
                    "cleanup.policy": "compact",
                    "compression.type": "uncompressed",
                    "min.insync.replicas": str(config.transaction_state_log_min_isr),
                    "segment.bytes": str(config.transaction_state_log_segment_bytes),
                    "unclean.leader.election.enable": "false",
                },
            )
        return NewTopic(
            name,
            num_partitions=config.offsets_topic_num_partitions,
            replication_factor=min(config.offsets_topic_replication_factor, live_brokers),
            configs={
                "cleanup.policy": "compact",
                "compression.type": "producer",
                "segment.bytes": str(config.offsets_topic_segment_bytes),
            },
        )


def _check(error: Exception | None) -> None:
    if error is not None and getattr(error, "code", None) != ErrorCode.TOPIC_ALREADY_EXISTS:
        raise error
