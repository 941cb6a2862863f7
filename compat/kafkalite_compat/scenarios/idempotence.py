"""Idempotent producers: ids and sequence numbers that let the broker tell a retry from a new record."""

from __future__ import annotations

from kafkalite_compat.checks import expect
from kafkalite_compat.scenario import scenario
from kafkalite_compat.steps import NewRecord, records_of
from kafkalite_compat.wire.logs import Batch
from kafkalite_compat.world import World

GROUP = "idempotence"
ORDER = 4


@scenario("I01", "An idempotent producer writes its id and sequence numbers", smoke=True)
def writes_sequences(world: World) -> None:
    """Ten records, one after the other. Every batch in the log has one and the same producer id and epoch, and the sequence numbers
    run from 0 without a gap."""
    topic = world.topic()
    producer = world.steps.producer(idempotence=True)
    values = [b"%d" % n for n in range(10)]
    for value in values:
        producer.send_all(topic, [NewRecord(value)])
    producer.close()
    expect("values in the log", world.values(topic), values)
    _check_sequences(world.log(topic))


@scenario("I02", "Many batches in flight keep their order")
def order_in_flight(world: World) -> None:
    """3000 records in small batches, as many requests in flight as the client allows itself. The log has them in the order of
    sending, each once, with sequence numbers without a gap."""
    topic = world.topic()
    values = [b"%05d " % n + b"x" * 94 for n in range(3000)]
    producer = world.steps.producer(idempotence=True, batch_bytes=4096)
    producer.send_all(topic, records_of(values))
    producer.close()
    written = world.values(topic)
    expect("number of records in the log", len(written), len(values))
    wrong = [n for n, value in enumerate(values) if written[n] != value]
    expect("places where the order differs", wrong[:10], [])
    _check_sequences(world.log(topic))


@scenario("I03", "Each partition has its own sequence, each producer its own id")
def sequence_per_partition(world: World) -> None:
    """Two idempotent producers write turn by turn to two partitions. In each partition the batches of each producer count from 0,
    and the producers' ids differ."""
    topic = world.topic(partitions=2)
    producers = [world.steps.producer(idempotence=True) for _ in range(2)]
    for n in range(6):
        for producer in producers:
            producer.send_all(topic, [NewRecord(b"%d" % n, partition=n % 2)])
    for partition in range(2):
        log = world.log(topic, partition)
        ids = {batch.producer_id for batch in log}
        expect(f"number of producer ids in partition {partition}", len(ids), 2)
        for producer_id in ids:
            _check_sequences([batch for batch in log if batch.producer_id == producer_id])


def _check_sequences(log: list[Batch]) -> None:
    """All of one producer, and its sequence numbers follow one another from 0."""
    ids = {(batch.producer_id, batch.producer_epoch) for batch in log}
    expect("number of producer ids and epochs", len(ids), 1)
    (producer_id, epoch) = ids.pop()
    assert producer_id >= 0, (
        f"the batches have producer id {producer_id}: the producer was not idempotent"
    )
    assert epoch >= 0, f"the batches have producer epoch {epoch}"
    following = 0
    for batch in log:
        expect(
            f"sequence number of the batch at offset {batch.base_offset}",
            batch.base_sequence,
            following,
        )
        following += len(batch.records)
