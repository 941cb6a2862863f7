"""Names of the files of a log directory.

    orders-3/00000000000000000042.log         batches, the first of which has an offset >= 42
             00000000000000000042.index       offset -> position
             00000000000000000042.timeindex   timestamp -> offset
             00000000000000000042.txnindex    aborted transactions, when there are any
             00000000000000000042.snapshot    producer state just before offset 42
             leader-epoch-checkpoint  partition.metadata

A suffix after that tells of work that was under way: `.deleted` is to be removed, `.cleaned` was being written by the
log cleaner, `.swap` is complete and to be put in place. Source: Kafka's LogFileUtils, LogLoader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafkalite.types import Offset

if TYPE_CHECKING:
    from pathlib import Path

LOG_SUFFIX = ".log"
OFFSET_INDEX_SUFFIX = ".index"
TIME_INDEX_SUFFIX = ".timeindex"
TRANSACTION_INDEX_SUFFIX = ".txnindex"
SNAPSHOT_SUFFIX = ".snapshot"
DELETED_SUFFIX = ".deleted"
CLEANED_SUFFIX = ".cleaned"
SWAP_SUFFIX = ".swap"

INDEX_SUFFIXES = (OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX)
SEGMENT_SUFFIXES = (LOG_SUFFIX, *INDEX_SUFFIXES)

_OFFSET_DIGITS = 20


def segment_path(directory: Path, base_offset: Offset, suffix: str) -> Path:
    """`orders-3/00000000000000000042.log` for 42 and `.log`."""
    return directory / f"{base_offset:0{_OFFSET_DIGITS}}{suffix}"


def base_offset_of(name: str) -> Offset | None:
    """The offset that a file name begins with; None when it doesn't."""
    digits = name.partition(".")[0]
    return Offset(int(digits)) if len(digits) == _OFFSET_DIGITS and digits.isdecimal() else None


def suffix_of(name: str) -> str:
    """`.log` of `00000000000000000042.log`, `.index.swap` of `00000000000000000042.index.swap`."""
    dot = name.find(".")
    return name[dot:] if dot >= 0 else ""
