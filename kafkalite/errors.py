"""What goes wrong, and whose fault it is.

A peer's mistake is a `KafkaError` with the code Kafka answers and a sentence for the person who reads it.
`broker/dispatch.py` turns it into a response, once. Our own mistakes are `assert`.
"""

from __future__ import annotations

from kafkalite_protocol.error_codes import ErrorCode


class KafkaError(Exception):
    """A request, or one entry of it, that is answered with an error code.

    `message` is plain words for the client's user; None leaves the text to the client.
    """

    __slots__ = ("code", "message")

    def __init__(self, code: ErrorCode, message: str | None = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}" if self.message else self.code.name


class StartupError(Exception):
    """The broker cannot start. Its text says what happened, why, and what to do; shown without a stack trace."""
