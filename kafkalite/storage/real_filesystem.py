"""`FileSystem` on the operating system."""

from __future__ import annotations

import errno
import mmap
import os
import resource
from typing import TYPE_CHECKING

from kafkalite.storage.descriptors import Descriptor, DescriptorCache
from kafkalite.storage.directory_lock import lock_file
from kafkalite.storage.filesystem import AppendNotUndoneError, BytesLike, Space, SyncTask
from kafkalite.storage.preallocation import (
    PREALLOCATE_FROM_BYTES,
    ReserveFunction,
    load_reserve_function,
    preallocation_step_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_OPEN_FILES_CAP = 16_384
"""More is of no use: opening again costs about 5 us, and Linux allows a process some 65 000 maps."""

_UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
"""How file systems say that they cannot allocate ahead: NFS, ZFS, old kernels."""

_FILE_MODE = 0o644
_BUFFERS_PER_WRITE_MAX = 1024  # IOV_MAX


class RealFile:
    """A file opened with O_APPEND, its size known without asking.

    Nobody else writes to the store's files, so the size is looked up once and then counted.
    """

    __slots__ = ("_descriptor", "_filesystem", "_reserved_until", "_size", "_transient", "path")

    def __init__(self, filesystem: RealFileSystem, path: Path, *, transient: bool = False) -> None:
        self._filesystem = filesystem
        self._transient = transient
        self.path = path
        self._descriptor: Descriptor | None = None
        self._size = -1
        self._reserved_until = PREALLOCATE_FROM_BYTES

    def __repr__(self) -> str:
        return f"RealFile({self.path})"

    @property
    def size(self) -> int:
        if self._size < 0:
            self._size = self.path.stat().st_size
        return self._size

    def descriptor(self) -> Descriptor:
        if self._descriptor is None:
            return self._open(os.O_RDWR | os.O_APPEND)
        if not self._transient:
            self._filesystem.descriptors.used(self)
        return self._descriptor

    def create(self) -> None:
        """Open now, making the file if it is not there."""
        self._open(os.O_RDWR | os.O_APPEND | os.O_CREAT)

    def release(self) -> None:
        self._descriptor = None

    def append(self, buffers: Sequence[BytesLike]) -> int:
        number = self.descriptor().fileno()
        position = self.size
        length = sum(map(len, buffers))
        if position + length > self._reserved_until:
            self._reserve(number, position + length)
        try:
            written = os.writev(number, buffers[:_BUFFERS_PER_WRITE_MAX])
            if written != length:
                self._write_rest(number, buffers, written)
        except OSError as error:
            self._undo_append(number, position, error)
            raise
        self._size = position + length
        return position

    def pread(self, position: int, length: int) -> bytes:
        return os.pread(self.descriptor().fileno(), length, position)

    def truncate(self, size: int) -> None:
        os.ftruncate(self.descriptor().fileno(), size)
        self._size = size
        self._reserved_until = max(size, PREALLOCATE_FROM_BYTES)

    def trim(self) -> None:
        if self.size < PREALLOCATE_FROM_BYTES:
            return  # never reserved
        status = os.fstat(self.descriptor().fileno())
        # One block more than the size is its last, partly filled one.
        if status.st_blocks * 512 > status.st_size + status.st_blksize:
            self.truncate(status.st_size)
        self._reserved_until = max(self.size, PREALLOCATE_FROM_BYTES)

    def fsync(self) -> None:
        os.fsync(self.descriptor().fileno())

    def fsync_task(self) -> SyncTask:
        descriptor = self.descriptor()
        return lambda: os.fsync(descriptor.fileno())

    def close(self) -> None:
        if self._reserved_until > max(self._size, PREALLOCATE_FROM_BYTES):
            self.truncate(self._size)
        if not self._transient:
            self._filesystem.descriptors.closed(self)
        self._descriptor = None

    def _open(self, flags: int) -> Descriptor:
        descriptor = Descriptor(os.open(self.path, flags | os.O_CLOEXEC, _FILE_MODE))
        if self._size < 0:
            self._size = os.fstat(descriptor.fileno()).st_size
        self._descriptor = descriptor
        if not self._transient:
            self._filesystem.descriptors.opened(self)
        return descriptor

    def _reserve(self, number: int, needed_bytes: int) -> None:
        step_bytes = preallocation_step_bytes(needed_bytes)
        self._reserved_until = needed_bytes + step_bytes
        self._filesystem.reserve(number, self.size, self._reserved_until - self.size)

    @staticmethod
    def _write_rest(number: int, buffers: Sequence[BytesLike], written: int) -> None:
        """A write that stopped early (a signal, a full disk, very many buffers) goes on where it
        stopped.
        """
        rest = memoryview(b"".join(buffers))[written:]
        while rest:
            rest = rest[os.write(number, rest) :]

    def _undo_append(self, number: int, position: int, cause: OSError) -> None:
        try:
            os.ftruncate(number, position)
        except OSError as error:
            raise AppendNotUndoneError(
                error.errno, f"cannot cut off a failed append: {error.strerror}", str(self.path)
            ) from cause


class RealMappedFile:
    """One map at a time; a larger one replaces it.

    Replacing costs two system calls, at every doubling of an index, and works everywhere: not every
    platform can resize a map.
    """

    __slots__ = ("_filesystem", "_memory", "path")

    def __init__(self, filesystem: RealFileSystem, path: Path) -> None:
        self._filesystem = filesystem
        self.path = path
        self._memory: mmap.mmap | None = None

    def __repr__(self) -> str:
        return f"RealMappedFile({self.path})"

    def memory(self, size: int) -> mmap.mmap:
        if self._memory is not None:
            if len(self._memory) >= size:
                self._filesystem.descriptors.used(self)
                return self._memory
            self.close()
        return self._map(size)

    def release(self) -> None:
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def truncate(self, size: int) -> None:
        self.close()
        descriptor = self._open()
        os.ftruncate(descriptor.fileno(), size)

    def close(self) -> None:
        self._filesystem.descriptors.closed(self)
        self.release()

    def _open(self) -> Descriptor:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        return Descriptor(os.open(self.path, flags, _FILE_MODE))

    def _map(self, size: int) -> mmap.mmap:
        descriptor = self._open()
        present = os.fstat(descriptor.fileno()).st_size
        if present < size:
            _grow(descriptor.fileno(), size)
        # The map keeps a descriptor of its own.
        self._memory = mmap.mmap(descriptor.fileno(), max(size, present))
        self._filesystem.descriptors.opened(self)
        return self._memory


class RealFileSystem:
    """The operating system's files. `open_files_max` bounds the descriptors and maps kept open
    while idle.
    """

    def __init__(self, open_files_max: int | None = None) -> None:
        """By default half of what `ulimit -n` grants: the rest is for sockets and for slices on their way."""
        self.descriptors = DescriptorCache(open_files_max or _half_of_the_process_limit())
        self._reserve_function: ReserveFunction | None = None
        self._can_reserve: bool | None = None

    def open(self, path: Path, *, create: bool = False, transient: bool = False) -> RealFile:
        file = RealFile(self, path, transient=transient)
        if create:
            file.create()
        return file

    def mapped(self, path: Path) -> RealMappedFile:
        return RealMappedFile(self, path)

    def read_bytes(self, path: Path) -> bytes:
        return path.read_bytes()

    def size(self, path: Path) -> int:
        return path.stat().st_size

    def modified_ms(self, path: Path) -> int:
        return path.stat().st_mtime_ns // 1_000_000

    def space(self, path: Path) -> Space:
        found = os.statvfs(path)
        return Space(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)

    def exists(self, path: Path) -> bool:
        return path.exists()

    def is_directory(self, path: Path) -> bool:
        return path.is_dir()

    def listdir(self, path: Path) -> list[str]:
        return sorted(entry.name for entry in path.iterdir())

    def copy_modification_time(self, source: Path, target: Path) -> None:
        status = source.stat()
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))

    def truncate(self, path: Path, size: int) -> None:
        os.truncate(path, size)

    def fsync(self, path: Path) -> None:
        self.fsync_task(path)()

    def fsync_task(self, path: Path) -> SyncTask:
        descriptor = Descriptor(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        return lambda: os.fsync(descriptor.fileno())

    def fsync_directory(self, path: Path) -> None:
        descriptor = Descriptor(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        os.fsync(descriptor.fileno())

    def mkdir(self, path: Path) -> None:
        path.mkdir()

    def rename(self, source: Path, target: Path) -> None:
        source.replace(target)

    def remove(self, path: Path) -> None:
        path.unlink()

    def rmdir(self, path: Path) -> None:
        path.rmdir()

    def lock(self, path: Path) -> Descriptor:
        return lock_file(path)

    def reserve(self, number: int, position: int, length: int) -> None:
        """Reserve blocks past the end of an open file, if that is possible here.

        A failure is not an error: the write that follows finds out for itself whether the disk is
        full.
        """
        if self._can_reserve is None:
            self._reserve_function = load_reserve_function()
            self._can_reserve = self._reserve_function is not None
        if self._reserve_function is None or not self._can_reserve:
            return
        try:
            self._reserve_function(number, position, length)
        except OSError as error:
            self._can_reserve = error.errno not in _UNSUPPORTED


def _half_of_the_process_limit() -> int:
    soft_limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft_limit == resource.RLIM_INFINITY:
        return _OPEN_FILES_CAP
    return max(1, min(soft_limit // 2, _OPEN_FILES_CAP))


def _grow(number: int, size: int) -> None:
    """Make the file `size` bytes long, its blocks allocated where the platform can do that."""
    try:
        os.posix_fallocate(number, 0, size)
    except AttributeError:  # macOS
        os.ftruncate(number, size)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        os.ftruncate(number, size)
