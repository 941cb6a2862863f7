"""The codecs that a batch's records may be compressed with, in the framings Kafka's clients use.

    gzip     RFC 1952; members may follow one another
    snappy   written in the framing of Java's clients (xerial), read in that or as one raw block:
                 82 53 4e 41 50 50 59 00 | int32 version 1 | int32 compatible 1
                 then blocks: int32 length | raw snappy of at most 32 KiB
    lz4      frames; Java's clients read only independent blocks without block checksums:
                 04 22 4d 18 | flags 60 | 64 KiB blocks 40 | header checksum 82
                 then blocks: uint32 LE length, top bit: stored as it is | block; ends with length 0
    zstd     frames

What comes from a peer may be built to burst: output never exceeds `max_bytes`, memory grows with
what is really decompressed, and everything else that is wrong is a ProtocolError too.
The native codecs are imported on first use: many brokers and most commands never need one.
"""

from __future__ import annotations

import zlib
from enum import IntEnum
from mmap import ACCESS_COPY, mmap
from struct import Struct
from typing import TYPE_CHECKING

from kafkalite_protocol.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kafkalite_protocol.buffers import Buffer


class Compression(IntEnum):
    """Codec of a batch's records: bits 0-2 of its attributes."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


def compress(codec: Compression, data: Buffer, level: int | None = None) -> bytes:
    """`data` compressed as Apache Kafka's own clients do.

    `level` is that of Kafka's `compression.<codec>.level`; None is Kafka's default. NONE and SNAPPY
    have no levels.
    """
    match codec:
        case Compression.NONE:
            return bytes(data)
        case Compression.GZIP:
            return _compress_gzip(data, level)
        case Compression.SNAPPY:
            return _compress_snappy(data)
        case Compression.LZ4:
            return _compress_lz4(data, level)
        case Compression.ZSTD:
            return _compress_zstd(data, level)


def decompress(codec: Compression, data: Buffer, max_bytes: int) -> bytes:
    """What was compressed. ProtocolError: more than `max_bytes`, cut off, or not of this codec."""
    match codec:
        case Compression.NONE:
            return _within(max_bytes, bytes(data))
        case Compression.GZIP:
            return _decompress_gzip(data, max_bytes)
        case Compression.SNAPPY:
            return _decompress_snappy(data, max_bytes)
        case Compression.LZ4 | Compression.ZSTD:
            return _decompress_frames(codec, data, max_bytes)


def _within(max_bytes: int, data: bytes) -> bytes:
    if len(data) > max_bytes:
        raise ProtocolError(f"records decompress to more than {max_bytes} bytes")
    return data


# gzip

_GZIP_FORMAT = zlib.MAX_WBITS | 16


def _compress_gzip(data: Buffer, level: int | None) -> bytes:
    compressor = zlib.compressobj(
        zlib.Z_DEFAULT_COMPRESSION if level is None else level, wbits=_GZIP_FORMAT
    )
    return compressor.compress(data) + compressor.flush()


def _decompress_gzip(data: Buffer, max_bytes: int) -> bytes:
    members: list[bytes] = []
    remaining_bytes = max_bytes
    while True:
        member = zlib.decompressobj(wbits=_GZIP_FORMAT)
        try:
            # One byte beyond the limit tells a full member from one that goes on.
            members.append(_within(remaining_bytes, member.decompress(data, remaining_bytes + 1)))
        except zlib.error as error:
            raise ProtocolError(f"gzip: {error}") from None
        if not member.eof:
            raise ProtocolError("gzip: cut off")
        remaining_bytes -= len(members[-1])
        data = member.unused_data
        if not data:
            return b"".join(members)


# snappy

_XERIAL_MAGIC = b"\x82SNAPPY\x00"
_XERIAL_HEADER = _XERIAL_MAGIC + b"\x00\x00\x00\x01\x00\x00\x00\x01"
_XERIAL_BLOCK_BYTES = 32 * 1024
_XERIAL_LENGTH = Struct(">i")
# The densest element of the format copies 64 bytes and takes 3.
_SNAPPY_RATIO_MAX = 22


def _compress_snappy(data: Buffer) -> bytes:
    from cramjam import snappy

    view = memoryview(data)
    out = bytearray(_XERIAL_HEADER)
    for start in range(0, len(view), _XERIAL_BLOCK_BYTES):
        block = snappy.compress_raw(view[start : start + _XERIAL_BLOCK_BYTES])
        out += _XERIAL_LENGTH.pack(len(block))
        out += block
    return bytes(out)


def _decompress_snappy(data: Buffer, max_bytes: int) -> bytes:
    view = memoryview(data)
    if view[: len(_XERIAL_MAGIC)] != _XERIAL_MAGIC:
        return _decompress_snappy_block(view, max_bytes)
    if len(view) < len(_XERIAL_HEADER):
        raise ProtocolError("snappy: cut off in its header")
    blocks: list[bytes] = []
    position = len(_XERIAL_HEADER)
    while position < len(view):
        block, position = _next_xerial_block(view, position)
        blocks.append(_decompress_snappy_block(block, max_bytes))
        max_bytes -= len(blocks[-1])
    return b"".join(blocks)


def _next_xerial_block(view: memoryview, position: int) -> tuple[memoryview, int]:
    start = position + _XERIAL_LENGTH.size
    if start > len(view):
        raise ProtocolError("snappy: cut off before a block")
    (length,) = _XERIAL_LENGTH.unpack_from(view, position)
    if not 0 <= length <= len(view) - start:
        raise ProtocolError(f"snappy: a block of {length} bytes, {len(view) - start} remain")
    return view[start : start + length], start + length


def _decompress_snappy_block(block: memoryview, max_bytes: int) -> bytes:
    """A block tells its decompressed length, believed as far as the format can compress."""
    from cramjam import DecompressionError, snappy

    try:
        length = snappy.decompress_raw_len(block)
        if length > len(block) * _SNAPPY_RATIO_MAX:
            raise ProtocolError(f"snappy: {len(block)} bytes cannot decompress to {length}")
        if length > max_bytes:
            raise ProtocolError(f"records decompress to more than {max_bytes} bytes")
        return bytes(snappy.decompress_raw(block))
    except DecompressionError as error:
        raise ProtocolError(str(error)) from None


# lz4

_LZ4_HEADER = b"\x04\x22\x4d\x18\x60\x40\x82"
_LZ4_BLOCK_BYTES = 64 * 1024
_LZ4_LENGTH = Struct("<I")
_LZ4_STORED_BIT = 1 << 31
_LZ4_END = _LZ4_LENGTH.pack(0)
# Kafka takes its default level for the fast compressor and every other one for the thorough one.
_LZ4_DEFAULT_LEVEL = 9


def _compress_lz4(data: Buffer, level: int | None) -> bytes:
    view = memoryview(data)
    out = bytearray(_LZ4_HEADER)
    for start in range(0, len(view), _LZ4_BLOCK_BYTES):
        plain = view[start : start + _LZ4_BLOCK_BYTES]
        block = _compress_lz4_block(plain, level)
        if len(block) < len(plain):
            out += _LZ4_LENGTH.pack(len(block))
            out += block
        else:
            out += _LZ4_LENGTH.pack(len(plain) | _LZ4_STORED_BIT)
            out += plain
    out += _LZ4_END
    return bytes(out)


def _compress_lz4_block(plain: memoryview, level: int | None) -> bytes:
    from cramjam import lz4

    if level is None or level == _LZ4_DEFAULT_LEVEL:
        return bytes(lz4.compress_block(plain, store_size=False))
    return bytes(
        lz4.compress_block(plain, mode="high_compression", compression=level, store_size=False)
    )


# zstd

_ZSTD_DEFAULT_LEVEL = 3


def _compress_zstd(data: Buffer, level: int | None) -> bytes:
    from cramjam import zstd

    return bytes(zstd.compress(data, _ZSTD_DEFAULT_LEVEL if level is None else level))


# lz4 and zstd: reading frames


def _decompress_frames(codec: Compression, data: Buffer, max_bytes: int) -> bytes:
    """Decompress into `max_bytes` of fresh address space, since frames need not tell their length.

    Only pages that are written to become memory, so a short output costs what it is long, a burst
    stops at the end, and nothing is done twice.
    """
    import cramjam

    decompress_into: Callable[[Buffer, mmap], int] = (
        cramjam.lz4.decompress_into if codec is Compression.LZ4 else cramjam.zstd.decompress_into
    )
    # There is no empty mapping; one byte more than allowed also lets a full output end properly.
    with mmap(-1, max_bytes + 1, access=ACCESS_COPY) as output:
        try:
            length = decompress_into(data, output)
        except cramjam.DecompressionError as error:
            raise ProtocolError(
                f"{codec.name.lower()}: {error} (at most {max_bytes} bytes)"
            ) from None
        return _within(max_bytes, output[:length])
