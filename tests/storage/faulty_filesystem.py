"""A file system to be stopped at any operation: by a kill, by a power cut, by a full or broken disk.

    filesystem = FaultyFileSystem(tmp_path, stop_at=7)
    with suppress(Stopped):
        history(filesystem)                         # its 8th operation, counted from 0, stops it
    survivor = filesystem.after_kill()              # or after_power_loss(): what a new process finds
    print(filesystem.operations)                    # ["create orders-0/0.log", "append orders-0/0.log 0+78", ...]

It works on real files below `root` and counts what changes the disk; reading is free. Once stopped, everything raises
`Stopped`, as nothing runs in a dead process.

What survives a **kill**: all that was done, and of the append it stopped at a part, chosen by `seed`.

What survives a **power cut**, chosen by `seed` within what POSIX allows:

* a file's content as of its last fsync; of bytes appended since, any number, and zeros may stand for some of them;
  after other changes (truncation, stores into mapped memory) the old content or the new one
* names in a directory as of its last fsync_directory; of creations, renames and removals since, the first few
"""

from __future__ import annotations

import mmap
import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

from kafkalite.storage.descriptors import Descriptor
from kafkalite.storage.filesystem import BytesLike, Space, SyncTask
from kafkalite.storage.real_filesystem import RealFile, RealFileSystem, RealMappedFile


class Stopped(BaseException):
    """The process is dead. An end, not an error: nothing that runs may catch it."""


class FaultyFileSystem:
    """See above. `fail_at` makes one operation, and only that, raise OSError(`fail_with`) with nothing done."""

    def __init__(
        self,
        root: Path,
        *,
        stop_at: int | None = None,
        fail_at: int | None = None,
        fail_with: int = 0,
        seed: int = 0,
    ) -> None:
        self.root = root
        self.operations: list[str] = []
        self._stop_at = stop_at
        self._fail_at = fail_at
        self._fail_with = fail_with
        self._random = random.Random(seed)
        self._real = RealFileSystem()
        self._tree = _Directory.of(root)
        self._locked: set[Path] = set()
        self.stopped = False

    # What is left

    def after_kill(self) -> RealFileSystem:
        """The file system as a new process finds it."""
        self.stopped = True
        return RealFileSystem()

    def after_power_loss(self) -> RealFileSystem:
        """The file system as the machine finds it when the power is back."""
        self.stopped = True
        left = self.root.with_name(self.root.name + ".left")
        left.mkdir()
        self._tree.write_survivors(self.root, left, self._random)
        shutil.rmtree(self.root)
        left.rename(self.root)
        return RealFileSystem()

    # FileSystem

    def open(self, path: Path, *, create: bool = False, transient: bool = False) -> FaultyFile:
        if create and not path.exists():
            self.step(f"create {self.name(path)}")
            file = self._real.open(path, create=True, transient=transient)
            self._directory(path.parent).put(path.name, _File())
        else:
            self.alive()
            file = self._real.open(path, transient=transient)
        return FaultyFile(self, file)

    def mapped(self, path: Path) -> FaultyMappedFile:
        self.alive()
        return FaultyMappedFile(self, self._real.mapped(path))

    def read_bytes(self, path: Path) -> bytes:
        self.alive()
        return path.read_bytes()

    def size(self, path: Path) -> int:
        self.alive()
        return path.stat().st_size

    def modified_ms(self, path: Path) -> int:
        self.alive()
        return self._real.modified_ms(path)

    def space(self, path: Path) -> Space:
        self.alive()
        return self._real.space(path)

    def exists(self, path: Path) -> bool:
        self.alive()
        return path.exists()

    def is_directory(self, path: Path) -> bool:
        self.alive()
        return path.is_dir()

    def listdir(self, path: Path) -> list[str]:
        self.alive()
        return sorted(os.listdir(path))

    def copy_modification_time(self, source: Path, target: Path) -> None:
        """Not counted: nothing that is promised depends on it."""
        self.alive()
        self._real.copy_modification_time(source, target)

    def truncate(self, path: Path, size: int) -> None:
        self.step(f"truncate {self.name(path)} {size}")
        self._real.truncate(path, size)

    def fsync(self, path: Path) -> None:
        self.step(f"fsync {self.name(path)}")
        self.synced(path)

    def fsync_task(self, path: Path) -> SyncTask:
        self.alive()
        node = self._directory(path.parent).entries[path.name]
        descriptor = Descriptor(os.open(path, os.O_RDONLY))

        def run() -> None:
            self.step(f"fsync {self.name(path)}")
            assert isinstance(node, _File)
            node.durable = _content(descriptor)

        return run

    def fsync_directory(self, path: Path) -> None:
        self.step(f"fsync-directory {self.name(path)}")
        self._directory(path).sync()

    def mkdir(self, path: Path) -> None:
        self.step(f"mkdir {self.name(path)}")
        path.mkdir()
        self._directory(path.parent).put(path.name, _Directory({}))

    def rename(self, source: Path, target: Path) -> None:
        self.step(f"rename {self.name(source)} {target.name}")
        assert source.parent == target.parent, "the store renames within a directory"
        self._remember(target)
        source.replace(target)
        self._directory(source.parent).rename(source.name, target.name)

    def remove(self, path: Path) -> None:
        self.step(f"remove {self.name(path)}")
        self._remember(path)
        path.unlink()
        self._directory(path.parent).take(path.name)

    def rmdir(self, path: Path) -> None:
        self.step(f"rmdir {self.name(path)}")
        path.rmdir()
        self._directory(path.parent).take(path.name)

    def lock(self, path: Path) -> Descriptor:
        """Held by this file system object, so a test's new one finds it free."""
        self.alive()
        if path in self._locked:
            raise BlockingIOError
        self._locked.add(path)
        self.open(path, create=True)
        return Descriptor(os.open(path, os.O_RDWR))

    # For the files

    def alive(self) -> None:
        if self.stopped:
            raise Stopped

    def step(self, operation: str) -> None:
        """Count an operation that is about to be done; it may be the one to stop or fail at."""
        self.alive()
        number = len(self.operations)
        self.operations.append(operation)
        if number == self._stop_at:
            self.stopped = True
            raise Stopped
        if number == self._fail_at:
            raise OSError(self._fail_with, os.strerror(self._fail_with))

    def part_of(self, data: bytes) -> bytes:
        return data[: self._random.randint(0, len(data))]

    def name(self, path: Path) -> str:
        return str(path.relative_to(self.root))

    def synced(self, path: Path) -> None:
        node = self._directory(path.parent).entries[path.name]
        assert isinstance(node, _File)
        node.durable = path.read_bytes()

    def made_if_new(self, path: Path) -> None:
        """A mapped file has come into being."""
        directory = self._directory(path.parent)
        if path.name not in directory.entries:
            directory.put(path.name, _File())

    def _remember(self, path: Path) -> None:
        """The file at `path` is about to lose its name, which a power cut may give back."""
        node = self._directory(path.parent).entries.get(path.name)
        if isinstance(node, _File):
            node.last = path.read_bytes()

    def _directory(self, path: Path) -> _Directory:
        node = self._tree
        for part in path.relative_to(self.root).parts:
            found = node.entries[part]
            assert isinstance(found, _Directory)
            node = found
        return node


class FaultyFile:
    """`File` of a `FaultyFileSystem`."""

    def __init__(self, filesystem: FaultyFileSystem, real: RealFile) -> None:
        self._filesystem = filesystem
        self._real = real

    @property
    def path(self) -> Path:
        return self._real.path

    @path.setter
    def path(self, path: Path) -> None:
        self._real.path = path

    @property
    def size(self) -> int:
        return self._real.size

    def descriptor(self) -> Descriptor:
        self._filesystem.alive()
        return self._real.descriptor()

    def append(self, buffers: Sequence[BytesLike]) -> int:
        self._filesystem.alive()
        data = b"".join(buffers)
        try:
            self._filesystem.step(f"append {self._name} {self._real.size}+{len(data)}")
        except Stopped:
            self._real.append([self._filesystem.part_of(data)])
            raise
        return self._real.append(buffers)

    def pread(self, position: int, length: int) -> bytes:
        self._filesystem.alive()
        return self._real.pread(position, length)

    def truncate(self, size: int) -> None:
        self._filesystem.step(f"truncate {self._name} {size}")
        self._real.truncate(size)

    def trim(self) -> None:
        self._filesystem.alive()
        self._real.trim()

    def fsync(self) -> None:
        self._filesystem.fsync(self.path)

    def fsync_task(self) -> SyncTask:
        return self._filesystem.fsync_task(self.path)

    def close(self) -> None:
        self._filesystem.alive()
        self._real.close()

    @property
    def _name(self) -> str:
        return self._filesystem.name(self.path)


class FaultyMappedFile:
    """`MappedFile` of a `FaultyFileSystem`. Stores into the memory are not counted: they cannot fail."""

    def __init__(self, filesystem: FaultyFileSystem, real: RealMappedFile) -> None:
        self._filesystem = filesystem
        self._real = real

    @property
    def path(self) -> Path:
        return self._real.path

    @path.setter
    def path(self, path: Path) -> None:
        self._real.path = path

    def memory(self, size: int) -> mmap.mmap:
        present = self.path.stat().st_size if self.path.exists() else 0
        if size > present:
            self._filesystem.step(f"grow {self._filesystem.name(self.path)} {size}")
        else:
            self._filesystem.alive()
        memory = self._real.memory(size)
        self._filesystem.made_if_new(self.path)
        return memory

    def truncate(self, size: int) -> None:
        self._filesystem.step(f"truncate {self._filesystem.name(self.path)} {size}")
        self._real.truncate(size)
        self._filesystem.made_if_new(self.path)

    def close(self) -> None:
        self._filesystem.alive()
        self._real.close()


class _File:
    """What is known of one file, under whatever name."""

    def __init__(self, durable: bytes = b"") -> None:
        self.durable = durable
        self.last: bytes | None = None
        """Its content when it last lost its name."""

    def survivor(self, current: bytes, chance: random.Random) -> bytes:
        """One of the contents that a power cut may leave."""
        if not current.startswith(self.durable):
            return chance.choice([self.durable, current])
        appended = current[len(self.durable) :]
        written = appended[: chance.randint(0, len(appended))]
        zeros = chance.choice([0, 0, chance.randint(0, len(appended) - len(written))])
        return self.durable + written + bytes(zeros)


class _Directory:
    """Names now, names as of the last sync, and what was done in between."""

    def __init__(self, entries: dict[str, _File | _Directory]) -> None:
        self.entries = entries
        self._durable = dict(entries)
        self._since: list[dict[str, _File | _Directory | None]] = []

    @classmethod
    def of(cls, path: Path) -> _Directory:
        """A directory on disk, all of it durable."""
        return cls(
            {
                child.name: cls.of(child) if child.is_dir() else _File(child.read_bytes())
                for child in path.iterdir()
            }
        )

    def put(self, name: str, node: _File | _Directory) -> None:
        self._change({name: node})

    def take(self, name: str) -> None:
        self._change({name: None})

    def rename(self, source: str, target: str) -> None:
        self._change({target: self.entries[source], source: None})

    def sync(self) -> None:
        self._durable = dict(self.entries)
        self._since = []

    def write_survivors(self, now: Path, target: Path, chance: random.Random) -> None:
        """Make in `target` what a power cut may leave of this directory, which is at `now`."""
        entries = dict(self._durable)
        for change in self._since[: chance.randint(0, len(self._since))]:
            _apply(change, entries)
        names_now = {id(node): name for name, node in self.entries.items()}
        for name, node in entries.items():
            name_now = names_now.get(id(node))
            if isinstance(node, _Directory):
                (target / name).mkdir()
                node.write_survivors(now / (name_now or name), target / name, chance)
            else:
                current = (now / name_now).read_bytes() if name_now else node.last
                (target / name).write_bytes(node.survivor(current or b"", chance))

    def _change(self, change: dict[str, _File | _Directory | None]) -> None:
        _apply(change, self.entries)
        self._since.append(change)


def _apply(
    change: dict[str, _File | _Directory | None], entries: dict[str, _File | _Directory]
) -> None:
    for name, node in change.items():
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node


def _content(descriptor: Descriptor) -> bytes:
    return os.pread(descriptor.fileno(), os.fstat(descriptor.fileno()).st_size, 0)
