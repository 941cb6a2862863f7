"""Changing configs: Kafka's checks for IncrementalAlterConfigs (KIP-339, `ConfigurationControlManager`).

Pure functions of an image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.config_record import ConfigRecord

from kafkalite.config.broker_config import BrokerConfig
from kafkalite.errors import KafkaError
from kafkalite.metadata.config_checks import check_configs, check_resource, list_value
from kafkalite.metadata.events import (
    AlterConfigs,
    AlteredResource,
    ConfigChange,
    ConfigOperation,
    ResourceChange,
)
from kafkalite.metadata.image import ConfigResource, MetadataImage

if TYPE_CHECKING:
    from kafkalite.metadata.records import MetadataRecord


def alter_configs(
    image: MetadataImage, event: AlterConfigs, config: BrokerConfig
) -> tuple[list[MetadataRecord], list[AlteredResource]]:
    """Records and answers. Resources that fail leave no records."""
    records: list[MetadataRecord] = []
    results: list[AlteredResource] = []
    for change in event.resources:
        try:
            records += _alter(image, change, config)
        except KafkaError as error:
            results.append(AlteredResource(change.resource, error))
        else:
            results.append(AlteredResource(change.resource))
    return ([] if event.validate_only else records), results


def _alter(
    image: MetadataImage, change: ResourceChange, config: BrokerConfig
) -> list[MetadataRecord]:
    resource = change.resource
    check_resource(image, resource)
    if len({one.name for one in change.changes}) < len(change.changes):
        raise KafkaError(ErrorCode.INVALID_REQUEST, "A config is in the request twice.")
    old = image.configs.get(resource, {})
    new = dict(old)
    for one in change.changes:
        _apply(new, one, resource)
    changed = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    check_configs(image, resource, new, changed, config)
    return [ConfigRecord(resource.type, resource.name, name, new.get(name)) for name in changed]


def _apply(
    configs: dict[str, str],
    change: ConfigChange,
    resource: ConfigResource,
) -> None:
    name, operation, value = change
    if operation == ConfigOperation.DELETE:
        configs.pop(name, None)
        return
    if value is None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"{name} has no value.")
    if operation == ConfigOperation.SET:
        configs[name] = value
        return
    present = list_value(resource, name, configs.get(name))
    if present is None:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"{name} is not a list: nothing can be appended to it or taken from it.",
        )
    given = [part.strip() for part in value.split(",")]
    if operation == ConfigOperation.APPEND:
        present = present + [part for part in given if part not in present]
    else:
        present = [part for part in present if part not in given]
    configs[name] = ",".join(present)
