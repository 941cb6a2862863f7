"""Setting quotas: Kafka's checks (`ClientQuotaControlManager`). Pure functions of an image."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.errors import KafkaError
from kafkalite.metadata.events import AlterClientQuotas, QuotaChange
from kafkalite.metadata.image import MetadataImage
from kafkalite.metadata.users_image import QuotaEntity
from kafkalite.metadata.users_records import quota_entity, quota_record

if TYPE_CHECKING:
    from kafkalite.metadata.records import MetadataRecord

USER, CLIENT_ID, IP = "user", "client-id", "ip"

_CLIENT_KEYS: Final = {
    "producer_byte_rate": (1 << 63) - 1,
    "consumer_byte_rate": (1 << 63) - 1,
    "controller_mutation_rate": None,
    "request_percentage": None,
}
_IP_KEYS: Final = {"connection_creation_rate": (1 << 31) - 1}
"""Key -> the most it can be if it is a whole number; None: it may have fractions, and be anything."""

_FRACTION_MAX: Final = 1e-6


def alter_client_quotas(
    image: MetadataImage, event: AlterClientQuotas
) -> tuple[list[MetadataRecord], list[KafkaError | None]]:
    """Records and answers, one for each change. An entity that comes twice is refused the second time."""
    records: list[MetadataRecord] = []
    results: list[KafkaError | None] = []
    seen: set[QuotaEntity] = set()
    for change in event.changes:
        try:
            records += _alter(image, change, seen)
        except KafkaError as error:
            results.append(error)
        else:
            results.append(None)
    return ([] if event.validate_only else records), results


def _alter(
    image: MetadataImage, change: QuotaChange, seen: set[QuotaEntity]
) -> list[MetadataRecord]:
    entity = _checked_entity(change)
    if entity in seen:
        raise _refusal("The entity is in the request twice.")
    seen.add(entity)
    if len({key for key, _ in change.values}) < len(change.values):
        raise _refusal("A quota is in the request twice for one entity.")
    present = image.users.quotas.get(entity, {})
    keys = _IP_KEYS if entity[0][0] == IP else _CLIENT_KEYS
    records: list[MetadataRecord] = []
    for key, value in change.values:
        if value is not None:
            _check_value(keys, key, value)
        if present.get(key) != value:
            records.append(quota_record(entity, key, value))
    return records


def _checked_entity(change: QuotaChange) -> QuotaEntity:
    types = [kind for kind, _ in change.entity]
    if not types:
        raise _refusal("The entity is empty.")
    if len(set(types)) < len(types):
        raise _refusal("A part of the entity is there twice.")
    for kind, name in change.entity:
        if kind not in (USER, CLIENT_ID, IP):
            raise _refusal(f"There are no quotas by {kind}.")
        if name == "":
            raise _refusal(f"The {kind} is empty.")
    if IP in types:
        _check_ip(change)
    return quota_entity(iter(change.entity))


def _check_ip(change: QuotaChange) -> None:
    if len(change.entity) > 1:
        raise _refusal("An ip cannot be combined with a user or a client-id.")
    name = change.entity[0][1]
    try:
        ip_address(name or "::")
    except ValueError:
        raise _refusal(f"{name} is no address.") from None


def _check_value(keys: dict[str, int | None] | dict[str, int], key: str, value: float) -> None:
    if key not in keys:
        raise _refusal(f"There is no quota {key} for this entity.")
    if value <= 0:
        raise _refusal(f"{key} must be more than 0.")
    most = keys[key]
    if most is None:
        return
    if value > most:
        raise _refusal(f"{key} must be at most {most}.")
    if value % 1 > _FRACTION_MAX:
        raise _refusal(f"{key} must be a whole number.")


def _refusal(reason: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, reason)
