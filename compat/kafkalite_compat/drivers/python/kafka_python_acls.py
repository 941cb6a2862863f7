"""Administration that kafka-python 2 and 3 have alike: ACLs, and a topic made by asking for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kafka import KafkaConsumer
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

from .kafka_python_common import Connection, raise_error
from .serving import op


class Acls:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @op
    def create_acl(
        self, resource: str, name: str, principal: str, operation: str, permission: str
    ) -> None:
        pattern = ResourcePattern(
            ResourceType[resource.upper()], name, ACLResourcePatternType.LITERAL
        )
        acl = ACL(
            principal,
            "*",
            ACLOperation[operation.upper()],
            ACLPermissionType[permission.upper()],
            pattern,
        )
        raise_first(acl_errors(self._connection.admin.create_acls([acl])["failed"]))

    @op
    def describe_acls(
        self,
        resource: str,
        name: str,
        principal: str | None = None,
        operation: str = "any",
        permission: str = "any",
    ) -> dict[str, Any]:
        wanted = acl_filter(resource, name, principal, operation, permission)
        found, error = self._connection.admin.describe_acls(wanted)
        raise_error(error, "describing ACLs")
        return {"acls": list(map(acl_json, found))}

    @op
    def delete_acls(
        self,
        resource: str,
        name: str,
        principal: str | None = None,
        operation: str = "any",
        permission: str = "any",
    ) -> dict[str, Any]:
        wanted = acl_filter(resource, name, principal, operation, permission)
        ((_filter, deleted, error),) = self._connection.admin.delete_acls([wanted])
        raise_error(error, "deleting ACLs")
        return {"deleted": len(deleted)}


def ask_for_topic(connection: Connection, topic: str) -> None:
    """Of the library's clients a consumer asks for metadata so that the topic is made."""
    settings = {"allow_auto_create_topics": True, "enable_auto_commit": False}
    known = {
        name: value for name, value in settings.items() if name in KafkaConsumer.DEFAULT_CONFIG
    }
    consumer = connection.make(KafkaConsumer, known)
    consumer.subscribe([topic])
    consumer.poll(timeout_ms=500)
    consumer.close()


def raise_first(kinds: Iterable[Any]) -> None:
    """Of errors as classes."""
    for kind in kinds:
        raise_error(kind, kind.__name__)


def acl_errors(failures: Iterable[Any]) -> list[Any]:
    """Version 3 lists error classes, version 2 pairs of an ACL and its error class."""
    return [one[1] if isinstance(one, tuple) else one for one in failures]


def acl_filter(
    resource: str, name: str, principal: str | None, operation: str, permission: str
) -> ACLFilter:
    pattern = ResourcePatternFilter(
        ResourceType[resource.upper()], name, ACLResourcePatternType.LITERAL
    )
    return ACLFilter(
        principal,
        "*",
        ACLOperation[operation.upper()],
        ACLPermissionType[permission.upper()],
        pattern,
    )


def acl_json(acl: Any) -> dict[str, Any]:
    return {
        "resource": acl.resource_pattern.resource_type.name.lower(),
        "name": acl.resource_pattern.resource_name,
        "principal": acl.principal,
        "operation": acl.operation.name.lower(),
        "permission": acl.permission_type.name.lower(),
    }
