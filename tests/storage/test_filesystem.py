"""The file system port on a real disk, and the faulty one that other tests trust."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from kafkalite.storage.descriptors import Descriptor
from kafkalite.storage.directory_lock import LockedError
from kafkalite.storage.file_slice import FileSlice, is_cached
from kafkalite.storage.filesystem import (
    AppendNotUndoneError,
    FileSystem,
    remove_tree,
    replace_atomically,
)
from kafkalite.storage.preallocation import load_reserve_function, preallocation_step_bytes
from kafkalite.storage.real_filesystem import RealFileSystem
from tests.storage.faulty_filesystem import FaultyFileSystem, Stopped

MIB = 1 << 20


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def reserved_bytes(path: Path) -> int:
    status = path.stat()
    return max(0, status.st_blocks * 512 - -(-status.st_size // 4096) * 4096)


def test_append_returns_where_the_bytes_went(tmp_path: Path) -> None:
    file = RealFileSystem().open(tmp_path / "log", create=True)
    assert file.append([b"abc", bytearray(b"de")]) == 0
    assert file.append([memoryview(b"xfgx")[1:3]]) == 5
    assert file.size == 7
    assert file.pread(0, 100) == b"abcdefg"


def test_a_file_opened_again_continues_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"abc")
    file = RealFileSystem().open(tmp_path / "log")
    assert file.size == 3
    assert file.append([b"d"]) == 3
    assert (tmp_path / "log").read_bytes() == b"abcd"


def test_open_without_create_touches_nothing_before_first_use(tmp_path: Path) -> None:
    file = RealFileSystem().open(tmp_path / "log")
    assert not (tmp_path / "log").exists()
    with pytest.raises(FileNotFoundError):
        file.append([b"x"])


def test_more_buffers_than_one_write_takes_are_all_written(tmp_path: Path) -> None:
    file = RealFileSystem().open(tmp_path / "log", create=True)
    buffers = [str(number).encode() for number in range(3000)]
    file.append(buffers)
    assert (tmp_path / "log").read_bytes() == b"".join(buffers)
    assert file.size == (tmp_path / "log").stat().st_size


def test_a_write_that_stops_early_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = RealFileSystem().open(tmp_path / "log", create=True)
    monkeypatch.setattr(os, "writev", lambda number, buffers: os.write(number, buffers[0][:2]))
    file.append([b"abcdef", b"gh"])
    assert (tmp_path / "log").read_bytes() == b"abcdefgh"


def test_a_failing_append_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """The disk is really full after 5000 bytes: RLIMIT_FSIZE makes the write stop in its middle."""
    script = """
import resource, signal, sys
from pathlib import Path
from kafkalite.storage.real_filesystem import RealFileSystem
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
file = RealFileSystem().open(Path(sys.argv[1]), create=True)
file.append([b"whole"])
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    file.append([b"x" * 4000, b"y" * 4000])
except OSError as error:
    print(error.errno, file.size)
print(file.append([b"more"]))
"""
    path = tmp_path / "log"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(errno.EFBIG), "5", "5"]
    assert path.read_bytes() == b"wholemore"


def test_an_append_that_cannot_be_undone_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = RealFileSystem().open(tmp_path / "log", create=True)

    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "writev", broken)
    monkeypatch.setattr(os, "ftruncate", broken)
    with pytest.raises(AppendNotUndoneError) as raised:
        file.append([b"x"])
    assert raised.value.errno == errno.EIO
    assert raised.value.filename == str(tmp_path / "log")


def test_closing_a_file_leaves_the_descriptor_of_a_slice_open(tmp_path: Path) -> None:
    file = RealFileSystem().open(tmp_path / "log", create=True)
    file.append([b"abcdef"])
    piece = FileSlice(file, 1, 4)
    number = piece.fileno()
    file.close()
    (tmp_path / "log").unlink()
    assert piece.read() == b"bcde"
    part = piece.slice(1, 2)
    del piece
    assert part.read() == b"cd"
    assert len(part) == 2
    del part
    assert not is_open(number)


def test_the_least_recently_used_file_is_let_go_of(tmp_path: Path) -> None:
    filesystem = RealFileSystem(open_files_max=2)
    first, second = (filesystem.open(tmp_path / name, create=True) for name in "ab")
    numbers = [file.descriptor().fileno() for file in (second, first)]
    filesystem.open(tmp_path / "c", create=True)
    assert [is_open(number) for number in numbers[1:]] == [True], "the first was used last"
    assert len(filesystem.descriptors) == 2
    held = second.descriptor()  # opens again; now the first has rested longest
    first.append([b"1"])
    second.append([b"2"])
    assert second.descriptor() is held
    assert [(tmp_path / name).read_bytes() for name in "abc"] == [b"1", b"2", b""]


def test_maps_count_as_used_when_they_are_used(tmp_path: Path) -> None:
    filesystem = RealFileSystem(open_files_max=2)
    first, second, third = (filesystem.mapped(tmp_path / name) for name in "abc")
    first_memory = first.memory(8)
    second_memory = second.memory(8)
    first.memory(8)
    third.memory(8)
    assert second_memory.closed
    assert not first_memory.closed


def test_ten_thousand_files_need_no_more_descriptors_than_the_limit(tmp_path: Path) -> None:
    filesystem = RealFileSystem(open_files_max=10)
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    files = [filesystem.open(tmp_path / str(number), create=True) for number in range(300)]
    maps = [filesystem.mapped(tmp_path / f"m{number}") for number in range(300)]
    for mapped in maps:
        mapped.memory(16)[0] = 7
    for file in files:
        file.append([b"x"])
    after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    assert after - before <= 10
    assert all(mapped.memory(16)[0] == 7 for mapped in maps)


@pytest.mark.parametrize(
    ("limit", "kept"), [(1024, 512), (1, 1), (10**6, 16_384), (resource.RLIM_INFINITY, 16_384)]
)
def test_half_of_the_descriptors_that_ulimit_grants_are_kept(
    monkeypatch: pytest.MonkeyPatch, limit: int, kept: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert RealFileSystem().descriptors.limit == kept


def test_fsync_task_works_after_the_file_was_let_go_of_and_removed(tmp_path: Path) -> None:
    filesystem = RealFileSystem()
    file = filesystem.open(tmp_path / "log", create=True)
    file.append([b"x"])
    tasks = [file.fsync_task(), filesystem.fsync_task(tmp_path / "log")]
    file.close()
    filesystem.remove(tmp_path / "log")
    for task in tasks:
        task()


def test_a_platform_without_fallocate_reserves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert load_reserve_function() is None


@pytest.mark.skipif(load_reserve_function() is None, reason="the platform cannot reserve ahead")
def test_what_the_system_refuses_to_reserve_is_told(tmp_path: Path) -> None:
    reserve = load_reserve_function()
    assert reserve is not None
    read_only = Descriptor(os.open(tmp_path, os.O_RDONLY))
    with pytest.raises(OSError) as raised:
        reserve(read_only.fileno(), 0, 4096)
    assert raised.value.errno in (errno.EBADF, errno.EISDIR, errno.ENODEV)


def test_small_files_reserve_nothing_and_large_ones_ahead() -> None:
    assert preallocation_step_bytes(0) == 0
    assert preallocation_step_bytes(MIB - 1) == 0
    assert preallocation_step_bytes(MIB) == MIB
    assert preallocation_step_bytes(3 * MIB) == 3 * MIB
    assert preallocation_step_bytes(500 * MIB) == 64 * MIB


@pytest.mark.skipif(load_reserve_function() is None, reason="the platform cannot reserve ahead")
def test_reserved_space_is_invisible_and_given_back_on_close(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = RealFileSystem().open(path, create=True)
    file.append([bytes(MIB - 10)])
    assert reserved_bytes(path) < MIB // 2
    file.append([bytes(100)])
    assert path.stat().st_size == MIB + 90
    if reserved_bytes(path) < MIB // 2:
        pytest.skip("this file system does not reserve ahead")
    file.close()
    assert reserved_bytes(path) < 64 * 1024


def test_space_reserved_by_a_killed_process_is_given_back_by_trim(tmp_path: Path) -> None:
    path = tmp_path / "log"
    killed = RealFileSystem().open(path, create=True)
    killed.append([bytes(2 * MIB)])
    killed.release()  # gone without closing
    file = RealFileSystem().open(path)
    file.trim()
    assert reserved_bytes(path) < 64 * 1024
    assert path.stat().st_size == 2 * MIB


def test_a_file_system_that_cannot_reserve_is_asked_once(tmp_path: Path) -> None:
    filesystem = RealFileSystem()
    asked = []

    def refuse(*arguments: int) -> None:
        asked.append(arguments)
        raise OSError(errno.EOPNOTSUPP, "not here")

    filesystem._reserve_function, filesystem._can_reserve = refuse, True
    for name in "ab":
        filesystem.open(tmp_path / name, create=True).append([bytes(2 * MIB)])
    assert len(asked) == 1


def test_a_full_disk_while_reserving_is_left_to_the_write_to_find(tmp_path: Path) -> None:
    filesystem = RealFileSystem()

    def refuse(*_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    filesystem._reserve_function, filesystem._can_reserve = refuse, True
    file = filesystem.open(tmp_path / "log", create=True)
    file.append([bytes(2 * MIB)])
    assert file.size == 2 * MIB
    assert filesystem._can_reserve, "it may have room again later"


def test_mapped_memory_grows_and_keeps_what_was_stored(tmp_path: Path) -> None:
    mapped = RealFileSystem().mapped(tmp_path / "index")
    mapped.memory(16)[0:3] = b"abc"
    mapped.memory(5000)[4999] = 1
    assert (tmp_path / "index").stat().st_size == 5000
    mapped.truncate(2)
    assert (tmp_path / "index").read_bytes() == b"ab"
    assert mapped.memory(4)[:4] == b"ab\0\0"
    mapped.close()


def test_mapped_memory_on_a_platform_without_allocation_still_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "not here")

    monkeypatch.setattr(os, "posix_fallocate", unsupported, raising=False)
    mapped = RealFileSystem().mapped(tmp_path / "index")
    assert len(mapped.memory(100)) == 100
    monkeypatch.delattr(os, "posix_fallocate")
    assert len(mapped.memory(200)) == 200


def test_mapping_on_a_full_disk_raises_instead_of_killing_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OSError, match="full"):
        RealFileSystem().mapped(tmp_path / "index").memory(100)


def test_replace_atomically_syncs_the_file_before_and_the_directory_after_the_rename(
    tmp_path: Path,
) -> None:
    filesystem = FaultyFileSystem(tmp_path)
    replace_atomically(filesystem, tmp_path / "checkpoint", b"new")
    assert filesystem.operations == [
        "create checkpoint.tmp",
        "truncate checkpoint.tmp 0",
        "append checkpoint.tmp 0+3",
        "fsync checkpoint.tmp",
        "rename checkpoint.tmp checkpoint",
        "fsync-directory .",
    ]


@pytest.mark.parametrize("leave", ["after_kill", "after_power_loss"])
@pytest.mark.parametrize("seed", range(5))
def test_replace_atomically_stopped_anywhere_leaves_the_old_or_the_new_file(
    tmp_path: Path, leave: str, seed: int
) -> None:
    seen = set()
    for stop_at in range(7):
        root = tmp_path / str(stop_at)
        root.mkdir()
        (root / "checkpoint").write_bytes(b"old")
        (root / "checkpoint.tmp").write_bytes(b"left over from before")
        filesystem = FaultyFileSystem(root, stop_at=stop_at, seed=seed)
        finished = False
        with suppress(Stopped):
            replace_atomically(filesystem, root / "checkpoint", b"new content")
            finished = True
        left = getattr(filesystem, leave)().read_bytes(root / "checkpoint")
        assert left in ((b"new content",) if finished else (b"old", b"new content"))
        seen.add(left)
    assert seen == {b"old", b"new content"}


def test_remove_tree_removes_what_is_below(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"x")
    (tmp_path / "a" / "d").write_bytes(b"y")
    remove_tree(RealFileSystem(), tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_held_until_it_is_dropped(tmp_path: Path) -> None:
    held = RealFileSystem().lock(tmp_path / ".lock")
    with pytest.raises(BlockingIOError):
        RealFileSystem().lock(tmp_path / ".lock")
    del held
    RealFileSystem().lock(tmp_path / ".lock")


def test_a_lock_that_kafka_holds_names_its_process(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    program = "import fcntl,sys; f=open(sys.argv[1],'w'); fcntl.lockf(f,fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    kafka = subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with kafka:
        kafka.stdout.readline()
        with pytest.raises(LockedError, match=rf"Apache Kafka \(pid {kafka.pid}\)"):
            RealFileSystem().lock(path)


def test_a_lock_keeps_kafka_out_after_another_descriptor_of_the_file_was_closed(
    tmp_path: Path,
) -> None:
    path = tmp_path / ".lock"
    held = RealFileSystem().lock(path)
    assert path.read_text() == f"{os.getpid()}\n"
    program = "import fcntl,sys; fcntl.lockf(open(sys.argv[1],'r+'),fcntl.LOCK_EX|fcntl.LOCK_NB)"
    command = [sys.executable, "-c", program, path]
    assert b"BlockingIOError" in subprocess.run(command, capture_output=True).stderr
    del held
    assert subprocess.run(command).returncode == 0


def test_listdir_is_sorted(tmp_path: Path) -> None:
    for name in ("b", "c", "a"):
        (tmp_path / name).touch()
    assert RealFileSystem().listdir(tmp_path) == ["a", "b", "c"]


def test_a_position_just_written_is_cached(tmp_path: Path) -> None:
    file = RealFileSystem().open(tmp_path / "log", create=True)
    file.append([b"x" * 100])
    assert is_cached(file.descriptor().fileno(), 50)


def test_is_cached_tells_cold_from_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x")
    descriptor = Descriptor(os.open(tmp_path / "log", os.O_RDONLY))

    def answer(error: OSError) -> bool:
        def preadv(*_: object) -> int:
            raise error

        monkeypatch.setattr(os, "RWF_NOWAIT", 8, raising=False)
        monkeypatch.setattr(os, "preadv", preadv, raising=False)
        return is_cached(descriptor.fileno(), 0)

    assert not answer(BlockingIOError())
    assert answer(OSError(errno.EOPNOTSUPP, "unknown flag"))
    monkeypatch.delattr(os, "RWF_NOWAIT")
    assert is_cached(descriptor.fileno(), 0)


def test_power_loss_may_take_what_was_not_synced(tmp_path: Path) -> None:
    """Over many seeds: a synced prefix always stays, and everything from nothing to all of the rest is seen."""
    lengths = set()
    zeros_seen = renames_seen = losses_seen = False
    for seed in range(60):
        root = tmp_path / str(seed)
        root.mkdir()
        filesystem = FaultyFileSystem(root, seed=seed)
        file = filesystem.open(root / "log", create=True)
        file.append([b"synced"])
        file.fsync()
        filesystem.fsync_directory(root)
        file.append([b"after"])
        replace_atomically(filesystem, root / "other", b"new", sync=False)
        left = filesystem.after_power_loss()
        content = left.read_bytes(root / "log")
        assert content.startswith(b"synced")
        lengths.add(len(content))
        zeros_seen |= content.endswith(b"\0")
        renames_seen |= left.exists(root / "other")
        losses_seen |= not left.exists(root / "other")
    assert lengths == set(range(6, 12))
    assert zeros_seen
    assert renames_seen
    assert losses_seen


def test_a_removed_file_may_be_back_after_power_loss_until_the_directory_is_synced(
    tmp_path: Path,
) -> None:
    outcomes = set()
    for seed in range(20):
        root = tmp_path / str(seed)
        (root / "orders-0").mkdir(parents=True)
        (root / "orders-0" / "a.log").write_bytes(b"abc")
        filesystem = FaultyFileSystem(root, seed=seed)
        filesystem.rename(root / "orders-0", root / "orders-0.x-delete")
        filesystem.remove(root / "orders-0.x-delete" / "a.log")
        left = filesystem.after_power_loss()
        [directory] = root.iterdir()
        outcomes.add((directory.name, left.exists(directory / "a.log")))
        if left.exists(directory / "a.log"):
            assert left.read_bytes(directory / "a.log") == b"abc"
    assert outcomes == {
        ("orders-0", True),
        ("orders-0", False),
        ("orders-0.x-delete", True),
        ("orders-0.x-delete", False),
    }


def test_a_stopped_file_system_does_nothing_more(tmp_path: Path) -> None:
    filesystem = FaultyFileSystem(tmp_path, stop_at=1)
    file = filesystem.open(tmp_path / "log", create=True)
    with pytest.raises(Stopped):
        file.append([b"abcdef"])
    size = (tmp_path / "log").stat().st_size
    for action in (
        lambda: file.append([b"x"]),
        lambda: file.pread(0, 1),
        lambda: filesystem.remove(tmp_path / "log"),
    ):
        with pytest.raises(Stopped):
            action()
    assert filesystem.after_kill().size(tmp_path / "log") == size


def test_a_failing_operation_fails_once_with_nothing_done(tmp_path: Path) -> None:
    filesystem = FaultyFileSystem(tmp_path, fail_at=1, fail_with=errno.ENOSPC)
    file = filesystem.open(tmp_path / "log", create=True)
    with pytest.raises(OSError) as raised:
        file.append([b"x"])
    assert raised.value.errno == errno.ENOSPC
    assert file.size == 0
    assert file.append([b"x"]) == 0


def test_both_are_file_systems(tmp_path: Path) -> None:
    ports: list[FileSystem] = [RealFileSystem(), FaultyFileSystem(tmp_path)]
    for port in ports:
        file = port.open(tmp_path / type(port).__name__, create=True)
        file.append([b"x"])
        assert port.size(file.path) == 1


def test_reservation_is_not_loaded_before_a_file_grows_large(tmp_path: Path) -> None:
    """ctypes takes milliseconds to load, which start-up must not pay."""
    filesystem = RealFileSystem()
    filesystem.open(tmp_path / "log", create=True).append([b"small"])
    assert filesystem._can_reserve is None


def test_replacing_a_file_evicts_no_open_one_because_it_may_happen_in_any_thread(tmp_path):
    filesystem = RealFileSystem(1)
    kept = filesystem.open(tmp_path / "kept", create=True)
    descriptor = kept.descriptor()
    replace_atomically(filesystem, tmp_path / "checkpoint", b"0\n")
    assert kept.descriptor() is descriptor
    assert len(filesystem.descriptors) == 1
