"""Where the leader is (KIP-951): told with NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH, so that clients need no metadata round trip.

Produce v10+ and Fetch v12+ name the leader per partition; Produce v10+ and Fetch v16+ list the leaders' addresses once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.request import RequestContext
from kafkalite.types import Uuid

_HINTED = (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH)


def current_leader(
    context: RequestContext, name: str, topic_id: bytes, index: int, code: int
) -> tuple[int, int] | None:
    """(leader id, leader epoch) for an error that a moved leadership explains, else None."""
    if code not in _HINTED:
        return None
    image = context.broker.control_plane.image
    topic = image.topics.get(name) if name else image.topics_by_id.get(Uuid(topic_id))
    if topic is None or not 0 <= index < len(topic.partitions):
        return None
    partition = topic.partitions[index]
    return (partition.leader, partition.leader_epoch)


def leader_endpoints(
    context: RequestContext, topics: Iterable[tuple[str, bytes, list[Any]]], leader_field: int
) -> list[tuple[int, str, int, str | None]]:
    """(node id, host, port, rack) of every leader named in the answers' field number `leader_field`."""
    leaders = {
        partition[leader_field][0]
        for _, _, partitions in topics
        for partition in partitions
        if partition[leader_field] is not None
    }
    broker = context.broker
    return [
        (leader, *broker.endpoint(leader, context.connection), None)
        for leader in sorted(leaders)
        if leader >= 0
    ]
