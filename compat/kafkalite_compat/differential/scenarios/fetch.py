"""Fetch with and without sessions, ListOffsets, OffsetForLeaderEpoch."""

from __future__ import annotations

from typing import Any

from kafkalite_protocol.compression import Compression
from kafkalite_protocol.messages.delete_topics import DeleteTopicsRequest
from kafkalite_protocol.records import Record, build_batch

from kafkalite_compat.checks import eventually
from kafkalite_compat.differential.requests.records import (
    NOW_MS,
    UNKNOWN_ID,
    batch_of,
    end_of_epoch,
    fetch,
    forgotten,
    list_offsets,
    part,
    produce,
)
from kafkalite_compat.differential.side import Side
from kafkalite_compat.wire.raw import RawClient

VERSIONS = range(4, 19)


def three_batches(side: Side, name: str, partitions: int = 1) -> str:
    """Batches {[0,2][3,5][6,8]} in every partition."""
    topic = side.new_topic(name, partitions)
    for index in range(partitions):
        for _ in range(3):
            answer = side.client.ask(produce((topic, index, batch_of(b"a", b"b", b"c"))), 9)
            assert answer.responses[0].partition_responses[0].error_code == 0
    return topic


def fetch_versions(side: Side) -> None:
    name = three_batches(side, "fetch-versions", 2)
    uuid = side.topic_id(name)
    for version in VERSIONS:
        topic = uuid if version >= 13 else name
        unknown = UNKNOWN_ID if version >= 13 else "nobody"
        side.ask("two partitions", fetch((topic, part(0), part(1, 4))), version)
        side.ask("read committed", fetch((topic, part(0)), isolation_level=1), version)
        side.ask("isolation 7", fetch((topic, part(0)), isolation_level=7), version)
        side.ask("at the end", fetch((topic, part(0, 9)), isolation_level=1), version)
        side.ask("beyond the end", fetch((topic, part(0, 10)), isolation_level=1), version)
        side.ask("offset -1", fetch((topic, part(0, -1))), version)
        side.ask("unknown partition", fetch((topic, part(7), part(0, 9))), version)
        side.ask("unknown topic", fetch((unknown, part(0)), (topic, part(1, 8))), version)
        side.ask("nothing", fetch(), version)
        side.ask("cluster", fetch((topic, part(0, 8)), cluster_id="other"), version)
        side.ask("rack", fetch((topic, part(0, 8)), rack_id="r"), version)
        if version >= 9:
            for epoch in (0, 1, 5):
                asked = part(0, 8, current_leader_epoch=epoch)
                side.ask(f"epoch {epoch}", fetch((topic, asked)), version)
        if version >= 12:
            for epoch, offset in ((0, 8), (0, 9), (0, 20), (3, 8), (-2, 8)):
                asked = part(0, offset, last_fetched_epoch=epoch)
                side.ask(f"fetched {epoch} to {offset}", fetch((topic, asked)), version)
            asked = part(0, 8, current_leader_epoch=0, last_fetched_epoch=0)
            side.ask("both epochs", fetch((topic, asked)), version)
        session = side.ask("open", fetch((topic, part(0)), session_epoch=0), version)
        if version >= 7:
            go_on = fetch(session_id=session.session_id, session_epoch=1)
            side.ask("go on", go_on, version)


def limits(side: Side) -> None:
    topic = three_batches(side, "limits", 3)
    size = len(batch_of(b"a", b"b", b"c"))
    for limit in (-1, 0, 1, size - 1, size, size + 1, 2 * size, 2**31 - 1):
        side.ask(f"partition {limit}", fetch((topic, part(0, max_bytes=limit), part(1))), 11)
        asked = fetch((topic, part(0), part(1), part(2)), max_bytes=limit)
        side.ask(f"request {limit}", asked, 11)
        side.ask(
            f"first at its end, request {limit}",
            fetch((topic, part(0, 9), part(1), part(2)), max_bytes=limit),
            11,
        )
    for least in (-1, 0, 1, 2**31 - 1):
        side.ask(f"min {least}", fetch((topic, part(0, 9)), min_bytes=least, max_wait_ms=50), 11)
        side.ask(f"min {least}", fetch((topic, part(0, 6)), min_bytes=least, max_wait_ms=50), 11)
    for wait_ms in (-1, 0, 1):
        side.ask(f"wait {wait_ms}", fetch((topic, part(0, 9)), max_wait_ms=wait_ms), 11)
    side.ask("order", fetch((topic, part(2, 8), part(0, 8), part(1, 8))), 11)
    other = three_batches(side, "limits-other")
    several: tuple[tuple[Any, ...], ...]
    several = ((topic, part(2, 8)), (other, part(0, 8)), (topic, part(1, 8)), (topic, part(0, 9)))
    side.ask("topic named twice", fetch(*several), 11)
    side.ask("same partition twice", fetch((topic, part(0, 3), part(1, 8), part(0, 6))), 11)
    several = (("nobody", part(0)), (topic, part(0, 8), part(9), part(1, 8)), ("", part(0)))
    side.ask("unknown among others", fetch(*several), 11)
    several = ((topic, part(0, 99), part(1, 8), part(9), part(2, 8)),)
    side.ask("error among others", fetch(*several), 11)
    wait = {"max_wait_ms": 20_000, "min_bytes": 1 << 20}
    side.ask("an error hastens", fetch((topic, part(0, 99), part(1, 8)), **wait), 11)
    side.ask("unknown alone hastens", fetch(("nobody", part(0)), **wait), 11)
    side.ask("nothing asked hastens", fetch(**wait), 11)
    side.ask("internal topic", fetch(("__consumer_offsets", part(0))), 11)
    side.ask("follower", fetch((topic, part(0, 8)), replica_id=5), 11)
    side.ask("debugging consumer", fetch((topic, part(0, 8)), replica_id=-2), 11)
    side.ask("future local replica", fetch((topic, part(0, 8)), replica_id=-3), 11)


def fetch_codecs(side: Side) -> None:
    topic = side.new_topic("fetch-codecs")
    for codec in Compression:
        side.client.ask(produce((topic, 0, batch_of(b"x" * 500, b"y", compression=codec))), 9)
    for version in (4, 9, 10, 12):
        side.ask("all", fetch((topic, part())), version)
        side.ask("zstd only", fetch((topic, part(0, 8))), version)


def wakes(side: Side) -> None:
    topic = three_batches(side, "wakes", 2)
    with RawClient(side.bootstrap) as waiting:
        request = fetch((topic, part(0, 9), part(1, 9)), max_wait_ms=20_000)
        for label in ("one batch", "again"):
            waiting.send(request, 11)
            side.client.ask(produce((topic, 1, batch_of(b"new"))), 9)
            side.note(label, waiting.receive(1, 11))
            request = fetch((topic, part(0, 9), part(1, 10)), max_wait_ms=20_000)


def deleted_while_parked(side: Side) -> None:
    topic = three_batches(side, "parked")
    with RawClient(side.bootstrap) as waiting:
        waiting.send(fetch((topic, part(0, 9)), max_wait_ms=20_000), 11)
        # Something must be known to be parked: an answer on another connection after it was sent.
        side.client.ask(fetch((topic, part(0, 9)), max_wait_ms=200), 11)
        delete_topic(side, topic)
        side.note("deleted", waiting.receive(1, 11))


def delete_topic(side: Side, topic: str) -> None:
    response = side.client.ask(DeleteTopicsRequest(topic_names=[topic], timeout_ms=10_000), 5)
    assert response.responses[0].error_code == 0

    def is_gone() -> bool:
        answer = side.client.ask(list_offsets(topic, (0, -1)), 7)
        return answer.topics[0].partitions[0].error_code == 3

    eventually(f"{topic} is gone", is_gone)


# Sessions


class Session:
    """Incremental fetches under the id that the broker gave."""

    def __init__(self, side: Side, version: int, *topics: tuple[Any, ...], **options: Any) -> None:
        self.side = side
        self.version = version
        answer = side.ask("open", fetch(*topics, session_epoch=0, **options), version)
        self.session_id = answer.session_id
        self.epoch = 0

    def fetch(self, label: str, *topics: tuple[Any, ...], **options: Any) -> Any:
        self.epoch += 1
        options = {"session_id": self.session_id, "session_epoch": self.epoch} | options
        return self.side.ask(label, fetch(*topics, **options), self.version)


def sessions(side: Side) -> None:
    name, other = three_batches(side, "sessions", 3), three_batches(side, "sessions-other")
    ids = {one: side.topic_id(one) for one in (name, other)}
    for version in (7, 11, 12, 13, 18):
        topic, second = (ids[name], ids[other]) if version >= 13 else (name, other)
        unknown = UNKNOWN_ID if version >= 13 else "nobody"
        session = Session(side, version, (topic, part(0, 9), part(1, 9)))
        session.fetch("nothing new")
        session.fetch("moved", (topic, part(0, 6)))
        session.fetch("not moved since")
        session.fetch("one more", (topic, part(2, 6)))
        session.fetch("a topic more", (second, part(0, 3)))
        session.fetch("all of it")
        session.fetch("all of it, again")
        session.fetch("limited", max_bytes=1)
        session.fetch("limited, the next in turn", max_bytes=1)
        session.fetch("limited, the third", max_bytes=1)
        session.fetch("to the end", (topic, part(0, 9), part(2, 9)), (second, part(0, 9)))
        session.fetch("forget", forgotten_topics_data=forgotten(topic, 0, 1))
        session.fetch("forget what is not there", forgotten_topics_data=forgotten(topic, 0, 8))
        session.fetch(
            "forget and add in one", (topic, part(2, 6)), forgotten_topics_data=forgotten(topic, 2)
        )
        session.fetch("after it")
        session.fetch("unknown added", (unknown, part(0)))
        session.fetch("unknown again")
        session.fetch("unknown partition", (second, part(7)))
        session.fetch("out of range", (second, part(0, 77)))
        session.fetch("out of range again")
        session.fetch("mended", (second, part(0, 9)))
        session.fetch("epoch", (second, part(0, 9, current_leader_epoch=9)))
        session.fetch("wrong epoch", session_epoch=3)
        session.epoch -= 1
        session.fetch("right epoch after the wrong")
        session.fetch("other session", session_id=session.session_id ^ 1)
        session.epoch -= 1
        session.fetch("read committed", isolation_level=1)
        session.fetch("same partition twice", (topic, part(1, 3), part(1, 6)))
        session.fetch(
            "forget everything",
            forgotten_topics_data=forgotten(topic, 0, 1, 2)
            + forgotten(second, 0, 7)
            + forgotten(unknown, 0),
        )
        session.fetch("when it is empty")


def session_ends(side: Side) -> None:
    topic = three_batches(side, "session-ends", 2)
    session = Session(side, 11, (topic, part(0, 6)))
    session.fetch("close", (topic, part(0, 6)), session_epoch=-1)
    session.fetch("after closing")
    session = Session(side, 11, (topic, part(0, 6)))
    session.fetch("close with nothing", session_epoch=-1)
    session.fetch("after closing with nothing")
    session = Session(side, 11, (topic, part(0, 6)))
    session.fetch("replace", (topic, part(1, 6)), session_epoch=0)
    session.epoch = 1
    session.fetch("the old one")
    Session(side, 11)
    side.ask("no session, epoch 5", fetch((topic, part(0, 6)), session_id=0, session_epoch=5), 11)
    side.ask("no session, epoch -2", fetch((topic, part(0, 6)), session_id=0, session_epoch=-2), 11)
    side.ask("session -1", fetch((topic, part(0, 6)), session_id=-1, session_epoch=1), 11)
    side.ask("session -1 opens", fetch((topic, part(0, 6)), session_id=-1, session_epoch=0), 11)
    Session(side, 11, ("nobody", part(0)))
    Session(side, 11, (topic, part(0, 99), part(1, 6), part(1, 6)))
    wait = {"max_wait_ms": 100, "min_bytes": 1 << 20}
    session = Session(side, 11, (topic, part(0, 6)), **wait)
    session.fetch("waits", **wait)


def session_versions(side: Side) -> None:
    """Names and ids in one session."""
    topic = three_batches(side, "session-versions")
    uuid = side.topic_id(topic)
    session = Session(side, 12, (topic, part(0, 6)))
    session.version = 13
    session.fetch("ids in a session of names", (uuid, part(0, 3)))
    session.epoch -= 1
    session.version = 12
    session.fetch("names again", (topic, part(0, 3)))
    session = Session(side, 13, (uuid, part(0, 6)))
    session.version = 12
    session.fetch("names in a session of ids", (topic, part(0, 3)))
    session.version = 13
    session.epoch -= 1
    session.fetch("ids again", (uuid, part(0, 3)))


def session_of_a_deleted_topic(side: Side) -> None:
    for version in (12, 13):
        name, other = three_batches(side, "session-deleted"), side.new_topic(f"stays-{version}")
        asked = side.topic_id(name) if version >= 13 else name
        stays = side.topic_id(other) if version >= 13 else other
        session = Session(side, version, (asked, part(0, 9)), (stays, part(0)))
        delete_topic(side, name)
        session.fetch("deleted")
        session.fetch("deleted, again")
        three_batches(side, "session-deleted")
        session.fetch("made again")
        session.fetch("made again, again")
        new = side.topic_id(name) if version >= 13 else name
        session.fetch("the new one added", (new, part(0, 6)))
        session.fetch("the old one forgotten", forgotten_topics_data=forgotten(asked, 0))
        session.fetch("after it")
        delete_topic(side, name)


# ListOffsets and OffsetForLeaderEpoch


def offsets(side: Side) -> None:
    topic = side.new_topic("offsets", 2)
    for base in (50, 900, 100, 900):
        records = [Record(n, NOW_MS + base + n, b"k", b"v", []) for n in range(3)]
        side.client.ask(produce((topic, 0, bytes(build_batch(records)))), 9)
    for version in range(1, 12):
        for time in (
            -1,
            -2,
            -3,
            -4,
            -5,
            -6,
            -7,
            -8,
            -100,
            0,
            NOW_MS + 51,
            NOW_MS + 102,
            NOW_MS + 103,
            NOW_MS + 902,
            NOW_MS + 903,
            2**63 - 1,
            -(2**63),
        ):
            side.ask(f"time {time}", list_offsets(topic, (0, time)), version)
        side.ask("empty", list_offsets(topic, (1, -1), (1, -3)), version)
        for time in (-1, -2, -3, 0):
            side.ask(f"empty {time}", list_offsets(topic, (1, time)), version)
        side.ask("committed", list_offsets(topic, (0, -1), isolation_level=1), version)
        side.ask("isolation 3", list_offsets(topic, (0, -1), isolation_level=3), version)
        side.ask("unknown", list_offsets("nobody", (0, -1)), version)
        side.ask("unknown special", list_offsets("nobody", (0, -9)), version)
        side.ask("unknown partition", list_offsets(topic, (9, -1), (0, -1), (-1, -1)), version)
        side.ask("twice", list_offsets(topic, (0, -1), (0, -2), (1, -1)), version)
        side.ask("bad name", list_offsets("a b", (0, -1)), version)
        side.ask("no partitions", list_offsets(topic), version)
        if version >= 4:
            for epoch in (0, 1, 9):
                asked = list_offsets(topic, (0, -1), current_leader_epoch=epoch)
                side.ask(f"epoch {epoch}", asked, version)
                asked = list_offsets(topic, (0, NOW_MS), current_leader_epoch=epoch)
                side.ask(f"epoch {epoch} by time", asked, version)
    for replica_id in (-2, -3, 5):
        asked = list_offsets(topic, (0, -1))
        asked.replica_id = replica_id
        side.ask(f"replica {replica_id}", asked, 7)


def offsets_within_batches(side: Side) -> None:
    for codec in Compression:
        topic = side.new_topic(f"within-{codec.name.lower()}")
        for start in (0, 100, 40):
            records = [Record(n, NOW_MS + start + n * 10, b"k", b"v" * 50, []) for n in range(5)]
            side.client.ask(produce((topic, 0, bytes(build_batch(records, compression=codec)))), 9)
        for delta in (-1, 0, 15, 40, 41, 100, 131, 140, 141):
            side.ask(f"{codec.name} {delta}", list_offsets(topic, (0, NOW_MS + delta)), 7)
        side.ask(f"{codec.name} greatest", list_offsets(topic, (0, -3)), 7)
    stamped = side.new_topic("within-stamped", message_timestamp_type="LogAppendTime")
    side.client.ask(produce((stamped, 0, batch_of(b"a", b"b", b"c"))), 9)
    answer = side.client.ask(list_offsets(stamped, (0, -3)), 7).topics[0].partitions[0]
    side.note("stamped, greatest", {"offset": answer.offset, "error_code": answer.error_code})
    for label, time in (("before", 5), ("at", answer.timestamp), ("after", answer.timestamp + 1)):
        found = side.client.ask(list_offsets(stamped, (0, time)), 7).topics[0].partitions[0]
        side.note(f"stamped, {label}", {"offset": found.offset})
    plain = side.new_topic("without-timestamps")
    side.client.ask(produce((plain, 0, batch_of(b"a", timestamp_ms=-1))), 9)
    for time in (-3, 0, 5):
        side.ask(f"without timestamps {time}", list_offsets(plain, (0, time)), 7)


def epochs(side: Side) -> None:
    topic = three_batches(side, "epochs", 2)
    for version in (2, 3, 4):
        for epoch in (-2, -1, 0, 1, 5, 2**31 - 1):
            side.ask(f"epoch {epoch}", end_of_epoch(topic, epoch), version)
            side.ask(f"current {epoch}", end_of_epoch(topic, 0, current=epoch), version)
        side.ask("empty log", end_of_epoch(side.new_topic(f"epochs-empty-{version}"), 0), version)
        side.ask("unknown topic", end_of_epoch("nobody", 0), version)
        side.ask("unknown partition", end_of_epoch(topic, 0, index=9), version)
        side.ask("replica", end_of_epoch(topic, 0, replica_id=1), version)
        side.ask("debugging replica", end_of_epoch(topic, 0, replica_id=-2), version)


SCENARIOS = [
    fetch_versions,
    limits,
    fetch_codecs,
    wakes,
    deleted_while_parked,
    sessions,
    session_ends,
    session_versions,
    session_of_a_deleted_topic,
    offsets,
    offsets_within_batches,
    epochs,
]
