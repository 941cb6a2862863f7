"""One member of a classic group."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from kafkalite.timer import TimerHandle
from kafkalite.types import MemberId

NO_MEMBER_ID = MemberId("")
"""What a client sends that has no member id yet."""


class Protocol(NamedTuple):
    """An assignor that a member can follow, with what it tells the leader about itself (its subscription)."""

    name: str
    metadata: bytes


@dataclass(slots=True, eq=False)
class Member:
    """What a member said in its last JoinGroup, and what it was assigned."""

    member_id: MemberId
    instance_id: str | None
    """group.instance.id of a static member (KIP-345), None for a dynamic one."""
    client_id: str
    client_host: str
    """Address as Java prints it, `/127.0.0.1`; shown by DescribeGroups."""
    rebalance_timeout_ms: int
    session_timeout_ms: int
    protocol_type: str
    protocols: list[Protocol]
    """In the member's order of preference."""
    assignment: bytes = b""
    """Opaque, from the leader. Empty when the leader left this member out."""
    is_new: bool = False
    """The first JoinGroup is not answered yet: the client cannot know its member id."""
    session: TimerHandle | None = field(default=None, repr=False)
    """Removes the member unless it is heard of in time."""

    @property
    def is_static(self) -> bool:
        return self.instance_id is not None

    def supports(self, protocol_name: str) -> bool:
        return any(protocol.name == protocol_name for protocol in self.protocols)

    def metadata_for(self, protocol_name: str | None) -> bytes:
        """This member's metadata for the group's protocol; every member supports that one."""
        for protocol in self.protocols:
            if protocol.name == protocol_name:
                return protocol.metadata
        raise AssertionError(
            f"{self.member_id} does not support the group's protocol {protocol_name}"
        )

    def vote(self, candidates: Collection[str]) -> str:
        """The first of its protocols that everybody supports."""
        for protocol in self.protocols:
            if protocol.name in candidates:
                return protocol.name
        raise AssertionError(f"{self.member_id} supports none of {sorted(candidates)}")

    def cancel_session(self) -> None:
        if self.session is not None:
            self.session.cancel()
            self.session = None
