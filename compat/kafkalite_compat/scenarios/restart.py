"""The broker is stopped and started, in order or by kill -9, and clients go on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from kafkalite_compat.checks import eventually, expect
from kafkalite_compat.driver import StepFailed
from kafkalite_compat.reading import collect
from kafkalite_compat.scenario import scenario
from kafkalite_compat.scenarios.groups import committed_offsets
from kafkalite_compat.steps import Consumer, NewRecord, Polled, Producer, records_of
from kafkalite_compat.world import World

GROUP = "restart"
ORDER = 13

REJOIN_WITHIN_S = 90.0  # a client may wait out its own backoff and session first


@scenario("R01", "Producer and consumer go on after a clean restart", restarts_broker=True)
def clean_restart(world: World) -> None:
    """A producer writes, a consumer reads. The broker is stopped in order and started again. The same producer writes more, repeating
    what is refused, and the same consumer reads it. Nothing is missing from the log; as the producer is not idempotent, a
    record may be there twice."""
    producer, consumer, topic, before = _before_restart(world, idempotence=False)
    world.restart_broker(False)
    after = [b"after %d" % n for n in range(10)]
    for value in after:
        _until_taken("a record is taken", partial(producer.send_all, topic, records_of([value])))
    _read_on(consumer, lambda read: {one.value for one in read} >= set(after))
    expect("values in the log", list(dict.fromkeys(world.values(topic))), before + after)


@scenario(
    "R02",
    "Producer and consumer go on after kill -9, and nothing acknowledged is lost",
    restarts_broker=True,
)
def killed(world: World) -> None:
    """As R01, but the broker is killed, and the producer is idempotent. Every record that was
    acknowledged with acks=all is still there, once and in order."""
    producer, consumer, topic, before = _before_restart(world, idempotence=True)
    world.restart_broker(True)
    after = [b"after %d" % n for n in range(10)]
    producer.send_all(topic, records_of(after))
    got = _read_on(consumer, lambda read: read[-1].value == after[-1])
    expect("values read after", [one.value for one in got if one.value not in before], after)
    expect("values in the log", world.values(topic), before + after)


def _before_restart(
    world: World, *, idempotence: bool
) -> tuple[Producer, Consumer, str, list[bytes]]:
    """A producer that has written fifty records, a consumer that has read them, their topic, and the values."""
    topic = world.topic()
    producer = world.steps.producer(acks="all", idempotence=idempotence)
    consumer = world.steps.consumer()
    consumer.assign({(topic, 0): "earliest"})
    before = [b"before %d" % n for n in range(50)]
    for n in range(0, 50, 10):
        producer.send_all(topic, records_of(before[n : n + 10]))
    expect("values read before", [one.value for one in collect([consumer], 50)], before)
    return producer, consumer, topic, before


@scenario("R03", "A group is still there after a restart, with its offsets", restarts_broker=True)
def group_after_restart(world: World) -> None:
    """A member has read five records and committed. The broker is killed and started again. The member goes on with the records written
    since, without seeing the old ones again, and commits them."""
    topic, group = world.topic(), world.name("group")
    world.write(topic, [b"%d" % n for n in range(5)])
    consumer = world.steps.consumer(group=group)
    consumer.subscribe(topic)
    collect([consumer], 5)
    consumer.commit()
    world.restart_broker(True)
    world.write(topic, [b"5", b"6"])
    got = _read_on(consumer, lambda read: len(read) >= 2)
    expect("offsets read", [one.offset for one in got], [5, 6])
    _until_taken("the offsets are committed", consumer.commit)
    expect("committed", committed_offsets(world, group), {(topic, 0): 7})


@scenario("R04", "A transaction survives a restart", restarts_broker=True)
def transaction_over_restart(world: World) -> None:
    """A transaction is open when the broker is stopped and started. It goes on and is committed; read_committed gets both of its records,
    those from before and after the restart, and one of a transaction aborted earlier stays hidden."""
    topic = world.topic()
    producer = world.steps.producer(
        transactional_id=world.name("id"),
        transaction_timeout_ms=120_000,
    )
    producer.begin()
    producer.send_all(topic, [NewRecord(b"aborted")])
    producer.abort()
    producer.begin()
    producer.send_all(topic, [NewRecord(b"before")])
    world.restart_broker(False)
    producer.send_all(topic, [NewRecord(b"after")])
    _until_taken("the transaction is committed", producer.commit)
    consumer = world.steps.consumer(isolation="read_committed")
    consumer.assign({(topic, 0): "earliest"})
    expect("values", [one.value for one in collect([consumer], 2)], [b"before", b"after"])


def _until_taken(what: str, step: Callable[[], object]) -> None:
    """What an application does that is told of an error which passes: it tries again."""

    def taken() -> bool:
        with suppress(StepFailed):
            step()
            return True
        return False

    eventually(what, taken, REJOIN_WITHIN_S)


def _read_on(consumer: Consumer, enough: Callable[[list[Polled]], bool]) -> list[Polled]:
    """Poll until enough records have come. Some clients say that the connection was lost, and go on."""
    got: list[Polled] = []

    def came() -> bool:
        with suppress(StepFailed):
            got.extend(consumer.poll(500))
        return bool(got) and enough(got)

    eventually("the records after the restart are read", came, REJOIN_WITHIN_S)
    return got
