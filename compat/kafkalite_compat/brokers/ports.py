"""Ports of this machine for brokers that the suite starts."""

from __future__ import annotations

import random
import socket
from typing import Final

HOST: Final = "127.0.0.1"

_CANDIDATES: Final = range(20_000, 30_000)
"""Outside what the kernel takes for outgoing connections: a client that tries again and again to reach a broker which is
down could otherwise be given the broker's own port, and be connected to itself."""


def free_port() -> int:
    """A port that nobody listens on now, nor on the next: a broker's, and its controller's beside it."""
    for port in random.sample(_CANDIDATES, len(_CANDIDATES)):
        if _is_free(port) and _is_free(port + 1):
            return port
    raise RuntimeError("no two ports side by side are free")


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
