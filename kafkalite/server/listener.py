"""Listening sockets: bind, accept, and one task for each connection."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
from typing import TYPE_CHECKING

import anyio
import anyio.abc
from anyio.lowlevel import checkpoint

from kafkalite.broker.request import ConnectionInfo
from kafkalite.errors import StartupError
from kafkalite.server.close_log import CloseLog
from kafkalite.server.connection import Connection
from kafkalite.server.connection_table import ConnectionTable
from kafkalite.server.port_owner import describe_port_owner
from kafkalite.server.transport import Transport

if TYPE_CHECKING:
    from kafkalite.broker.dispatch import Dispatcher
    from kafkalite.clock import Clock
    from kafkalite.server.drivers import Driver

_log = logging.getLogger(__name__)

_BACKLOG = 1024
_ACCEPTS_MAX = 64
"""Connections taken in one go before the loop has its turn."""

_NO_DESCRIPTORS_PAUSE_S = 0.1
"""Pause of accepting when the process is out of descriptors; the backlog holds what comes meanwhile."""


def bind(host: str, port: int, listener: str) -> list[socket.socket]:
    """Listening sockets for `host` (empty: every address) and `port` (0: any free one).

    Raises StartupError in words when the address cannot be had.
    """
    sockets: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port, listener):
            sockets.append(_listening_socket(family, address))
            if port == 0:
                break
    except OSError as error:
        for sock in sockets:
            sock.close()
        raise StartupError(_why_not(error, host, port, listener)) from error
    return sockets


class Listener:
    """Accepts on one listening socket and runs each connection in the task group it is given."""

    def __init__(
        self,
        name: str,
        sock: socket.socket,
        dispatcher: Dispatcher,
        driver: Driver,
        table: ConnectionTable,
        max_request_bytes: int,
        clock: Clock,
        close_log: CloseLog,
    ) -> None:
        self._clock = clock
        self._close_log = close_log
        self._name = name
        self._socket = sock
        self._dispatcher = dispatcher
        self._driver = driver
        self._table = table
        self._max_request_bytes = max_request_bytes
        sock.setblocking(False)

    async def run(self, tasks: anyio.abc.TaskGroup) -> None:
        """Accept until cancelled."""
        while True:
            await anyio.wait_readable(self._socket)
            for _ in range(_ACCEPTS_MAX):
                try:
                    accepted, _ = self._socket.accept()
                except (BlockingIOError, ConnectionAbortedError):
                    break
                except OSError as error:
                    if error.errno not in (errno.EMFILE, errno.ENFILE):
                        raise
                    _log.warning(
                        "out of file descriptors: no new connections until some close (ulimit -n)"
                    )
                    await anyio.sleep(_NO_DESCRIPTORS_PAUSE_S)
                    break
                self._serve(accepted, tasks)
            await checkpoint()

    def _serve(self, accepted: socket.socket, tasks: anyio.abc.TaskGroup) -> None:
        try:
            info = _connection_info(self._name, accepted)
        except OSError:
            # Gone before we could ask where it came from.
            accepted.close()
            return
        limit = self._table.why_not(info.client_host)
        if limit is not None:
            self._close_log.closing(info, f"{limit} allows no more connections")
            accepted.close()
            return
        connection = Connection(
            Transport(accepted), info, self._dispatcher, self._max_request_bytes, self._close_log
        )
        self._table.add(connection, self._clock.monotonic_ms())
        tasks.start_soon(self._run, connection)

    async def _run(self, connection: Connection) -> None:
        try:
            await self._driver.run(connection)
        except Exception:
            # Our own mistake must cost one connection, not the broker.
            _log.exception("the connection from %s ended unexpectedly", connection.info)
        finally:
            self._table.remove(connection)
            connection.close()
            connection.info.closed()


def _addresses(
    host: str, port: int, listener: str
) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    if not host:
        return [(socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET, ("", port))]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise StartupError(
            f"listener {listener}: the host name {host!r} cannot be resolved ({error.strerror}); "
            "check listeners, or use 127.0.0.1"
        ) from error
    unique = dict.fromkeys(
        (family, (str(address[0]), int(address[1]))) for family, _, _, _, address in found
    )
    return list(unique)


def _listening_socket(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address[0] == "" else 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _why_not(error: OSError, host: str, port: int, listener: str) -> str:
    shown = f"{host or '*'}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use{describe_port_owner(port)}; use --port or stop it"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"listener {listener}: {shown} is not an address of this machine; use 127.0.0.1 or 0.0.0.0"
    if error.errno == errno.EACCES:
        return f"listener {listener}: no permission to listen on {shown}; use a port above 1023"
    return f"listener {listener}: cannot listen on {shown}: {error.strerror}"


def _connection_info(name: str, sock: socket.socket) -> ConnectionInfo:
    peer, local = sock.getpeername(), sock.getsockname()
    return ConnectionInfo(
        listener=name,
        client_host=_plain(peer[0]),
        client_port=peer[1],
        local_host=_plain(local[0]),
        local_port=local[1],
    )


def _plain(host: str) -> str:
    """An IPv4 client of a dual-stack socket shows as `::ffff:127.0.0.1`."""
    return host.removeprefix("::ffff:") if "." in host else host


def close_quietly(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        with contextlib.suppress(OSError):
            sock.close()
