"""Which process listens on a port: for the error message, on Linux, as far as /proc lets us look."""

from __future__ import annotations

from pathlib import Path

_LISTEN = "0A"


def describe_port_owner(port: int) -> str:
    """` by pid 4242 (java)`, or an empty string when it cannot be found out."""
    inodes = _listening_inodes(port)
    pid = _owner(inodes) if inodes else None
    if pid is None:
        return ""
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return f" by pid {pid}"
    return f" by pid {pid} ({name})"


def _listening_inodes(port: int) -> set[str]:
    inodes: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(fields[9])
    return inodes


def _owner(inodes: set[str]) -> int | None:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            for descriptor in (process / "fd").iterdir():
                if str(descriptor.readlink()) in wanted:
                    return int(process.name)
        except OSError:
            # Ended meanwhile, or not ours to look into.
            continue
    return None
