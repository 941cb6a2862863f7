"""A share group's partitions get durable state, and lose it: what is asked of the `Persister`, and what the log keeps of it.

    record "initializing"  ->  persister initialises  ->  record "initialized"      nothing is assigned before
    record "deleting"      ->  persister deletes      ->  record without it, or the group's tombstones

Whoever is stopped in between finds in the log what is to be done again. What the persister is being asked for at the
moment is known to this process alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.context import GroupContext
from kafkalite.coordination.group.share.draft import Draft
from kafkalite.coordination.group.share.group import ShareGroup
from kafkalite.coordination.group.share.state_partitions import (
    NO_TOPICS,
    StatePartitions,
    TopicPartitions,
    Topics,
    minus,
    plus,
)
from kafkalite.coordination.ports import KeyValue
from kafkalite.coordination.share.persister import (
    UNINITIALIZED_START_OFFSET,
    InitialState,
    PartitionResult,
    Persister,
)
from kafkalite.deferred import Deferred, gather, resolved
from kafkalite.errors import KafkaError
from kafkalite.types import GroupId, Offset, Uuid

_log = logging.getLogger(__name__)

StartOffsets = Mapping[tuple[Uuid, int], Offset]
Results = Mapping[tuple[Uuid, int], PartitionResult]
"""By topic id and partition."""


class Refusal(NamedTuple):
    """Why the state of a topic is still there."""

    error_code: ErrorCode
    error_message: str | None


class DurableState:
    """Of all share groups that are served here."""

    def __init__(self, context: GroupContext, persister: Persister) -> None:
        self._context = context
        self._persister = persister
        self._under_way: dict[GroupId, Topics] = {}
        """What is being initialised."""

    # -- beginning to share -----------------------------------------------------------------------------------------

    def prepare(self, draft: Draft) -> Topics:
        """The partitions that members of the group read and that have no state: to be given to `initialize` once the
        records in `draft` are written."""
        group = draft.group
        wanted = self._partitions_of(group.subscribed_topics())
        under_way = self._under_way.get(group.group_id, NO_TOPICS)
        missing = minus(minus(wanted, group.state_partitions.initialized), under_way)
        if missing:
            draft.put_state_partitions(group.state_partitions.begin(missing))
        return missing

    def initialize(
        self, group_id: GroupId, state_epoch: int, topics: Topics, start: StartOffsets | None = None
    ) -> Deferred[Results]:
        """Ask the persister, and write down what it says. Partitions without a start offset in `start` begin where
        share.auto.offset.reset says."""
        start = start or {}
        self._under_way[group_id] = plus(self._under_way.get(group_id, NO_TOPICS), topics)

        def ask(topic_id: Uuid, topic: TopicPartitions) -> Deferred[list[PartitionResult]]:
            return self._persister.initialize_state(
                group_id,
                topic_id,
                [
                    InitialState(
                        number,
                        state_epoch,
                        start.get((topic_id, number), UNINITIALIZED_START_OFFSET),
                    )
                    for number in sorted(topic.numbers)
                ],
            )

        def done(answers: list[list[PartitionResult]]) -> Results:
            left = minus(self._under_way.pop(group_id, NO_TOPICS), topics)
            if left:
                self._under_way[group_id] = left
            results = _by_partition(topics, answers)
            self._initialized(group_id, topics, results)
            return results

        return gather([ask(*each) for each in topics.items()]).then(done)

    def _initialized(self, group_id: GroupId, topics: Topics, results: Results) -> None:
        group = self._served(group_id)
        if group is None:
            return
        good = _select(topics, results, failed=False)
        bad = _select(topics, results, failed=True)
        for (topic_id, number), result in results.items():
            if result.error_code is not ErrorCode.NONE:
                _log.warning(
                    "share group %s: the state of %s-%d cannot be initialised: %s",
                    group_id, topics[topic_id].name, number, result.error_message or result.error_code.name,
                )  # fmt: skip
        self.change(group, group.state_partitions.succeeded(good).failed(bad))

    # -- an end to sharing ------------------------------------------------------------------------------------------

    def delete(self, group: ShareGroup, topics: Topics) -> Deferred[dict[Uuid, Refusal]]:
        """Delete the state of these topics; what could not be deleted, and why."""
        names = {topic_id: topic.name for topic_id, topic in topics.items()}
        out: Deferred[dict[Uuid, Refusal]] = Deferred()

        def marked(done: Deferred[ErrorCode]) -> None:
            code = done.result()
            if code is not ErrorCode.NONE:
                out.resolve(dict.fromkeys(topics, Refusal(code, None)))
            else:
                self._ask_to_delete(group.group_id, topics).on_done(
                    lambda answer: out.resolve(answer.result())
                )

        self.change(group, group.state_partitions.delete(names)).on_done(marked)
        return out

    def _ask_to_delete(self, group_id: GroupId, topics: Topics) -> Deferred[dict[Uuid, Refusal]]:
        asked = [
            self._persister.delete_state(group_id, topic_id, sorted(topic.numbers))
            for topic_id, topic in topics.items()
        ]

        def done(answers: list[list[PartitionResult]]) -> dict[Uuid, Refusal]:
            refused: dict[Uuid, Refusal] = {}
            for (topic_id, _), result in _by_partition(topics, answers).items():
                if result.error_code is not ErrorCode.NONE:
                    refused.setdefault(topic_id, Refusal(result.error_code, result.error_message))
            return refused

        return gather(asked).then(done)

    def everything(self, group: ShareGroup) -> Topics:
        """All that there may be for the group, also what an earlier deletion has left over."""
        state = group.state_partitions
        return plus(self._partitions_of(state.deleting.values()), state.known)

    def left_to_delete(self, group: ShareGroup, topic_id: Uuid) -> Topics:
        """What an earlier deletion may have left over of one topic."""
        name = group.state_partitions.deleting.get(topic_id)
        return NO_TOPICS if name is None else self._partitions_of([name])

    # -- the record -------------------------------------------------------------------------------------------------

    def change(self, group: ShareGroup, state: StatePartitions) -> Deferred[ErrorCode]:
        """Write record type 15 if that is news."""
        draft = Draft(group)
        draft.put_state_partitions(state)
        return self.write(group.group_id, draft.records)

    def write(self, group_id: GroupId, records: list[KeyValue]) -> Deferred[ErrorCode]:
        answer = self._context.write(group_id, records, ErrorCode.NONE, lambda code: code)
        return answer if isinstance(answer, Deferred) else resolved(answer)

    def _served(self, group_id: GroupId) -> ShareGroup | None:
        """The group, if it is still there and still ours."""
        try:
            group = self._context.shard_of(group_id).groups.get(group_id)
        except KafkaError:
            return None
        return group if isinstance(group, ShareGroup) else None

    def _partitions_of(self, names: Iterable[str]) -> Topics:
        """All partitions of these topics, of those that exist."""
        topics = self._context.topics
        return {
            topic_id: TopicPartitions(name, frozenset(range(topics.partition_count(name))))
            for name in sorted(names)
            if (topic_id := topics.topic_id(name)) is not None
        }


def _by_partition(topics: Topics, answers: list[list[PartitionResult]]) -> Results:
    return {
        (topic_id, result.partition): result
        for topic_id, of_topic in zip(topics, answers, strict=True)
        for result in of_topic
    }


def _select(topics: Topics, results: Results, *, failed: bool) -> Topics:
    found: dict[Uuid, TopicPartitions] = {}
    for topic_id, topic in topics.items():
        numbers = frozenset(
            number
            for number in topic.numbers
            if (results[topic_id, number].error_code is not ErrorCode.NONE) == failed
        )
        if numbers:
            found[topic_id] = TopicPartitions(topic.name, numbers)
    return found
