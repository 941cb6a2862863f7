"""Administration with aiokafka, which mostly gives the broker's responses as they are."""

from __future__ import annotations

from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from .aiokafka_common import VERSION, Connection, raise_code
from .records import partition_json
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

    @op
    async def metadata(
        self, topic: str | None = None, allow_auto_create: bool = False
    ) -> dict[str, Any]:
        """aiokafka asks for a topic only so that the broker makes it; else by the list of all."""
        if topic is not None and allow_auto_create:
            await self._ask_for_topic(topic)
        admin = await self._connection.admin()
        counts = {one["topic"]: len(one["partitions"]) for one in await admin.describe_topics()}
        if topic is not None:
            counts = {name: count for name, count in counts.items() if name == topic}
        return {**await self.describe_cluster(), "topics": counts}

    async def _ask_for_topic(self, topic: str) -> None:
        asker = await self._connection.start(AIOKafkaConsumer, {"enable_auto_commit": False})
        try:
            asker.subscribe([topic])
            await asker.getmany(timeout_ms=1)
        finally:
            await asker.stop()

    @op
    async def describe_cluster(self) -> dict[str, Any]:
        found = await (await self._connection.admin()).describe_cluster()
        brokers = [
            {"id": one["node_id"], "host": one["host"], "port": one["port"]}
            for one in found["brokers"]
        ]
        cluster_id, controller = found.get("cluster_id"), found["controller_id"]
        return {"brokers": brokers, "cluster_id": cluster_id, "controller": controller}

    @op
    async def create_topic(
        self,
        topic: str,
        partitions: int,
        replication: int = 1,
        configs: dict[str, str] | None = None,
        validate_only: bool = False,
    ) -> None:
        new = NewTopic(topic, partitions, replication, topic_configs=configs or {})
        admin = await self._connection.admin()
        response = await admin.create_topics([new], validate_only=validate_only)
        ((_topic, code, *text),) = response.topic_errors
        raise_code(code, str(*text))

    @op
    async def delete_topic(self, topic: str) -> None:
        response = await (await self._connection.admin()).delete_topics([topic])
        ((_topic, code),) = response.topic_error_codes
        raise_code(code, f"deleting {topic}")

    @op
    async def list_topics(self) -> dict[str, Any]:
        return {"topics": await (await self._connection.admin()).list_topics()}

    @op
    async def describe_topic(self, topic: str) -> dict[str, Any]:
        """Out of the list of all: to be asked for by its name would make the topic."""
        described = await (await self._connection.admin()).describe_topics()
        found = next((one for one in described if one["topic"] == topic), None)
        if found is None:
            raise Failed(f"{topic} is not among the topics", 3, "UNKNOWN_TOPIC_OR_PARTITION")
        raise_code(found["error_code"], f"describing {topic}")
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
    async def create_partitions(self, topic: str, total: int) -> None:
        await (await self._connection.admin()).create_partitions({topic: NewPartitions(total)})

    @op
    async def describe_configs(self, resource: str, name: str) -> dict[str, Any]:
        wanted = ConfigResource(_config_resource(resource), name)
        (response,) = await (await self._connection.admin()).describe_configs([wanted])
        ((code, text, _kind, _name, entries),) = response.resources
        raise_code(code, text or f"describing configs of {name}")
        return {"configs": {entry[0]: _config_json(entry) for entry in entries}}

    @op
    async def alter_configs(
        self,
        resource: str,
        name: str,
        set: dict[str, str] | None = None,  # noqa: A002 - the step's field
        unset: list[str] | None = None,
    ) -> dict[str, Any]:
        """AlterConfigs replaces all: what is not set is unset, so there is nothing to do for `unset`."""
        wanted = ConfigResource(_config_resource(resource), name, set or {})
        responses = await (await self._connection.admin()).alter_configs([wanted])
        for code, text, *_resource in [one for some in responses for one in some.resources]:
            raise_code(code, text or f"altering configs of {name}")
        return {"incremental": False}

    @op
    async def delete_records(self, topic: str, partition: int, before: int) -> dict[str, Any]:
        try:
            from aiokafka.admin import RecordsToDelete
        except ImportError:
            reason = f"the admin client of aiokafka {VERSION} has no delete_records"
            raise Unsupported(reason) from None
        where = TopicPartition(topic, partition)
        admin = await self._connection.admin()
        return {
            "low_watermark": (await admin.delete_records({where: RecordsToDelete(before)}))[where]
        }

    @op
    async def list_groups(self) -> dict[str, Any]:
        found = await (await self._connection.admin()).list_consumer_groups()
        return {"groups": [{"group": one[0], "state": None, "type": None} for one in found]}

    @op
    async def describe_group(self, group: str) -> dict[str, Any]:
        (response,) = await (await self._connection.admin()).describe_consumer_groups([group])
        ((code, _group, state, _type, protocol, members, *_operations),) = response.groups
        raise_code(code, f"describing {group}")
        return {"state": state, "assignor": protocol, "members": list(map(_member_json, members))}

    @op
    async def group_offsets(self, group: str) -> dict[str, Any]:
        found = await (await self._connection.admin()).list_consumer_group_offsets(group)
        offsets = [
            {**partition_json(where), "offset": or_none(one.offset), "metadata": one.metadata}
            for where, one in found.items()
        ]
        return {"offsets": offsets}


def _config_resource(name: str) -> ConfigResourceType:
    try:
        return ConfigResourceType[name.upper()]
    except KeyError:
        raise Unsupported(f"aiokafka {VERSION} knows no configs of a {name}") from None


def _config_json(entry: tuple[Any, ...]) -> dict[str, Any]:
    """DescribeConfigs v1 and v2: name, value, read only, source, sensitive, synonyms."""
    _name, value, read_only, source, sensitive, *_synonyms = entry
    return {
        "value": value,
        "source": CONFIG_SOURCES.get(source),
        "read_only": read_only,
        "sensitive": sensitive,
    }


def _member_json(member: tuple[Any, ...]) -> dict[str, Any]:
    """DescribeGroups v0 to v3; the assignment comes as bytes, which the library has a decoder for."""
    member_id, client_id, _host, _subscription, assignment = member
    decoded = ConsumerProtocolMemberAssignment.decode(assignment).assignment if assignment else []
    partitions = [
        {"topic": topic, "partition": number} for topic, numbers in decoded for number in numbers
    ]
    return {
        "member_id": member_id,
        "instance_id": None,
        "client_id": client_id,
        "partitions": partitions,
    }
