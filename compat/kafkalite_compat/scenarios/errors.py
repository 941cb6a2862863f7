"""What goes wrong, under Kafka's names: the client must hear the broker's error, not another."""

from __future__ import annotations

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite_compat.checks import eventually, expect, fails_with
from kafkalite_compat.reading import collect
from kafkalite_compat.scenario import scenario
from kafkalite_compat.steps import NewRecord
from kafkalite_compat.wire import groups, topics
from kafkalite_compat.world import World, now_ms

GROUP = "errors"
ORDER = 12

METADATA_BYTES_TOO_MANY = 5000  # offset.metadata.max.bytes is 4096
NO_NAME = "not/a topic"


@scenario("E01", "A topic with an illegal name cannot be created")
def illegal_topic_name(world: World) -> None:
    """Creating a topic named "not/a topic" fails with INVALID_TOPIC_EXCEPTION."""
    fails_with(
        lambda: world.steps.call("create_topic", topic=NO_NAME, partitions=1),
        ErrorCode.INVALID_TOPIC_EXCEPTION,
    )


@scenario("E02", "A record without a key is refused by a compacted topic")
def keyless_record(world: World) -> None:
    """The topic has cleanup.policy=compact. A record with a null key fails with INVALID_RECORD; one with a key is written."""
    topic = world.topic(configs={"cleanup.policy": "compact"})
    client = world.steps
    fails_with(lambda: client.produce(topic, [NewRecord(b"v")]), ErrorCode.INVALID_RECORD)
    client.produce(topic, [NewRecord(b"v", b"k")])
    expect("values in the log", world.values(topic), [b"v"])


@scenario("E03", "A record of the far future is refused")
def future_timestamp(world: World) -> None:
    """The topic has message.timestamp.after.max.ms=60000. A record of tomorrow fails with INVALID_TIMESTAMP."""
    topic = world.topic(configs={"message.timestamp.after.max.ms": "60000"})
    tomorrow = now_ms() + 86_400_000
    fails_with(
        lambda: world.steps.produce(topic, [NewRecord(b"v", timestamp_ms=tomorrow)]),
        ErrorCode.INVALID_TIMESTAMP,
    )
    expect("values in the log", world.values(topic), [])


@scenario("E04", "A member that was removed cannot commit")
def removed_member(world: World) -> None:
    """An administrator takes the only member out of its group. Before it has polled again it commits, which fails: it is unknown, or its
    generation is a past one. The group has no offset."""
    topic, group = world.topic(), world.name("group")
    world.write(topic, [b"v"])
    consumer = world.steps.consumer(
        group=group, heartbeat_interval_ms=9_000, session_timeout_ms=30_000
    )
    consumer.subscribe(topic)
    collect([consumer], 1)
    member_id = groups.members(world.wire, group)[0]
    groups.remove_member(world.wire, group, member_id)
    fails_with(
        lambda: consumer.commit({(topic, 0): 1}),
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.ILLEGAL_GENERATION,
        ErrorCode.REBALANCE_IN_PROGRESS,
        also_named="CommitFailed",
    )
    expect("offsets of the group", groups.committed(world.wire, group), {})


@scenario("E05", "A text that is too long is not committed")
def metadata_too_large(world: World) -> None:
    """Committing an offset with 5000 characters beside it fails with OFFSET_METADATA_TOO_LARGE (the broker takes 4096)."""
    topic, group = world.topic(), world.name("group")
    world.write(topic, [b"v"])
    consumer = world.steps.consumer(group=group)
    consumer.subscribe(topic)
    collect([consumer], 1)
    fails_with(
        lambda: consumer.commit({(topic, 0): 1}, metadata="x" * METADATA_BYTES_TOO_MANY),
        ErrorCode.OFFSET_METADATA_TOO_LARGE,
    )


@scenario("E06", "A transaction timeout above the broker's is refused")
def transaction_timeout(world: World) -> None:
    """transaction.max.timeout.ms is 900000. A producer with one of 3600000 cannot initialise: INVALID_TRANSACTION_TIMEOUT."""
    fails_with(
        lambda: world.steps.producer(
            transactional_id=world.name("id"), transaction_timeout_ms=3_600_000
        ),
        ErrorCode.INVALID_TRANSACTION_TIMEOUT,
    )


@scenario("E07", "A topic that is deleted and made anew is written to from its start")
def deleted_under_producer(world: World) -> None:
    """A producer has written to a topic; the suite deletes it and makes it anew. The same
    producer writes to the new one: its log holds the record, at offset 0."""
    topic = world.topic()
    producer = world.steps.producer()
    producer.send_all(topic, [NewRecord(b"before")] * 2)
    topics.delete_topics(world.wire, [topic])
    eventually("the topic is gone", lambda: topics.partitions_of(world.wire, topic) is None)
    topics.create_topic(world.wire, topic)
    producer.send_all(topic, [NewRecord(b"after")])
    expect("values in the log", world.values(topic), [b"after"])
