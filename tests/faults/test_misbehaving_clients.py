"""What a client may do to the broker: nothing that another client, its memory or its log would show."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Iterator
from itertools import islice

import pytest
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.messages.api_versions import ApiVersionsRequest

from tests.broker_process import HOST, BrokerProcess
from tests.faults.bystander import Bystander, MemoryWatch
from tests.faults.conftest import create_topic
from tests.faults.flood import Flood
from tests.faults.malformed_frames import Served, framed, malformed_frames, produce_frame
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FRAMES = int(os.environ.get("KAFKALITE_TEST_FRAMES", "100000"))
SEED = int(os.environ.get("KAFKALITE_TEST_SEED", "1"))
CONNECTIONS_OF_EACH_KIND = 250
MOST_RESIDENT_BYTES = int(os.environ.get("KAFKALITE_TEST_MEMORY_MB", "256")) * 1_000_000
FETCH, MIB = 1, 1 << 20
CLEAN_EXITS = (0, 143)
"""143 = 128 + SIGTERM is how a JVM reports an orderly end, when the tests run on Apache Kafka."""


def test_a_hundred_thousand_malformed_frames_disturb_nobody(broker: BrokerProcess) -> None:
    honest, target = create_topic(broker.bootstrap, 1), create_topic(broker.bootstrap, 1)
    flood = Flood((HOST, broker.port), connections=64)
    with Bystander(broker.bootstrap, honest), MemoryWatch(broker.pid) as memory:
        frames = malformed_frames(SEED, target, served(broker))
        flood.send(islice(frames, FRAMES))
    print(f"seed {SEED}: {dict(flood.outcomes)}, {memory.largest_bytes / 1e6:.0f} MB resident")
    assert flood.outcomes.total() == FRAMES
    assert min(flood.outcomes["answered"], flood.outcomes["closed"]) > FRAMES // 20
    assert memory.largest_bytes < MOST_RESIDENT_BYTES
    assert "Traceback" not in broker.log()
    assert broker.terminate() in CLEAN_EXITS


def test_a_thousand_half_open_and_slow_connections_disturb_nobody(broker: BrokerProcess) -> None:
    """Silent ones; half a size; 100 MiB announced and sent byte by byte; answers never read."""
    honest, big = create_topic(broker.bootstrap, 1), create_topic(broker.bootstrap, 1)
    fill(broker, big, 16 * MIB)
    with contextlib.ExitStack() as open_connections:

        def connections(first_bytes: bytes) -> list[socket.socket]:
            made = [
                socket.create_connection((HOST, broker.port))
                for _ in range(CONNECTIONS_OF_EACH_KIND)
            ]
            for each in made:
                open_connections.enter_context(each)
                each.sendall(first_bytes)
            return made

        with Bystander(broker.bootstrap, honest) as bystander, MemoryWatch(broker.pid) as memory:
            connections(b"")
            connections(b"\0\0")
            connections(fetch_frame(big) * 20)
            slow = connections(struct.pack(">i", 100 * MIB))
            with dribbling(slow):
                enough = bystander.rounds + 500
                wait_until(lambda: bystander.rounds >= enough, "500 honest records", timeout_s=120)
        assert memory.largest_bytes < MOST_RESIDENT_BYTES
        assert broker.terminate() in CLEAN_EXITS
    assert "Traceback" not in broker.log()


def served(broker: BrokerProcess) -> Served:
    """What ApiVersions tells."""
    with RawClient(broker.bootstrap) as client:
        answer = client.ask(ApiVersionsRequest(), 0)
    return {api.api_key: range(api.min_version, api.max_version + 1) for api in answer.api_keys}


@contextlib.contextmanager
def dribbling(connections: list[socket.socket]) -> Iterator[None]:
    """Send each of them a byte now and then."""
    stopping = threading.Event()

    def run() -> None:
        while not stopping.wait(0.05):
            for connection in connections:
                connection.sendall(b"\0")

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def fill(broker: BrokerProcess, topic: str, total_bytes: int) -> None:
    """Produce until the topic holds about so much."""
    frame = produce_frame(topic, value_bytes=500_000)
    with socket.create_connection((HOST, broker.port), timeout=30) as connection:
        for _ in range(total_bytes // len(frame)):
            connection.sendall(frame)
            size = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))[0]
            connection.recv(size, socket.MSG_WAITALL)


def fetch_frame(topic: str) -> bytes:
    """Fetch v4 of up to 50 MiB from offset 0."""
    head = struct.pack(">iiiibi", -1, 500, 1, 50 * MIB, 0, 1)
    partition = struct.pack(">iiqi", 1, 0, 0, 50 * MIB)
    return framed(FETCH, 4, head + struct.pack(">h", len(topic)) + topic.encode() + partition)
