"""Whole applications: Kafka Streams and Kafka Connect. The suite writes what goes in and reads what comes out."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kafkalite_protocol.records import Record

from kafkalite_compat.checks import eventually, expect
from kafkalite_compat.scenario import scenario
from kafkalite_compat.wire import logs
from kafkalite_compat.world import World

GROUP = "applications"
ORDER = 15

FIRST_OUTPUT_WITHIN_S = 60.0
STRING_CONVERTER = "org.apache.kafka.connect.storage.StringConverter"


@scenario("X01", "Streams counts words")
def word_count(world: World) -> None:
    """A topology with a state store and a repartition topic. Two lines go in; the latest count of each word comes out right."""
    source, target = world.topic(), world.topic()
    with tempfile.TemporaryDirectory() as state:
        _start_streams(world, "word-count", source, target, state)
        world.write(source, [b"to be or not to be", b"that is to do"])
        wanted = {
            b"to": b"3",
            b"be": b"2",
            b"or": b"1",
            b"not": b"1",
            b"that": b"1",
            b"is": b"1",
            b"do": b"1",
        }
        _becomes(world, target, wanted)
        _stop_streams(world)


@scenario("X02", "Streams transforms records one by one")
def stateless(world: World) -> None:
    """A stateless topology: three values go in, the same in upper case come out, in order."""
    source, target = world.topic(), world.topic()
    with tempfile.TemporaryDirectory() as state:
        _start_streams(world, "upper-case", source, target, state)
        world.write(source, [b"a", b"bc", b"d"])
        _values_become(world, target, [b"A", b"BC", b"D"])
        _stop_streams(world)


@scenario("X03", "Streams joins a stream with a table")
def table_join(world: World) -> None:
    """The table has a row for each of two keys; two records of the stream come out joined with their rows."""
    source, table, target = world.topic(), world.topic(hint="table"), world.topic()
    with tempfile.TemporaryDirectory() as state:
        world.write_records(table, [Record(0, -1, b"1", b"one"), Record(0, -1, b"2", b"two")])
        _start_streams(world, "table-join", source, target, state, table=table)
        world.write_records(
            source, [Record(0, -1, b"1", b"left 1"), Record(0, -1, b"2", b"left 2")]
        )
        _becomes(world, target, {b"1": b"left 1,one", b"2": b"left 2,two"})
        _stop_streams(world)


@scenario("X04", "Streams works exactly once")
def exactly_once(world: World) -> None:
    """processing.guarantee=exactly_once_v2. The counts come out in transactions, and right; stopped and started again, the application
    goes on where it was: nothing is counted twice."""
    source, target = world.topic(), world.topic()
    with tempfile.TemporaryDirectory() as state:
        _start_streams(world, "word-count", source, target, state, guarantee="exactly_once_v2")
        world.write(source, [b"once once"])
        _becomes(world, target, {b"once": b"2"})
        _stop_streams(world)
        _start_streams(world, "word-count", source, target, state, guarantee="exactly_once_v2")
        world.write(source, [b"once"])
        _becomes(world, target, {b"once": b"3"})
        _stop_streams(world)
    expect(
        "the output is transactional", {batch.transactional for batch in world.log(target)}, {True}
    )


@scenario("X05", "Streams restores its state from the changelog")
def restored(world: World) -> None:
    """The application has counted; it is stopped and its state directory thrown away. Started again it counts on from what it had."""
    source, target = world.topic(), world.topic()
    for line, count in ((b"word word", b"2"), (b"word", b"3")):
        with tempfile.TemporaryDirectory() as state:
            _start_streams(world, "word-count", source, target, state)
            world.write(source, [line])
            _becomes(world, target, {b"word": count})
            _stop_streams(world)


@scenario("X06", "Streams forms its group by the new protocol")
def streams_protocol(world: World) -> None:
    """KIP-1071: group.protocol=streams. The words are counted as in X01."""
    source, target = world.topic(), world.topic()
    with tempfile.TemporaryDirectory() as state:
        _start_streams(world, "word-count", source, target, state, group_protocol="streams")
        world.write(source, [b"a b a"])
        _becomes(world, target, {b"a": b"2", b"b": b"1"})
        _stop_streams(world)


@scenario("X07", "Connect reads a file into a topic")
def connect_source(world: World) -> None:
    """A standalone worker with a FileStreamSource: the lines of a file come out of the topic, in order, and those added later too."""
    topic = world.topic()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lines.txt"
        file.write_text("one\ntwo\n")
        _start_connect(world, folder, _source(world, file, topic))
        _values_become(world, topic, [b"one", b"two"])
        with file.open("a") as lines:
            lines.write("three\n")
        _values_become(world, topic, [b"one", b"two", b"three"])
        _stop_connect(world)


@scenario("X08", "Connect writes a topic into a file")
def connect_sink(world: World) -> None:
    """A standalone worker with a FileStreamSink: the records of a topic come to stand in a file, in order."""
    topic = world.topic()
    world.write(topic, [b"one", b"two"])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lines.txt"
        configs = {
            "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
            "file": str(file),
            "topics": topic,
        }
        _start_connect(
            world, folder, {"name": world.name("sink"), "configs": _with_converters(configs)}
        )
        eventually(
            "the lines are in the file", lambda: _text(file) == "one\ntwo\n", FIRST_OUTPUT_WITHIN_S
        )
        world.write(topic, [b"three"])
        eventually(
            "a third line", lambda: _text(file) == "one\ntwo\nthree\n", FIRST_OUTPUT_WITHIN_S
        )
        _stop_connect(world)


@scenario("X09", "Connect goes on from its offsets file")
def connect_resumes(world: World) -> None:
    """The source worker is stopped and started again with the same offsets file. Only the lines added in between come: none twice."""
    topic = world.topic()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lines.txt"
        file.write_text("one\ntwo\n")
        connector = _source(world, file, topic)
        _start_connect(world, folder, connector)
        _values_become(world, topic, [b"one", b"two"])
        _stop_connect(world)
        with file.open("a") as lines:
            lines.write("three\n")
        _start_connect(world, folder, connector)
        _values_become(world, topic, [b"one", b"two", b"three"])
        _stop_connect(world)


def _start_streams(
    world: World, topology: str, source: str, target: str, state: str, **fields: str
) -> None:
    world.steps.call(
        "start_streams",
        application="app",
        application_id=world.name("app"),
        topology=topology,
        input=source,
        output=target,
        state_dir=state,
        **fields,
    )


def _stop_streams(world: World) -> None:
    world.steps.call("stop_streams", application="app")


def _start_connect(world: World, folder: str, connector: dict[str, Any]) -> None:
    offsets_file = str(Path(folder) / "offsets")
    world.steps.call("start_connect", worker="w", offsets_file=offsets_file, connectors=[connector])


def _stop_connect(world: World) -> None:
    world.steps.call("stop_connect", worker="w")


def _source(world: World, file: Path, topic: str) -> dict[str, Any]:
    configs = {
        "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
        "file": str(file),
        "topic": topic,
    }
    return {"name": world.name("source"), "configs": _with_converters(configs)}


def _with_converters(configs: dict[str, str]) -> dict[str, str]:
    return {
        "tasks.max": "1",
        "key.converter": STRING_CONVERTER,
        "value.converter": STRING_CONVERTER,
        **configs,
    }


def _becomes(world: World, topic: str, wanted: dict[bytes, bytes]) -> None:
    """The last value of each key of the topic."""

    def latest() -> bool:
        records = logs.read_values(world.wire, topic, 0)
        return {bytes(one.key or b""): bytes(one.value or b"") for one in records} == wanted

    eventually(f"{wanted} in the output", latest, FIRST_OUTPUT_WITHIN_S)


def _values_become(world: World, topic: str, wanted: Sequence[bytes]) -> None:
    eventually(
        f"{list(wanted)} in the topic",
        lambda: world.values(topic) == list(wanted),
        FIRST_OUTPUT_WITHIN_S,
    )


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""
