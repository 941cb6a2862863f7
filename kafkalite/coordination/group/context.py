"""What the service of each type of group is given: where its groups are, how it writes, and the world around."""

from __future__ import annotations

import logging
from collections.abc import Callable
from random import Random
from typing import TypeVar

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.clock import Clock
from kafkalite.config.group_config import GroupConfig
from kafkalite.coordination.group.config import GroupCoordinatorConfig
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.coordination.ports import (
    KeyValue,
    ProducerOfBatch,
    TopicView,
    TransactionalRecord,
    TransactionalWriter,
)
from kafkalite.coordination.runtime import Shards, answer_for_failed_append
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.timer import Timer
from kafkalite.types import Offset, TopicPartition

_log = logging.getLogger(__name__)

R = TypeVar("R")


class GroupContext:
    """Shared by the services of all types of groups."""

    def __init__(
        self,
        shards: Shards[GroupShard],
        writer: TransactionalWriter,
        timer: Timer,
        clock: Clock,
        random: Random,
        topics: TopicView,
        config: GroupCoordinatorConfig,
        lost: Callable[[int], None],
        settings_of: Callable[[str], GroupConfig],
    ) -> None:
        """`settings_of(group_id)`: a group's own settings over the broker's defaults, as they are now.
        `lost(partition)`: what was taken into the state of this partition did not get into its log after all."""
        self.timer = timer
        self.clock = clock
        self.random = random
        self.topics = topics
        self.config = config
        self.settings_of = settings_of
        self._shards = shards
        self._writer = writer
        self._lost = lost

    def shard_of(self, group_id: str) -> GroupShard:
        """KafkaError INVALID_GROUP_ID, NOT_COORDINATOR or COORDINATOR_LOAD_IN_PROGRESS."""
        if not group_id:
            raise KafkaError(ErrorCode.INVALID_GROUP_ID)
        return self._shards.shard_for(group_id)

    def append(self, group_id: str, records: list[KeyValue]) -> Deferred[Offset]:
        """Write without taking anything into the state; fails with KafkaError, never raises it."""
        return self._shards.append(self._shards.partition_for(group_id), records)

    def append_and_replay(self, group_id: str, records: list[KeyValue]) -> Deferred[Offset]:
        """Write, and take the records into the state once they are committed."""
        shard = self._shards.shard_for(group_id)

        def apply(offset: Offset) -> Offset:
            for key, value in records:
                shard.replay(key, value)
            return offset

        return self.append(group_id, records).then(apply)

    def append_transactional(
        self, group_id: str, records: list[KeyValue], producer: ProducerOfBatch
    ) -> Deferred[Offset]:
        """As `append_and_replay`; the records wait for the end of the producer's transaction."""
        shard = self._shards.shard_for(group_id)

        def apply(offset: Offset) -> Offset:
            for key, value in records:
                shard.replay_transactional(TransactionalRecord(producer.producer_id, key, value))
            return offset

        tp = TopicPartition(self._shards.topic, self._shards.partition_for(group_id))
        try:
            return self._writer.append_transactional(tp, records, producer).then(apply)
        except KafkaError as error:
            failed: Deferred[Offset] = Deferred()
            failed.fail(error)
            return failed

    def write(
        self, group_id: str, records: list[KeyValue], answer: R, failed: Callable[[ErrorCode], R]
    ) -> R | Deferred[R]:
        """One step of a state machine that is nothing but the replay of its log.

        The records are taken into the state as soon as the log has accepted them, so that the next request builds on
        them; `answer` goes out when they are committed, or `failed(code)` when they cannot be. Without records the
        answer is given at once.
        """
        if not records:
            return answer
        partition = self._shards.partition_for(group_id)
        shard = self._shards.shard_for(group_id)
        written = self._shards.append(partition, records)
        out: Deferred[R] = Deferred()
        taken_in = False

        def committed(done: Deferred[Offset]) -> None:
            try:
                done.result()
            except KafkaError as error:
                if taken_in:
                    _log.warning("group %s: its records were lost: %s", group_id, error)
                    self._lost(partition)
                out.resolve(failed(answer_for_failed_append(error, ErrorCode.UNKNOWN_SERVER_ERROR)))
            else:
                if not taken_in:
                    shard.replay_own(records)
                out.resolve(answer)

        if not written.done:
            taken_in = True
            shard.replay_own(records)
        written.on_done(committed)
        return out.result() if out.done else out


def warn_if_failed(done: Deferred[Offset]) -> None:
    """For records that nobody waits for."""
    try:
        done.result()
    except KafkaError as error:
        _log.warning("a record of __consumer_offsets could not be written: %s", error)
