"""Runs a broker: binds, opens the data, serves until SIGTERM or SIGINT, closes in order.

bind -> open data (lock, recovery, replay) -> accept -> ready          stop: no more accepting -> parked requests answered
                                                                       -> connections end -> logs flushed, clean marker
"""

from __future__ import annotations

import logging
import random
import resource
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import anyio.abc
import anyio.to_thread

from kafkalite.broker.broker import Broker, ListenerAddress
from kafkalite.broker.dispatch import Dispatcher
from kafkalite.clock import Clock, SystemClock
from kafkalite.config import BrokerConfig
from kafkalite.server.close_log import CloseLog
from kafkalite.server.connection_table import ConnectionLimits, ConnectionTable
from kafkalite.server.drivers import Driver, driver_for
from kafkalite.server.listener import Listener, bind, close_quietly
from kafkalite.server.tasks import TaskBlocking, TimerRunner
from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.timer import TimerQueue

_log = logging.getLogger(__name__)

_GRACE_S = 1.0
"""How long connections may take to get their last answers when the broker stops."""

_GRACE_STEP_S = 0.01

_IDLE_SWEEPS_PER_TIMEOUT = 10
"""Idle connections are looked for this often within `connections.max.idle.ms`, so one closes at most 10 % late."""


def serve(
    config: BrokerConfig,
    *,
    backend: str = "asyncio",
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. Blocks. `on_ready` gets the bootstrap address once clients may come.

    Raises StartupError when it cannot start: port in use, data held by another broker, and the like.
    """
    _raise_descriptor_limit()
    anyio.run(_serve_until_signal, config, on_ready, backend, backend=backend)


def _raise_descriptor_limit() -> None:
    """As many open files as this process may have: each connection is one, and the usual limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError) as error:
            _log.debug("the limit of open files stays at %d: %s", soft, error)


async def _serve_until_signal(
    config: BrokerConfig, on_ready: Callable[[str], None] | None, backend: str
) -> None:
    async with Server(config, backend=backend).running() as server:
        if on_ready is not None:
            on_ready(server.bootstrap_servers)
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for number in signals:
                _log.info("%s received: stopping", signal.Signals(number).name)
                return


@dataclass(slots=True)
class _Bound:
    """A configured listener and the sockets that it is bound to."""

    address: ListenerAddress
    sockets: list[socket.socket]


class Server:
    """A broker behind sockets. `running` serves for as long as its block lasts."""

    def __init__(
        self,
        config: BrokerConfig,
        *,
        backend: str = "asyncio",
        clock: Clock | None = None,
        filesystem: FileSystem | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._config = config
        self._driver: Driver = driver_for(backend)
        self._clock = clock or SystemClock()
        self._filesystem = filesystem or RealFileSystem()
        self._rng = rng or random.SystemRandom()
        self._bound: list[_Bound] = []
        self._accepting: list[anyio.CancelScope] = []
        self._table = ConnectionTable(self._limits, config.connections_max_idle_ms)
        self._limited_by = config
        self._current_limits = ConnectionLimits.of(config)
        self.broker: Broker | None = None

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` of the first listener, as a client on this machine should dial it."""
        address = self._bound[0].address
        host = address.advertised_host or ("127.0.0.1" if address.is_wildcard else address.host)
        return f"{host}:{address.advertised_port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        """Serve inside the block; after it everything is answered, flushed and closed. Raises StartupError."""
        self._bind()
        try:
            # Outside the task group, which would wrap a StartupError in a group of exceptions.
            timers, blocking = TimerQueue(self._clock), TaskBlocking()
            broker = await self._open(timers, blocking)
            async with anyio.create_task_group() as tasks:
                blocking.start(tasks)
                tasks.start_soon(TimerRunner(timers, self._clock).run)
                try:
                    self._start(broker, tasks)
                    yield self
                finally:
                    with anyio.CancelScope(shield=True):
                        await self._quiesce(broker)
                    tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(broker.close)
        finally:
            self._close_sockets()

    async def _open(self, timers: TimerQueue, blocking: TaskBlocking) -> Broker:
        broker = Broker(
            self._config,
            listeners=[bound.address for bound in self._bound],
            clock=self._clock,
            timer=timers,
            filesystem=self._filesystem,
            rng=self._rng,
            blocking=blocking,
        )
        await anyio.to_thread.run_sync(broker.open)
        return broker

    def _start(self, broker: Broker, tasks: anyio.abc.TaskGroup) -> None:
        self.broker = broker
        broker.start()
        dispatcher = Dispatcher(broker)
        close_log = CloseLog(self._clock)
        for bound in self._bound:
            for sock in bound.sockets:
                listener = Listener(
                    bound.address.name,
                    sock,
                    dispatcher,
                    self._driver,
                    self._table,
                    self._config.socket_request_max_bytes,
                    self._clock,
                    close_log,
                )
                # Made here and not in the task: a stop may come before the task runs for the first time.
                self._accepting.append(scope := anyio.CancelScope())
                tasks.start_soon(self._accept, listener, tasks, scope)
        self._schedule_idle_sweep(broker)

    async def _quiesce(self, broker: Broker) -> None:
        """No more connections; those that wait get their answers; a moment for the last bytes to leave."""
        for scope in self._accepting:
            scope.cancel()
        self._close_sockets()
        broker.answer_parked()
        with anyio.move_on_after(_GRACE_S):
            while self._table.has_outgoing():  # noqa: ASYNC110 - once, at the very end
                await anyio.sleep(_GRACE_STEP_S)

    def _limits(self) -> ConnectionLimits:
        """Of the moment: they can be changed at run time."""
        assert self.broker is not None, "connections come once there is a broker"
        config = self.broker.config
        if config is not self._limited_by:
            self._limited_by, self._current_limits = config, ConnectionLimits.of(config)
        return self._current_limits

    def _bind(self) -> None:
        advertised_listeners = {each.name: each for each in self._config.advertised_listeners}
        try:
            for listener in self._config.listeners:
                sockets = bind(listener.host, listener.port, listener.name)
                port = sockets[0].getsockname()[1]
                advertised = advertised_listeners.get(listener.name)
                self._bound.append(
                    _Bound(
                        ListenerAddress(
                            name=listener.name,
                            host=listener.host,
                            port=port,
                            advertised_host=advertised.host if advertised else None,
                            advertised_port=(advertised.port if advertised else 0) or port,
                        ),
                        sockets,
                    )
                )
        except BaseException:
            self._close_sockets()
            raise

    async def _accept(
        self, listener: Listener, tasks: anyio.abc.TaskGroup, scope: anyio.CancelScope
    ) -> None:
        if scope.cancel_called:
            return  # and the socket is closed
        with scope:
            await listener.run(tasks)

    def _schedule_idle_sweep(self, broker: Broker) -> None:
        period_ms = max(1000, self._config.connections_max_idle_ms // _IDLE_SWEEPS_PER_TIMEOUT)

        def sweep() -> None:
            closed = self._table.close_idle(self._clock.monotonic_ms())
            if closed:
                _log.info("closed %d idle connection(s)", closed)
            broker.timer.schedule(period_ms, sweep)

        broker.timer.schedule(period_ms, sweep)

    def _close_sockets(self) -> None:
        for bound in self._bound:
            close_quietly(bound.sockets)
