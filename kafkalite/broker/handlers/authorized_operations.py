"""What a client may do, as bits that Admin clients turn into names (KIP-430). Here everybody may do everything."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, Protocol

from kafkalite_protocol.error_codes import ErrorCode


class AclOperation(IntEnum):
    """By Kafka's numbers; an operation is the bit of its number."""

    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    CLUSTER_ACTION = 9
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11
    IDEMPOTENT_WRITE = 12


def bits(*operations: AclOperation) -> int:
    """A set of operations as the wire has it."""
    return sum(1 << operation for operation in operations)


NOT_ASKED: Final = -(2**31)
"""The bits were not asked for."""

TOPIC_OPERATIONS: Final = bits(
    AclOperation.READ,
    AclOperation.WRITE,
    AclOperation.CREATE,
    AclOperation.DELETE,
    AclOperation.ALTER,
    AclOperation.DESCRIBE,
    AclOperation.DESCRIBE_CONFIGS,
    AclOperation.ALTER_CONFIGS,
)
"""3576, as Kafka 4.3 answers without an authorizer (measured)."""

CLUSTER_OPERATIONS: Final = bits(
    AclOperation.CREATE,
    AclOperation.ALTER,
    AclOperation.DESCRIBE,
    AclOperation.CLUSTER_ACTION,
    AclOperation.DESCRIBE_CONFIGS,
    AclOperation.ALTER_CONFIGS,
    AclOperation.IDEMPOTENT_WRITE,
)
"""8096, likewise."""

GROUP_OPERATIONS: Final = bits(
    AclOperation.READ,
    AclOperation.DELETE,
    AclOperation.DESCRIBE,
    AclOperation.DESCRIBE_CONFIGS,
    AclOperation.ALTER_CONFIGS,
)
"""3400, likewise."""


class DescribedGroup(Protocol):
    """One group in the response of a describe API."""

    error_code: int
    authorized_operations: int


def tell_group_operations(groups: Iterable[DescribedGroup], *, wanted: bool) -> None:
    """Where the client asked for them, in each group that could be described."""
    for group in groups if wanted else ():
        if group.error_code == ErrorCode.NONE:
            group.authorized_operations = GROUP_OPERATIONS
