"""Answers as plain values, with what may differ between any two brokers masked.

Masked are ids, addresses, times of the wall clock, room on the disk, texts (compared is whether there is one) and the order of
lists that Kafka gives in the order of a hash map.
"""

from __future__ import annotations

import struct
from typing import Any

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.add_partitions_to_txn import AddPartitionsToTxnResponse
from kafkalite_protocol.messages.alter_share_group_offsets import AlterShareGroupOffsetsResponse
from kafkalite_protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsResponse,
)
from kafkalite_protocol.messages.api_versions import ApiVersionsResponse
from kafkalite_protocol.messages.delete_groups import DeleteGroupsResponse
from kafkalite_protocol.messages.delete_records import DeleteRecordsResponse
from kafkalite_protocol.messages.delete_share_group_offsets import DeleteShareGroupOffsetsResponse
from kafkalite_protocol.messages.describe_groups import DescribeGroupsResponse
from kafkalite_protocol.messages.describe_log_dirs import DescribeLogDirsResponse
from kafkalite_protocol.messages.describe_share_group_offsets import (
    DescribeShareGroupOffsetsResponse,
)
from kafkalite_protocol.messages.describe_user_scram_credentials import (
    DescribeUserScramCredentialsResponse,
)
from kafkalite_protocol.messages.join_group import JoinGroupResponse
from kafkalite_protocol.messages.list_groups import ListGroupsResponse
from kafkalite_protocol.messages.list_offsets import ListOffsetsResponse
from kafkalite_protocol.messages.list_transactions import ListTransactionsResponse
from kafkalite_protocol.messages.metadata import MetadataResponse
from kafkalite_protocol.messages.offset_commit import OffsetCommitResponse
from kafkalite_protocol.messages.offset_delete import OffsetDeleteResponse
from kafkalite_protocol.messages.offset_fetch import OffsetFetchResponse
from kafkalite_protocol.messages.produce import ProduceResponse
from kafkalite_protocol.messages.share_group_describe import ShareGroupDescribeResponse
from kafkalite_protocol.messages.streams_group_describe import StreamsGroupDescribeResponse
from kafkalite_protocol.messages.streams_group_heartbeat import StreamsGroupHeartbeatResponse
from kafkalite_protocol.messages.txn_offset_commit import TxnOffsetCommitResponse
from kafkalite_protocol.messages.write_txn_markers import WriteTxnMarkersResponse
from kafkalite_protocol.record_batch import batches

_BATCH_OVERHEAD_BYTES = 12
_NO_ID = bytes(16)
_ZERO_IS_AN_ID = {"controller_id", "leader_id", "node_id", "producer_id"}
_NAMES_OF_ONE_BROKER = {
    "client_instance_id",
    "cluster_id",
    "controller_id",
    "host",
    "leader_id",
    "log_dir",
    "node_id",
    "port",
    "producer_id",
    "session_id",
    "subscription_id",
    "topic_id",
    "total_bytes",
    "usable_bytes",
}
"""Fields that differ between any two brokers; compared is whether there is a value."""


_ERROR_NAMES = {code.value: code.name for code in ErrorCode}

_IN_HASH_ORDER = (
    AddPartitionsToTxnResponse,
    AlterShareGroupOffsetsResponse,
    DeleteGroupsResponse,
    DeleteShareGroupOffsetsResponse,
    DescribeGroupsResponse,
    DescribeLogDirsResponse,
    DescribeShareGroupOffsetsResponse,
    JoinGroupResponse,
    ListGroupsResponse,
    ListTransactionsResponse,
    MetadataResponse,
    OffsetCommitResponse,
    OffsetDeleteResponse,
    OffsetFetchResponse,
    ShareGroupDescribeResponse,
    StreamsGroupDescribeResponse,
    StreamsGroupHeartbeatResponse,
    TxnOffsetCommitResponse,
    WriteTxnMarkersResponse,
)

_IN_NO_ORDER = {
    "acls",
    "assigned_partitions",
    "credential_infos",
    "config_resources",
    "entity",
    "entries",
    "matching_acls",
    "members",
    "replica_election_results",
    "resources",
    "topic_partitions",
    "values",
}
"""Fields that Kafka gives in the order of a hash map."""


def plain(value: Any, field: str = "") -> Any:
    """A message as dicts, lists and values, with what may differ between two brokers masked."""
    if isinstance(value, dict):
        return {name: plain(one, name) for name, one in value.items()}
    if isinstance(value, list | tuple):
        items = [plain(one, field) for one in value]
        return sorted(items, key=repr) if field in _IN_NO_ORDER else items
    if isinstance(value, AlterUserScramCredentialsResponse | DescribeUserScramCredentialsResponse):
        value.results.sort(key=lambda one: one.user)
    if isinstance(value, ApiVersionsResponse):
        return _by_api(value)
    if isinstance(value, ProduceResponse | ListOffsetsResponse | DeleteRecordsResponse):
        return by_partition(value)
    if hasattr(value, "__slots__") and not isinstance(value, bytes | memoryview):
        fields = {name: plain(getattr(value, name), name) for name in value.__slots__}
        return _sorted(fields) if isinstance(value, _IN_HASH_ORDER) else fields
    return _masked(value, field)


def _by_api(response: ApiVersionsResponse) -> dict[str, Any]:
    """Ranges by API and features by name: their order means nothing."""
    return {
        "error_code": _error(response.error_code),
        "throttle_time_ms": response.throttle_time_ms,
        "api_keys": {
            str(api.api_key): [api.min_version, api.max_version] for api in response.api_keys
        },
        "supported": {
            one.name: [one.min_version, one.max_version] for one in response.supported_features
        },
        "finalized": {one.name: one.max_version_level for one in response.finalized_features},
        "epoch is known": response.finalized_features_epoch >= 0,
        "zk_migration_ready": response.zk_migration_ready,
    }


def _sorted(value: Any) -> Any:
    """With every list in one order: Kafka gives these answers in that of a hash map."""
    if isinstance(value, dict):
        return {name: _sorted(one) for name, one in value.items()}
    return sorted(map(_sorted, value), key=str) if isinstance(value, list) else value


def by_partition(
    response: ProduceResponse | ListOffsetsResponse | DeleteRecordsResponse,
) -> dict[str, Any]:
    """Kafka gives these answers in the order of a hash map: here by topic and partition. A partition answered twice counts once."""
    if isinstance(response, ProduceResponse):
        answers: list[tuple[str, int, Any]] = [
            (topic.name or "by id", partition.index, partition)
            for topic in response.responses
            for partition in topic.partition_responses
        ]
        rest = {"node_endpoints": plain(response.node_endpoints)}
    else:
        answers = [
            (topic.name, partition.partition_index, partition)
            for topic in response.topics
            for partition in topic.partitions
        ]
        rest = {}
    found = {f"{name}-{index}": plain(partition) for name, index, partition in answers}
    return {"throttle_time_ms": response.throttle_time_ms, **rest, **dict(sorted(found.items()))}


def _masked(value: Any, field: str) -> Any:
    if field == "records":
        return None if value is None else batches_of(bytes(value))
    if field in _NAMES_OF_ONE_BROKER:
        none = (-1,) if field in _ZERO_IS_AN_ID else (0, -1, "", _NO_ID)
        return value if value in none else "some"
    if field in {"error_message", "batch_index_error_message", "status_detail"}:
        return "text" if value else value
    if field == "log_append_time_ms" and value > 1_750_000_000_000:
        return "now"
    if field == "error_code":
        return _error(value)
    return int(value) if isinstance(value, int) else value


def _error(code: int) -> str:
    return _ERROR_NAMES.get(code, f"error {code}")


def batches_of(records: bytes) -> list[dict[str, Any]]:
    """Whole batches by their headers and checksums; Kafka's partial last batch is left out (clients drop it)."""
    return [
        {
            "base_offset": batch.base_offset,
            "last_offset": batch.last_offset,
            "leader_epoch": batch.leader_epoch,
            "attributes": batch.attributes,
            "crc": batch.crc if not batch.attributes & 8 else "stamped",
        }
        for batch in batches(bytearray(whole_batches(records)))
    ]


def whole_batches(records: bytes) -> bytes:
    end = 0
    while end + _BATCH_OVERHEAD_BYTES <= len(records):
        size = _BATCH_OVERHEAD_BYTES + struct.unpack_from(">i", records, end + 8)[0]
        if end + size > len(records):
            break
        end += size
    return records[:end]
