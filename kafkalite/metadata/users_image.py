"""What the cluster knows of its users: ACLs, SCRAM credentials, delegation tokens, quotas. A part of the image, immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kafkalite.types import Uuid


class AclEntry(NamedTuple):
    """Who may, or may not, do what. The numbers are Kafka's (`ResourceType`, `PatternType`, `AclOperation`,
    `AclPermissionType`)."""

    resource_type: int
    resource_name: str
    pattern_type: int
    principal: str
    """`User:alice`; `User:*` is everybody."""
    host: str
    """An address; `*` is every one."""
    operation: int
    permission_type: int


class ScramCredential(NamedTuple):
    """What RFC 5802 has a server keep of a password."""

    salt: bytes
    stored_key: bytes
    server_key: bytes
    iterations: int


class DelegationToken(NamedTuple):
    """A token of KIP-48, without its secret, which is made from the broker's own. Times in ms since 1970."""

    owner: str
    requester: str
    renewers: tuple[str, ...]
    issue_timestamp_ms: int
    max_timestamp_ms: int
    expiration_timestamp_ms: int


QuotaEntity = tuple[tuple[str, str | None], ...]
"""Whom a quota is for: (type, name) by type, as (("client-id", "app"), ("user", None)); no name means the default of
all who have none of their own."""


@dataclass(frozen=True, slots=True)
class UsersImage:
    """Replace, never change: mappings are read-only by contract."""

    acls: Mapping[Uuid, AclEntry] = field(default_factory=dict)
    """By the id that their record has."""
    scram_credentials: Mapping[tuple[str, int], ScramCredential] = field(default_factory=dict)
    """By user name and mechanism, 1 for SCRAM-SHA-256 and 2 for SCRAM-SHA-512."""
    delegation_tokens: Mapping[str, DelegationToken] = field(default_factory=dict)
    """By token id."""
    quotas: Mapping[QuotaEntity, Mapping[str, float]] = field(default_factory=dict)
    """Values by quota key, such as `producer_byte_rate`. An entity without values is absent."""

    @property
    def record_count(self) -> int:
        """How many records say all of it."""
        one_each = len(self.acls) + len(self.scram_credentials) + len(self.delegation_tokens)
        return one_each + sum(map(len, self.quotas.values()))


NO_USERS = UsersImage()
