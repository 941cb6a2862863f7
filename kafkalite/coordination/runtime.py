"""The part that all coordinators share: which partitions of their topic are ours, and how state gets into the log.

    load    begin_loading -> (records read, replayed) -> activate     requests meanwhile: COORDINATOR_LOAD_IN_PROGRESS
    write   decide on records -> append -> committed -> apply -> answer   nothing is answered before it is committed
    unload  deactivate; requests from now on: NOT_COORDINATOR

A coordinator's state is the replay of its partition's log and nothing else, so whoever leads the partition next
finds the same state there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.ports import KeyValue, PartitionWriter
from kafkalite.deferred import Deferred, failed
from kafkalite.errors import KafkaError
from kafkalite.types import Offset, TopicPartition

S = TypeVar("S")

_INT_MIN = -(2**31)


def java_string_hash(text: str) -> int:
    """`String.hashCode()` of Java: over UTF-16 code units, as a signed 32-bit number."""
    units = text.encode("utf-16-be", "surrogatepass")
    value = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & 0xFFFFFFFF
    return value - 2**32 if value >= 2**31 else value


def partition_for(key: str, partition_count: int) -> int:
    """The partition of a coordinator's topic that holds `key` (a group id, a transactional id).

    Kafka's rule (`Utils.abs`): the absolute hash, with 0 for the one number that has no absolute value.
    """
    value = java_string_hash(key)
    return (0 if value == _INT_MIN else abs(value)) % partition_count


_RETRY_ELSEWHERE = frozenset({ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.KAFKA_STORAGE_ERROR})
_RETRY_LATER = frozenset(
    {
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.NOT_ENOUGH_REPLICAS,
        ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        ErrorCode.REQUEST_TIMED_OUT,
    }
)
_TOO_LARGE = frozenset(
    {ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.RECORD_LIST_TOO_LARGE, ErrorCode.INVALID_FETCH_SIZE}
)


def answer_for_failed_append(error: KafkaError, too_large: ErrorCode) -> ErrorCode:
    """What the client is told when its change could not be written (as Kafka's CoordinatorOperationExceptionHelper).

    The client never asked for `__consumer_offsets`, so that topic's troubles are put in the coordinator's terms.
    """
    if error.code in _RETRY_ELSEWHERE:
        return ErrorCode.NOT_COORDINATOR
    if error.code in _RETRY_LATER:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    if error.code in _TOO_LARGE:
        return too_large
    return error.code


class Shards(Generic[S]):
    """The partitions of one coordinator topic that this broker leads, and the state `S` replayed from each."""

    def __init__(self, topic: str, partition_count: int, writer: PartitionWriter) -> None:
        self.topic = topic
        self.partition_count = partition_count
        self._writer = writer
        self._active: dict[int, S] = {}
        self._loading: set[int] = set()

    def partition_for(self, key: str) -> int:
        return partition_for(key, self.partition_count)

    def shard_for(self, key: str) -> S:
        """The state that `key` belongs to. KafkaError NOT_COORDINATOR or COORDINATOR_LOAD_IN_PROGRESS."""
        partition = self.partition_for(key)
        shard = self._active.get(partition)
        if shard is not None:
            return shard
        if partition in self._loading:
            raise KafkaError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        raise KafkaError(ErrorCode.NOT_COORDINATOR)

    def begin_loading(self, partition: int) -> None:
        """We have become the leader of `partition` and are reading its log."""
        assert partition not in self._active, "unload before loading again"
        self._loading.add(partition)

    def activate(self, partition: int, shard: S) -> None:
        """The log of `partition` has been replayed into `shard`: requests are served from now on."""
        self._loading.discard(partition)
        self._active[partition] = shard

    def deactivate(self, partition: int) -> S | None:
        """We lead `partition` no longer; its state, if it had been loaded."""
        self._loading.discard(partition)
        return self._active.pop(partition, None)

    def active(self) -> Iterator[tuple[int, S]]:
        return iter(list(self._active.items()))

    def active_shard(self, partition: int) -> S | None:
        """The state of `partition`; None while it is not served here."""
        return self._active.get(partition)

    def is_active(self, partition: int) -> bool:
        return partition in self._active

    @property
    def is_loading(self) -> bool:
        """Is the log of some partition still being read: then not all that is ours is known."""
        return bool(self._loading)

    def append(self, partition: int, records: list[KeyValue]) -> Deferred[Offset]:
        """Write `records` as one batch; fails with KafkaError, never raises it."""
        try:
            return self._writer.append(TopicPartition(self.topic, partition), records)
        except KafkaError as error:
            return failed(error)
