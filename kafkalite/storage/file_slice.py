"""A range of a file, to be sent with `os.sendfile`: what reading a log gives."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kafkalite.storage.descriptors import Descriptor

if TYPE_CHECKING:
    from kafkalite.storage.filesystem import File


class FileSlice:
    """`length` bytes of a file from `position`; `len()` is the length.

    Holds the descriptor open until it is let go of, so the file may be closed, renamed or deleted
    meanwhile. Bytes below a log's end never change while a slice of them can exist, except by
    truncation: then `read` comes out short.
    """

    __slots__ = ("file", "length", "position")

    def __init__(self, file: File | Descriptor, position: int, length: int) -> None:
        assert position >= 0, "a slice begins inside its file"
        assert length >= 0, "a slice has no negative length"
        self.file: Descriptor = file if isinstance(file, Descriptor) else file.descriptor()
        self.position = position
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __repr__(self) -> str:
        return f"FileSlice(descriptor {self.fileno()}, {self.position}+{self.length})"

    def fileno(self) -> int:
        return self.file.fileno()

    def read(self) -> bytes:
        """The bytes, copied into memory. For what must look inside; sending does not."""
        return os.pread(self.file.fileno(), self.length, self.position)

    def pread(self, position: int, length: int) -> bytes:
        """`length` bytes from `position` of this slice, copied, on any thread; short where the file was cut meanwhile."""
        return self.slice(position, length).read()

    def slice(self, start: int, length: int) -> FileSlice:
        """`length` bytes from `start` of this slice, over the same descriptor."""
        assert start + length <= self.length, "a slice of a slice lies inside it"
        return FileSlice(self.file, self.position + start, length)


def is_cached(descriptor: int, position: int) -> bool:
    """Whether the byte at `position` is in the page cache, so that sending it cannot wait for the
    disk.

    Asks with RWF_NOWAIT, 2-3 us. True where the platform cannot tell: then everything is sent at
    once, as if cached.
    """
    no_wait = getattr(os, "RWF_NOWAIT", None)
    if no_wait is None:
        return True
    try:
        os.preadv(descriptor, [bytearray(1)], position, no_wait)
    except BlockingIOError:
        return False
    except OSError:  # the file system does not know the flag
        return True
    return True
