"""The services of the four types of groups: what each does with its groups, loaded when the first group of the type comes.

Most brokers see one type or two. Code that no group needs costs every start time and memory, so a type's package is imported
here, on first use, and nowhere else in what all types share; `shard` does the same for what its log tells.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.classic.groups import ClassicGroups
from kafkalite.coordination.group.context import GroupContext
from kafkalite.coordination.group.group import Group, GroupType
from kafkalite.coordination.ports import LogEnd

if TYPE_CHECKING:
    from kafkalite.coordination.group.consumer.groups import ConsumerGroups
    from kafkalite.coordination.group.share.groups import ShareGroups
    from kafkalite.coordination.group.streams.groups import StreamsGroups
    from kafkalite.coordination.share.persister import Persister

G = TypeVar("G", bound=Group, contravariant=True)


class GroupService(Protocol[G]):
    """What the service of every type does when groups come and go."""

    def loaded(self, group: G) -> None:
        """The group has been replayed from its log: every member's session starts anew."""
        ...

    def unloaded(self, group: G, code: ErrorCode) -> None:
        """The group is served elsewhere, or gone: what is parked is answered `code`."""
        ...


class GroupServices:
    """See the module."""

    def __init__(
        self, context: GroupContext, persister: Callable[[], Persister], log_end: LogEnd
    ) -> None:
        """`persister` and `log_end` are for share groups."""
        self._context = context
        self._persister = persister
        self._log_end = log_end
        self.classic = ClassicGroups(context)

    @cached_property
    def consumer(self) -> ConsumerGroups:
        from kafkalite.coordination.group.consumer.groups import ConsumerGroups

        return ConsumerGroups(self._context, self.classic)

    @cached_property
    def share(self) -> ShareGroups:
        from kafkalite.coordination.group.share.groups import ShareGroups

        return ShareGroups(self._context, self._persister(), self._log_end)

    @cached_property
    def streams(self) -> StreamsGroups:
        from kafkalite.coordination.group.streams.groups import StreamsGroups

        return StreamsGroups(self._context)

    def service_of(self, group: Group) -> GroupService[Any]:
        """That of the group's type."""
        match group.type:
            case GroupType.CLASSIC:
                return self.classic
            case GroupType.CONSUMER:
                return self.consumer
            case GroupType.SHARE:
                return self.share
            case GroupType.STREAMS:
                return self.streams
