"""Making and removing ACLs: Kafka's checks (`AclControlManager`). Pure functions of an image."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.remove_access_control_entry_record import (
    RemoveAccessControlEntryRecord,
)

from kafkalite.errors import KafkaError
from kafkalite.metadata.acl_filter import AclFilter, check_entry
from kafkalite.metadata.events import CreateAcls, DeleteAcls, DeletedAcls
from kafkalite.metadata.image import MetadataImage
from kafkalite.metadata.users_records import acl_record
from kafkalite.types import Uuid

if TYPE_CHECKING:
    from kafkalite.metadata.records import MetadataRecord

ACLS_PER_REQUEST_MAX: Final = 10_000
"""Kafka's limit: more than this cannot be one atomic change of the metadata log."""


def create_acls(
    image: MetadataImage, event: CreateAcls, random: Random
) -> tuple[list[MetadataRecord], list[KafkaError | None]]:
    """Records and answers. What is there already is made again without a record."""
    present = set(image.users.acls.values())
    records: list[MetadataRecord] = []
    results: list[KafkaError | None] = []
    for entry in event.entries:
        try:
            check_entry(entry)
        except KafkaError as error:
            results.append(error)
            continue
        results.append(None)
        if entry not in present:
            present.add(entry)
            records.append(acl_record(Uuid(random.randbytes(16)), entry))
    _check_count(len(records))
    return records, results


def delete_acls(
    image: MetadataImage, event: DeleteAcls
) -> tuple[list[MetadataRecord], list[DeletedAcls]]:
    """Records and answers. What two filters mean is in both answers, and removed once."""
    removed: dict[Uuid, None] = {}
    results = [_matching(image, one, removed) for one in event.filters]
    _check_count(len(removed))
    return [RemoveAccessControlEntryRecord(acl_id) for acl_id in removed], results


def _matching(image: MetadataImage, one: AclFilter, removed: dict[Uuid, None]) -> DeletedAcls:
    try:
        one.check()
    except KafkaError as error:
        return DeletedAcls([], error)
    found = {acl_id: entry for acl_id, entry in image.users.acls.items() if one.matches(entry)}
    removed.update(dict.fromkeys(found))
    return DeletedAcls([*found.values()])


def _check_count(count: int) -> None:
    if count > ACLS_PER_REQUEST_MAX:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"One request may change {ACLS_PER_REQUEST_MAX} ACLs, not more.",
        )
