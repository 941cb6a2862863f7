"""What makes a ConsumerGroupHeartbeat wrong in itself, before any group is looked at."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest

from kafkalite.coordination.group.consumer.member import LEAVE_STATIC_EPOCH
from kafkalite.coordination.group.modern.group import LEAVE_EPOCH
from kafkalite.errors import KafkaError

JOIN_EPOCH: Final = 0

_MEMBER_ID_FROM_CLIENT_VERSION = 1
"""Before, a member that joins without an id is given one."""


def check_request(
    request: ConsumerGroupHeartbeatRequest, version: int, assignors: Collection[str]
) -> None:
    """KafkaError INVALID_REQUEST or UNSUPPORTED_ASSIGNOR, with what is wrong."""
    epoch = request.member_epoch
    needs_id = version >= _MEMBER_ID_FROM_CLIENT_VERSION or epoch > 0 or epoch == LEAVE_EPOCH
    if needs_id and not request.member_id.strip():
        raise _invalid("MemberId is empty")
    if not request.group_id.strip():
        raise _invalid("GroupId is empty")
    for name, value in (("InstanceId", request.instance_id), ("RackId", request.rack_id)):
        if value is not None and not value.strip():
            raise _invalid(f"{name} is empty; leave it out (null) for none")
    if epoch == JOIN_EPOCH:
        _check_join(request)
    elif epoch == LEAVE_STATIC_EPOCH and request.instance_id is None:
        raise _invalid("a MemberEpoch of -2 is for static members, and InstanceId is null")
    elif epoch < LEAVE_STATIC_EPOCH:
        raise _invalid(f"there is no MemberEpoch {epoch}")
    if request.server_assignor is not None and request.server_assignor not in assignors:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_ASSIGNOR,
            f"There is no assignor {request.server_assignor} here, but {', '.join(assignors)}.",
        )


def _check_join(request: ConsumerGroupHeartbeatRequest) -> None:
    if request.rebalance_timeout_ms == -1:
        raise _invalid("RebalanceTimeoutMs is missing; a member that joins has to give it")
    if request.topic_partitions is None or request.topic_partitions:
        raise _invalid("a member that joins owns no partitions; TopicPartitions has to be empty")
    if request.subscribed_topic_names is None and request.subscribed_topic_regex is None:
        raise _invalid(
            "a member that joins has to give SubscribedTopicNames or SubscribedTopicRegex"
        )


def _invalid(what: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, f"The request is not valid: {what}.")
