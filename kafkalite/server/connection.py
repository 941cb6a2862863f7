"""One client's connection without its waiting: `step` goes as far as it can and says what it waits for.

    receive -> frames -> dispatch -> answers, in the order of the requests

One request is worked on at a time, as Kafka does: a parked fetch holds back what was pipelined behind it. Answers that
are known at once leave together in one send. While answers wait for the socket nothing more is read, so a client that
does not read its answers cannot fill our memory.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from enum import Enum
from typing import TYPE_CHECKING, Any

from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.framing import FrameReader

from kafkalite.broker.request import Answer, CloseConnection, ConnectionInfo
from kafkalite.deferred import Deferred
from kafkalite.server.close_log import CloseLog
from kafkalite.server.transport import ConnectionLost, SendState, Transport

if TYPE_CHECKING:
    from kafkalite.broker.dispatch import Dispatcher

_log = logging.getLogger(__name__)

_ANSWERS_BYTES_MAX = 256 * 1024
"""Answers gathered before they are sent: enough for one send of a pipelined burst, little enough to hold."""

_RECEIVES_MAX = 4
"""Reads of one step, so that a connection that always has more does not starve the others."""


class Wait(Enum):
    """What stands between a connection and its next step."""

    READABLE = "readable"
    WRITABLE = "writable"
    ANSWER = "answer"
    """A Deferred answer: `Connection.pending`."""
    DISK = "disk"
    """A cold slice: `Connection.send_cold` in a worker thread."""
    CLOSED = "closed"


class Connection:
    """The protocol side of one accepted socket."""

    __slots__ = (
        "_active",
        "_close_log",
        "_dispatcher",
        "_reader",
        "_transport",
        "closed",
        "idle_since_ms",
        "info",
        "pending",
    )

    def __init__(
        self,
        transport: Transport,
        info: ConnectionInfo,
        dispatcher: Dispatcher,
        max_request_bytes: int,
        close_log: CloseLog,
    ) -> None:
        self._close_log = close_log
        self._transport = transport
        self._dispatcher = dispatcher
        self._reader = FrameReader(max_request_bytes)
        self.info = info
        self.pending: Deferred[Answer | None] | None = None
        self.closed = False
        self.idle_since_ms = 0
        self._active = True

    @property
    def fileno(self) -> int:
        return self._transport.fileno

    @property
    def transport(self) -> Transport:
        return self._transport

    def step(self) -> Wait:
        """Send, answer and receive until something must be waited for. Never raises for a peer's mistake."""
        try:
            return self._step()
        except ConnectionLost as lost:
            _log.debug("%s left: %s", self.info, lost)
        except CloseConnection as close:
            self._close_log.closing(self.info, close.reason)
        except ProtocolError as error:
            self._close_log.closing(self.info, error)
        self.close()
        return Wait.CLOSED

    def send_cold(self) -> None:
        """See `Transport.send_cold`; a lost connection shows at the next step."""
        try:
            self._transport.send_cold()
        except ConnectionLost as lost:
            _log.debug("%s left: %s", self.info, lost)
            self.closed = True

    def take_activity(self) -> bool:
        """Whether anything was received since the last call; if not, memory that a busier time needed is given back."""
        active, self._active = self._active, False
        if not active and self.pending is None:
            self._reader.trim()
        return active

    def shut(self) -> None:
        """Hang up from outside: whoever drives the connection finds it at its end."""
        with contextlib.suppress(OSError):  # already gone
            self._transport.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let the socket go. A Deferred that is still open resolves into nothing."""
        if not self.closed or self._transport.socket.fileno() >= 0:
            self.closed = True
            self._transport.close()

    def _step(self) -> Wait:
        if self.closed:
            self._transport.close()
            return Wait.CLOSED
        if self._transport.has_outgoing and (wait := self._flush()) is not None:
            return wait
        if self.pending is not None:
            if not self.pending.done:
                return Wait.ANSWER
            answer, self.pending = self.pending.result(), None
            self._queue(answer)
        for _ in range(_RECEIVES_MAX):
            wait = self._answer_frames()
            if wait is not None:
                return wait
            space = self._reader.writable()
            count = self._transport.receive_into(space)
            if count == 0:
                return Wait.READABLE
            self._reader.received(count)
            self._active = True
            if count < len(space):
                return self._answer_frames() or Wait.READABLE
        return self._answer_frames() or Wait.READABLE

    def _answer_frames(self) -> Wait | None:
        """Work through the frames that have come. None: all done and sent."""
        transport, reader, dispatcher = self._transport, self._reader, self._dispatcher
        gathered: bytearray | None = None
        while True:
            try:
                frame = reader.next_frame()
                if frame is None:
                    break
                answer: Any = dispatcher.handle(frame, self.info)
            except (CloseConnection, ProtocolError):
                # What was asked before gets its answer, as if it had come alone.
                if gathered is not None:
                    transport.queue((gathered,))
                transport.send()
                raise
            if type(answer) is bytearray:
                if gathered is None:
                    gathered = answer
                else:
                    gathered += answer
                    if len(gathered) > _ANSWERS_BYTES_MAX:
                        transport.queue((gathered,))
                        gathered = None
                continue
            if gathered is not None:
                transport.queue((gathered,))
                gathered = None
            if isinstance(answer, Deferred):
                if not answer.done:
                    self.pending = answer
                    return self._flush() or Wait.ANSWER
                answer = answer.result()
            self._queue(answer)
            if transport.has_outgoing and (wait := self._flush()) is not None:
                return wait
        if gathered is not None:
            if not transport.has_outgoing:
                transport.send_now(gathered)
            else:
                transport.queue((gathered,))
        return self._flush() if transport.has_outgoing else None

    def _queue(self, answer: Answer | None) -> None:
        if answer is not None:
            self._transport.queue((answer,) if isinstance(answer, bytearray) else answer)

    def _flush(self) -> Wait | None:
        state = self._transport.send()
        if state is SendState.DONE:
            return None
        return Wait.WRITABLE if state is SendState.BLOCKED else Wait.DISK
