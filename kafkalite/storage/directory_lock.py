"""The lock on a data directory: its file `.lock`, which one process holds.

Two kinds of lock are taken on it, because neither sees the other on Linux: `flock`, which all of kafkalite takes, and the
record lock on the whole file that Java's `FileChannel.tryLock`, and so Apache Kafka, takes. Where the system has record
locks that belong to the open file (Linux: F_OFD_SETLK) it is one of these; a plain one belongs to the process and would be
lost with any other descriptor of the file that the process closes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

from kafkalite.storage.descriptors import Descriptor

_FILE_MODE: Final = 0o644

_FLOCK: Final = struct.Struct("hh4xqqi4x")
"""`struct flock` of 64-bit Linux: l_type, l_whence, l_start, l_len (0: to the end), l_pid."""


class LockedError(BlockingIOError):
    """Another process holds the lock."""

    def __init__(self, holder: str) -> None:
        super().__init__(errno.EWOULDBLOCK, f"locked by {holder}")
        self.holder = holder
        """Who, for a sentence: `the broker with pid 12`."""


def lock_file(path: Path) -> Descriptor:
    """Take both locks and write our pid into the file. They are held until the result is dropped. Raises LockedError, OSError."""
    descriptor = Descriptor(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE))
    number = descriptor.fileno()
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LockedError(_holder_by_name(number)) from None
    try:
        _lock_record(number)
    except (BlockingIOError, PermissionError):  # POSIX allows either
        raise LockedError(_holder_by_record(number)) from None
    os.ftruncate(number, 0)
    os.pwrite(number, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _lock_record(number: int) -> None:
    if hasattr(fcntl, "F_OFD_SETLK"):
        wanted = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        fcntl.fcntl(number, fcntl.F_OFD_SETLK, wanted)
    else:
        fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder_by_name(number: int) -> str:
    pid = os.pread(number, 20, 0).decode(errors="replace").strip()
    return f"the broker with pid {pid}" if pid else "another broker"


def _holder_by_record(number: int) -> str:
    """No flock, only a record lock: it is not kafkalite."""
    pid = 0
    if hasattr(fcntl, "F_OFD_GETLK"):
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        with suppress(OSError):
            pid = _FLOCK.unpack(fcntl.fcntl(number, fcntl.F_OFD_GETLK, asked))[4]
    return f"Apache Kafka (pid {pid})" if pid > 0 else "Apache Kafka"
