"""Cluster metadata as records: KRaft's messages, framed as the value of a record in `__cluster_metadata-0`.

    +---------------+---------+---------+------------------------------+
    | frame version | api key | version | message, flexible encoding   |
    | uvarint = 1   | uvarint | uvarint |                              |
    +---------------+---------+---------+------------------------------+

The record's key is null. Source: Kafka's `AbstractApiMessageSerde`; the versions written are those that Kafka 4.3
writes at metadata.version 30 (measured with DumpLogSegments).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final, NamedTuple, TypeAlias

from kafkalite_protocol.buffers import Buffer
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.primitives import Message

FRAME_VERSION: Final = 1

METADATA_VERSION: Final = 30
"""The `metadata.version` feature level whose records these are: Kafka 4.3-IV0."""


MetadataRecord: TypeAlias = Message
"""Any message of the table below."""


class RecordKind(NamedTuple):
    """One type of record: its generated class, and the version that we write and the highest that we read."""

    name: str
    module: str
    version: int


KINDS: Final[dict[int, RecordKind]] = {
    0: RecordKind("RegisterBrokerRecord", "register_broker_record", 4),
    1: RecordKind("UnregisterBrokerRecord", "unregister_broker_record", 0),
    2: RecordKind("TopicRecord", "topic_record", 0),
    3: RecordKind("PartitionRecord", "partition_record", 2),
    4: RecordKind("ConfigRecord", "config_record", 0),
    5: RecordKind("PartitionChangeRecord", "partition_change_record", 2),
    7: RecordKind("FenceBrokerRecord", "fence_broker_record", 0),
    8: RecordKind("UnfenceBrokerRecord", "unfence_broker_record", 0),
    9: RecordKind("RemoveTopicRecord", "remove_topic_record", 0),
    10: RecordKind("DelegationTokenRecord", "delegation_token_record", 0),
    11: RecordKind("UserScramCredentialRecord", "user_scram_credential_record", 0),
    12: RecordKind("FeatureLevelRecord", "feature_level_record", 0),
    14: RecordKind("ClientQuotaRecord", "client_quota_record", 0),
    15: RecordKind("ProducerIdsRecord", "producer_ids_record", 0),
    17: RecordKind("BrokerRegistrationChangeRecord", "broker_registration_change_record", 3),
    18: RecordKind("AccessControlEntryRecord", "access_control_entry_record", 0),
    19: RecordKind("RemoveAccessControlEntryRecord", "remove_access_control_entry_record", 0),
    20: RecordKind("NoOpRecord", "no_op_record", 0),
    21: RecordKind("ZkMigrationStateRecord", "zk_migration_state_record", 0),
    22: RecordKind("RemoveUserScramCredentialRecord", "remove_user_scram_credential_record", 0),
    23: RecordKind("BeginTransactionRecord", "begin_transaction_record", 0),
    24: RecordKind("EndTransactionRecord", "end_transaction_record", 0),
    25: RecordKind("AbortTransactionRecord", "abort_transaction_record", 0),
    26: RecordKind("RemoveDelegationTokenRecord", "remove_delegation_token_record", 0),
    27: RecordKind("RegisterControllerRecord", "register_controller_record", 0),
    28: RecordKind("ClearElrRecord", "clear_elr_record", 0),
}
"""All that Kafka 4.3 knows (`MetadataRecordType`)."""

_OF_NO_INTEREST: Final = frozenset({20, 21, 27, 28})
"""Records that say nothing about the image here: NoOp, which Kafka writes every half second to measure its own delay; how far
a migration from ZooKeeper has come; controllers, which is this process alone; and that a set of eligible leader
replicas is forgotten, which is not kept in the first place."""

_KEY_OF: Final = {kind.name: key for key, kind in KINDS.items()}


def is_of_no_interest(record: MetadataRecord) -> bool:
    """Whether it leaves the image as it is."""
    return _KEY_OF[type(record).__name__] in _OF_NO_INTEREST


def encode_record(record: MetadataRecord) -> bytes:
    """The value of the log record that carries `record`."""
    key = _KEY_OF[type(record).__name__]
    version = KINDS[key].version
    assert key < 128 and version < 128, "each fits one byte of uvarint"  # noqa: PT018
    out = bytearray((FRAME_VERSION, key, version))
    record.encode_into(version, out)
    return bytes(out)


def decode_record(value: Buffer) -> MetadataRecord:
    """The message in a log record's value. Raises `ProtocolError` for a frame, type or version that is not known."""
    buffer = memoryview(value)
    if len(buffer) < 3:
        raise ProtocolError(f"a metadata record of {len(buffer)} bytes has no room for its frame")
    frame_version, key, version = buffer[:3]
    if frame_version != FRAME_VERSION:
        raise ProtocolError(f"metadata record frame version {frame_version}, only 1 is known")
    kind = KINDS.get(key)
    if kind is None or version > kind.version:
        name = kind.name if kind else f"type {key}"
        raise ProtocolError(f"metadata record {name} version {version} is not known")
    return record_class(kind).decode(version, buffer, 3)


def record_class(kind: RecordKind) -> type[MetadataRecord]:
    """The generated class, imported on first use."""
    found: Any = getattr(import_module(f"kafkalite_protocol.messages.{kind.module}"), kind.name)
    result: type[MetadataRecord] = found
    return result
