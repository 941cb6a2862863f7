"""Feature levels (KIP-584): what this version can do, and what the cluster has agreed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.feature_level_record import FeatureLevelRecord

from kafkalite.errors import KafkaError
from kafkalite.metadata.records import METADATA_VERSION

if TYPE_CHECKING:
    from kafkalite.metadata.events import FeatureUpdate, UpdateFeatures
    from kafkalite.metadata.image import MetadataImage
    from kafkalite.metadata.records import MetadataRecord

KRAFT_VERSION: Final = "kraft.version"

_METADATA_VERSION: Final = "metadata.version"

SUPPORTED_FEATURES: Final[dict[str, tuple[int, int]]] = {
    "group.version": (0, 1),
    KRAFT_VERSION: (0, 1),
    _METADATA_VERSION: (7, METADATA_VERSION),
    "share.version": (0, 1),
    "streams.version": (0, 1),
    "transaction.version": (0, 2),
}
"""Lowest and highest level of each. The highest is finalized when a broker that has it starts, unless somebody has said
otherwise; so a directory follows the kafkalite that opens it."""

_FINALIZED_AT_START: Final = (
    _METADATA_VERSION,
    "group.version",
    "share.version",
    "streams.version",
    "transaction.version",
)
"""In the order written; Kafka wants metadata.version first. kraft.version stays at 0: the voters of the quorum are this
process, and cannot change."""

UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE = 1, 2, 3
"""Kafka's types of an update."""


def upgrades(image: MetadataImage) -> list[FeatureLevelRecord]:
    """What brings the finalized features to where they belong; on a new cluster, its first records."""
    return [
        FeatureLevelRecord(name, SUPPORTED_FEATURES[name][1])
        for name in _FINALIZED_AT_START
        if name not in image.features or _must_be_raised(image, name)
    ]


def _must_be_raised(image: MetadataImage, name: str) -> bool:
    """Records are written as the newest metadata.version has them, so that one is not left behind."""
    return name == _METADATA_VERSION and image.features[name] < METADATA_VERSION


def update_features(
    image: MetadataImage, event: UpdateFeatures
) -> tuple[list[MetadataRecord], None]:
    """Kafka's `FeatureControlManager`. Raises `KafkaError(INVALID_UPDATE_VERSION)` for the first that cannot be."""
    records: list[MetadataRecord] = []
    for update in event.updates:
        _check_update(image, update)
        if update.name != KRAFT_VERSION:
            records.append(FeatureLevelRecord(update.name, update.level))
    return ([] if event.validate_only else records), None


def _check_update(image: MetadataImage, update: FeatureUpdate) -> None:
    name, level, upgrade_type = update
    if upgrade_type not in (UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE):
        raise _refusal(update, f"There is no type {upgrade_type} of an update.")
    if name not in SUPPORTED_FEATURES:
        raise _refusal(update, "There is no such feature.")
    lowest, highest = SUPPORTED_FEATURES[name]
    if not lowest <= level <= highest:
        raise _refusal(update, f"This version has {lowest} to {highest}.")
    present = image.features.get(name, 0)
    if level < present and upgrade_type == UPGRADE:
        raise _refusal(update, f"It is at {present}, and an upgrade was asked for.")
    if level > present and upgrade_type != UPGRADE:
        raise _refusal(update, f"It is at {present}, and a downgrade was asked for.")
    if name == _METADATA_VERSION and level < present:
        raise _refusal(update, "Metadata is written as the newest version has it.")
    if name == KRAFT_VERSION and level != present:
        raise _refusal(update, "The voters of this quorum cannot change.")


def _refusal(update: FeatureUpdate, reason: str) -> KafkaError:
    return KafkaError(
        ErrorCode.INVALID_UPDATE_VERSION, f"{update.name} cannot be at {update.level}. {reason}"
    )
