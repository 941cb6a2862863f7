"""A directory with partitions and without the cluster metadata that knows them is not taken for a new one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from kafkalite.errors import StartupError
from kafkalite.metadata.image import MetadataImage
from kafkalite.metadata.metadata_log import METADATA_PARTITION
from kafkalite.storage.log import Log

_NAMED: Final = 3


def refuse_lost_metadata(image: MetadataImage, logs: Iterable[Log]) -> None:
    """Raises `StartupError` when the metadata log is as before its first record, and still there is data.

    The first records are the features, flushed before the first topic can be made: what has none is new, or has lost its
    metadata. Started all the same, it would put every partition aside as a stray of some deleted topic.
    """
    if image.features:
        return
    found = [str(log.topic_partition) for log in logs if log.topic_partition != METADATA_PARTITION]
    if found:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise StartupError(
            f"The data directory holds partitions ({', '.join(sorted(found)[:_NAMED])}{more}), but its cluster metadata"
            f" is empty: {METADATA_PARTITION} is missing, or was cut off. Nothing was changed. Put that folder back"
            " from a backup, or start in an empty directory."
        )
