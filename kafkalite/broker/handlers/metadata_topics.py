"""The topics of a Metadata answer, encoded one by one and remembered.

A topic's entry changes only with the topic or with the brokers in reach, and is asked for by every client again and
again; making it costs about 2.5 us per partition. So its bytes are kept with the topic's image (`TopicImage.memo`), and
an answer is put together from them:

    | before the topics | count | topic | topic | ... | after the topics |
"""

from __future__ import annotations

from typing import Final

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.metadata import MetadataResponse

from kafkalite.broker.handlers.authorized_operations import NOT_ASKED
from kafkalite.metadata.image import INTERNAL_TOPICS, NO_LEADER, PartitionImage, TopicImage
from kafkalite.types import BrokerId, Uuid

_FLEXIBLE_SINCE: Final = 9
_LISTENER_NOT_FOUND_SINCE: Final = 6

Topic = MetadataResponse.MetadataResponseTopic
Partition = MetadataResponse.MetadataResponsePartition


class MetadataAnswer:
    """A `MetadataResponse` whose topics are encoded already; those of `response` are none."""

    def __init__(self, response: MetadataResponse, topics: list[bytes]) -> None:
        assert not response.topics
        self.response = response
        self.topics = topics

    def encode_into(self, version: int, out: bytearray) -> None:
        """Append the whole response."""
        frame = self.response.encode(version)
        after = len(frame) - _bytes_after_topics(version)
        out += frame[: after - _empty_count_bytes(version)]
        _write_count(version, len(self.topics), out)
        for topic in self.topics:
            out += topic
        out += frame[after:]

    def encode(self, version: int) -> bytes:
        """The whole response."""
        out = bytearray()
        self.encode_into(version, out)
        return bytes(out)


def _bytes_after_topics(version: int) -> int:
    operations = 4 if 8 <= version <= 10 else 0
    error_code = 2 if version >= 13 else 0
    tags = 1 if version >= _FLEXIBLE_SINCE else 0
    return operations + error_code + tags


def _empty_count_bytes(version: int) -> int:
    """Size of an array count that is 0 or 1."""
    return 1 if version >= _FLEXIBLE_SINCE else 4


def _write_count(version: int, count: int, out: bytearray) -> None:
    """int32, or in flexible versions the uvarint of one more."""
    if version < _FLEXIBLE_SINCE:
        out += count.to_bytes(4, "big")
        return
    value = count + 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


class TopicEncoder:
    """Encodes topics for one answer."""

    def __init__(
        self,
        version: int,
        *,
        live: frozenset[BrokerId],
        reachable: frozenset[BrokerId],
        operations: int,
    ) -> None:
        """`reachable`: the live brokers that have the client's listener. `operations`: bits, or `NOT_ASKED`."""
        self._version = version
        self._live = live
        self._reachable = reachable
        self._operations = operations
        self._key = (version, live, reachable, operations)
        self._topic_at = len(MetadataResponse().encode(version)) - _bytes_after_topics(version)

    def encode(self, topic: TopicImage) -> bytes:
        """The bytes of a topic's entry."""
        known = topic.memo.get(self._key)
        if known is None:
            known = topic.memo[self._key] = self._cut(self._entry(topic))
        return known

    def missing(self, name: str | None, topic_id: Uuid, error: ErrorCode) -> bytes:
        """The bytes of the entry of a topic that is not there."""
        by_id = name is None
        return self._cut(
            Topic(
                error_code=error,
                name=name,
                topic_id=topic_id,
                is_internal=name in INTERNAL_TOPICS,
                topic_authorized_operations=NOT_ASKED if by_id else self._operations,
            )
        )

    def _cut(self, topic: Topic) -> bytes:
        """Out of an answer that has nothing else. Its count, 1, is as long as that of no topics."""
        version = self._version
        data = MetadataResponse(topics=[topic]).encode(version)
        return data[self._topic_at : len(data) - _bytes_after_topics(version)]

    def _entry(self, topic: TopicImage) -> Topic:
        return Topic(
            name=topic.name,
            topic_id=topic.topic_id,
            is_internal=topic.is_internal,
            partitions=[
                self._partition(number, partition)
                for number, partition in enumerate(topic.partitions)
            ],
            topic_authorized_operations=self._operations,
        )

    def _partition(self, number: int, partition: PartitionImage) -> Partition:
        leader = partition.leader
        replicas: list[int] = list(partition.replicas)
        isr: list[int] = list(partition.isr)
        error = ErrorCode.NONE
        if self._version == 0:
            replicas = [broker for broker in replicas if broker in self._reachable]
            isr = [broker for broker in isr if broker in self._reachable]
            if len(replicas) < len(partition.replicas) or len(isr) < len(partition.isr):
                error = ErrorCode.REPLICA_NOT_AVAILABLE
        if leader not in self._reachable:
            error = self._no_leader(leader)
            leader = NO_LEADER
        return Partition(
            error_code=error,
            partition_index=number,
            leader_id=leader,
            leader_epoch=partition.leader_epoch,
            replica_nodes=replicas,
            isr_nodes=isr,
            offline_replicas=[one for one in partition.replicas if one not in self._live],
        )

    def _no_leader(self, leader: BrokerId) -> ErrorCode:
        if leader in self._live and self._version >= _LISTENER_NOT_FOUND_SINCE:
            return ErrorCode.LISTENER_NOT_FOUND
        return ErrorCode.LEADER_NOT_AVAILABLE
