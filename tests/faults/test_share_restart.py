"""What members of a share group have acknowledged outlives `kill -9`, and nothing that they had not is lost."""

from __future__ import annotations

from random import Random

import pytest
from kafkalite_compat.differential.requests.records import batch_of, produce
from kafkalite_compat.differential.requests.shares import (
    ACCEPT,
    REJECT,
    RELEASE,
    Member,
    begin_sharing,
)
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest

from tests.broker_process import BrokerProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

RECORDS = 300
BATCH = 10
ROUNDS = 6


def new_topic(client: RawClient, name: str) -> bytes:
    topic = CreateTopicsRequest.CreatableTopic(name=name, num_partitions=1, replication_factor=1)
    return client.ask(CreateTopicsRequest(topics=[topic]), 7).topics[0].topic_id


def test_accepted_records_never_come_again_and_the_others_all_do(tmp_path) -> None:
    """Also the delivery counts are what they were when the records came back for the last time."""
    random = Random(17)
    done: dict[int, str] = {}
    released: dict[int, int] = {}
    with BrokerProcess(tmp_path / "data") as broker:
        with RawClient(broker.bootstrap) as client:
            topic_id = new_topic(client, "shared")
            begin_sharing(client, "group", topic_id, 0)
            for _ in range(RECORDS // BATCH):
                client.ask(produce(("shared", 0, batch_of(*[b"v"] * BATCH))), 9)
        for round_number in range(ROUNDS):
            with RawClient(broker.bootstrap) as client:
                member = Member(client, "group", topic_id, f"member-{round_number}")
                for _ in range(RECORDS // BATCH // ROUNDS + 1):
                    for first, last, count in member.acquire(max_records=BATCH):
                        for offset in range(first, last + 1):
                            assert offset not in done, f"{offset} was {done[offset]}"
                            assert count == released.get(offset, 0) + 1
                            kind = random.choice([ACCEPT, ACCEPT, RELEASE, REJECT, None])
                            if kind is None:
                                continue  # the member has it when the broker is killed
                            assert member.acknowledge((offset, offset, [kind])) == 0
                            if kind == RELEASE:
                                released[offset] = count
                            else:
                                done[offset] = "accepted" if kind == ACCEPT else "rejected"
                broker.kill9()
            broker.start()
        with RawClient(broker.bootstrap) as client:
            member = Member(client, "group", topic_id, "last")
            while acquired := member.acquire():
                for first, last, count in acquired:
                    assert not done.keys() & range(first, last + 1)
                    assert {released.get(each, 0) + 1 for each in range(first, last + 1)} == {count}
                    assert member.acknowledge((first, last, [ACCEPT])) == 0
                    done |= dict.fromkeys(range(first, last + 1), "accepted")
    assert done.keys() == set(range(RECORDS))
