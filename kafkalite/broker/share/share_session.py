"""Share sessions (KIP-932): what one member of a share group reads here, so each request names only the changes.

    epoch of ShareFetch     what happens
     0    open              an old session of the member is closed; no acknowledgements yet
     n    go on             additions, removals; must be the expected one
    -1    close             acknowledgements are taken, then whatever the member still has goes to others

ShareAcknowledge goes on or closes; it opens none. A session ends with its connection, too. Epochs run 1, 2, ...
2^31-1, 1. There is one session for a member of a group; whether that member is in the group is not asked, as in Kafka.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.fetch_session import FINAL_EPOCH, INITIAL_EPOCH, next_epoch
from kafkalite.coordination.group.share.heartbeats import MEMBER_ID_LENGTH_MAX
from kafkalite.errors import KafkaError
from kafkalite.types import GroupId, MemberId, Uuid

TopicIdPartition = tuple[Uuid, int]
SessionKey = tuple[GroupId, MemberId]


def session_key(group_id: str | None, member_id: str | None) -> SessionKey:
    """Whose session a request is about. Raises KafkaError INVALID_REQUEST for who cannot be a member."""
    if group_id is None or not member_id or len(member_id) > MEMBER_ID_LENGTH_MAX:
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    return GroupId(group_id), MemberId(member_id)


@dataclass(slots=True, eq=False)
class ShareSession:
    """What one member reads, in the order in which it asked."""

    group_id: GroupId
    member_id: MemberId
    epoch: int = 1
    """The epoch that the next request must carry."""
    partitions: dict[TopicIdPartition, None] = field(default_factory=dict)
    closed: bool = False
    """A fetch that is parked acquires nothing any more."""

    def in_turn(self) -> list[TopicIdPartition]:
        """The partitions, another one first for each request, so that none starves."""
        order = list(self.partitions)
        turn = self.epoch % len(order) if order else 0
        return order[turn:] + order[:turn]


class ShareSessions:
    """The sessions of one broker, at most `slots()` of them (group.share.max.share.sessions)."""

    def __init__(self, slots: Callable[[], int], on_close: Callable[[ShareSession], None]) -> None:
        """`on_close` gives what the member has to others."""
        self._slots = slots
        self._on_close = on_close
        self._sessions: dict[SessionKey, ShareSession] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def open(
        self, group_id: GroupId, member_id: MemberId, partitions: Iterable[TopicIdPartition]
    ) -> ShareSession:
        """A new session in place of the member's old one. Raises KafkaError SHARE_SESSION_LIMIT_REACHED."""
        old = self._sessions.pop((group_id, member_id), None)
        if old is not None:
            old.closed = True
        if len(self._sessions) >= self._slots():
            raise KafkaError(ErrorCode.SHARE_SESSION_LIMIT_REACHED)
        session = ShareSession(group_id, member_id, partitions=dict.fromkeys(partitions))
        self._sessions[group_id, member_id] = session
        return session

    def resume(self, group_id: GroupId, member_id: MemberId, epoch: int) -> ShareSession:
        """The member's session, moved on to the next epoch; at FINAL_EPOCH as it is, to be closed by the caller.

        Raises KafkaError SHARE_SESSION_NOT_FOUND, INVALID_SHARE_SESSION_EPOCH.
        """
        session = self._sessions.get((group_id, member_id))
        if session is None:
            raise KafkaError(ErrorCode.SHARE_SESSION_NOT_FOUND)
        if epoch == FINAL_EPOCH:
            return session
        if epoch == INITIAL_EPOCH or session.epoch != epoch:
            raise KafkaError(ErrorCode.INVALID_SHARE_SESSION_EPOCH)
        session.epoch = next_epoch(epoch)
        return session

    def close(self, session: ShareSession) -> None:
        """What its member has is released. Does nothing when it is closed already."""
        if session.closed:
            return
        session.closed = True
        del self._sessions[session.group_id, session.member_id]
        self._on_close(session)

    def has_members_of(self, group_id: GroupId) -> bool:
        """Whether any member of the group has a session here."""
        return any(group == group_id for group, _ in self._sessions)
