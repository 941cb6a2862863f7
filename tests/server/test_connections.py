"""Connections over real sockets on every backend: order, waiting, file slices, slow readers, hanging up."""

from __future__ import annotations

import os
import socket
import struct
import threading
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from kafkalite.broker.request import CloseConnection
from kafkalite.clock import SystemClock
from kafkalite.deferred import Deferred
from kafkalite.server import transport
from kafkalite.server.close_log import CloseLog
from kafkalite.server.connection_table import ConnectionLimits, ConnectionTable
from kafkalite.server.drivers import AsyncioDriver, PortableDriver
from kafkalite.server.listener import Listener, bind
from kafkalite.server.transport import Transport
from kafkalite.storage.file_slice import FileSlice
from kafkalite.storage.real_filesystem import RealFileSystem

MAX_REQUEST_BYTES = 1 << 20


@pytest.fixture(
    params=[("asyncio", AsyncioDriver), ("asyncio", PortableDriver), ("trio", PortableDriver)],
    ids=["asyncio-callbacks", "asyncio-tasks", "trio-tasks"],
)
def backend_and_driver(request):
    return request.param


@pytest.fixture
def anyio_backend(backend_and_driver):
    return backend_and_driver[0]


@pytest.fixture
def driver(backend_and_driver):
    return backend_and_driver[1]()


class ScriptedDispatcher:
    """Answers by the first byte of a frame: e echo, l later, s a file slice, n nothing, x hang up, b break."""

    def __init__(self, slice_file: Path | None = None) -> None:
        self.later: list[tuple[Deferred, bytes]] = []
        self.handled = 0
        self._slice_file = slice_file

    def handle(self, frame, info):
        self.handled += 1
        command, body = bytes(frame[:1]), bytes(frame)
        if command == b"l":
            deferred = Deferred()
            self.later.append((deferred, body))
            return deferred
        if command == b"s":
            size = self._slice_file.stat().st_size
            piece = FileSlice(RealFileSystem().open(self._slice_file, create=False), 0, size)
            return [bytearray(struct.pack(">i", size + 2)), b"<", piece, b">"]
        if command == b"n":
            return None
        if command == b"x":
            raise CloseConnection("asked to")
        if command == b"b":
            raise RuntimeError("our own mistake")
        return frame_of(body)

    def resolve_next(self) -> None:
        deferred, body = self.later.pop(0)
        deferred.resolve(frame_of(body))


def frame_of(body: bytes) -> bytearray:
    return bytearray(struct.pack(">i", len(body)) + body)


@asynccontextmanager
async def serving(dispatcher, driver, **limits):
    [sock] = bind("127.0.0.1", 0, "PLAINTEXT")
    allowed = limits.get("limits", ConnectionLimits(100, 100, {}))
    table = ConnectionTable(lambda: allowed, limits.get("max_idle_ms", 600_000))
    listener = Listener(
        "PLAINTEXT",
        sock,
        dispatcher,
        driver,
        table,
        MAX_REQUEST_BYTES,
        SystemClock(),
        CloseLog(SystemClock()),
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.run, tasks)
        try:
            yield sock.getsockname()[1], table
        finally:
            tasks.cancel_scope.cancel()
            sock.close()


@asynccontextmanager
async def client_of(port):
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        yield stream


async def receive_frame(stream) -> bytes:
    size = struct.unpack(">i", await receive_exactly(stream, 4))[0]
    return await receive_exactly(stream, size)


async def receive_exactly(stream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await stream.receive(size - len(data))
    return data


async def hung_up(stream) -> bool:
    try:
        await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return True
    return False


async def until(condition) -> None:
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.001)


async def test_answers_come_in_request_order_when_pipelined(driver):
    async with serving(ScriptedDispatcher(), driver) as (port, _), client_of(port) as stream:
        await stream.send(b"".join(frame_of(b"e%d" % n) for n in range(500)))
        for n in range(500):
            assert await receive_frame(stream) == b"e%d" % n


async def test_request_sent_byte_by_byte_is_answered_once_it_is_whole(driver):
    async with serving(ScriptedDispatcher(), driver) as (port, _), client_of(port) as stream:
        for byte in frame_of(b"ehello"):
            await stream.send(bytes([byte]))
        assert await receive_frame(stream) == b"ehello"


async def test_parked_answer_holds_back_what_was_pipelined_behind_it(driver):
    dispatcher = ScriptedDispatcher()
    async with serving(dispatcher, driver) as (port, _), client_of(port) as stream:
        await stream.send(frame_of(b"e1") + frame_of(b"l2") + frame_of(b"e3"))
        assert await receive_frame(stream) == b"e1"
        await until(lambda: dispatcher.later)
        await stream.send(frame_of(b"e4"))
        assert dispatcher.handled == 2
        dispatcher.resolve_next()
        assert [await receive_frame(stream) for _ in range(3)] == [b"l2", b"e3", b"e4"]


async def test_answer_parked_on_one_connection_is_resolved_by_another(driver):
    dispatcher = ScriptedDispatcher()
    async with (
        serving(dispatcher, driver) as (port, _),
        client_of(port) as parked,
        client_of(port) as other,
    ):
        await parked.send(frame_of(b"lx"))
        await until(lambda: dispatcher.later)
        await other.send(frame_of(b"eo"))
        assert await receive_frame(other) == b"eo"
        dispatcher.resolve_next()
        assert await receive_frame(parked) == b"lx"


async def test_file_slice_is_sent_between_the_buffers_around_it(driver, tmp_path):
    content = bytes(range(256)) * 20_000
    path = tmp_path / "slice"
    path.write_bytes(content)
    async with serving(ScriptedDispatcher(path), driver) as (port, _), client_of(port) as stream:
        await stream.send(frame_of(b"s") + frame_of(b"eafter"))
        assert await receive_frame(stream) == b"<" + content + b">"
        assert await receive_frame(stream) == b"eafter"


async def test_client_that_does_not_read_stops_being_read_and_loses_nothing(driver, tmp_path):
    path = tmp_path / "slice"
    path.write_bytes(b"z" * 1_000_000)
    dispatcher = ScriptedDispatcher(path)
    count = 60
    async with serving(dispatcher, driver) as (port, _), client_of(port) as stream:
        await stream.send(frame_of(b"s") * count)
        await until(lambda: dispatcher.handled > 0)
        for _ in range(50):
            await anyio.sleep(0.001)
        assert dispatcher.handled < count, "answers pile up in memory"
        for _ in range(count):
            assert len(await receive_frame(stream)) == 1_000_002


async def test_nothing_is_sent_for_a_request_without_an_answer(driver):
    async with serving(ScriptedDispatcher(), driver) as (port, _), client_of(port) as stream:
        await stream.send(frame_of(b"n") + frame_of(b"e"))
        assert await receive_frame(stream) == b"e"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(frame_of(b"x"), id="handler hangs up"),
        pytest.param(struct.pack(">i", 0), id="size zero"),
        pytest.param(struct.pack(">i", -5), id="negative size"),
        pytest.param(struct.pack(">i", MAX_REQUEST_BYTES + 1), id="size above the limit"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="http"),
    ],
)
async def test_bad_request_closes_its_connection_and_no_other(driver, sent):
    async with (
        serving(ScriptedDispatcher(), driver) as (port, _),
        client_of(port) as bad,
        client_of(port) as good,
    ):
        await bad.send(sent)
        assert await hung_up(bad)
        await good.send(frame_of(b"e"))
        assert await receive_frame(good) == b"e"


@pytest.mark.parametrize("bad", [frame_of(b"x"), struct.pack(">i", -5)], ids=["hangs up", "size"])
async def test_what_was_asked_before_a_bad_request_is_answered_first(driver, bad):
    async with serving(ScriptedDispatcher(), driver) as (port, _), client_of(port) as stream:
        await stream.send(frame_of(b"e1") + frame_of(b"e2") + bad + frame_of(b"e3"))
        assert await receive_frame(stream) == b"e1"
        assert await receive_frame(stream) == b"e2"
        assert await hung_up(stream)


async def test_mistake_of_ours_costs_one_connection_not_the_server(driver, caplog):
    async with (
        serving(ScriptedDispatcher(), driver) as (port, _),
        client_of(port) as bad,
        client_of(port) as good,
    ):
        await bad.send(frame_of(b"b"))
        assert await hung_up(bad)
        await good.send(frame_of(b"e"))
        assert await receive_frame(good) == b"e"
    assert "ended unexpectedly" in caplog.text


async def test_client_that_leaves_with_an_answer_parked_is_forgotten_once_it_resolves(driver):
    dispatcher = ScriptedDispatcher()
    async with serving(dispatcher, driver) as (port, table):
        async with client_of(port) as stream:
            await stream.send(frame_of(b"l"))
            await until(lambda: dispatcher.later)
        dispatcher.resolve_next()
        await until(lambda: len(table) == 0)


@pytest.mark.parametrize(
    "limits",
    [
        ConnectionLimits(1, 100, {}),
        ConnectionLimits(100, 1, {}),
        ConnectionLimits(100, 100, {"127.0.0.1": 1}),
    ],
    ids=["in all", "from one address", "from this address"],
)
async def test_connection_over_the_limit_is_closed_at_once(driver, limits):
    async with (
        serving(ScriptedDispatcher(), driver, limits=limits) as (port, table),
        client_of(port) as first,
    ):
        await first.send(frame_of(b"e"))
        assert await receive_frame(first) == b"e"
        async with client_of(port) as second:
            assert await hung_up(second)
        await first.aclose()
        await until(lambda: len(table) == 0)
        async with client_of(port) as third:
            await third.send(frame_of(b"e"))
            assert await receive_frame(third) == b"e"


async def test_idle_connection_is_closed_and_one_with_a_parked_answer_is_not(driver):
    dispatcher = ScriptedDispatcher()
    async with (
        serving(dispatcher, driver, max_idle_ms=1000) as (port, table),
        client_of(port) as idle,
        client_of(port) as parked,
    ):
        await idle.send(frame_of(b"e"))
        await receive_frame(idle)
        await parked.send(frame_of(b"l"))
        await until(lambda: dispatcher.later)
        assert table.close_idle(1000) == 0, "both were active since the last sweep"
        assert table.close_idle(2000) == 1
        assert await hung_up(idle)
        dispatcher.resolve_next()
        assert await receive_frame(parked) == b"l"


async def test_reset_by_the_client_in_mid_answer_ends_the_connection_quietly(
    driver, tmp_path, caplog
):
    path = tmp_path / "slice"
    path.write_bytes(b"z" * 8_000_000)
    dispatcher = ScriptedDispatcher(path)
    async with serving(dispatcher, driver) as (port, table):
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(frame_of(b"s"))
        await until(lambda: dispatcher.handled)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        await until(lambda: len(table) == 0)
    assert caplog.text == ""


async def test_cold_slice_is_sent_by_a_worker_thread_while_others_are_served(
    driver, tmp_path, monkeypatch
):
    content = os.urandom(8 << 20)
    path = tmp_path / "cold"
    path.write_bytes(content)
    # What the page cache holds is the kernel's to decide, so it is not asked here: everything counts as cold.
    monkeypatch.setattr(transport, "is_cached", lambda descriptor, position: False)
    sent_by: list[threading.Thread] = []
    send_cold = Transport.send_cold

    def watched(sender: Transport) -> None:
        sent_by.append(threading.current_thread())
        send_cold(sender)

    monkeypatch.setattr(Transport, "send_cold", watched)
    loop_thread = threading.current_thread()
    async with (
        serving(ScriptedDispatcher(path), driver) as (port, _),
        client_of(port) as cold,
        client_of(port) as hot,
    ):
        await cold.send(frame_of(b"s"))
        await hot.send(frame_of(b"e"))
        assert await receive_frame(hot) == b"e"
        assert await receive_frame(cold) == b"<" + content + b">"
    assert sent_by
    assert loop_thread not in sent_by
