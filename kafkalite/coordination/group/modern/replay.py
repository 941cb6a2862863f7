"""Taking the records of consumer and share groups into their state: what a record says is read, and put into its group.

a value                           makes the group if it is not there, also in the place of one of another type: the
                                  tombstones of that one come in the same batch, or it had no members
tombstone of the group's epoch    the group goes
tombstone of anything else        that goes
tombstone without a group         says nothing new; nor does that of a group that another type has followed
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from kafkalite.coordination.group.group import Group, Groups, Replay
from kafkalite.coordination.group.modern.group import ModernGroup
from kafkalite.types import GroupId

G = TypeVar("G", bound=ModernGroup[Any])
P = TypeVar("P")
V = TypeVar("V")


class Replays(Generic[G]):
    """Makes the `Replay` of each type of record, for groups of one class."""

    def __init__(self, group_class: type[G]) -> None:
        self._class = group_class

    def of_group(
        self,
        read_key: Callable[[bytes], GroupId],
        read: Callable[[bytes], V],
        put: Callable[[G, V | None], None],
    ) -> Replay:
        """There is one such record in a group; None is put for its tombstone."""

        def replay(groups: Groups, key: bytes, value: bytes | None) -> None:
            group_id = read_key(key)
            said = None if value is None else read(value)
            group = self._find(groups, group_id, create=value is not None)
            if group is not None:
                put(group, said)

        return replay

    def of_part(
        self,
        read_key: Callable[[bytes], tuple[GroupId, P]],
        read: Callable[[bytes], V],
        put: Callable[[G, P, V | None], None],
    ) -> Replay:
        """There is one such record for each member, say; None is put for its tombstone."""

        def replay(groups: Groups, key: bytes, value: bytes | None) -> None:
            group_id, part = read_key(key)
            said = None if value is None else read(value)
            group = self._find(groups, group_id, create=value is not None)
            if group is not None:
                put(group, part, said)

        return replay

    def of_epoch(
        self, read_key: Callable[[bytes], GroupId], read: Callable[[bytes], tuple[int, int]]
    ) -> Replay:
        """The record without which there is no group."""

        def replay(groups: Groups, key: bytes, value: bytes | None) -> None:
            group_id = read_key(key)
            said = None if value is None else read(value)
            group = self._find(groups, group_id, create=value is not None)
            if group is None:
                return
            if said is None:
                del groups[group_id]
            else:
                group.put_epoch(*said)

        return replay

    def _find(self, groups: Groups, group_id: GroupId, *, create: bool) -> G | None:
        group: object = groups.get(group_id)
        if isinstance(group, self._class):
            return group
        if not create:
            return None
        made = self._class(group_id)
        groups[group_id] = cast("Group", made)
        return made


def put_assignment_epoch(group: ModernGroup[Any], said: tuple[int, int] | None) -> None:
    """Its tombstone comes with that of the group's epoch, and says nothing by itself."""
    if said is not None:
        group.put_assignment_epoch(*said)
