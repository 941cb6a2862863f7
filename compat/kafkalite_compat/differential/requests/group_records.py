"""What the coordinator has written of a group into `__consumer_offsets`."""

from __future__ import annotations

import struct
from itertools import groupby
from typing import Any

from kafkalite_protocol.messages.consumer_group_current_member_assignment_key import (
    ConsumerGroupCurrentMemberAssignmentKey,
)
from kafkalite_protocol.messages.consumer_group_current_member_assignment_value import (
    ConsumerGroupCurrentMemberAssignmentValue,
)
from kafkalite_protocol.messages.consumer_group_member_metadata_key import (
    ConsumerGroupMemberMetadataKey,
)
from kafkalite_protocol.messages.consumer_group_member_metadata_value import (
    ConsumerGroupMemberMetadataValue,
)
from kafkalite_protocol.messages.consumer_group_metadata_key import ConsumerGroupMetadataKey
from kafkalite_protocol.messages.consumer_group_metadata_value import ConsumerGroupMetadataValue
from kafkalite_protocol.messages.consumer_group_partition_metadata_key import (
    ConsumerGroupPartitionMetadataKey,
)
from kafkalite_protocol.messages.consumer_group_partition_metadata_value import (
    ConsumerGroupPartitionMetadataValue,
)
from kafkalite_protocol.messages.consumer_group_regular_expression_key import (
    ConsumerGroupRegularExpressionKey,
)
from kafkalite_protocol.messages.consumer_group_regular_expression_value import (
    ConsumerGroupRegularExpressionValue,
)
from kafkalite_protocol.messages.consumer_group_target_assignment_member_key import (
    ConsumerGroupTargetAssignmentMemberKey,
)
from kafkalite_protocol.messages.consumer_group_target_assignment_member_value import (
    ConsumerGroupTargetAssignmentMemberValue,
)
from kafkalite_protocol.messages.consumer_group_target_assignment_metadata_key import (
    ConsumerGroupTargetAssignmentMetadataKey,
)
from kafkalite_protocol.messages.consumer_group_target_assignment_metadata_value import (
    ConsumerGroupTargetAssignmentMetadataValue,
)
from kafkalite_protocol.messages.group_metadata_key import GroupMetadataKey
from kafkalite_protocol.messages.group_metadata_value import GroupMetadataValue
from kafkalite_protocol.record_batch import batches
from kafkalite_protocol.records import read_records

from kafkalite_compat.differential.masking import whole_batches
from kafkalite_compat.differential.requests.internal_topics import partition_for
from kafkalite_compat.differential.requests.records import fetch, part
from kafkalite_compat.differential.side import Side

_RECORDS: dict[int, tuple[Any, Any]] = {
    2: (GroupMetadataKey, GroupMetadataValue),
    3: (ConsumerGroupMetadataKey, ConsumerGroupMetadataValue),
    4: (ConsumerGroupPartitionMetadataKey, ConsumerGroupPartitionMetadataValue),
    5: (ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue),
    6: (ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue),
    7: (ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue),
    8: (ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue),
    16: (ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue),
}


def records_of(
    side: Side, group_id: str, names: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """Every record of the group in `__consumer_offsets` that is not an offset, decoded.

    Members are called by `names`. Records of one type in a row are in the order of a hash map in Kafka, here by member.
    """
    found: list[dict[str, Any]] = []
    partition = partition_for(group_id)
    offset = 0
    while True:
        answer = side.client.ask(fetch(("__consumer_offsets", part(partition, offset))), 12)
        data = whole_batches(bytes(answer.responses[0].partitions[0].records or b""))
        if not data:
            return found
        for batch in batches(bytearray(data)):
            offset = batch.last_offset + 1
            decoded = [_record(bytes(each.key), each.value) for each in read_records(batch)]
            ours = [one for one in decoded if one is not None and one.pop("group") == group_id]
            for one in ours:
                one["member"] = (names or {}).get(one["member"], one["member"])
            for _, run in groupby(ours, key=lambda one: one["type"]):
                found += sorted(run, key=lambda one: (one["member"], one["regex"]))
            if ours:
                found.append({"type": "end of the batch"})


def _record(key: bytes, value: Any) -> dict[str, Any] | None:
    record_type = struct.unpack(">h", key[:2])[0]
    if record_type not in _RECORDS:
        return None
    key_class, value_class = _RECORDS[record_type]
    read_key = key_class.decode(0, key, 2)
    read_value = None
    if value is not None:
        data = bytes(value)
        read_value = value_class.decode(struct.unpack(">h", data[:2])[0], data, 2)
        for name in ("metadata_hash", "assignment_timestamp", "timestamp", "version"):
            if getattr(read_value, name, 0):
                setattr(read_value, name, 1)
        if hasattr(read_value, "current_state_timestamp"):
            read_value.current_state_timestamp = 1
    return {
        "type": record_type,
        "group": getattr(read_key, "group_id", None) or getattr(read_key, "group", None),
        "member": getattr(read_key, "member_id", ""),
        "regex": getattr(read_key, "regular_expression", ""),
        "value": read_value,
    }
