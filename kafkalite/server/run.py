"""Runs a broker: binds, opens the data, serves until SIGTERM or SIGINT, closes in order.

    bind -> open data (lock, recovery, replay) -> accept -> ready          stop: no more accepting -> parked requests answered
                                                                           -> connections end -> logs flushed, clean marker
"""

from __future__ import annotations

import logging
import random
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

import anyio
import anyio.abc
import anyio.to_thread

from kafkalite.broker.broker import Broker, ListenerAddress
from kafkalite.broker.dispatch import Dispatcher
from kafkalite.clock import Clock, SystemClock
from kafkalite.config import BrokerConfig
from kafkalite.server.drivers import Driver, driver_for
from kafkalite.server.listener import ConnectionTable, Listener, bind, close_quietly
from kafkalite.server.tasks import TaskBlocking, TimerRunner
from kafkalite.storage.filesystem import FileSystem
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.timer import TimerQueue

_log = logging.getLogger(__name__)

_GRACE_S = 1.0
"""How long connections may take to get their last answers when the broker stops."""

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
    anyio.run(_serve_until_signal, config, on_ready, backend, backend=backend)


async def _serve_until_signal(
    config: BrokerConfig, on_ready: Callable[[str], None] | None, backend: str
) -> None:
    async with Server(config, backend=backend) as server:
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
    """A broker behind sockets, as an async context manager: entered, it serves; left, it has stopped cleanly."""

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
        self._tasks: anyio.abc.TaskGroup | None = None
        self._accepting = anyio.CancelScope()
        self._table = ConnectionTable(config.max_connections, config.connections_max_idle_ms)
        self.broker: Broker | None = None

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` of the first listener, as a client on this machine should dial it."""
        address = self._bound[0].address
        return f"{address.advertised_host or '127.0.0.1'}:{address.advertised_port}"

    async def __aenter__(self) -> Server:
        self._bind()
        try:
            timers = TimerQueue(self._clock)
            self._tasks = anyio.create_task_group()
            await self._tasks.__aenter__()
            broker = Broker(
                self._config,
                listeners=[bound.address for bound in self._bound],
                clock=self._clock,
                timer=timers,
                filesystem=self._filesystem,
                rng=self._rng,
                blocking=TaskBlocking(self._tasks),
            )
            await anyio.to_thread.run_sync(broker.open)
        except BaseException as error:
            for bound in self._bound:
                close_quietly(bound.sockets)
            if self._tasks is not None:
                self._tasks.cancel_scope.cancel()
                await self._tasks.__aexit__(None, None, None)
            raise error
        self.broker = broker
        runner = TimerRunner(timers, self._clock)
        self._tasks.start_soon(runner.run)
        broker.start()
        self._start_listeners(Dispatcher(broker))
        self._schedule_idle_sweep(timers)
        return self

    async def __aexit__(self, *exception: object) -> None:
        assert self.broker is not None
        assert self._tasks is not None
        with anyio.CancelScope(shield=True):
            self._accepting.cancel()
            for bound in self._bound:
                close_quietly(bound.sockets)
            self.broker.answer_parked()
            with anyio.move_on_after(_GRACE_S):
                await self._connections_quiet()
            self._tasks.cancel_scope.cancel()
            await self._tasks.__aexit__(None, None, None)
            await anyio.to_thread.run_sync(self.broker.close)

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
            for bound in self._bound:
                close_quietly(bound.sockets)
            raise

    def _start_listeners(self, dispatcher: Dispatcher) -> None:
        assert self._tasks is not None
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
                )
                self._tasks.start_soon(self._accept, listener)

    async def _accept(self, listener: Listener) -> None:
        assert self._tasks is not None
        with self._accepting:
            await listener.run(self._tasks)

    def _schedule_idle_sweep(self, timers: TimerQueue) -> None:
        period_ms = max(1000, self._config.connections_max_idle_ms // _IDLE_SWEEPS_PER_TIMEOUT)

        def sweep() -> None:
            closed = self._table.close_idle(self._clock.monotonic_ms())
            if closed:
                _log.info("closed %d idle connection(s)", closed)
            timers.schedule(period_ms, sweep)

        timers.schedule(period_ms, sweep)

    async def _connections_quiet(self) -> None:
        """Until no connection has anything left to send."""
        while self._table.has_outgoing():
            await anyio.sleep(0.01)
