"""Which ACLs a filter means (KIP-50, KIP-290; Kafka's `ResourcePatternFilter` and `AccessControlEntryFilter`)."""

from __future__ import annotations

from collections.abc import Container
from enum import IntEnum
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.errors import KafkaError
from kafkalite.metadata.users_image import AclEntry


class ResourceType(IntEnum):
    """What an ACL is about, by Kafka's numbers. Numbers that are not here are UNKNOWN."""

    ANY = 1
    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5
    DELEGATION_TOKEN = 6
    USER = 7


class PatternType(IntEnum):
    """How the name of an ACL is compared. ANY and MATCH are for filters."""

    ANY = 1
    MATCH = 2
    """Every ACL that is about a resource of this name: the literal, the prefixes, and `*`."""
    LITERAL = 3
    PREFIXED = 4


ANY = 1
"""In filters: every operation, every permission."""
OPERATIONS = range(2, 16)
"""ALL is 2; for the others see `AclOperation`."""
DENY, ALLOW = 2, 3
WILDCARD = "*"


class AclFilter(NamedTuple):
    """Like an `AclEntry`; None, and the numbers that stand for ANY, mean all."""

    resource_type: int
    resource_name: str | None
    pattern_type: int
    principal: str | None
    host: str | None
    operation: int
    permission_type: int

    def check(self) -> None:
        """Raises `KafkaError(INVALID_REQUEST)` for numbers that mean nothing."""
        _check(self.resource_type, [*ResourceType], "resource type")
        _check(self.pattern_type, [*PatternType], "pattern type")
        _check(self.operation, (ANY, *OPERATIONS), "operation")
        _check(self.permission_type, (ANY, DENY, ALLOW), "permission type")

    def matches(self, entry: AclEntry) -> bool:
        """Whether the filter means `entry`."""
        return (
            self._matches_resource(entry)
            and self.principal in (None, entry.principal)
            and self.host in (None, entry.host)
            and self.operation in (ANY, entry.operation)
            and self.permission_type in (ANY, entry.permission_type)
        )

    def _matches_resource(self, entry: AclEntry) -> bool:
        if self.resource_type not in (ResourceType.ANY, entry.resource_type):
            return False
        if self.pattern_type == PatternType.MATCH:
            return self._covered_by(entry)
        return self.pattern_type in (PatternType.ANY, entry.pattern_type) and (
            self.resource_name in (None, entry.resource_name)
        )

    def _covered_by(self, entry: AclEntry) -> bool:
        if self.resource_name is None:
            return True
        if entry.pattern_type == PatternType.PREFIXED:
            return self.resource_name.startswith(entry.resource_name)
        return entry.resource_name in (self.resource_name, WILDCARD)


def check_entry(entry: AclEntry) -> None:
    """Raises `KafkaError(INVALID_REQUEST)` for an ACL that cannot be (`AclControlManager.validateNewAcl`)."""
    _check(entry.resource_type, [*ResourceType][1:], "resource type")
    _check(entry.pattern_type, (PatternType.LITERAL, PatternType.PREFIXED), "pattern type")
    _check(entry.operation, OPERATIONS, "operation")
    _check(entry.permission_type, (DENY, ALLOW), "permission type")
    if entry.resource_type == ResourceType.CLUSTER and entry.resource_name != "kafka-cluster":
        raise KafkaError(ErrorCode.INVALID_REQUEST, "The cluster's name is kafka-cluster.")
    if not entry.resource_name:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "The resource has no name.")
    if ":" not in entry.principal:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f'A principal is a type and a name, as User:alice; "{entry.principal}" has no colon.',
        )


def _check(number: int, known: Container[int], what: str) -> None:
    if number not in known:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"There is no {what} {number} here.")
