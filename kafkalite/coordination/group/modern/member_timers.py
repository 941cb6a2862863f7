"""One timer of a kind for each member of each group: sessions, rebalance timeouts."""

from __future__ import annotations

from collections.abc import Callable

from kafkalite.timer import Timer, TimerHandle
from kafkalite.types import GroupId, MemberId


class MemberTimers:
    """Timers by group and member. They are no state: after a restart they all start anew."""

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._handles: dict[GroupId, dict[MemberId, TimerHandle]] = {}

    def start(
        self, group_id: GroupId, member_id: MemberId, delay_ms: int, callback: Callable[[], None]
    ) -> None:
        """Call `callback` in `delay_ms`, instead of what was to be called before."""
        self.stop(group_id, member_id)

        def due() -> None:
            self._forget(group_id, member_id)
            callback()

        of_group = self._handles.setdefault(group_id, {})
        of_group[member_id] = self._timer.schedule(delay_ms, due)

    def is_running(self, group_id: GroupId, member_id: MemberId) -> bool:
        return member_id in self._handles.get(group_id, ())

    def stop(self, group_id: GroupId, member_id: MemberId) -> None:
        handle = self._forget(group_id, member_id)
        if handle is not None:
            handle.cancel()

    def stop_group(self, group_id: GroupId) -> None:
        for handle in self._handles.pop(group_id, {}).values():
            handle.cancel()

    def _forget(self, group_id: GroupId, member_id: MemberId) -> TimerHandle | None:
        of_group = self._handles.get(group_id)
        if of_group is None:
            return None
        handle = of_group.pop(member_id, None)
        if not of_group:
            del self._handles[group_id]
        return handle
