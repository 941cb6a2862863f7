"""Administration of topics, configs, records and ACLs with confluent-kafka; groups are in confluent_groups."""

from __future__ import annotations

from typing import Any, Final

import confluent_kafka
from confluent_kafka import Consumer, TopicPartition

from .confluent_common import ADMIN, WAIT_S, Connection, failed, need, only_result
from .serving import Unsupported, op

RESOURCES: Final = {
    "topic": ADMIN.ResourceType.TOPIC,
    "broker": ADMIN.ResourceType.BROKER,
    "group": ADMIN.ResourceType.GROUP,
}
KNOWS_GROUP_CONFIGS: Final = hasattr(ADMIN.ConfigSource, "GROUP_CONFIG")
"""librdkafka before 2.10 asks for the configs of a group by the number that groups have in ACLs."""


class Admin:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @op
    def metadata(self, topic: str | None = None, allow_auto_create: bool = False) -> dict[str, Any]:
        cluster = self._metadata(topic, allow_auto_create)
        return {
            "brokers": [_broker_json(one) for one in cluster.brokers.values()],
            "cluster_id": cluster.cluster_id,
            "controller": cluster.controller_id,
            "topics": {name: len(one.partitions) for name, one in cluster.topics.items()},
        }

    def _metadata(self, topic: str | None, allow_auto_create: bool) -> Any:
        """As a consumer asks for it, which alone can be told not to make the topic."""
        settings = {"group.id": "none", "allow.auto.create.topics": allow_auto_create}
        asker = Consumer(self._connection.settings(settings))
        try:
            arguments = {} if topic is None else {"topic": topic}
            cluster = asker.list_topics(timeout=WAIT_S, **arguments)
        finally:
            asker.close()
        if topic is not None and cluster.topics[topic].error is not None:
            raise failed(cluster.topics[topic].error)
        return cluster

    @op
    def describe_cluster(self) -> dict[str, Any]:
        cluster = need(self._connection.admin, "describe_cluster")().result(WAIT_S)
        return {
            "brokers": [_broker_json(one) for one in cluster.nodes],
            "cluster_id": cluster.cluster_id,
            "controller": cluster.controller.id,
        }

    @op
    def create_topic(
        self,
        topic: str,
        partitions: int,
        replication: int = 1,
        configs: dict[str, str] | None = None,
        validate_only: bool = False,
    ) -> None:
        new = ADMIN.NewTopic(
            topic, num_partitions=partitions, replication_factor=replication, config=configs or {}
        )
        only_result(self._connection.admin.create_topics([new], validate_only=validate_only))

    @op
    def delete_topic(self, topic: str) -> None:
        only_result(self._connection.admin.delete_topics([topic]))

    @op
    def list_topics(self) -> dict[str, Any]:
        return {"topics": list(self._connection.admin.list_topics(timeout=WAIT_S).topics)}

    @op
    def describe_topic(self, topic: str) -> dict[str, Any]:
        if hasattr(self._connection.admin, "describe_topics"):
            return self._describe_by_admin(topic)
        return self._describe_by_metadata(topic)

    def _describe_by_admin(self, topic: str) -> dict[str, Any]:
        wanted = confluent_kafka.TopicCollection([topic])
        found = only_result(self._connection.admin.describe_topics(wanted))
        partitions = [
            {
                "partition": one.id,
                "leader": one.leader.id,
                "replicas": [node.id for node in one.replicas],
                "isr": [node.id for node in one.isr],
            }
            for one in found.partitions
        ]
        return {"partitions": partitions, "topic_id": str(found.topic_id)}

    def _describe_by_metadata(self, topic: str) -> dict[str, Any]:
        found = self._metadata(topic, allow_auto_create=False).topics[topic]
        partitions = [
            {
                "partition": one.id,
                "leader": one.leader,
                "replicas": list(one.replicas),
                "isr": list(one.isrs),
            }
            for one in found.partitions.values()
        ]
        return {"partitions": partitions, "topic_id": None}

    @op
    def create_partitions(self, topic: str, total: int) -> None:
        only_result(self._connection.admin.create_partitions([ADMIN.NewPartitions(topic, total)]))

    @op
    def describe_configs(self, resource: str, name: str) -> dict[str, Any]:
        wanted = ADMIN.ConfigResource(_config_resource(resource), name)
        entries = only_result(self._connection.admin.describe_configs([wanted]))
        return {"configs": {key: _config_json(entry) for key, entry in entries.items()}}

    @op
    def alter_configs(
        self,
        resource: str,
        name: str,
        set: dict[str, str] | None = None,  # noqa: A002 - the step's field
        unset: list[str] | None = None,
    ) -> dict[str, Any]:
        kind = _config_resource(resource)
        incremental = hasattr(self._connection.admin, "incremental_alter_configs")
        if incremental:
            entries = _incremental_entries(set or {}, unset or [])
            wanted = ADMIN.ConfigResource(kind, name, incremental_configs=entries)
            only_result(self._connection.admin.incremental_alter_configs([wanted]))
        else:
            wanted = ADMIN.ConfigResource(kind, name, set_config=set or {})
            only_result(self._connection.admin.alter_configs([wanted]))
        return {"incremental": incremental}

    @op
    def delete_records(self, topic: str, partition: int, before: int) -> dict[str, Any]:
        delete = need(self._connection.admin, "delete_records")
        deleted = only_result(delete([TopicPartition(topic, partition, before)]))
        return {"low_watermark": deleted.low_watermark}

    @op
    def create_acl(
        self, resource: str, name: str, principal: str, operation: str, permission: str
    ) -> None:
        binding = ADMIN.AclBinding(
            *_acl_arguments(resource, name, principal, operation, permission)
        )
        only_result(self._connection.admin.create_acls([binding]))

    @op
    def describe_acls(
        self,
        resource: str,
        name: str,
        principal: str | None = None,
        operation: str = "any",
        permission: str = "any",
    ) -> dict[str, Any]:
        arguments = _acl_arguments(resource, name, principal, operation, permission)
        found = self._connection.admin.describe_acls(ADMIN.AclBindingFilter(*arguments)).result(
            WAIT_S
        )
        return {"acls": [_acl_json(one) for one in found]}

    @op
    def delete_acls(
        self,
        resource: str,
        name: str,
        principal: str | None = None,
        operation: str = "any",
        permission: str = "any",
    ) -> dict[str, Any]:
        arguments = _acl_arguments(resource, name, principal, operation, permission)
        deleted = only_result(
            self._connection.admin.delete_acls([ADMIN.AclBindingFilter(*arguments)])
        )
        return {"deleted": len(deleted)}


def _broker_json(node: Any) -> dict[str, Any]:
    return {"id": node.id, "host": node.host, "port": node.port}


def _config_resource(name: str) -> Any:
    if name == "group" and not KNOWS_GROUP_CONFIGS:
        raise Unsupported(
            f"confluent-kafka {confluent_kafka.__version__} knows no configs of groups"
        )
    return RESOURCES[name]


def _config_json(entry: Any) -> dict[str, Any]:
    return {
        "value": entry.value,
        "source": ADMIN.ConfigSource(entry.source).name,
        "read_only": entry.is_read_only,
        "sensitive": entry.is_sensitive,
    }


def _incremental_entries(to_set: dict[str, str], to_unset: list[str]) -> list[Any]:
    setting = [
        ADMIN.ConfigEntry(key, value, incremental_operation=ADMIN.AlterConfigOpType.SET)
        for key, value in to_set.items()
    ]
    unsetting = [
        ADMIN.ConfigEntry(key, None, incremental_operation=ADMIN.AlterConfigOpType.DELETE)
        for key in to_unset
    ]
    return setting + unsetting


def _acl_arguments(
    resource: str, name: str, principal: str | None, operation: str, permission: str
) -> tuple[Any, ...]:
    """In the order of AclBinding; any host is "*" there."""
    return (
        RESOURCES[resource],
        name,
        ADMIN.ResourcePatternType.LITERAL,
        principal,
        "*",
        ADMIN.AclOperation[operation.upper()],
        ADMIN.AclPermissionType[permission.upper()],
    )


def _acl_json(binding: Any) -> dict[str, Any]:
    return {
        "resource": binding.restype.name.lower(),
        "name": binding.name,
        "principal": binding.principal,
        "operation": binding.operation.name.lower(),
        "permission": binding.permission_type.name.lower(),
    }
