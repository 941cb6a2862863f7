"""Feature levels (KIP-584): what this version can do, and what the cluster has agreed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kafkalite_protocol.messages.feature_level_record import FeatureLevelRecord

from kafkalite.metadata.records import METADATA_VERSION

if TYPE_CHECKING:
    from kafkalite.metadata.image import MetadataImage

SUPPORTED_FEATURES: Final[dict[str, tuple[int, int]]] = {
    "metadata.version": (7, METADATA_VERSION),
}
"""Lowest and highest level of each. The highest is finalized when a broker that has it starts, so that a directory
follows the kafkalite that opens it."""


def upgrades(image: MetadataImage) -> list[FeatureLevelRecord]:
    """What brings the finalized features to the highest level; on a new cluster, its first records."""
    return [
        FeatureLevelRecord(name, highest)
        for name, (_, highest) in SUPPORTED_FEATURES.items()
        if image.features.get(name) != highest
    ]
