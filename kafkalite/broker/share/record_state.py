"""What may happen to a record that a group shares (KIP-932).

        acquired            accepted
Available ----> Acquired ----------------> Acknowledged
    ^              |   \\ rejected, or not there
    |              |    `----------------> Archived
    `--------------' released, lock expired, session closed, with deliveries left; without: Archived
"""

from __future__ import annotations

from enum import IntEnum


class RecordState(IntEnum):
    """The numbers are those of the state batches in `__share_group_state`."""

    AVAILABLE = 0
    """May be given to a member. Acquired by a fetch; archived when the log no longer has it."""
    ACQUIRED = 1
    """One member has it, until it acknowledges or the lock expires. Never written down: a restart makes it Available."""
    ACKNOWLEDGED = 2
    """Processed. For ever."""
    ARCHIVED = 4
    """Given up: rejected, delivered too often, or no record at all. For ever."""

    @property
    def is_terminal(self) -> bool:
        return self >= RecordState.ACKNOWLEDGED


class AcknowledgeType(IntEnum):
    """What a member says of a record."""

    GAP = 0
    """There is no such record: compacted away, or a control record."""
    ACCEPT = 1
    RELEASE = 2
    REJECT = 3
    RENEW = 4
    """Still at it: the lock starts anew (KIP-1222, v2)."""


def outcome(acknowledged: AcknowledgeType, delivery_count: int, limit: int) -> RecordState:
    """The state after an acknowledgement other than RENEW, of a record delivered `delivery_count` times of `limit`."""
    match acknowledged:
        case AcknowledgeType.ACCEPT:
            return RecordState.ACKNOWLEDGED
        case AcknowledgeType.RELEASE if delivery_count < limit:
            return RecordState.AVAILABLE
        case _:
            return RecordState.ARCHIVED
