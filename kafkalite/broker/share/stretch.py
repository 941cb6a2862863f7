"""Records of a share partition that have one state, as one: what `in_flight` is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from kafkalite.broker.share.record_state import RecordState
from kafkalite.coordination.share.persister import StateBatch
from kafkalite.types import MemberId, Offset


@dataclass(slots=True, eq=False)
class Stretch:
    """Records `first`..`last`, both included."""

    first: int
    last: int
    state: RecordState
    delivery_count: int
    batch: int
    """First offset of what they were first delivered with; stretches of different ones are not joined."""
    batch_count: int
    """How many records that were."""
    member_id: MemberId | None = None
    """Whose they are, while acquired."""
    deadline_ms: int = 0
    """When the lock expires, on the monotonic clock, while acquired."""
    becoming: RecordState | None = None
    """What an acknowledgement that is being written makes of them."""

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    @property
    def is_available(self) -> bool:
        return self.state is RecordState.AVAILABLE and self.becoming is None

    @property
    def is_complete(self) -> bool:
        """Needs no more delivery, or will not once it is written."""
        return (self.state if self.becoming is None else self.becoming).is_terminal


def alike(left: Stretch, right: Stretch) -> bool:
    """Whether neighbours may be joined."""
    if left.last + 1 != right.first or left.state is not right.state:
        return False
    if left.becoming is not None or right.becoming is not None:
        return False
    if left.state.is_terminal:
        return True
    return (left.delivery_count, left.batch, left.member_id, left.deadline_ms) == (
        right.delivery_count,
        right.batch,
        right.member_id,
        right.deadline_ms,
    )


def state_batches(stretches: Iterable[Stretch]) -> list[StateBatch]:
    """What is written down of these: as they are, or as they are becoming."""
    out: list[StateBatch] = []
    for each in sorted(stretches, key=attrgetter("first")):
        state = each.state if each.becoming is None else each.becoming
        last = out[-1] if out else None
        if last is not None and (last.last_offset + 1, last[2:]) == (
            each.first,
            (state, each.delivery_count),
        ):
            out[-1] = last._replace(last_offset=Offset(each.last))
        else:
            out.append(
                StateBatch(Offset(each.first), Offset(each.last), state, each.delivery_count)
            )
    return out


def state_of(number: int) -> RecordState:
    """As it was written down. Kafka has a state of records on their way to a dead letter queue: no more to deliver."""
    if number in (RecordState.AVAILABLE, RecordState.ACQUIRED):
        return RecordState.AVAILABLE
    return RecordState.ACKNOWLEDGED if number == RecordState.ACKNOWLEDGED else RecordState.ARCHIVED
