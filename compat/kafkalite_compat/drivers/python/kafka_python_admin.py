"""Administration with kafka-python 3, and its offsets of a partition."""

from __future__ import annotations

from typing import Any, Final

from kafka import errors
from kafka.admin import (
    ConfigResource,
    OffsetSpec,
    OffsetTimestamp,
)
from kafka.admin._configs import AlterConfigOp
from kafka.protocol.consumer import IsolationLevel
from kafka.structs import TopicPartition

from .kafka_python_acls import ask_for_topic, raise_first
from .kafka_python_common import (
    Connection,
    failed_text,
    offset_json,
    raise_error,
    to_offsets,
    to_partition,
)
from .serving import op, or_none

OFFSET_SPECS: Final = {
    "earliest": OffsetSpec.EARLIEST,
    "latest": OffsetSpec.LATEST,
    "max_timestamp": OffsetSpec.MAX_TIMESTAMP,
}


class Admin:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def _admin(self) -> Any:
        return self._connection.admin

    @op
    def metadata(self, topic: str | None = None, allow_auto_create: bool = False) -> dict[str, Any]:
        if topic is not None and allow_auto_create:
            ask_for_topic(self._connection, topic)
        topics = self._admin.describe_topics(None if topic is None else [topic])
        for one in topics if topic is not None else ():
            raise_error(errors.for_code(one["error_code"]), f"metadata of {topic}")
        counts = {one["name"]: len(one["partitions"]) for one in topics}
        return {**self.describe_cluster(), "topics": counts}

    @op
    def describe_cluster(self) -> dict[str, Any]:
        found = self._admin.describe_cluster()
        brokers = [
            {"id": one["broker_id"], "host": one["host"], "port": one["port"]}
            for one in found["brokers"]
        ]
        cluster_id, controller = found["cluster_id"], found["controller_id"]
        return {"brokers": brokers, "cluster_id": cluster_id, "controller": controller}

    @op
    def list_offsets(
        self, topic: str, partition: int, at: str | int, isolation: str = "read_uncommitted"
    ) -> dict[str, Any]:
        where = TopicPartition(topic, partition)
        spec = OFFSET_SPECS[at] if isinstance(at, str) else OffsetTimestamp(at)
        level = IsolationLevel[isolation.upper()]
        found = self._admin.list_partition_offsets({where: spec}, level)[where]
        return {"offset": or_none(found.offset), "timestamp_ms": or_none(found.timestamp)}

    @op
    def create_topic(
        self,
        topic: str,
        partitions: int,
        replication: int = 1,
        configs: dict[str, str] | None = None,
        validate_only: bool = False,
    ) -> None:
        new = {
            "num_partitions": partitions,
            "replication_factor": replication,
            "configs": configs or {},
        }
        self._admin.create_topics({topic: new}, validate_only=validate_only)

    @op
    def delete_topic(self, topic: str) -> None:
        self._admin.delete_topics([topic])

    @op
    def list_topics(self) -> dict[str, Any]:
        return {"topics": self._admin.list_topics()}

    @op
    def describe_topic(self, topic: str) -> dict[str, Any]:
        (found,) = self._admin.describe_topics([topic])
        raise_error(errors.for_code(found["error_code"]), f"describing {topic}")
        partitions = [
            {
                "partition": one["partition_index"],
                "leader": one["leader_id"],
                "replicas": one["replica_nodes"],
                "isr": one["isr_nodes"],
            }
            for one in found["partitions"]
        ]
        return {"partitions": partitions, "topic_id": str(found.get("topic_id"))}

    @op
    def create_partitions(self, topic: str, total: int) -> None:
        self._admin.create_partitions({topic: total})

    @op
    def describe_configs(self, resource: str, name: str) -> dict[str, Any]:
        wanted = ConfigResource(resource, name)
        found = self._admin.describe_configs([wanted], config_filter="all")[resource][name]
        return {"configs": {key: _config_json(entry) for key, entry in found.items()}}

    @op
    def alter_configs(
        self,
        resource: str,
        name: str,
        set: dict[str, str] | None = None,  # noqa: A002 - the step's field
        unset: list[str] | None = None,
    ) -> dict[str, Any]:
        changes: dict[str, Any] = {
            key: (AlterConfigOp.SET, value) for key, value in (set or {}).items()
        }
        changes |= dict.fromkeys(unset or [], (AlterConfigOp.DELETE, None))
        wanted = ConfigResource(resource, name, changes)
        # The broker shall judge the keys, not the library.
        result = self._admin.alter_configs([wanted], raise_on_unknown=False)[resource][name]
        if result != "OK":
            raise failed_text(result)
        return {"incremental": True}

    @op
    def delete_records(self, topic: str, partition: int, before: int) -> dict[str, Any]:
        where = TopicPartition(topic, partition)
        deleted = self._admin.delete_records({where: before})
        return {"low_watermark": deleted[where]["low_watermark"]}

    @op
    def list_groups(self) -> dict[str, Any]:
        groups = [
            {
                "group": one["group_id"],
                "state": one.get("group_state"),
                "type": one.get("group_type"),
            }
            for one in self._admin.list_groups()
        ]
        return {"groups": groups}

    @op
    def describe_group(self, group: str) -> dict[str, Any]:
        found = self._admin.describe_groups([group])[group]
        if found["error"] is not None:
            raise failed_text(found["error"])
        return {
            "state": found["group_state"],
            "assignor": found["protocol_data"],
            "members": list(map(_member_json, found["members"])),
        }

    @op
    def delete_group(self, group: str) -> None:
        result = self._admin.delete_groups([group])[group]
        raise_error(
            errors.NoError if result == "OK" else getattr(errors, result), f"deleting {group}"
        )

    @op
    def group_offsets(self, group: str) -> dict[str, Any]:
        found = self._admin.list_group_offsets(group)[group]
        return {"offsets": [offset_json(where, one) for where, one in found.items()]}

    @op
    def alter_group_offsets(self, group: str, offsets: list[dict[str, Any]]) -> None:
        raise_first(self._admin.alter_group_offsets(group, to_offsets(offsets)).values())

    @op
    def delete_group_offsets(self, group: str, partitions: list[dict[str, Any]]) -> None:
        wanted = list(map(to_partition, partitions))
        raise_first(self._admin.delete_group_offsets(group, wanted).values())

    @op
    def describe_log_dirs(self) -> dict[str, Any]:
        found = self._admin.describe_log_dirs()
        folders = [folder for broker in found for folder in broker["log_dirs"]]
        for folder in folders:
            raise_error(errors.for_code(folder["error_code"]), "describing log directories")
        return {"topics": sorted({one["name"] for folder in folders for one in folder["topics"]})}

    @op
    def list_transactions(self) -> dict[str, Any]:
        listings = [one for some in self._admin.list_transactions().values() for one in some]
        found = [
            {"transactional_id": one.transactional_id, "state": one.state.value} for one in listings
        ]
        return {"transactions": found}


def _config_json(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "value": entry["value"],
        "source": entry.get("config_source"),
        "read_only": entry.get("read_only"),
        "sensitive": entry.get("is_sensitive"),
    }


def _member_json(member: dict[str, Any]) -> dict[str, Any]:
    assignment = member["member_assignment"] or {}
    partitions = [
        {"topic": one["topic"], "partition": number}
        for one in assignment.get("assigned_partitions", [])
        for number in one["partitions"]
    ]
    return {
        "member_id": member["member_id"],
        "instance_id": member.get("group_instance_id"),
        "client_id": member["client_id"],
        "partitions": partitions,
    }
