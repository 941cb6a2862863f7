"""Fetch sessions (KIP-227): the broker remembers what a client reads, so each request names only the changes.

    (session id, epoch) of a request        what happens
    (0, -1)    no session                    full fetch, nothing remembered
    (0, 0)     open                          full fetch, remembered under a new id (0 in the answer when there is no room)
    (id, n)    go on                         request lists additions, changes and removals; n must be the expected epoch
    (id, 0)    replace                       as open; the old session is dropped
    (id, -1)   close                         full fetch, session dropped

An incremental answer holds the partitions with data, an error, or a changed high watermark or log start offset; the
ones that gave data move to the end of the order, so that all get their turn.
Epochs run 1, 2, ... 2^31-1, 1. (Behaviour measured on Apache Kafka 4.3; its class is FetchSession.)
"""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass, field

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.clock import Clock
from kafkalite.errors import KafkaError
from kafkalite.types import Uuid

INITIAL_EPOCH = 0
FINAL_EPOCH = -1
NO_SESSION = 0
_EPOCH_MAX = 2**31 - 1

SESSION_IDLE_MS = 120_000
"""A session unused this long may be evicted for a new one (Kafka's MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS)."""

PartitionKey = tuple[str | Uuid, int]
"""Topic by the name that the client used, or by id from v13 on, and partition index."""


@dataclass(slots=True)
class FetchPartition:
    """What a client wants of one partition, and what it was last told about it."""

    topic: str
    topic_id: Uuid
    partition: int
    fetch_offset: int
    max_bytes: int
    current_leader_epoch: int = -1
    last_fetched_epoch: int = -1
    sent_high_watermark: int = -1
    sent_log_start_offset: int = -1


@dataclass(slots=True)
class FetchSession:
    """What one client reads, in the order in which it is served."""

    session_id: int
    uses_topic_ids: bool
    last_used_ms: int
    epoch: int = 1
    """The epoch that the next request must carry."""
    partitions: OrderedDict[PartitionKey, FetchPartition] = field(default_factory=OrderedDict)


def next_epoch(epoch: int) -> int:
    return 1 if epoch >= _EPOCH_MAX else epoch + 1


class FetchSessionCache:
    """The sessions of one broker: at most `slots` of them, the least recently used evicted once idle for two minutes."""

    def __init__(self, slots: int, clock: Clock, rng: random.Random) -> None:
        self._slots = slots
        self._clock = clock
        self._rng = rng
        self._sessions: OrderedDict[int, FetchSession] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def open(
        self, partitions: OrderedDict[PartitionKey, FetchPartition], uses_topic_ids: bool
    ) -> FetchSession | None:
        """A new session on `partitions`, or None when every slot is taken by a session in use."""
        now_ms = self._clock.monotonic_ms()
        if len(self._sessions) >= self._slots and not self._evict(now_ms):
            return None
        session_id = NO_SESSION
        while session_id == NO_SESSION or session_id in self._sessions:
            session_id = self._rng.randint(1, _EPOCH_MAX)
        session = FetchSession(session_id, uses_topic_ids, now_ms, partitions=partitions)
        self._sessions[session_id] = session
        return session

    def resume(self, session_id: int, epoch: int, uses_topic_ids: bool) -> FetchSession:
        """The session of an incremental fetch, its epoch moved on.

        Raises KafkaError: FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR (the
        client changed between names and ids).
        """
        session = self._sessions.get(session_id)
        if session is None:
            raise KafkaError(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
        if session.epoch != epoch:
            raise KafkaError(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
        if session.uses_topic_ids != uses_topic_ids:
            raise KafkaError(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR)
        session.epoch = next_epoch(epoch)
        session.last_used_ms = self._clock.monotonic_ms()
        self._sessions.move_to_end(session_id)
        return session

    def close(self, session_id: int) -> None:
        self._sessions.pop(session_id, None)

    def _evict(self, now_ms: int) -> bool:
        oldest_id = next(iter(self._sessions), None)
        if oldest_id is None or now_ms - self._sessions[oldest_id].last_used_ms <= SESSION_IDLE_MS:
            return False
        del self._sessions[oldest_id]
        return True
