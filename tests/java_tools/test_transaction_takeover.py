"""Transactions that one broker began and the other ends: kafkalite's coordinator and Apache Kafka's read each other's state."""

from __future__ import annotations

from contextlib import closing

import pytest
from kafkalite_compat.differential.requests.records import produce
from kafkalite_compat.differential.requests.transactions import Writer
from kafkalite_compat.differential.side import Side
from kafkalite_protocol.messages.list_offsets import ListOffsetsRequest
from kafkalite_protocol.records import Record, build_batch

from tests.java_tools.test_adoption import Journey, journey
from tests.waiting import wait_until

__all__ = ["journey"]

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]

TOPIC = "accounts"
READ_COMMITTED = 1


def write(writer: Writer, partition: int) -> None:
    """One record in a transaction, from a client of version 1."""
    code = writer.add("to be written to", (TOPIC, partition)).results_by_topic_v3_and_below[0]
    assert code.results_by_partition[0].partition_error_code == 0
    batch = build_batch(
        [Record(0, 0, b"k", writer.name.encode(), [])],
        producer_id=writer.producer_id,
        producer_epoch=writer.epoch,
        base_sequence=0,
        transactional=True,
    )
    request = produce((TOPIC, partition, bytes(batch)), transactional_id=writer.name)
    answer = writer.side.client.ask(request, 11)
    assert answer.responses[0].partition_responses[0].error_code == 0, answer


def stable_end(side: Side, partition: int) -> int:
    """Where committed readers have got to."""
    asked = ListOffsetsRequest.ListOffsetsPartition(partition_index=partition, timestamp=-1)
    topic = ListOffsetsRequest.ListOffsetsTopic(name=TOPIC, partitions=[asked])
    answer = side.client.ask(
        ListOffsetsRequest(replica_id=-1, isolation_level=READ_COMMITTED, topics=[topic]), 7
    )
    offset: int = answer.topics[0].partitions[0].offset
    return offset


def same(side: Side, writer: Writer) -> Writer:
    """The producer of `writer`, connected to who serves now."""
    again = Writer(side, writer.name)
    again.producer_id, again.epoch = writer.producer_id, writer.epoch
    return again


def begin(side: Side, begins_at: int) -> dict[str, Writer]:
    """A transaction that will be committed, one that will be fenced, one that is ended already; a partition each."""
    writers = {
        name: Writer(side, f"{name}-{begins_at}").open() for name in ("goes on", "fenced", "ended")
    }
    for partition, writer in enumerate(writers.values()):
        write(writer, partition)
    assert writers["ended"].end("ended", True, 5).error_code == 0
    assert [stable_end(side, partition) for partition in range(3)] == [
        begins_at,
        begins_at,
        begins_at + 2,
    ]
    return writers


def finish(side: Side, writers: dict[str, Writer], begun_at: int) -> None:
    """On the other broker."""
    going_on = same(side, writers["goes on"])
    assert going_on.end("of the other broker", True, 4).error_code == 0
    fenced = same(side, writers["fenced"])
    fenced.init("a new producer")
    assert fenced.end("the one before", True, 4, later=-1).error_code == 90
    ended = same(side, writers["ended"])
    again = ended.end("once more", True, 5, later=-1)
    assert (again.error_code, again.producer_epoch) == (0, ended.epoch)
    ends = [begun_at + 2] * 3
    wait_until(
        lambda: [stable_end(side, partition) for partition in range(3)] == ends,
        "every transaction has ended",
    )


def test_transactions_go_on_where_the_other_broker_left_them(journey: Journey) -> None:
    with journey.kafkalite:
        with closing(Side(journey.bootstrap)) as side:
            side.new_topic(TOPIC, 3)
            writers = begin(side, 0)
        assert journey.kafkalite.terminate() == 0
    journey.graduate()

    journey.start_kafka()
    with closing(Side(journey.bootstrap)) as side:
        finish(side, writers, 0)
        writers = begin(side, 2)
    assert journey.kafka is not None
    journey.kafka.kill()
    journey.adopt()

    with journey.kafkalite:
        with closing(Side(journey.bootstrap)) as side:
            finish(side, writers, 2)
        assert journey.kafkalite.terminate() == 0
