"""Administration of groups with confluent-kafka."""

from __future__ import annotations

from typing import Any, Final

import confluent_kafka
from confluent_kafka import TopicPartition

from .confluent_common import (
    WAIT_S,
    Connection,
    need,
    offset_json,
    only_result,
    partition_json,
    raise_first_error,
    to_partitions,
)
from .serving import op

STATES: Final = {
    "PREPARING_REBALANCING": "PreparingRebalance",
    "COMPLETING_REBALANCING": "CompletingRebalance",
    "STABLE": "Stable",
    "DEAD": "Dead",
    "EMPTY": "Empty",
    "ASSIGNING": "Assigning",
    "RECONCILING": "Reconciling",
}
"""Kafka's spelling of librdkafka's names. Of a state that an old version does not know it tells nothing."""


class Groups:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @op
    def list_groups(self) -> dict[str, Any]:
        if not hasattr(self._connection.admin, "list_consumer_groups"):
            found = self._connection.admin.list_groups(timeout=WAIT_S)
            return {
                "groups": [{"group": one.id, "state": one.state, "type": None} for one in found]
            }
        result = self._connection.admin.list_consumer_groups().result(WAIT_S)
        if result.errors:
            raise result.errors[0]
        return {"groups": [_listing_json(one) for one in result.valid]}

    @op
    def describe_group(self, group: str) -> dict[str, Any]:
        found = only_result(need(self._connection.admin, "describe_consumer_groups")([group]))
        return {
            "state": STATES.get(found.state.name),
            "assignor": found.partition_assignor,
            "members": [_member_json(one) for one in found.members],
        }

    @op
    def delete_group(self, group: str) -> None:
        only_result(need(self._connection.admin, "delete_consumer_groups")([group]))

    @op
    def group_offsets(self, group: str) -> dict[str, Any]:
        lister = need(self._connection.admin, "list_consumer_group_offsets")
        found = only_result(lister([_with_partitions(group, None)])).topic_partitions
        raise_first_error(found)
        return {"offsets": [offset_json(one) for one in found]}

    @op
    def alter_group_offsets(self, group: str, offsets: list[dict[str, Any]]) -> None:
        alter = need(self._connection.admin, "alter_consumer_group_offsets")
        wanted = _with_partitions(group, to_partitions(offsets))
        raise_first_error(only_result(alter([wanted])).topic_partitions)


def _with_partitions(group: str, partitions: list[TopicPartition] | None) -> Any:
    return confluent_kafka.ConsumerGroupTopicPartitions(group, partitions)


def _listing_json(listing: Any) -> dict[str, Any]:
    kind = getattr(listing, "type", None)
    return {
        "group": listing.group_id,
        "state": STATES.get(listing.state.name),
        "type": None if kind is None else kind.name.lower(),
    }


def _member_json(member: Any) -> dict[str, Any]:
    assigned = member.assignment.topic_partitions if member.assignment else []
    return {
        "member_id": member.member_id,
        "instance_id": member.group_instance_id,
        "client_id": member.client_id,
        "partitions": [partition_json(one) for one in assigned],
    }
