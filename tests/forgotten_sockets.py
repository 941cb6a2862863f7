"""kafka-python forgets the sockets with which it tried in vain while a broker was down.

Python complains of each when it is collected, which may be long after the test that made it.
"""

from __future__ import annotations

import gc
import socket

import pytest

IGNORE_FORGOTTEN_SOCKETS = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning",
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning",
)


def close_forgotten_sockets() -> None:
    """Close every socket of this process that is connected to nothing and listens to nobody."""
    for each in gc.get_objects():
        if type(each) is socket.socket and each.fileno() != -1 and not _is_in_use(each):
            each.close()


def _is_in_use(each: socket.socket) -> bool:
    if each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return True
    try:
        each.getpeername()
    except OSError:
        return False
    return True
