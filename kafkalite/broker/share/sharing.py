"""Share groups as one broker serves them: their partitions and the sessions of their members.

When a session ends, what its member has goes to others at once. When the last session of a group ends, its partitions are
forgotten here, so that the next member finds what an administrator has changed meanwhile. (As in Kafka, all that follows
from sessions: whether a member is in the group, the group coordinator knows and nobody asks it.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from kafkalite.broker.blocking import Blocking
from kafkalite.broker.replica import Replica
from kafkalite.broker.replicas import Replicas
from kafkalite.broker.share.share_partition import SharePartition
from kafkalite.broker.share.share_partitions import SharePartitions
from kafkalite.broker.share.share_session import ShareSession, ShareSessions
from kafkalite.broker.share.start_offset import StartOffsets
from kafkalite.clock import Clock
from kafkalite.config.group_config import GroupConfig
from kafkalite.coordination.share.persister import Persister
from kafkalite.coordination.share.records import SharePartitionKey
from kafkalite.timer import Timer
from kafkalite.types import Uuid


class Sharing:
    """See the module."""

    def __init__(
        self,
        replicas: Replicas,
        persister: Persister,
        *,
        timer: Timer,
        clock: Clock,
        blocking: Blocking,
        settings_of: Callable[[str], GroupConfig],
        session_slots: Callable[[], int],
    ) -> None:
        """`settings_of` gives what holds for a group at the moment, its own configs over the broker's."""
        self._persister = persister
        self._timer = timer
        self._clock = clock
        self._start_offset = StartOffsets(clock, blocking)
        self.settings_of = settings_of
        self.partitions = SharePartitions(replicas, self._make)
        self.sessions = ShareSessions(session_slots, self._release)

    def topics_deleted(self, topic_ids: Collection[Uuid]) -> None:
        self.partitions.topics_deleted(topic_ids)

    def _make(self, key: SharePartitionKey, replica: Replica) -> SharePartition:
        return SharePartition(
            key,
            replica,
            persister=self._persister,
            timer=self._timer,
            clock=self._clock,
            settings=lambda: self.settings_of(key.group_id),
            start_offset=self._start_offset,
            on_closed=self.partitions.forget,
        )

    def _release(self, session: ShareSession) -> None:
        # Also what it has of partitions that it had dropped from the session since.
        for partition in self.partitions.of_group(session.group_id):
            partition.release_all_of(session.member_id)
        if not self.sessions.has_members_of(session.group_id):
            self.partitions.close_group(session.group_id)
