"""What makes a connection's steps happen: one driver that any anyio backend can run, one that is quicker on asyncio.

Both do the same: step, wait for what the step asks for, step again. The portable one is a loop in a task. Under
asyncio the wake-up of a task is most of what a lone request costs (76-91 us of CPU against 57), so there the socket stays
registered and the step runs in the loop's own callback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import anyio
import anyio.to_thread

from kafkalite.server.connection import Connection, Wait


class Driver(Protocol):
    """Runs one connection until it is closed."""

    async def run(self, connection: Connection) -> None: ...


class PortableDriver:
    """A task per connection; works on every anyio backend."""

    async def run(self, connection: Connection) -> None:
        while True:
            wait = connection.step()
            if wait is Wait.READABLE:
                await anyio.wait_readable(connection.fileno)
            elif wait is Wait.WRITABLE:
                await anyio.wait_writable(connection.fileno)
            elif wait is Wait.ANSWER:
                await self._answered(connection)
            elif wait is Wait.DISK:
                await anyio.to_thread.run_sync(connection.send_cold)
            else:
                return

    async def _answered(self, connection: Connection) -> None:
        assert connection.pending is not None, "the step said that an answer is pending"
        answered = anyio.Event()
        connection.pending.on_done(lambda _: answered.set())
        await answered.wait()


class AsyncioDriver:
    """Steps run in the event loop's callbacks; the task only waits for the end."""

    async def run(self, connection: Connection) -> None:
        await _AsyncioConnection(connection).run()


class _AsyncioConnection:
    """One connection registered with the asyncio loop.

    reading   the reader callback is registered; each call is a step. Otherwise it is not: while an answer is pending
              or the socket is full, more input must not wake us.
    """

    __slots__ = ("_connection", "_ended", "_loop", "_reading", "_thread", "_writing")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._reading = False
        self._writing = False
        self._thread: asyncio.Future[None] | None = None

    async def run(self) -> None:
        try:
            self._step()
            await self._ended
        finally:
            self._stop_reading()
            self._stop_writing()
            if self._thread is not None:
                # The thread still uses the descriptor: it may not be closed, and so reused, under it.
                with anyio.CancelScope(shield=True):
                    await asyncio.wait([self._thread])

    def _step(self) -> None:
        try:
            wait = self._connection.step()
        except BaseException as error:
            self._end(error)
            return
        if wait is Wait.READABLE and self._reading:
            return  # the common case: answered, and registered for the next request
        self._wait_for(wait)

    def _wait_for(self, wait: Wait) -> None:
        """Be called when the wait is over, and not before. A registration that still fits is kept: a large answer takes many
        turns of a full socket.
        """
        connection = self._connection
        if wait is Wait.CLOSED:
            self._end(None)
            return
        if wait is not Wait.READABLE:
            self._stop_reading()
        if wait is not Wait.WRITABLE:
            self._stop_writing()
        if wait is Wait.READABLE:
            self._loop.add_reader(connection.fileno, self._step)
            self._reading = True
        elif wait is Wait.WRITABLE:
            if not self._writing:
                self._loop.add_writer(connection.fileno, self._step)
                self._writing = True
        elif wait is Wait.ANSWER:
            assert connection.pending is not None, "the step said that an answer is pending"
            connection.pending.on_done(lambda _: self._loop.call_soon(self._resume))
        else:
            self._thread = self._loop.run_in_executor(None, connection.send_cold)
            self._thread.add_done_callback(self._on_cold_sent)

    def _on_cold_sent(self, thread: asyncio.Future[None]) -> None:
        self._thread = None
        error = thread.exception()
        if error is None:
            self._resume()
        else:
            self._end(error)

    def _resume(self) -> None:
        if not self._ended.done():
            self._step()

    def _end(self, error: BaseException | None) -> None:
        self._stop_reading()
        self._stop_writing()
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)

    def _stop_reading(self) -> None:
        if self._reading:
            self._loop.remove_reader(self._connection.fileno)
            self._reading = False

    def _stop_writing(self) -> None:
        if self._writing:
            self._loop.remove_writer(self._connection.fileno)
            self._writing = False


def driver_for(backend: str) -> Driver:
    """The quickest driver for an anyio backend."""
    makers: dict[str, Callable[[], Driver]] = {"asyncio": AsyncioDriver}
    return makers.get(backend, PortableDriver)()
