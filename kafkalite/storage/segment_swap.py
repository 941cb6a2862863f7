"""How the files of a cleaned segment take the place of those it was made from, so that a kill at any point loses nothing.

    .cleaned     written and durable; a restart removes it: what it was made from is there
    .swap        `complete`; from the last of these renames on a restart goes on with it (`log_loader.clear_leftovers`)
    .deleted     the old segments, one after the other
    no suffix    `put_in_place`

As long as one file of the set is `.cleaned`, a restart takes none of it. Kafka: LocalLog.replaceSegments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafkalite.storage.segment_files import (
    CLEANED_SUFFIX,
    SEGMENT_SUFFIXES,
    SWAP_SUFFIX,
    segment_path,
)

if TYPE_CHECKING:
    from pathlib import Path

    from kafkalite.storage.filesystem import FileSystem
    from kafkalite.types import Offset


def complete(filesystem: FileSystem, directory: Path, base_offset: Offset) -> None:
    """From `.cleaned` to `.swap`. Raises OSError, with everything undone unless that fails too."""
    try:
        _rename_all(filesystem, directory, base_offset, CLEANED_SUFFIX, SWAP_SUFFIX)
    except OSError:
        _rename_all(filesystem, directory, base_offset, SWAP_SUFFIX, CLEANED_SUFFIX)
        raise


def put_in_place(filesystem: FileSystem, directory: Path, base_offset: Offset) -> None:
    """From `.swap` to the names of a segment. Raises OSError: then only a restart can go on."""
    _rename_all(filesystem, directory, base_offset, SWAP_SUFFIX, "")


def _rename_all(
    filesystem: FileSystem, directory: Path, base_offset: Offset, before: str, after: str
) -> None:
    for suffix in SEGMENT_SUFFIXES:
        source = segment_path(directory, base_offset, suffix + before)
        if filesystem.exists(source):
            filesystem.rename(source, segment_path(directory, base_offset, suffix + after))
