"""Finding the cluster: bootstrap, negotiation, metadata."""

from __future__ import annotations

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite_compat.checks import expect, expect_told, is_error
from kafkalite_compat.driver import StepFailed
from kafkalite_compat.reading import collect
from kafkalite_compat.scenario import scenario
from kafkalite_compat.steps import NewRecord
from kafkalite_compat.wire import topics
from kafkalite_compat.world import World

GROUP = "connect"
ORDER = 1


@scenario("C01", "A client negotiates versions and finds the brokers", smoke=True)
def finds_the_brokers(world: World) -> None:
    """The client asks for the cluster's metadata. It must name the brokers by id, host and port, as the suite sees them itself."""
    told = world.steps.call("metadata")
    seen = world.wire.metadata()
    expect(
        "brokers",
        {(one["id"], one["host"], one["port"]) for one in told["brokers"]},
        {(one.node_id, one.host, one.port) for one in seen.brokers},
    )
    expect_told("cluster id", told.get("cluster_id"), seen.cluster_id)


@scenario("C02", "Metadata tells how many partitions a topic has")
def counts_partitions(world: World) -> None:
    """A topic has 3 partitions; the client's metadata about it says so, and so does its metadata about all topics."""
    topic = world.topic(partitions=3)
    expect("partitions", world.steps.call("metadata", topic=topic)["topics"], {topic: 3})
    every = world.steps.call("metadata")["topics"]
    expect("partitions, among all topics", every.get(topic), 3)


@scenario("C03", "A topic that does not exist is not there, and asking does not make it")
def unknown_topic(world: World) -> None:
    """The client asks for the metadata of a topic that nobody made, without leave to create it.

    The answer is UNKNOWN_TOPIC_OR_PARTITION or nothing, and the topic is still not there afterwards.
    """
    topic = world.name("nobody-made-it")
    try:
        told = world.steps.call("metadata", topic=topic, allow_auto_create=False)
        assert not told["topics"].get(topic), f"the client was told of {topic}: {told['topics']}"
    except StepFailed as failure:
        is_error(failure, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect("the topic afterwards", topics.partitions_of(world.wire, topic), None)


@scenario("C04", "A dead bootstrap address is passed over")
def dead_bootstrap(world: World) -> None:
    """The first of two bootstrap addresses refuses connections. The client must use the second, and write through it."""
    topic = world.topic()
    client = world.second_client()
    client.call("start", bootstrap=f"127.0.0.1:1,{world.bootstrap}")
    client.produce(topic, [NewRecord(b"through the second address")])
    expect("values", world.values(topic), [b"through the second address"])


@scenario(
    "C05", "Two producers and two consumers of one process do not disturb each other", smoke=True
)
def several_at_once(world: World) -> None:
    """Two producers write to two topics, turn by turn; two consumers read them, turn by turn. Each topic has its own records, in order."""
    client = world.steps
    first, second = world.topic(), world.topic()
    producers = {first: client.producer(), second: client.producer()}
    wanted = {topic: [f"{topic} {n}".encode() for n in range(5)] for topic in producers}
    for n in range(5):
        for topic, producer in producers.items():
            producer.send_all(topic, [NewRecord(wanted[topic][n])])
    consumers = {topic: client.consumer() for topic in producers}
    for topic, consumer in consumers.items():
        consumer.assign({(topic, 0): "earliest"})
    got = collect(list(consumers.values()), 10)
    for topic in producers:
        expect(
            f"values of {topic}", [one.value for one in got if one.topic == topic], wanted[topic]
        )


@scenario("C06", "The admin client describes the cluster")
def describes_cluster(world: World) -> None:
    """DescribeCluster (or metadata in its place) gives the cluster id and brokers that the suite sees, and one of them as controller."""
    told = world.steps.call("describe_cluster")
    seen = world.wire.metadata()
    ids = {one.node_id for one in seen.brokers}
    expect("broker ids", {one["id"] for one in told["brokers"]}, ids)
    expect_told("cluster id", told.get("cluster_id"), seen.cluster_id)
    controller = told.get("controller")
    assert controller is None or controller in ids, f"controller {controller} is none of {ids}"
