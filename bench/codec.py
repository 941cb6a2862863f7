"""Codec speed beside kio and kafka-python: `python -m bench.codec` prints a table and rewrites bench/CODEC.md.

Every codec gets the same bytes: ours writes them, each reads them into its own values, and those it writes again
(to the same bytes, which is checked). A figure is microseconds per message, the best of many rounds; the codecs take
turns in each round, so that whatever else the machine does hits all of them.
"""

from __future__ import annotations

import gc
import io
import platform
import sys
import time
import warnings
from datetime import UTC, datetime
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kafkalite_protocol.messages.fetch import read_fetch_request, write_fetch_response
from kafkalite_protocol.messages.produce import read_produce_request, write_produce_response
from kafkalite_protocol.primitives import Struct
from kafkalite_protocol.record_batch import RecordBatchView
from kafkalite_protocol.records import build_batch, read_records
from kio.serial import entity_reader, entity_writer

from bench.codec_samples import SAMPLES, THOUSAND_RECORDS, Sample

with warnings.catch_warnings():  # it reads its own package data in a way that Python gives up
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka.protocol.consumer import FetchRequest, FetchResponse
    from kafka.protocol.metadata import MetadataResponse
    from kafka.protocol.producer import ProduceRequest, ProduceResponse
    from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

if TYPE_CHECKING:
    from collections.abc import Callable

    Job = Callable[[], Any]

REPORT: Final = Path(__file__).with_name("CODEC.md")
ROUNDS: Final = 40
ROUND_S: Final = 0.002
OURS, TUPLES, KIO, KAFKA_PYTHON = "kafkalite", "as tuples", "kio", "kafka-python"
CODECS: Final = (OURS, TUPLES, KIO, KAFKA_PYTHON)
KAFKA_PYTHON_CLASSES: Final = {
    each.__name__: each
    for each in (ProduceRequest, ProduceResponse, FetchRequest, FetchResponse, MetadataResponse)
}


class Row(NamedTuple):
    """One message: per codec the microseconds of each direction. What a codec does not offer is not there."""

    name: str
    decode_us: dict[str, float]
    encode_us: dict[str, float]


def measure(jobs: dict[str, Job]) -> dict[str, float]:
    """Microseconds per call of each job: the best of ROUNDS rounds in which they take turns."""
    repeats = {name: _repeats(job) for name, job in jobs.items()}
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            best[name] = min(best[name], _seconds(job, repeats[name]) / repeats[name])
    return {name: seconds * 1e6 for name, seconds in best.items()}


def _repeats(job: Job) -> int:
    job()
    return max(1, int(ROUND_S / _seconds(job, 3) * 3))


def _seconds(job: Job, repeats: int) -> float:
    gc.collect()
    gc.disable()
    try:
        begin = time.perf_counter()
        for _ in range(repeats):
            job()
        return time.perf_counter() - begin
    finally:
        gc.enable()


def message_row(sample: Sample) -> Row:
    """Both directions of one message in every codec."""
    name, version, message = type(sample.message).__name__, sample.version, sample.message
    data = message.encode(version)
    decode: dict[str, Job] = {OURS: lambda: type(message).decode(version, data)}
    encode: dict[str, Job] = {OURS: lambda: message.encode(version)}

    kio_class = _kio_class(name, version)
    kio_reader: Any = entity_reader(kio_class)
    kio_writer: Any = entity_writer(kio_class)
    kio_value = kio_reader(data, 0)[0]
    decode[KIO] = lambda: kio_reader(data, 0)
    encode[KIO] = lambda: _kio_encode(kio_writer, kio_value)
    assert encode[KIO]() == data

    theirs = KAFKA_PYTHON_CLASSES[name][version]
    their_value = theirs.decode(data)
    decode[KAFKA_PYTHON] = lambda: theirs.decode(data)
    encode[KAFKA_PYTHON] = lambda: their_value.encode()
    assert encode[KAFKA_PYTHON]() == data

    _add_tuples(sample, data, decode, encode)
    return Row(sample.title, measure(decode), measure(encode))


def _add_tuples(
    sample: Sample, data: bytes, decode: dict[str, Job], encode: dict[str, Job]
) -> None:
    """The broker's own path for Produce and Fetch, in the direction in which it takes it."""
    version = sample.version
    value: Any = as_tuple(sample.message)
    match type(sample.message).__name__:
        case "ProduceRequest":
            decode[TUPLES] = lambda: read_produce_request(version, data, 0)
        case "FetchRequest":
            decode[TUPLES] = lambda: read_fetch_request(version, data, 0)
        case "ProduceResponse":
            encode[TUPLES] = lambda: write_produce_response(version, value, bytearray())
        case "FetchResponse":
            encode[TUPLES] = lambda: write_fetch_response(version, value, [])
        case _:
            return


def as_tuple(value: object) -> object:
    """A message as nested tuples of all its fields."""
    if isinstance(value, Struct):
        return tuple(as_tuple(getattr(value, name)) for name in value.__slots__)
    return [as_tuple(each) for each in value] if isinstance(value, list) else value


def _kio_class(name: str, version: int) -> Any:  # noqa: ANN401  # kio's classes have no common type
    kind = "Request" if name.endswith("Request") else "Response"
    api = name.removesuffix(kind).lower()
    return getattr(import_module(f"kio.schema.{api}.v{version}.{kind.lower()}"), name)


def _kio_encode(writer: Callable[[Any, Any], None], value: object) -> bytes:
    out = io.BytesIO()
    writer(out, value)
    return out.getvalue()


def records_row() -> Row:
    """A batch of 1000 records: parsed into records, built of them."""
    data = bytes(build_batch(THOUSAND_RECORDS))
    assert _build_with_kafka_python()[61:] == data[61:]
    assert len(list(DefaultRecordBatch(data))) == len(THOUSAND_RECORDS)
    return Row(
        "record batch, 1000 x 100 B",
        measure(
            {
                OURS: lambda: read_records(RecordBatchView(data)),
                KAFKA_PYTHON: lambda: list(DefaultRecordBatch(data)),
            }
        ),
        measure(
            {OURS: lambda: build_batch(THOUSAND_RECORDS), KAFKA_PYTHON: _build_with_kafka_python}
        ),
    )


def _build_with_kafka_python() -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for record in THOUSAND_RECORDS:
        builder.append(record.offset, record.timestamp_ms, record.key, record.value, [])
    return bytes(builder.build())


def table(rows: list[Row]) -> list[str]:
    """Two blocks of plain columns; ratios say how many times our time the other one takes."""
    lines = []
    for direction, column in (
        ("decode, us", [row.decode_us for row in rows]),
        ("encode, us", [row.encode_us for row in rows]),
    ):
        lines.append(
            f"{direction:<32}"
            + "".join(f"{codec:>13}" for codec in CODECS)
            + f"{'kio /':>9}{'kafka-python /':>16}"
        )
        for row, figures in zip(rows, column, strict=True):
            lines.append(
                f"{row.name:<32}"
                + "".join(f"{_number(figures.get(codec)):>13}" for codec in CODECS)
                + f"{_ratio(figures, KIO):>9}{_ratio(figures, KAFKA_PYTHON):>16}"
            )
        lines.append("")
    return lines[:-1]


def _number(us: float | None) -> str:
    return "-" if us is None else f"{us:.1f}"


def _ratio(figures: dict[str, float], other: str) -> str:
    return f"{figures[other] / figures[OURS]:.1f}" if other in figures else "-"


def shortfalls(rows: list[Row]) -> list[str]:
    """Where the aims are missed: nowhere slower than kafka-python, encoding twice as fast as kio."""
    found = []
    for row in rows:
        for direction, figures in (("decode", row.decode_us), ("encode", row.encode_us)):
            if figures[KAFKA_PYTHON] < figures[OURS]:
                found.append(f"{row.name}: {direction} is slower than kafka-python's")
        if row.encode_us.get(KIO, float("inf")) < 2 * row.encode_us[OURS]:
            found.append(f"{row.name}: encode is less than twice as fast as kio's")
    return found


def machine() -> str:
    """What the figures were taken on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("kio", "kafka-python"))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cpu}, {platform.system()}, {python}; {versions}"


def report(rows: list[Row]) -> str:
    """The text of CODEC.md."""
    missed = shortfalls(rows)
    return "\n".join(
        [
            "# Codec speed",
            "",
            f"Written by `python -m bench.codec` on {datetime.now(UTC):%Y-%m-%d}. {machine()}.",
            "",
            f"Microseconds per message, best of {ROUNDS} rounds in which the codecs take turns; all read and write",
            "the same bytes. The last two columns: how many times kafkalite's time the other one takes. *as tuples*",
            "is how the broker reads requests and writes answers of Produce and Fetch. kio reads in Rust, all the",
            "others are Python. Records are not copied by kafkalite's decoding.",
            "",
            "```",
            *table(rows),
            "```",
            "",
            "Aims: nowhere slower than kafka-python, encoding at least twice as fast as kio. "
            + ("Missed: " + "; ".join(missed) + "." if missed else "Both met."),
            "",
        ]
    )


def main() -> None:
    """Measure, print, write the report."""
    rows = [*map(message_row, SAMPLES), records_row()]
    text = report(rows)
    REPORT.write_text(text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
