"""A whole broker behind real sockets inside the test process, in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from kafkalite.config import BrokerConfig
from kafkalite.server.run import Server


@contextmanager
def running_broker(data: Path, *, backend: str = "asyncio", **settings: str) -> Iterator[Server]:
    """Serve from `data` on a free port. Settings are Kafka's keys with `_` for `.`."""
    static = {"listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": str(data)}
    static.update({key.replace("_", "."): value for key, value in settings.items()})
    with start_blocking_portal(backend) as portal:
        server = Server(BrokerConfig(static), backend=backend)
        with portal.wrap_async_context_manager(server.running()):
            yield server
