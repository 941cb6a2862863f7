"""What generated code is made of: varints, tag sections, errors, and the base of all messages.

unsigned varint   7 bits per byte, lowest first, high bit set on all but the last; 5 bytes at most
compact length    varint n+1, so that 0 can mean null
tag section       varint count, then per tag: varint tag, varint size, that many bytes
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, Self, TypeVar, cast

from kafkalite_protocol.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kafkalite_protocol.buffers import Buffer

    _Decoders = dict[int, Callable[[Any, int], tuple[Any, int]]]
    _Encoders = dict[int, Callable[[Any, bytearray], None]]

ZERO_UUID: Final = bytes(16)

EMPTY: Final[list[Any]] = []
"""Stands in signatures for "a new empty list", where None means null."""

MAX_STRING_BYTES: Final = 32767
"""Kafka refuses longer strings both ways, though a compact length could say more."""

_T = TypeVar("_T")


class _New(Protocol):
    def __call__(self, cls: type[_T], /) -> _T: ...


new: Final = cast("_New", object.__new__)
"""An instance without `__init__`: decoders set every attribute themselves."""


class Struct:
    """Base of every generated class: compares and prints by its attributes, which are `__slots__`."""

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__qualname__}({values})"


class Message(Struct):
    """A struct that travels on its own. Each version has its own decode and encode function."""

    __slots__ = ()

    MIN_VERSION: ClassVar[int]
    MAX_VERSION: ClassVar[int]
    HAS_RECORDS: ClassVar[bool] = False
    DECODERS: ClassVar[_Decoders]
    ENCODERS: ClassVar[_Encoders]

    @classmethod
    def decode(cls, version: int, buffer: Buffer, position: int = 0) -> Self:
        """The message at `position`; bytes behind it are ignored, as Kafka does.

        Raises ProtocolError when the bytes are not such a message or the version does not exist.
        """
        return cls.decode_from(version, buffer, position)[0]

    @classmethod
    def decode_from(cls, version: int, buffer: Buffer, position: int = 0) -> tuple[Self, int]:
        """The message at `position`, and the position behind it. Raises ProtocolError."""
        decoder = cls.DECODERS.get(version)
        if decoder is None:
            raise ProtocolError(f"{cls.__name__} has no version {version}")
        # Without records in it a message is read faster from bytes, and nothing keeps the buffer.
        data = byte_view(buffer) if cls.HAS_RECORDS else bytes(buffer)
        return run_decoder(decoder, cls.__name__, version, data, position)

    def encode(self, version: int) -> bytes:
        """The message as bytes. The version must be one of MIN_VERSION to MAX_VERSION.

        Fields that the version does not have are left out. A null where the version knows none, or
        a number out of range, is the caller's mistake.
        """
        out = bytearray()
        self.ENCODERS[version](self, out)
        return bytes(out)

    def encode_into(self, version: int, out: bytearray) -> None:
        """Append the message to `out`; see `encode`."""
        self.ENCODERS[version](self, out)


def run_decoder(
    decoder: Callable[[Any, int], tuple[_T, int]],
    name: str,
    version: int,
    data: bytes | memoryview,
    position: int,
) -> tuple[_T, int]:
    """Call a generated decoder; whatever malformed bytes make it raise becomes a ProtocolError."""
    try:
        value, end = decoder(data, position)
    except (struct.error, IndexError) as error:
        raise _truncated(name, version, data) from error
    except ProtocolError as error:
        raise ProtocolError(f"{name} version {version}: {error}") from error
    if end > len(data):
        raise _truncated(name, version, data)
    return value, end


def _truncated(name: str, version: int, data: bytes | memoryview) -> ProtocolError:
    return ProtocolError(f"{name} version {version}: cut off after {len(data)} bytes")


def byte_view(buffer: Buffer) -> memoryview:
    """The buffer as a view of single bytes."""
    view = memoryview(buffer)
    return view if view.format == "B" else view.cast("B")


def read_uvarint(buf: Buffer, pos: int) -> tuple[int, int]:
    """An unsigned varint and the position behind it. Raises IndexError at the end of `buf`."""
    value = shift = 0
    while True:
        byte = buf[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, pos
        shift += 7
        if shift > 28:
            raise ProtocolError("a varint is longer than 5 bytes")


def read_string_length(buf: bytes | memoryview, pos: int) -> tuple[int, int]:
    """The compact length of a string, which is one more than its bytes."""
    n, pos = read_uvarint(buf, pos)
    if n > MAX_STRING_BYTES + 1:
        raise ProtocolError(f"a string of {n - 1} bytes is longer than {MAX_STRING_BYTES}")
    return n, pos


def read_tag(buf: Buffer, pos: int) -> tuple[int, int, int]:
    """The head of one tagged field: tag, size in bytes, position of its bytes."""
    tag, pos = read_uvarint(buf, pos)
    size, pos = read_uvarint(buf, pos)
    return tag, size, pos


def skip_tags(buf: Buffer, pos: int) -> int:
    """The position behind a tag section of which no tag is known."""
    count, pos = read_uvarint(buf, pos)
    for _ in range(count):
        _, size, pos = read_tag(buf, pos)
        pos += size
    return pos


def uvarint(value: int) -> bytes:
    """`value` (0 to 2^32-1) as an unsigned varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def string_length(n: int) -> bytes:
    """A compact string's length `n`, one more than its bytes. Raises ValueError if it is too long."""
    if n > MAX_STRING_BYTES + 1:
        raise ValueError(f"a string of {n - 1} bytes is longer than {MAX_STRING_BYTES}")
    return uvarint(n)


def write_tag(out: bytearray, tag: int, value: bytearray) -> None:
    """Append one tagged field, head and bytes."""
    out += uvarint(tag)
    out += uvarint(len(value))
    out += value


def unexpected_null(field: str) -> ProtocolError:
    return ProtocolError(f"{field} must not be null")


def bad_count(field: str, count: int, remaining_bytes: int) -> ProtocolError:
    """A count is refused before anything is allocated: an element takes one byte at least."""
    if count < 0:
        return unexpected_null(field)
    return ProtocolError(f"{field} announces {count} elements in {remaining_bytes} bytes")


def bad_tag(tag: int) -> ProtocolError:
    return ProtocolError(f"tagged field {tag} is not as long as it says")
