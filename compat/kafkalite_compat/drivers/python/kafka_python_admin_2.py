"""Administration with kafka-python 2, which mostly gives the broker's responses as they are."""

from __future__ import annotations

from typing import Any, Final

from kafka import KafkaConsumer, errors
from kafka.admin import (
    ConfigResource,
    ConfigResourceType,
    NewPartitions,
    NewTopic,
)
from kafka.structs import TopicPartition

from .kafka_python_acls import ask_for_topic, raise_first
from .kafka_python_common import (
    VERSION,
    Connection,
    if_known,
    offset_json,
    raise_error,
)
from .serving import Failed, Unsupported, op, or_none

CONFIG_SOURCES: Final = {
    1: "DYNAMIC_TOPIC_CONFIG",
    2: "DYNAMIC_BROKER_CONFIG",
    3: "DYNAMIC_DEFAULT_BROKER_CONFIG",
    4: "STATIC_BROKER_CONFIG",
    5: "DEFAULT_CONFIG",
    6: "DYNAMIC_BROKER_LOGGER_CONFIG",
}
"""DescribeConfigsResponse.json, field ConfigSource."""


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
        counts = {one["topic"]: len(one["partitions"]) for one in topics}
        return {**self.describe_cluster(), "topics": counts}

    @op
    def describe_cluster(self) -> dict[str, Any]:
        found = self._admin.describe_cluster()
        brokers = [
            {"id": one["node_id"], "host": one["host"], "port": one["port"]}
            for one in found["brokers"]
        ]
        cluster_id, controller = found.get("cluster_id"), found["controller_id"]
        return {"brokers": brokers, "cluster_id": cluster_id, "controller": controller}

    @op
    def list_offsets(
        self, topic: str, partition: int, at: str | int, isolation: str = "read_uncommitted"
    ) -> dict[str, Any]:
        """By a consumer: the admin client has no such step."""
        if at == "max_timestamp":
            raise Unsupported(f"kafka-python {VERSION} cannot ask for the maximum timestamp")
        if isolation == "read_uncommitted":
            isolation = if_known(KafkaConsumer, "isolation_level", isolation)
        where = TopicPartition(topic, partition)
        settings = {"isolation_level": isolation, "enable_auto_commit": False}
        consumer = self._connection.make(KafkaConsumer, settings)
        try:
            return _offset_at(consumer, where, at)
        finally:
            consumer.close()

    @op
    def create_topic(
        self,
        topic: str,
        partitions: int,
        replication: int = 1,
        configs: dict[str, str] | None = None,
        validate_only: bool = False,
    ) -> None:
        new = NewTopic(topic, partitions, replication, topic_configs=configs or {})
        self._admin.create_topics([new], validate_only=validate_only)

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
                "partition": one["partition"],
                "leader": one["leader"],
                "replicas": one["replicas"],
                "isr": one["isr"],
            }
            for one in found["partitions"]
        ]
        return {"partitions": partitions, "topic_id": None}

    @op
    def create_partitions(self, topic: str, total: int) -> None:
        self._admin.create_partitions({topic: NewPartitions(total)})

    @op
    def describe_configs(self, resource: str, name: str) -> dict[str, Any]:
        wanted = ConfigResource(_config_resource(resource), name)
        (response,) = self._admin.describe_configs([wanted])
        ((code, text, _kind, _name, entries),) = response.resources
        raise_error(errors.for_code(code), text or f"describing configs of {name}")
        return {"configs": {entry[0]: _config_json(entry) for entry in entries}}

    @op
    def alter_configs(
        self,
        resource: str,
        name: str,
        set: dict[str, str] | None = None,  # noqa: A002 - the step's field
        unset: list[str] | None = None,
    ) -> dict[str, Any]:
        """AlterConfigs replaces all: what is not set is unset, so there is nothing to do for `unset`."""
        if resource == "broker":
            raise Unsupported(f"kafka-python {VERSION} cannot alter a broker's configs")
        wanted = ConfigResource(_config_resource(resource), name, set or {})
        response = self._admin.alter_configs([wanted])
        ((code, text, *_resource),) = response.resources
        raise_error(errors.for_code(code), text or f"altering configs of {name}")
        return {"incremental": False}

    @op
    def delete_records(self, topic: str, partition: int, before: int) -> dict[str, Any]:
        if not hasattr(self._admin, "delete_records"):
            raise Unsupported(f"the admin client of kafka-python {VERSION} has no delete_records")
        where = TopicPartition(topic, partition)
        deleted = self._admin.delete_records({where: before})
        return {"low_watermark": deleted[where]["low_watermark"]}

    @op
    def list_groups(self) -> dict[str, Any]:
        found = self._admin.list_consumer_groups()
        return {"groups": [{"group": one[0], "state": None, "type": None} for one in found]}

    @op
    def describe_group(self, group: str) -> dict[str, Any]:
        (found,) = self._admin.describe_consumer_groups([group])
        return {
            "state": found.state,
            "assignor": found.protocol,
            "members": list(map(_member_json, found.members)),
        }

    @op
    def delete_group(self, group: str) -> None:
        raise_first(kind for _group, kind in self._admin.delete_consumer_groups([group]))

    @op
    def group_offsets(self, group: str) -> dict[str, Any]:
        found = self._admin.list_consumer_group_offsets(group)
        return {"offsets": [offset_json(where, one) for where, one in found.items()]}


def _offset_at(consumer: Any, where: TopicPartition, at: str | int) -> dict[str, Any]:
    if isinstance(at, str):
        find = consumer.beginning_offsets if at == "earliest" else consumer.end_offsets
        return {"offset": find([where])[where], "timestamp_ms": None}
    found = consumer.offsets_for_times({where: at})[where]
    if found is None:
        return {"offset": None, "timestamp_ms": None}
    return {"offset": or_none(found.offset), "timestamp_ms": or_none(found.timestamp)}


def _config_resource(name: str) -> ConfigResourceType:
    try:
        return ConfigResourceType[name.upper()]
    except KeyError:
        raise Unsupported(f"kafka-python {VERSION} knows no configs of a {name}") from None


def _config_json(entry: tuple[Any, ...]) -> dict[str, Any]:
    """DescribeConfigs v1 and v2: name, value, read only, source, sensitive, synonyms."""
    _name, value, read_only, source, sensitive, *_synonyms = entry
    return {
        "value": value,
        "source": CONFIG_SOURCES.get(source),
        "read_only": read_only,
        "sensitive": sensitive,
    }


def _member_json(member: Any) -> dict[str, Any]:
    assignment = member.member_assignment
    if isinstance(assignment, bytes) and assignment:
        raise Failed("the library gave an assignment that it had not decoded")
    partitions = [
        {"topic": topic, "partition": number}
        for topic, numbers in (assignment.assignment if assignment else [])
        for number in numbers
    ]
    return {
        "member_id": member.member_id,
        "instance_id": None,
        "client_id": member.client_id,
        "partitions": partitions,
    }
