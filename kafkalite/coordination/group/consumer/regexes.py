"""Subscriptions by regular expression: finding the topics that match, and finding them again when there are new ones.

All expressions of a group are resolved together, so that they make one new group epoch. It happens

    when a member brings a new expression, or some topic was made since the last time, or that is long ago
    but never more often than every 10 s, unless the group had no expression before

apart from the heartbeat that asks for it, in pieces: 10 000 topics take longer than one request should.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from enum import Enum, auto
from typing import Final

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.consumer.draft import Draft
from kafkalite.coordination.group.consumer.group import ConsumerGroup
from kafkalite.coordination.group.consumer.records import ResolvedRegex
from kafkalite.coordination.group.consumer.regex_syntax import RegexError
from kafkalite.coordination.group.consumer.topic_regex import TopicRegex
from kafkalite.coordination.group.modern.metadata_hash import group_hash
from kafkalite.coordination.ports import TopicView
from kafkalite.errors import KafkaError
from kafkalite.timer import Timer
from kafkalite.types import GroupId

_log = logging.getLogger(__name__)

_REFRESH_MIN_INTERVAL_MS: Final = 10_000
_WORK_AT_A_TIME: Final = 20_000
"""States looked at before others get their turn: some 5 ms."""
_PAUSE_MS: Final = 1


class RegexChange(Enum):
    """What a heartbeat did to the member's subscription by regex."""

    NONE = auto()
    UNRESOLVED = auto()
    """Another one, whose topics are not known yet: the group's epoch has to wait for them."""
    RESOLVED = auto()
    """Another one that is resolved already, or none any more."""


def change_regex(draft: Draft, old: str, new: str) -> RegexChange:
    """A member whose expression was `old` is in `draft` with `new`. KafkaError INVALID_REGULAR_EXPRESSION."""
    if old == new:
        return RegexChange.NONE
    if old and not draft.group.regex_subscribers[old]:
        draft.remove_regex(old)
    if not new:
        return RegexChange.RESOLVED
    if draft.before.regex_subscribers[new] == 0:
        _check(new)
    return RegexChange.RESOLVED if new in draft.group.regexes else RegexChange.UNRESOLVED


def is_refresh_due(
    group: ConsumerGroup, topics_version: int, max_interval_ms: int, now_ms: int
) -> bool:
    """`topics_version` is that of the metadata image in which topics changed last."""
    if not group.regex_subscribers:
        return False
    resolved = group.regexes.values()
    last_ms = max((each.timestamp_ms for each in resolved), default=0)
    if now_ms <= last_ms + _REFRESH_MIN_INTERVAL_MS:
        return False
    return (
        len(group.regex_subscribers) != len(group.regexes)
        or min(each.version for each in resolved) < topics_version
        or now_ms > last_ms + max_interval_ms
    )


class RegexResolver:
    """Resolves the expressions of groups, one piece of work at a time."""

    def __init__(
        self,
        timer: Timer,
        topics: TopicView,
        resolved: Callable[[GroupId, dict[str, ResolvedRegex]], None],
    ) -> None:
        """`resolved` is told the topics of every expression."""
        self._timer = timer
        self._topics = topics
        self._resolved = resolved
        self._under_way: set[GroupId] = set()

    def resolve(self, group_id: GroupId, expressions: Iterable[str], now_ms: int) -> None:
        """Unless this is under way for the group."""
        if group_id in self._under_way:
            return
        self._under_way.add(group_id)
        self._go_on(group_id, self._work(list(expressions), now_ms))

    def _go_on(
        self,
        group_id: GroupId,
        work: Iterator[dict[str, ResolvedRegex] | None],
        delay_ms: int = 0,
    ) -> None:
        def piece() -> None:
            found = next(work)
            if found is None:
                self._go_on(group_id, work, _PAUSE_MS)
                return
            self._under_way.discard(group_id)
            self._resolved(group_id, found)

        self._timer.schedule(delay_ms, piece)

    def _work(
        self, expressions: list[str], now_ms: int
    ) -> Iterator[dict[str, ResolvedRegex] | None]:
        """None after each piece, the result at the end."""
        version = self._topics.version
        names = list(self._topics.topic_names())
        found: dict[str, ResolvedRegex] = {}
        for expression in expressions:
            try:
                regex = TopicRegex(expression)
            except RegexError as error:
                # It came with the log of a broker that takes it
                _log.warning("the subscription %r matches nothing: %s", expression, error)
                found[expression] = ResolvedRegex(frozenset(), version, now_ms)
                continue
            matching: set[str] = set()
            budget = _WORK_AT_A_TIME
            for count, name in enumerate(names):
                if regex.matches(name):
                    matching.add(name)
                if regex.work + count > budget:
                    budget = regex.work + count + _WORK_AT_A_TIME
                    yield None
            found[expression] = ResolvedRegex(frozenset(matching), version, now_ms)
        yield found


def put_resolved(draft: Draft, found: dict[str, ResolvedRegex], topics: TopicView) -> None:
    """Take in what was found for the expressions that somebody is still subscribed by. A new group epoch if it differs."""
    changed = False
    for expression, resolved in found.items():
        if expression not in draft.group.regex_subscribers:
            continue
        before = draft.group.regexes.get(expression)
        changed = changed or (before.topics if before else frozenset()) != resolved.topics
        draft.put_regex(expression, resolved)
    metadata_hash = group_hash(draft.group.subscribed_topics(), topics)
    if changed or metadata_hash != draft.group.metadata_hash:
        draft.put_epoch(draft.group.epoch + 1, metadata_hash)
        draft.before.metadata_compared(draft.group.epoch)


def _check(expression: str) -> None:
    try:
        TopicRegex(expression)
    except RegexError as error:
        raise KafkaError(
            ErrorCode.INVALID_REGULAR_EXPRESSION,
            f"The subscription {expression!r} is not a regular expression: {error}.",
        ) from error
