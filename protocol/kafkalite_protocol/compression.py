"""The codecs of a batch's records."""

from __future__ import annotations

from enum import IntEnum


class Compression(IntEnum):
    """Codec of a batch's records: bits 0-2 of its attributes."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4
