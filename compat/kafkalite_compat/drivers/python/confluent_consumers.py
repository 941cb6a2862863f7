"""Consumers of confluent-kafka, and what both kinds of them (plain and share) are asked for."""

from __future__ import annotations

import time
from typing import Any, Final

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from .confluent_common import (
    MAX_POLL_EXCEEDED,
    NO_OFFSET,
    START_OFFSETS,
    STATE,
    WAIT_S,
    Connection,
    failed,
    make,
    offset_json,
    partition_json,
    raise_first_error,
    to_partitions,
)
from .confluent_share import ShareMember, open_share
from .serving import Handles, Unsupported, op, to_text

TIMESTAMP_TYPES: Final = {
    confluent_kafka.TIMESTAMP_CREATE_TIME: "create",
    confluent_kafka.TIMESTAMP_LOG_APPEND_TIME: "append",
}
LARGEST_MESSAGE_BYTES: Final = 1_000_000
SMALLEST_MESSAGE_BYTES: Final = 1_000
RESPONSE_OVERHEAD_BYTES: Final = 512
LARGEST_RESPONSE_BYTES: Final = 100_000_000
SESSION_TIMEOUT_MS: Final = 45_000
SEEK_WITHIN_S: Final = 10.0

PASSING_ERRORS: Final = {
    # Told once for a topic that is not there (yet); the consumer itself goes on looking for it.
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    # The member was thrown out for not polling; the poll that tells it is what brings it back.
    MAX_POLL_EXCEEDED,
}


class Member:
    """A consumer, and the rebalances that it has told."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self._events: list[dict[str, Any]] = []

    def subscribe(self, topics: list[str]) -> None:
        self.consumer.subscribe(
            topics,
            on_assign=self._note("assigned"),
            on_revoke=self._note("revoked"),
            on_lost=self._note("lost"),
        )

    def _note(self, kind: str) -> Any:
        def note(_consumer: Consumer, partitions: list[TopicPartition]) -> None:
            self._events.append({"kind": kind, "partitions": list(map(partition_json, partitions))})

        return note

    def events(self) -> list[dict[str, Any]]:
        """Since the last call."""
        events, self._events = self._events, []
        return events

    def poll(self, timeout_ms: int, max_records: int) -> list[dict[str, Any]]:
        """Wait for the first record, then take those that have come with it."""
        until = time.monotonic() + timeout_ms / 1000
        while True:
            first = self.consumer.poll(max(0.0, until - time.monotonic()))
            if first is None:
                return []
            if not _is_passing(first):
                break
        more = self.consumer.consume(max_records - 1, 0) if max_records > 1 else []
        return [record_json(one) for one in [first, *more] if not _is_passing(one)]

    def close(self) -> None:
        self.consumer.close()


def _is_passing(message: Message) -> bool:
    """Whether it is a note that a loop of polls goes on after. Raises Failed for any other error."""
    error = message.error()
    if error is None:
        return False
    if error.code() not in PASSING_ERRORS:
        raise failed(error)
    return True


def record_json(message: Message) -> dict[str, Any]:
    kind, time_ms = message.timestamp()
    headers: Any = message.headers() or []
    return {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp_ms": time_ms,
        "timestamp_type": TIMESTAMP_TYPES.get(kind),
        "key": to_text(message.key()),
        "value": to_text(message.value()),
        "headers": [[name, to_text(value)] for name, value in headers],
    }


class Consumers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
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
            "group.id": group if group is not None else f"no-group-{consumer}",
            "auto.offset.reset": "error" if reset == "none" else reset,
            "isolation.level": isolation,
            "enable.auto.commit": auto_commit,
            "auto.commit.interval.ms": auto_commit_interval_ms,
            "group.instance.id": instance_id,
            "session.timeout.ms": session_timeout_ms,
            "heartbeat.interval.ms": heartbeat_interval_ms,
            "max.poll.interval.ms": max_poll_interval_ms,
            "fetch.max.bytes": fetch_max_bytes,
            "max.partition.fetch.bytes": partition_fetch_bytes,
            "fetch.min.bytes": fetch_min_bytes,
            "fetch.wait.max.ms": fetch_max_wait_ms,
            "allow.auto.create.topics": allow_auto_create,
        }
        settings |= _protocol_settings(protocol, assignor)
        if protocol == "classic":
            settings |= _session_within(session_timeout_ms, max_poll_interval_ms)
        if fetch_max_bytes is not None:
            settings |= _message_sizes(fetch_max_bytes)
        opened = make(Consumer, self._connection.settings(settings))
        self._consumers.add(consumer, Member(opened))

    @op
    def open_share_consumer(
        self, consumer: str, group: str, acknowledgement: str = "implicit"
    ) -> None:
        settings = {"group.id": group, "share.acknowledgement.mode": acknowledgement}
        member = open_share(self._connection.settings(settings), record_json)
        self._consumers.add(consumer, member)

    def _plain(self, name: str, step: str) -> Consumer:
        """The library's consumer, which a share consumer is not."""
        member = self._consumers.get(name)
        if not isinstance(member, Member):
            raise Unsupported(f"a share consumer has no {step}")
        return member.consumer

    def _share(self, name: str, step: str) -> ShareMember:
        member = self._consumers.get(name)
        if not isinstance(member, ShareMember):
            raise Unsupported(f"only a share consumer has {step}")
        return member

    def group_metadata(self, name: str) -> object:
        """For a transaction that commits what this consumer has read."""
        return self._plain(name, "group metadata").consumer_group_metadata()

    @op
    def assign(self, consumer: str, partitions: list[dict[str, Any]]) -> None:
        self._plain(consumer, "assign").assign(to_partitions(partitions))

    @op
    def subscribe(
        self, consumer: str, topics: list[str] | None = None, pattern: str | None = None
    ) -> None:
        if pattern is not None:
            # librdkafka knows a pattern by its "^".
            topics = [pattern if pattern.startswith("^") else f"^{pattern}"]
        self._consumers.get(consumer).subscribe(topics or [])

    @op
    def poll(self, consumer: str, timeout_ms: int, max_records: int = 500) -> dict[str, Any]:
        return {"records": self._consumers.get(consumer).poll(timeout_ms, max_records)}

    @op
    def assignment(self, consumer: str) -> dict[str, Any]:
        plain = self._plain(consumer, "assignment")
        partitions = list(map(partition_json, plain.assignment()))
        return {"partitions": partitions, "member_id": plain.memberid(), "generation": None}

    @op
    def rebalances(self, consumer: str) -> dict[str, Any]:
        self._plain(consumer, "rebalances")
        return {"events": self._consumers.get(consumer).events()}

    @op
    def seek(self, consumer: str, topic: str, partition: int, offset: int | str) -> None:
        number = START_OFFSETS[offset] if isinstance(offset, str) else offset
        seek_when_fetching(self._plain(consumer, "seek"), TopicPartition(topic, partition, number))

    @op
    def position(self, consumer: str, topic: str, partition: int) -> dict[str, Any]:
        plain = self._plain(consumer, "position")
        (one,) = plain.position([TopicPartition(topic, partition)])
        raise_first_error([one])
        if one.offset < 0:
            raise Unsupported("librdkafka tells no position before it has given the first record")
        return {"offset": one.offset}

    @op
    def commit_offsets(self, consumer: str, offsets: list[dict[str, Any]] | None = None) -> None:
        plain = self._plain(consumer, "commit")
        if offsets is not None:
            raise_first_error(plain.commit(offsets=to_partitions(offsets), asynchronous=False))
            return
        try:
            raise_first_error(plain.commit(asynchronous=False))
        except KafkaException as problem:
            if problem.args[0].code() != NO_OFFSET:
                raise  # that there is nothing to commit is no failure

    @op
    def committed(self, consumer: str, partitions: list[dict[str, Any]]) -> dict[str, Any]:
        plain = self._plain(consumer, "committed")
        found = plain.committed(to_partitions(partitions), WAIT_S)
        raise_first_error(found)
        return {"offsets": list(map(offset_json, found))}

    @op
    def pause(self, consumer: str, partitions: list[dict[str, Any]]) -> None:
        self._plain(consumer, "pause").pause(to_partitions(partitions))

    @op
    def resume(self, consumer: str, partitions: list[dict[str, Any]]) -> None:
        self._plain(consumer, "resume").resume(to_partitions(partitions))

    @op
    def acknowledge(
        self,
        consumer: str,
        topic: str,
        partition: int,
        offset: int,
        type: str,  # noqa: A002 - the step's field
    ) -> None:
        self._share(consumer, "acknowledge").acknowledge(topic, partition, offset, type)

    @op
    def commit_share(self, consumer: str) -> None:
        self._share(consumer, "commit of acknowledgements").commit()

    @op
    def close_consumer(self, consumer: str) -> None:
        self._consumers.take(consumer).close()


def seek_when_fetching(consumer: Consumer, where: TopicPartition) -> None:
    """Seek, once librdkafka has begun to fetch the partition: until then it answers "erroneous state"."""
    until = time.monotonic() + SEEK_WITHIN_S
    while True:
        try:
            return consumer.seek(where)
        except KafkaException as problem:
            if problem.args[0].code() != STATE or time.monotonic() > until:
                raise
        time.sleep(0.05)


def _protocol_settings(protocol: str, assignor: str | None) -> dict[str, Any]:
    if protocol == "classic":
        return {"partition.assignment.strategy": assignor}
    return {"group.protocol": protocol, "group.remote.assignor": assignor}


def _session_within(session_ms: int | None, poll_interval_ms: int | None) -> dict[str, Any]:
    """librdkafka wants max.poll.interval.ms to be no less than the session timeout."""
    if session_ms is not None or poll_interval_ms is None:
        return {}
    return {"session.timeout.ms": min(SESSION_TIMEOUT_MS, poll_interval_ms)}


def _message_sizes(fetch_max_bytes: int) -> dict[str, Any]:
    """librdkafka wants message.max.bytes <= fetch.max.bytes < receive.message.max.bytes."""
    message_bytes = max(SMALLEST_MESSAGE_BYTES, min(LARGEST_MESSAGE_BYTES, fetch_max_bytes))
    response_bytes = max(LARGEST_RESPONSE_BYTES, fetch_max_bytes + RESPONSE_OVERHEAD_BYTES)
    return {"message.max.bytes": message_bytes, "receive.message.max.bytes": response_bytes}
