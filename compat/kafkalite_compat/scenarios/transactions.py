"""Transactions: several records and offsets become visible together, or not at all."""

from __future__ import annotations

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite_compat.checks import eventually, expect, fails_with
from kafkalite_compat.driver import StepFailed
from kafkalite_compat.reading import SHORT_POLL_MS, collect
from kafkalite_compat.scenario import scenario
from kafkalite_compat.scenarios.groups import committed_offsets, partitions_of
from kafkalite_compat.steps import NewRecord, Producer, records_of
from kafkalite_compat.world import World

GROUP = "transactions"
ORDER = 9

TIMEOUT_MS = 2_000
LIBRDKAFKA_FENCED = "_FENCED"


@scenario("T01", "A committed transaction is read by read_committed", smoke=True)
def commit(world: World) -> None:
    """Two records in a transaction, committed. A read_committed consumer gets both. The log has them in transactional batches,
    followed by a marker."""
    topic = world.topic()
    producer = _producer(world)
    producer.begin()
    producer.send_all(topic, records_of([b"a", b"b"]))
    producer.commit()
    expect("values read", _read(world, topic, 2), [b"a", b"b"])
    log = world.log(topic)
    expect("transactional batches", {batch.transactional for batch in log}, {True})
    expect("last batch is a marker", log[-1].control, True)


@scenario("T02", "An aborted transaction is hidden from read_committed only", smoke=True)
def abort(world: World) -> None:
    """A transaction is aborted, a second one committed. read_committed gets the second one's record, read_uncommitted both."""
    topic = world.topic()
    producer = _producer(world)
    producer.begin()
    producer.send_all(topic, records_of([b"aborted 1", b"aborted 2"]))
    producer.abort()
    producer.begin()
    producer.send_all(topic, [NewRecord(b"committed")])
    producer.commit()
    expect("values of read_committed", _read(world, topic, 1), [b"committed"])
    everything = [b"aborted 1", b"aborted 2", b"committed"]
    expect("values of read_uncommitted", _read(world, topic, 3, "read_uncommitted"), everything)


@scenario("T03", "An open transaction holds back what comes after it")
def last_stable_offset(world: World) -> None:
    """While a transaction is open the suite writes a plain record behind it. A read_committed consumer gets nothing, a read_uncommitted
    one both. After the commit read_committed gets both too."""
    topic = world.topic()
    producer = _producer(world)
    producer.begin()
    producer.send_all(topic, [NewRecord(b"open")])
    world.write(topic, [b"plain"])
    expect(
        "values of read_uncommitted",
        _read(world, topic, 2, "read_uncommitted"),
        [b"open", b"plain"],
    )
    committed = world.steps.consumer(isolation="read_committed")
    committed.assign({(topic, 0): "earliest"})
    expect("records of read_committed while it is open", committed.poll(5 * SHORT_POLL_MS), [])
    producer.commit()
    got = collect([committed], 2)
    expect("values of read_committed", [one.value for one in got], [b"open", b"plain"])


@scenario("T04", "The latest stable offset is told to who asks for it")
def list_offsets_by_isolation(world: World) -> None:
    """A plain record, then an open transaction of one record. The latest offset is 2 for read_uncommitted and 1 for read_committed."""
    topic = world.topic()
    world.write(topic, [b"plain"])
    producer = _producer(world)
    producer.begin()
    producer.send_all(topic, [NewRecord(b"open")])
    for isolation, offset in (("read_uncommitted", 2), ("read_committed", 1)):
        told = world.steps.call(
            "list_offsets", topic=topic, partition=0, at="latest", isolation=isolation
        )
        expect(f"latest offset of {isolation}", told["offset"], offset)
    producer.abort()


@scenario("T05", "A second producer with the same transactional id fences the first")
def fencing(world: World) -> None:
    """The first producer has an open transaction when a second one with its id is opened: that aborts it. The first one's next
    steps fail as fenced; the second commits. read_committed has only the second's record."""
    topic, transactional_id = world.topic(), world.name("id")
    first = world.steps.producer(transactional_id=transactional_id)
    first.begin()
    first.send_all(topic, [NewRecord(b"of the first")])
    second = world.second_client().producer(transactional_id=transactional_id)
    fails_with(
        lambda: _go_on(first, topic),
        ErrorCode.PRODUCER_FENCED,
        ErrorCode.INVALID_PRODUCER_EPOCH,
        also_named=LIBRDKAFKA_FENCED,
    )
    second.begin()
    second.send_all(topic, [NewRecord(b"of the second")])
    second.commit()
    expect("values of read_committed", _read(world, topic, 1), [b"of the second"])


def _go_on(producer: Producer, topic: str) -> None:
    producer.send_all(topic, [NewRecord(b"of the first, fenced")])
    producer.commit()


@scenario("T06", "Offsets are committed with the transaction")
def offsets_with_commit(world: World) -> None:
    """A consumer reads three records, a producer writes one and adds offset 3 of the group to the transaction. Before the commit the
    group has no offset, afterwards it has 3."""
    source, target, group = world.topic(), world.topic(), world.name("group")
    world.write(source, [b"1", b"2", b"3"])
    consumer = world.steps.consumer(group=group)
    consumer.subscribe(source)
    collect([consumer], 3)
    producer = _producer(world)
    producer.begin()
    producer.send_all(target, [NewRecord(b"sum: 6")])
    producer.send_offsets(group, {(source, 0): 3}, consumer)
    expect("offsets before the commit", committed_offsets(world, group), {})
    producer.commit()
    eventually("offset 3 is committed", lambda: committed_offsets(world, group) == {(source, 0): 3})
    expect("values of read_committed", _read(world, target, 1), [b"sum: 6"])


@scenario("T07", "Offsets are forgotten with an aborted transaction")
def offsets_with_abort(world: World) -> None:
    """As T06 without a consumer, and the transaction is aborted: the group has no offset. Another
    producer's transaction is committed and sets it."""
    source, group = world.topic(), world.name("group")
    aborting = _producer(world)
    aborting.begin()
    aborting.send_offsets(group, {(source, 0): 3})
    aborting.abort()
    producer = world.steps.producer(transactional_id=world.name("another-id"))
    producer.begin()
    producer.send_offsets(group, {(source, 0): 5})
    expect("offsets before the commit", committed_offsets(world, group), {})
    producer.commit()
    eventually("offset 5 is committed", lambda: committed_offsets(world, group) == {(source, 0): 5})


@scenario("T08", "A transaction that takes too long is aborted by the broker")
def timeout(world: World) -> None:
    """transaction.timeout.ms is 2000. The producer writes a record and does nothing more. Soon the log has an abort marker; the
    producer's commit fails."""
    topic = world.topic()
    producer = world.steps.producer(
        transactional_id=world.name("id"), transaction_timeout_ms=TIMEOUT_MS
    )
    producer.begin()
    producer.send_all(topic, [NewRecord(b"forgotten")])
    eventually("a marker in the log", lambda: world.log(topic)[-1].control, within_s=30)
    try:
        producer.commit()
    except StepFailed:
        return
    raise AssertionError("the commit of a transaction that the broker has aborted went well")


@scenario("T09", "A transaction without records can be committed and aborted")
def empty(world: World) -> None:
    """Commit and abort of nothing go well, and so does the transaction after them."""
    topic = world.topic()
    producer = _producer(world)
    producer.begin()
    producer.commit()
    producer.begin()
    producer.abort()
    producer.begin()
    producer.send_all(topic, [NewRecord(b"at last")])
    producer.commit()
    expect("values of read_committed", _read(world, topic, 1), [b"at last"])


@scenario("T10", "A transaction over many partitions is visible as a whole")
def many_partitions(world: World) -> None:
    """Ten partitions of two topics, five records for each, one transaction. While it is open read_committed gets none; after the
    commit all of them; each partition ends with a marker."""
    names = [world.topic(partitions=5), world.topic(partitions=5)]
    producer = _producer(world)
    producer.begin()
    for topic in names:
        records = [NewRecord(b"%d" % n, partition=n % 5) for n in range(25)]
        producer.send_all(topic, records)
    consumer = world.steps.consumer(isolation="read_committed")
    everything = partitions_of(names[0], 5) | partitions_of(names[1], 5)
    consumer.assign(dict.fromkeys(sorted(everything), "earliest"))
    expect("records while it is open", consumer.poll(2 * SHORT_POLL_MS), [])
    producer.commit()
    got = collect([consumer], 50)
    expect("number of records", len(got), 50)
    for topic, partition in sorted(everything):
        expect(f"marker in {topic}-{partition}", world.log(topic, partition)[-1].control, True)


@scenario("T11", "Committed and aborted transactions alternate")
def alternating(world: World) -> None:
    """Ten transactions of three records each, the odd ones aborted. read_committed gets exactly the even ones, in order."""
    topic = world.topic()
    producer = _producer(world)
    for number in range(10):
        producer.begin()
        producer.send_all(topic, records_of([b"%d %d" % (number, n) for n in range(3)]))
        if number % 2:
            producer.abort()
        else:
            producer.commit()
    wanted = [b"%d %d" % (number, n) for number in range(0, 10, 2) for n in range(3)]
    expect("values of read_committed", _read(world, topic, 15), wanted)


@scenario("T12", "An open transaction is listed as ongoing")
def list_transactions(world: World) -> None:
    """The admin client lists the transactional id as Ongoing while the transaction is open, as CompleteCommit after the commit."""
    topic, transactional_id = world.topic(), world.name("id")
    producer = world.steps.producer(transactional_id=transactional_id)
    producer.begin()
    producer.send_all(topic, [NewRecord(b"v")])
    expect("state while it is open", _listed(world, transactional_id), "ongoing")
    producer.commit()
    eventually(
        "the transaction is complete",
        lambda: _listed(world, transactional_id) == "completecommit",
    )


def _listed(world: World, transactional_id: str) -> str | None:
    told = world.steps.call("list_transactions")["transactions"]
    states = {one["transactional_id"]: one["state"] for one in told}
    state = states.get(transactional_id)
    return None if state is None else state.lower().replace("_", "")


def _producer(world: World) -> Producer:
    return world.steps.producer(transactional_id=world.name("id"))


def _read(
    world: World, topic: str, count: int, isolation: str = "read_committed"
) -> list[bytes | None]:
    """The first values that such a consumer gets, and what more comes with them."""
    consumer = world.steps.consumer(isolation=isolation)
    consumer.assign({(topic, 0): "earliest"})
    got = [*collect([consumer], count), *consumer.poll(SHORT_POLL_MS)]
    consumer.close()
    return [one.value for one in got]
