"""The load generator: a process of its own that sends request bytes made beforehand.

    python -m bench.load produce --port 9092 --pid 4711 --batch-bytes 65536 --in-flight 5 ...

It talks over one blocking socket, looks at no more of an answer than its length and error code, and
prints one JSON object. CPU time is the broker's (user and system, all its threads), read from /proc
right before and after the measured part, so that neither this program nor the warm-up counts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

from bench.wire import (
    MIB,
    create_topic_error_position,
    create_topic_request,
    error_at,
    fetch_request,
    produce_error_position,
    produce_request,
    record_batch,
)

HOST = "127.0.0.1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=sorted(WORK))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True, help="the broker's process")
    parser.add_argument("--topic", required=True, help="is created")
    parser.add_argument("--records", type=int, default=1, help="in each batch")
    parser.add_argument("--batch-bytes", type=int, default=200)
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--fill-bytes", type=int, default=64 * MIB, help="in each partition")
    parser.add_argument("--warm-up", type=int, default=0, help="requests before the measured ones")
    parser.add_argument("--requests", type=int, required=True, help="measured, at most")
    parser.add_argument("--seconds", type=float, default=30, help="measured, at most")
    arguments = parser.parse_args()
    print(json.dumps(WORK[arguments.work](arguments)))


# --- the three kinds of work ---------------------------------------------------------------------


def produce(arguments: argparse.Namespace) -> dict[str, float]:
    """The same batch again and again, acks=all, a constant number of requests in flight."""
    connection = Connection(arguments.port)
    connection.create_topic(arguments.topic, 1)
    batch = record_batch(arguments.records, arguments.batch_bytes)
    request = produce_request(arguments.topic, 0, batch)
    connection.until_it_succeeds(request, produce_error_position(arguments.topic))

    def send(requests: int, seconds: float) -> int:
        return connection.keep_in_flight(
            request, produce_error_position(arguments.topic), arguments.in_flight, requests, seconds
        )

    send(arguments.warm_up, arguments.seconds)
    measured = measure(arguments.pid, lambda: send(arguments.requests, arguments.seconds))
    return measured.figures(bytes_each=len(batch))


def fetch(arguments: argparse.Namespace) -> dict[str, float]:
    """1 MiB of each partition per request, over and over the same data: it is in the page cache."""
    connection = Connection(arguments.port)
    connection.create_topic(arguments.topic, arguments.partitions)
    batch = record_batch(arguments.records, arguments.batch_bytes)
    assert MIB % len(batch) == 0, "whole batches must fill the megabyte asked for"
    error_position = produce_error_position(arguments.topic)
    for partition in range(arguments.partitions):
        request = produce_request(arguments.topic, partition, batch)
        connection.until_it_succeeds(request, error_position)
        connection.keep_in_flight(request, error_position, 5, arguments.fill_bytes // len(batch))

    records_per_mib = MIB // len(batch) * arguments.records
    requests = [
        fetch_request(arguments.topic, dict.fromkeys(range(arguments.partitions), offset))
        for offset in range(0, arguments.fill_bytes // MIB * records_per_mib, records_per_mib)
    ]
    buffer = memoryview(bytearray(MIB))

    def read(count: int) -> int:
        end = time.monotonic() + arguments.seconds
        for number, request in enumerate(itertools.islice(itertools.cycle(requests), count)):
            connection.socket.sendall(request)
            length = connection.discard_response(buffer)
            assert length > arguments.partitions * MIB, "the broker sent less than asked for"
            if time.monotonic() > end:
                return number + 1
        return count

    read(arguments.warm_up)
    measured = measure(arguments.pid, lambda: read(arguments.requests))
    return measured.figures(bytes_each=arguments.partitions * MIB)


def latency(arguments: argparse.Namespace) -> dict[str, float]:
    """From sending one record to having it from a fetch that was waiting for it."""
    producer, consumer = Connection(arguments.port), Connection(arguments.port)
    producer.create_topic(arguments.topic, 1)
    batch = record_batch(1, arguments.batch_bytes)
    request = produce_request(arguments.topic, 0, batch)
    producer.until_it_succeeds(request, produce_error_position(arguments.topic))
    seconds: list[float] = []
    for offset in range(1, arguments.warm_up + arguments.requests + 1):
        consumer.socket.sendall(fetch_request(arguments.topic, {0: offset}))
        time.sleep(PARKING_S)
        sent = time.perf_counter()
        producer.socket.sendall(request)
        response = consumer.response()
        seconds.append(time.perf_counter() - sent)
        assert len(response) > len(batch), "the fetch came back without the record"
        producer.check(producer.response(), produce_error_position(arguments.topic))
    seconds = sorted(seconds[arguments.warm_up :])
    return {
        "p50_ms": seconds[len(seconds) // 2] * 1000,
        "p99_ms": seconds[len(seconds) * 99 // 100] * 1000,
    }


PARKING_S = 0.002
"""Time for a fetch to reach the broker and be parked there before the record is sent."""

WORK: dict[str, Callable[[argparse.Namespace], dict[str, float]]] = {
    "produce": produce,
    "fetch": fetch,
    "latency": latency,
}


# --- measuring -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    requests: int
    seconds: float
    cpu_seconds: float

    def figures(self, *, bytes_each: int) -> dict[str, float]:
        gigabytes = self.requests * bytes_each / 1e9
        return {
            "requests": self.requests,
            "requests_per_s": self.requests / self.seconds,
            "cpu_us_per_request": self.cpu_seconds / self.requests * 1e6,
            "mb_per_s": gigabytes * 1000 / self.seconds,
            "cpu_s_per_gb": self.cpu_seconds / gigabytes,
        }


def measure(pid: int, work: Callable[[], int]) -> Measured:
    """Do the work, which returns its number of requests."""
    cpu, start = cpu_seconds(pid), time.perf_counter()
    requests = work()
    return Measured(requests, time.perf_counter() - start, cpu_seconds(pid) - cpu)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children so far."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


# --- the socket ----------------------------------------------------------------------------------


class Connection:
    """One blocking socket on which responses come in the order of the requests."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def response(self) -> bytes:
        """The next response, without its size."""
        return self._exactly(int.from_bytes(self._exactly(4)))

    def discard_response(self, buffer: memoryview) -> int:
        """Read the next response into the buffer, over and over, and return its length."""
        left = size = int.from_bytes(self._exactly(4))
        while left:
            count = self.socket.recv_into(buffer[: min(left, len(buffer))])
            if not count:
                raise ConnectionError("the broker closed the connection")
            left -= count
        return size

    def keep_in_flight(
        self,
        request: bytes,
        error_position: int,
        in_flight: int,
        requests: int,
        seconds: float = 60,
    ) -> int:
        """Send a request for each answer until the count or the time is reached.

        Every answer's error code is looked at. Returns the number of requests answered.
        """
        together = [request * count for count in range(in_flight + 1)]
        end = time.monotonic() + seconds
        sent, answered = min(in_flight, requests), 0
        self.socket.sendall(together[sent])
        received = b""
        while answered < sent:
            received += self._some()
            new, received = self._take_frames(received, error_position)
            answered += new
            if time.monotonic() < end:
                more = min(new, requests - sent)
                self.socket.sendall(together[more])
                sent += more
        return answered

    def until_it_succeeds(self, request: bytes, error_position: int) -> None:
        """Repeat while the broker is still getting the new topic ready."""
        response = b""
        for _ in range(200):
            self.socket.sendall(request)
            response = self.response()
            if error_at(response, error_position) == 0:
                return
            time.sleep(0.05)
        self.check(response, error_position)

    @staticmethod
    def check(response: bytes, error_position: int) -> None:
        error = error_at(response, error_position)
        if error:
            raise RuntimeError(f"the broker answered with error {error}")

    def create_topic(self, name: str, partitions: int) -> None:
        self.socket.sendall(create_topic_request(name, partitions))
        self.check(self.response(), create_topic_error_position(name))

    def _take_frames(self, received: bytes, error_position: int) -> tuple[int, bytes]:
        position = frames = 0
        while len(received) - position >= 4:
            end = position + 4 + int.from_bytes(received[position : position + 4])
            if end > len(received):
                break
            self.check(received[position + 4 : end], error_position)
            position, frames = end, frames + 1
        return frames, received[position:]

    def _some(self) -> bytes:
        received = self.socket.recv(65536)
        if not received:
            raise ConnectionError("the broker closed the connection")
        return received

    def _exactly(self, count: int) -> bytes:
        received = bytearray()
        while len(received) < count:
            chunk = self.socket.recv(count - len(received))
            if not chunk:
                raise ConnectionError("the broker closed the connection")
            received += chunk
        return bytes(received)


if __name__ == "__main__":
    main()
