"""Topics that come into being because somebody asked for them."""

from __future__ import annotations

from contextlib import suppress

from kafkalite_compat.checks import eventually, expect
from kafkalite_compat.driver import StepFailed
from kafkalite_compat.scenario import Skip, scenario
from kafkalite_compat.steps import NewRecord
from kafkalite_compat.wire import topics
from kafkalite_compat.world import World

GROUP = "auto-creation"
ORDER = 2


@scenario("M01", "Producing to a topic that is not there creates it")
def created_by_produce(world: World) -> None:
    """The broker has auto.create.topics.enable=true. The client writes a record to a topic that nobody made;
    it comes to exist and holds the record."""
    _needs_auto_creation(world)
    topic = world.name("made-by-produce")
    world.steps.produce(topic, [NewRecord(b"first")], acks="all")
    expect("values", _all_values(world, topic), [b"first"])


@scenario("M02", "Asking for metadata with leave to create makes the topic")
def created_by_metadata(world: World) -> None:
    """The client asks for the metadata of a topic that nobody made, with allow_auto_topic_creation. Soon the topic is there."""
    _needs_auto_creation(world)
    topic = world.name("made-by-metadata")
    with suppress(StepFailed):  # that it is not there yet may be called an error
        world.steps.call("metadata", topic=topic, allow_auto_create=True)
    eventually("the topic is there", lambda: topics.partitions_of(world.wire, topic))


@scenario("M03", "A consumer without leave to create makes no topic")
def not_created_by_consumer(world: World) -> None:
    """A consumer with allow.auto.create.topics=false reads a topic that nobody made, for a second. Whatever it is told, the topic
    is not there afterwards."""
    topic = world.name("nobody-made-it")
    consumer = world.steps.consumer(group=world.name("group"), allow_auto_create=False)
    with suppress(StepFailed):  # an error is as good an answer as nothing
        consumer.subscribe(topic)
        consumer.poll(1000)
    expect("the topic afterwards", topics.partitions_of(world.wire, topic), None)


def _needs_auto_creation(world: World) -> None:
    if topics.broker_config(world.wire, "auto.create.topics.enable") == "false":
        raise Skip("the broker has auto.create.topics.enable=false")


def _all_values(world: World, topic: str) -> list[bytes | None]:
    partitions = eventually("the topic is there", lambda: topics.partitions_of(world.wire, topic))
    return [value for one in partitions for value in world.values(topic, one.partition)]
