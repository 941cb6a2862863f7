"""What is measured, and how: each measure drives one running broker and gives figures by name."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench import partitions, perf_tools
from bench.brokers import RunningBroker
from bench.figures import Figure, Measure, resident_bytes

REPOSITORY = Path(__file__).resolve().parent.parent
BATCH = ("--records", "64", "--batch-bytes", "65536")
TOOL_RECORDS, TRANSACTIONAL_RECORDS = 2_000_000, 1_000_000
MIB = 1 << 20

TOUCHED_BYTES = 4 << 30
"""More than any one measure writes."""

_topic_numbers = itertools.count()


def start(broker: RunningBroker) -> dict[str, float]:
    return {"start_s": broker.start_s}


def idle_memory(broker: RunningBroker) -> dict[str, float]:
    return {"idle_mb": resident_bytes(broker.pid) / 1e6}


def loaded_memory(broker: RunningBroker) -> dict[str, float]:
    return {"loaded_mb": resident_bytes(broker.pid) / 1e6}


def one_record(in_flight: int, requests: int) -> Callable[[RunningBroker], dict[str, float]]:
    def run(broker: RunningBroker) -> dict[str, float]:
        options = {"in-flight": in_flight, "warm-up": requests // 4, "requests": requests}
        figures = load(broker, "produce", options, seconds=20)
        return {
            f"produce{in_flight}_per_s": figures["requests_per_s"],
            f"produce{in_flight}_cpu_us": figures["cpu_us_per_request"],
        }

    return run


def batches(broker: RunningBroker) -> dict[str, float]:
    have_memory_ready()
    options = {"in-flight": 5, "warm-up": 4096, "requests": 16_384}
    figures = load(broker, "produce", options, *BATCH, seconds=20)
    return {
        "batches_mb_per_s": figures["mb_per_s"],
        "batches_cpu_s_per_gb": figures["cpu_s_per_gb"],
    }


def fetch(broker: RunningBroker) -> dict[str, float]:
    have_memory_ready()
    options = {"partitions": 4, "fill-bytes": 64 * MIB, "warm-up": 500, "requests": 2000}
    figures = load(broker, "fetch", options, *BATCH, seconds=20)
    return {"fetch_mb_per_s": figures["mb_per_s"], "fetch_cpu_s_per_gb": figures["cpu_s_per_gb"]}


def latency(broker: RunningBroker) -> dict[str, float]:
    figures = load(broker, "latency", {"warm-up": 1000, "requests": 2000}, seconds=60)
    return {"latency_p50_ms": figures["p50_ms"], "latency_p99_ms": figures["p99_ms"]}


def java_tools(broker: RunningBroker) -> dict[str, float]:
    """kafka-producer-perf-test, then kafka-consumer-perf-test on what it produced."""
    have_memory_ready()
    topic = new_topic()
    idempotent = ("--command-property", "acks=all", "enable.idempotence=true")
    produced = perf_tools.produce(broker.bootstrap, topic, TOOL_RECORDS, *idempotent)
    consumed = perf_tools.consume(broker.bootstrap, topic, TOOL_RECORDS)
    return {
        "tool_produced_per_s": produced.records_per_s,
        "tool_produced_mb_per_s": produced.mib_per_s,
        "tool_produce_p99_ms": produced.p99_ms,
        "tool_consumed_per_s": consumed.records_per_s,
        "tool_consumed_mb_per_s": consumed.mib_per_s,
    }


def transactions(broker: RunningBroker) -> dict[str, float]:
    """The same tools with a transaction every 100 ms; the consumer reads what was committed."""
    have_memory_ready()
    topic = new_topic()
    transactional = ("--transactional-id", topic, "--transaction-duration-ms", "100")
    committed = ("--command-property", "isolation.level=read_committed")
    produced = perf_tools.produce(broker.bootstrap, topic, TRANSACTIONAL_RECORDS, *transactional)
    consumed = perf_tools.consume(broker.bootstrap, topic, TRANSACTIONAL_RECORDS, *committed)
    return {
        "transactions_produced_per_s": produced.records_per_s,
        "transactions_produce_p99_ms": produced.p99_ms,
        "transactions_consumed_per_s": consumed.records_per_s,
    }


MEASURES: tuple[Measure, ...] = (
    Measure("start", start, (Figure("start_s", "start to first answer", "s", 2),)),
    Measure("memory", idle_memory, (Figure("idle_mb", "resident memory, idle", "MB", 0),)),
    Measure(
        "produce1",
        one_record(1, 20_000),
        (
            Figure("produce1_per_s", "one-record produce, 1 in flight", "requests/s", 0, True),
            Figure("produce1_cpu_us", "- broker CPU", "µs/request", 0),
        ),
    ),
    Measure(
        "produce5",
        one_record(5, 60_000),
        (
            Figure("produce5_per_s", "one-record produce, 5 in flight", "requests/s", 0, True),
            Figure("produce5_cpu_us", "- broker CPU", "µs/request", 0),
        ),
    ),
    Measure(
        "batches",
        batches,
        (
            Figure("batches_mb_per_s", "produce 64 KiB batches, 5 in flight", "MB/s", 0, True),
            Figure("batches_cpu_s_per_gb", "- broker CPU", "s/GB", 2),
        ),
    ),
    Measure(
        "fetch",
        fetch,
        (
            Figure("fetch_mb_per_s", "fetch 4 x 1 MiB from the page cache", "MB/s", 0, True),
            Figure("fetch_cpu_s_per_gb", "- broker CPU", "s/GB", 2),
        ),
    ),
    Measure(
        "latency",
        latency,
        (
            Figure("latency_p50_ms", "produced to fetched, p50", "ms", 2),
            Figure("latency_p99_ms", "produced to fetched, p99", "ms", 2),
        ),
    ),
    Measure(
        "tools",
        java_tools,
        (
            Figure("tool_produced_per_s", "kafka-producer-perf-test", "records/s", 0, True),
            Figure("tool_produced_mb_per_s", "-", "MiB/s", 0, True),
            Figure("tool_produce_p99_ms", "- p99", "ms", 0),
            Figure("tool_consumed_per_s", "kafka-consumer-perf-test", "records/s", 0, True),
            Figure("tool_consumed_mb_per_s", "-", "MiB/s", 0, True),
        ),
    ),
    Measure(
        "transactions",
        transactions,
        (
            Figure(
                "transactions_produced_per_s",
                "kafka-producer-perf-test, 100 ms transactions",
                "records/s",
                0,
                True,
            ),
            Figure("transactions_produce_p99_ms", "- p99", "ms", 0),
            Figure(
                "transactions_consumed_per_s",
                "kafka-consumer-perf-test, read_committed",
                "records/s",
                0,
                True,
            ),
        ),
    ),
    Measure(
        "memory", loaded_memory, (Figure("loaded_mb", "resident memory, after all that", "MB", 0),)
    ),
    partitions.MEASURE,
)


def load(
    broker: RunningBroker, work: str, options: dict[str, int], *more: str, seconds: int
) -> dict[str, float]:
    """Run the load generator in a process of its own and return its figures."""
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "bench.load", work, "--port", str(broker.port)]
    command += ["--pid", str(broker.pid), "--topic", new_topic(), "--seconds", str(seconds)]
    done = subprocess.run(
        [*command, *words, *more], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, timeout=600
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def have_memory_ready() -> None:
    """Write out what is dirty and touch as much memory as the next measure may fill as page cache.

    In a virtual machine memory that was never touched, or was given back, costs a fault in the host at its first use. That
    is several times the cost of the write itself, and would be measured in whichever broker happens to meet it.
    """
    os.sync()
    touch = f"m = bytearray({TOUCHED_BYTES})\nfor i in range(0, {TOUCHED_BYTES}, 4096): m[i] = 1"
    subprocess.run([sys.executable, "-c", touch], check=True, timeout=120)


def new_topic() -> str:
    return f"bench-{next(_topic_numbers)}"
