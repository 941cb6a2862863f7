"""Consuming with kcat: a process that reads in the background for each assigned partition, or for the group."""

from __future__ import annotations

import base64
import re
import time
from typing import Any, Final

from .kcat_process import Kcat, Reader
from .serving import Failed, Handles, Unsupported, op

Where = tuple[str, int]

START_OFFSETS: Final = {"earliest": "beginning", "latest": "end", "committed": "stored"}
TIMESTAMP_TYPES: Final = {"create": "create", "logappend": "append"}
REBALANCE: Final = re.compile(r"rebalanced(.*?)\(memberid ([^),]*)[^)]*\): (\w+: ?)?(.*)$")
PARTITION: Final = re.compile(r"(?:^|, )(\S+) \[(\d+)\]")
TURN_S: Final = 0.05
LARGEST_MESSAGE_BYTES: Final = 1_000_000
SMALLEST_MESSAGE_BYTES: Final = 1_000
RESPONSE_OVERHEAD_BYTES: Final = 512
LARGEST_RESPONSE_BYTES: Final = 100_000_000
SESSION_TIMEOUT_MS: Final = 45_000


class Member:
    """One consumer: its settings, and the processes that read for it."""

    def __init__(self, kcat: Kcat, group: str | None, settings: dict[str, Any]) -> None:
        self._kcat = kcat
        self._group = group
        self._settings = settings
        self._readers: dict[Where | None, Reader] = {}
        self._positions: dict[Where, int] = {}
        self._events: list[dict[str, Any]] = []
        self.member_id: str | None = None
        self.assigned: set[Where] = set()

    def assign(self, partitions: list[dict[str, Any]]) -> None:
        self.stop()
        for one in partitions:
            self.read_from((one["topic"], one["partition"]), one["offset"])

    def read_from(self, where: Where, offset: int | str) -> None:
        """Read this partition from there on, by a new process."""
        if reader := self._readers.pop(where, None):
            reader.stop()
        self._positions.pop(where, None)
        self.assigned.add(where)
        if isinstance(offset, int):
            self._positions[where] = offset
        start = START_OFFSETS[offset] if isinstance(offset, str) else str(offset)
        arguments = ["-C", "-t", where[0], "-p", str(where[1]), "-o", start]
        group = {"group.id": self._group}
        settings = {**self._settings, **group}
        self._readers[where] = self._kcat.reader(arguments, settings, self._note)

    def subscribe(self, topics: list[str]) -> None:
        if self._group is None:
            raise Unsupported("kcat subscribes as the member of a group")
        self.stop()
        arguments = ["-G", self._group, *topics]
        self._readers[None] = self._kcat.reader(arguments, self._settings, self._note)

    def _note(self, line: str) -> None:
        """Rebalances are told on stderr, the eager and the cooperative ones in different words.

        ... rebalanced (memberid m): assigned: topic [0], topic [1]
        ... rebalanced: incremental revoke of 1 partition(s) (memberid m, COOPERATIVE rebalance protocol): topic [0]
        """
        found = REBALANCE.search(line)
        if found is None:
            return
        before, self.member_id, after, listed = found.groups()
        partitions = [(topic, int(number)) for topic, number in PARTITION.findall(listed)]
        kind = "revoked" if "revoke" in before + (after or "") else "assigned"
        self.assigned = (
            self.assigned | set(partitions)
            if kind == "assigned"
            else self.assigned - set(partitions)
        )
        told = [partition_json(one) for one in partitions]
        self._events.append({"kind": kind, "partitions": told})

    def events(self) -> list[dict[str, Any]]:
        """Since the last call."""
        events, self._events = self._events, []
        return events

    def poll(self, timeout_ms: int, max_records: int) -> list[dict[str, Any]]:
        """Turn by turn from each of the processes, until one has a record; then what is there."""
        until = time.monotonic() + timeout_ms / 1000
        records: list[dict[str, Any]] = []
        while not records:
            left = until - time.monotonic()
            records = self._take(min(TURN_S, max(0.0, left)), max_records)
            if left <= 0:
                break
        return [self._given(record) for record in records]

    def _take(self, wait_s: float, max_records: int) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        if not self._readers:
            time.sleep(wait_s)
        for reader in self._readers.values():
            while len(records) < max_records:
                record = reader.take(0 if records else wait_s)
                if record is None:
                    break
                records.append(record)
        return records

    def _given(self, record: dict[str, Any]) -> dict[str, Any]:
        self._positions[record["topic"], record["partition"]] = record["offset"] + 1
        return record_json(record)

    def position(self, where: Where) -> int:
        if where not in self.assigned:
            raise Failed(f"{where} is not assigned")
        if where not in self._positions:
            raise Unsupported("kcat tells no position before it has given the first record")
        return self._positions[where]

    def stop(self) -> None:
        for reader in self._readers.values():
            reader.stop()
        self._readers, self._positions, self.assigned = {}, {}, set()


class Consumers:
    def __init__(self, kcat: Kcat) -> None:
        self._kcat = kcat
        self._consumers = Handles("consumer")

    @op
    def open_consumer(
        self,
        consumer: str,
        group: str | None = None,
        reset: str = "earliest",
        isolation: str = "read_uncommitted",
        auto_commit: bool = False,
        auto_commit_interval_ms: int | None = None,
        protocol: str = "classic",
        assignor: str | None = None,
        instance_id: str | None = None,
        session_timeout_ms: int | None = None,
        heartbeat_interval_ms: int | None = None,
        max_poll_interval_ms: int | None = None,
        fetch_max_bytes: int | None = None,
        partition_fetch_bytes: int | None = None,
        fetch_min_bytes: int | None = None,
        fetch_max_wait_ms: int | None = None,
        allow_auto_create: bool = False,
    ) -> None:
        settings = {
            "auto.offset.reset": "error" if reset == "none" else reset,
            "isolation.level": isolation,
            "enable.auto.commit": auto_commit,
            "auto.commit.interval.ms": auto_commit_interval_ms,
            "group.instance.id": instance_id,
            "session.timeout.ms": session_timeout_ms,
            "heartbeat.interval.ms": heartbeat_interval_ms,
            "max.poll.interval.ms": max_poll_interval_ms,
            "max.partition.fetch.bytes": partition_fetch_bytes,
            "fetch.min.bytes": fetch_min_bytes,
            "fetch.wait.max.ms": fetch_max_wait_ms,
            "allow.auto.create.topics": allow_auto_create,
        }
        if protocol == "classic":
            settings["partition.assignment.strategy"] = assignor
            if session_timeout_ms is None and max_poll_interval_ms is not None:
                # librdkafka wants max.poll.interval.ms to be no less than the session timeout.
                settings["session.timeout.ms"] = min(SESSION_TIMEOUT_MS, max_poll_interval_ms)
        else:
            settings |= {"group.protocol": protocol, "group.remote.assignor": assignor}
        if fetch_max_bytes is not None:
            settings |= _message_sizes(fetch_max_bytes)
        self._kcat.check(settings)
        self._consumers.add(consumer, Member(self._kcat, group, settings))

    def _member(self, consumer: str) -> Member:
        member = self._consumers.get(consumer)
        assert isinstance(member, Member)
        return member

    @op
    def assign(self, consumer: str, partitions: list[dict[str, Any]]) -> None:
        self._member(consumer).assign(partitions)

    @op
    def subscribe(
        self, consumer: str, topics: list[str] | None = None, pattern: str | None = None
    ) -> None:
        if pattern is not None:
            # librdkafka knows a pattern by its "^".
            topics = [pattern if pattern.startswith("^") else f"^{pattern}"]
        self._member(consumer).subscribe(topics or [])

    @op
    def poll(self, consumer: str, timeout_ms: int, max_records: int = 500) -> dict[str, Any]:
        return {"records": self._member(consumer).poll(timeout_ms, max_records)}

    @op
    def assignment(self, consumer: str) -> dict[str, Any]:
        member = self._member(consumer)
        partitions = [partition_json(one) for one in sorted(member.assigned)]
        return {"partitions": partitions, "member_id": member.member_id, "generation": None}

    @op
    def rebalances(self, consumer: str) -> dict[str, Any]:
        return {"events": self._member(consumer).events()}

    @op
    def seek(self, consumer: str, topic: str, partition: int, offset: int | str) -> None:
        member = self._member(consumer)
        if member.member_id is not None:
            raise Unsupported("kcat cannot seek in a group")
        member.read_from((topic, partition), offset)

    @op
    def position(self, consumer: str, topic: str, partition: int) -> dict[str, Any]:
        return {"offset": self._member(consumer).position((topic, partition))}

    @op
    def close_consumer(self, consumer: str) -> None:
        self._consumers.take(consumer).stop()


def partition_json(where: Where) -> dict[str, Any]:
    return {"topic": where[0], "partition": where[1]}


def record_json(record: dict[str, Any]) -> dict[str, Any]:
    """From kcat's envelope: headers are a flat list of names and values."""
    flat = record.get("headers", [])
    headers = [[name, _base64(value)] for name, value in zip(flat[::2], flat[1::2], strict=True)]
    return {
        "topic": record["topic"],
        "partition": record["partition"],
        "offset": record["offset"],
        "timestamp_ms": record.get("ts"),
        "timestamp_type": TIMESTAMP_TYPES.get(record.get("tstype", "")),
        "key": _base64(record["key"]),
        "value": _base64(record["payload"]),
        "headers": headers,
    }


def _base64(text: str | None) -> str | None:
    if text is None:
        return None
    return base64.b64encode(text.encode(errors="surrogateescape")).decode()


def _message_sizes(fetch_max_bytes: int) -> dict[str, Any]:
    """librdkafka wants message.max.bytes <= fetch.max.bytes < receive.message.max.bytes."""
    message_bytes = max(SMALLEST_MESSAGE_BYTES, min(LARGEST_MESSAGE_BYTES, fetch_max_bytes))
    response_bytes = max(LARGEST_RESPONSE_BYTES, fetch_max_bytes + RESPONSE_OVERHEAD_BYTES)
    return {
        "fetch.max.bytes": fetch_max_bytes,
        "message.max.bytes": message_bytes,
        "receive.message.max.bytes": response_bytes,
    }
