"""The disk as the store sees it: a port. `real_filesystem.py` implements it on the operating
system.

Everything that the store does to a disk goes through a `FileSystem`, so that a test can write down
the order of operations, stop at any of them and look at what is left
(`tests/storage/faulty_filesystem.py`).

Every method may raise OSError: a full or broken disk is told by `errno`, and the caller decides
what it means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    import mmap
    from pathlib import Path

    from kafkalite.storage.descriptors import Descriptor

BytesLike: TypeAlias = bytes | bytearray | memoryview
"""What can be written; a memoryview must be of format `B`, so that its length is its size."""

SyncTask: TypeAlias = Callable[[], None]
"""Makes durable what was written before the task was made. Runs in any thread, whatever becomes of
the file meanwhile.
"""


class Space(NamedTuple):
    """Room on a disk."""

    total_bytes: int
    usable_bytes: int
    """What this process may still write."""


class AppendNotUndoneError(OSError):
    """An append failed halfway and what it had written could not be cut off again.

    The file may end in half a batch, and only recovery can tell: the log directory must go offline.
    """


class File(Protocol):
    """One appendable file. One thread appends and truncates; descriptors obtained from it may
    travel.

    Opened on first use, let go of when idle. `close` ends its use for good.
    """

    path: Path
    """Where the file is. Whoever renames it on the file system sets this as well."""

    @property
    def size(self) -> int:
        """Bytes in the file, reserved space not counted."""
        ...

    def descriptor(self) -> Descriptor:
        """The open descriptor: it stays open as long as the result is held."""
        ...

    def append(self, buffers: Sequence[BytesLike]) -> int:
        """Write all buffers at the end; returns the position of the first byte.

        All or nothing: when it raises OSError the file is as long as before, except for
        `AppendNotUndoneError`. Reserves disk space ahead once the file is large
        (`preallocation.py`).
        """
        ...

    def pread(self, position: int, length: int) -> bytes:
        """Up to `length` bytes from `position`; fewer only at the end of the file."""
        ...

    def truncate(self, size: int) -> None:
        """Cut to `size` bytes. With the size it has already: gives reserved space back."""
        ...

    def trim(self) -> None:
        """Give back reserved space, including what an earlier process left. Nothing is written
        otherwise.
        """
        ...

    def fsync(self) -> None: ...

    def fsync_task(self) -> SyncTask:
        """`fsync`, to be run later in a worker thread."""
        ...

    def close(self) -> None:
        """Give back reserved space and let go; slices in flight live on. Idempotent."""
        ...


class MappedFile(Protocol):
    """A file used as shared memory. Mapped on first use, let go of when idle; `path` as in `File`.

    What is stored into the memory survives a killed process; `FileSystem.fsync` makes it durable.
    """

    path: Path

    def memory(self, size: int) -> mmap.mmap:
        """At least the first `size` bytes; the file is made, and grown with zero bytes, as needed.

        Valid until the next call of anything here or until another file is opened. Grown space is
        really allocated: on a full disk this raises, instead of a later store into the memory
        killing the process (SIGBUS).
        """
        ...

    def truncate(self, size: int) -> None:
        """Unmap and cut to `size` bytes; the file is made if it is not there."""
        ...

    def close(self) -> None:
        """Unmap. Idempotent."""
        ...


class FileSystem(Protocol):
    """Files and directories by path."""

    def open(self, path: Path, *, create: bool = False, transient: bool = False) -> File:
        """A file to append to and read. With `create` it exists afterwards, otherwise nothing is
        touched before its first use. A `transient` file is closed again at once and may be used in any thread: it is not
        among those that let go of their descriptors for others.
        """
        ...

    def mapped(self, path: Path) -> MappedFile:
        """A file to use as memory; nothing is touched before its first use."""
        ...

    def read_bytes(self, path: Path) -> bytes: ...
    def size(self, path: Path) -> int: ...

    def modified_ms(self, path: Path) -> int:
        """When the file was last written to, in ms since 1970."""
        ...

    def space(self, path: Path) -> Space:
        """Of the disk that `path` is on."""
        ...

    def exists(self, path: Path) -> bool: ...
    def is_directory(self, path: Path) -> bool: ...

    def listdir(self, path: Path) -> list[str]:
        """Names in a directory, sorted: what is done with them must not depend on the disk."""
        ...

    def copy_modification_time(self, source: Path, target: Path) -> None:
        """Let `target` look as if it was last written when `source` was."""
        ...

    def truncate(self, path: Path, size: int) -> None: ...
    def fsync(self, path: Path) -> None: ...
    def fsync_task(self, path: Path) -> SyncTask: ...

    def fsync_directory(self, path: Path) -> None:
        """Make creations, renames and removals in this directory durable."""
        ...

    def mkdir(self, path: Path) -> None:
        """Make one directory. FileExistsError, FileNotFoundError for a missing parent."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Atomic; replaces a file at `target`."""
        ...

    def remove(self, path: Path) -> None: ...
    def rmdir(self, path: Path) -> None: ...

    def lock(self, path: Path) -> Descriptor:
        """Hold the exclusive lock on a file until the result is dropped; the file is made as needed and has our pid inside.

        BlockingIOError when another process holds it: `directory_lock.LockedError` when it can tell which.
        """
        ...


def replace_atomically(
    filesystem: FileSystem, path: Path, data: bytes, *, sync: bool = True
) -> None:
    """Write a small file so that a crash leaves the old one or the new one, never a mixture.

    Without `sync` that holds for a killed process only, and costs two fsyncs less.
    """
    temporary = path.with_name(path.name + ".tmp")
    file = filesystem.open(temporary, create=True, transient=True)
    file.truncate(0)
    file.append([data])
    if sync:
        file.fsync()
    file.close()
    filesystem.rename(temporary, path)
    if sync:
        filesystem.fsync_directory(path.parent)


def write_new(filesystem: FileSystem, path: Path, data: bytes) -> None:
    """Write a small file that is not there yet and whose loss can be mended: a crash may leave a part of it."""
    file = filesystem.open(path, create=True, transient=True)
    file.append([data])
    file.close()


def remove_tree(filesystem: FileSystem, directory: Path) -> None:
    """Remove a directory and what is in it. Interrupted, it can be called again."""
    for name in filesystem.listdir(directory):
        path = directory / name
        if filesystem.is_directory(path):
            remove_tree(filesystem, path)
        else:
            filesystem.remove(path)
    filesystem.rmdir(directory)
