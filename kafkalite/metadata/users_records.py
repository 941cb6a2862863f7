"""Records about users: from records to the image (`UsersDelta`) and back (`users_records`).

Loaded when the metadata log has the first of them, which in most directories is never.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafkalite_protocol.messages.access_control_entry_record import AccessControlEntryRecord
from kafkalite_protocol.messages.client_quota_record import ClientQuotaRecord
from kafkalite_protocol.messages.delegation_token_record import DelegationTokenRecord
from kafkalite_protocol.messages.remove_access_control_entry_record import (
    RemoveAccessControlEntryRecord,
)
from kafkalite_protocol.messages.remove_delegation_token_record import RemoveDelegationTokenRecord
from kafkalite_protocol.messages.remove_user_scram_credential_record import (
    RemoveUserScramCredentialRecord,
)
from kafkalite_protocol.messages.user_scram_credential_record import UserScramCredentialRecord

from kafkalite.metadata.users_image import (
    AclEntry,
    DelegationToken,
    QuotaEntity,
    ScramCredential,
    UsersImage,
)
from kafkalite.types import Uuid

if TYPE_CHECKING:
    from kafkalite.metadata.records import MetadataRecord


class UsersDelta:
    """Changes on their way to becoming a `UsersImage`."""

    def __init__(self, old: UsersImage) -> None:
        self._acls = dict(old.acls)
        self._scram_credentials = dict(old.scram_credentials)
        self._delegation_tokens = dict(old.delegation_tokens)
        self._quotas = {entity: dict(values) for entity, values in old.quotas.items()}

    def replay(self, record: MetadataRecord) -> None:
        """Take one record in. Raises AssertionError or LookupError when it does not fit what came before."""
        match record:
            case AccessControlEntryRecord():
                self._acls[Uuid(record.id)] = acl_entry(record)
            case RemoveAccessControlEntryRecord():
                del self._acls[Uuid(record.id)]
            case UserScramCredentialRecord():
                self._scram_credentials[record.name, record.mechanism] = ScramCredential(
                    record.salt, record.stored_key, record.server_key, record.iterations
                )
            case RemoveUserScramCredentialRecord():
                del self._scram_credentials[record.name, record.mechanism]
            case DelegationTokenRecord():
                self._delegation_tokens[record.token_id] = _token(record)
            case RemoveDelegationTokenRecord():
                del self._delegation_tokens[record.token_id]
            case ClientQuotaRecord():
                self._quota(record)
            case _:
                raise AssertionError(f"{type(record).__name__} is in the table of records")

    def image(self) -> UsersImage:
        """The new image. The delta must not be used after it."""
        quotas = {entity: values for entity, values in self._quotas.items() if values}
        return UsersImage(self._acls, self._scram_credentials, self._delegation_tokens, quotas)

    def _quota(self, record: ClientQuotaRecord) -> None:
        entity = quota_entity((one.entity_type, one.entity_name) for one in record.entity)
        values = self._quotas.setdefault(entity, {})
        if record.remove:
            values.pop(record.key, None)
        else:
            values[record.key] = record.value


def users_records(users: UsersImage) -> Iterator[MetadataRecord]:
    """Records that make `users` out of nothing."""
    for acl_id, entry in users.acls.items():
        yield acl_record(acl_id, entry)
    for (name, mechanism), credential in users.scram_credentials.items():
        yield UserScramCredentialRecord(name, mechanism, *credential)
    for token_id, token in users.delegation_tokens.items():
        yield _token_record(token_id, token)
    for entity, values in users.quotas.items():
        for key, value in values.items():
            yield quota_record(entity, key, value)


def acl_record(acl_id: Uuid, entry: AclEntry) -> AccessControlEntryRecord:
    return AccessControlEntryRecord(acl_id, *entry)


def acl_entry(record: AccessControlEntryRecord) -> AclEntry:
    return AclEntry(
        record.resource_type,
        record.resource_name,
        record.pattern_type,
        record.principal,
        record.host,
        record.operation,
        record.permission_type,
    )


def quota_entity(parts: Iterator[tuple[str, str | None]]) -> QuotaEntity:
    """Types differ from each other."""
    return tuple(sorted(parts, key=lambda part: part[0]))


def quota_record(entity: QuotaEntity, key: str, value: float | None) -> ClientQuotaRecord:
    """`value` None removes the quota."""
    return ClientQuotaRecord(
        [ClientQuotaRecord.EntityData(*part) for part in entity],
        key,
        0.0 if value is None else value,
        value is None,
    )


def _token(record: DelegationTokenRecord) -> DelegationToken:
    return DelegationToken(
        record.owner,
        record.requester,
        tuple(record.renewers),
        record.issue_timestamp,
        record.max_timestamp,
        record.expiration_timestamp,
    )


def _token_record(token_id: str, token: DelegationToken) -> DelegationTokenRecord:
    return DelegationTokenRecord(
        token.owner,
        token.requester,
        [*token.renewers],
        token.issue_timestamp_ms,
        token.max_timestamp_ms,
        token.expiration_timestamp_ms,
        token_id,
    )
