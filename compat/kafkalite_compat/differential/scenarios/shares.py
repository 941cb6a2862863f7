"""Share groups below their membership: the state of share partitions, ShareFetch, ShareAcknowledge; every version, good and bad."""

from __future__ import annotations

import time
from collections.abc import Iterable

from kafkalite_protocol.messages.delete_topics import DeleteTopicsRequest
from kafkalite_protocol.messages.find_coordinator import FindCoordinatorRequest
from kafkalite_protocol.messages.initialize_share_group_state import (
    InitializeShareGroupStateRequest,
)
from kafkalite_protocol.messages.read_share_group_state import ReadShareGroupStateRequest

from kafkalite_compat.checks import eventually
from kafkalite_compat.differential.requests.records import UNKNOWN_ID, batch_of, produce
from kafkalite_compat.differential.requests.shares import (
    ACCEPT,
    GAP,
    REJECT,
    RELEASE,
    RENEW,
    Acks,
    begin_sharing,
    delete,
    find_coordinator,
    initialize,
    read,
    share_acknowledge,
    share_fetch,
    summary,
    write,
)
from kafkalite_compat.differential.side import Side

WAIT_MS = 250
"""Kafka loads a share partition while the first fetch waits."""
SETTLE_S = 0.2
"""Kafka gives back what a member had after it has answered that the session is closed, and nothing tells when."""


def new_shared_topic(side: Side, name: str, *starts: int, batches: Iterable[int] = ()) -> bytes:
    """A topic that the group `name` shares; `batches` are the sizes of those in partition 0."""
    side.new_topic(name, partitions=max(1, len(starts)))
    topic_id = side.topic_id(name)
    begin_sharing(side.client, name, topic_id, *(starts or (0,)))
    for size in batches:
        side.client.ask(produce((name, 0, batch_of(*[b"v"] * size))), 9)
    return topic_id


class Sharer:
    """A member whose requests are written down."""

    def __init__(self, side: Side, group: str, topic_id: bytes, name: str) -> None:
        self.side, self.group, self.topic_id, self.name = side, group, topic_id, name
        self.epoch = 0

    def fetch(
        self,
        label: str,
        acks: dict[int, list[Acks]] | None = None,
        *,
        partitions: Iterable[int] = (),
        version: int = 2,
        **options: object,
    ) -> None:
        asked = partitions or ((0,) if self.epoch == 0 else ())
        options = {"max_wait_ms": WAIT_MS} | options
        request = share_fetch(
            self.group, self.name, self.epoch, self.topic_id, asked, acks, **options
        )
        self.side.ask(f"{self.name}: {label}", request, version)
        self.epoch += 1

    def acknowledge(
        self, label: str, *acks: Acks, partition: int = 0, renew: bool = False, version: int = 2
    ) -> None:
        request = share_acknowledge(
            self.group,
            self.name,
            self.epoch,
            self.topic_id,
            {partition: list(acks)} if acks else {},
            renew=renew,
        )
        self.side.ask(f"{self.name}: {label}", request, version)
        self.epoch += 1

    def close(self, *acks: Acks) -> None:
        request = share_acknowledge(
            self.group, self.name, -1, self.topic_id, {0: list(acks)} if acks else {}
        )
        self.side.ask(f"{self.name}: close", request, 2)
        self.epoch = 0
        time.sleep(SETTLE_S)

    def state(self, label: str) -> None:
        self.side.ask(f"state {label}", read(self.group, self.topic_id), 0)
        self.side.ask(f"summary {label}", summary(self.group, self.topic_id), 1)


def share_coordinators(side: Side) -> None:
    topic_id = new_shared_topic(side, "share-coordinator")
    good = find_coordinator("g", topic_id).coordinator_keys[0]
    topic = good.split(":")[1]
    keys = ["g", "", f"g:{topic}", "g:xyz:0", f"g:{topic}:x", f":{topic}:0", f"g:{topic}: 1"]
    keys += [f"g:{topic}:2147483648", f"g:{topic}A:1", good, f"a:b:{topic}:7", f"g:{topic}:-1"]
    for key in keys:
        request = FindCoordinatorRequest(key_type=2, key=key, coordinator_keys=[key])
        # The id of the topic is another on each broker, so the key is not written down.
        answer = side.client.ask(request, 6).coordinators[0]
        side.note(key.replace(topic, "TOPIC"), [answer.error_code, answer.node_id])
    for version in range(1, 7):
        request = FindCoordinatorRequest(key_type=2, key=good, coordinator_keys=[good])
        answer = side.client.ask(request, version)
        found = answer.coordinators[0] if version >= 4 else answer
        side.note(f"good v{version}", [found.error_code, found.node_id])


def share_group_state(side: Side) -> None:
    group = "share-state"
    topic_id = new_shared_topic(side, group)
    side.ask("delete", delete(group, topic_id), 0)
    side.ask("delete again", delete(group, topic_id), 0)
    side.ask("not initialized: read", read(group, topic_id), 0)
    side.ask("not initialized: summary", summary(group, topic_id), 1)
    side.ask("not initialized: write", write(group, topic_id, (0, 1, 0, 1)), 1)
    side.ask("initialize", initialize(group, topic_id, (0, 1, -1)), 0)
    for epoch in (0, 5, 4, -1, 5):
        side.ask(f"read as leader {epoch}", read(group, topic_id, leader_epoch=epoch), 0)
        for version in (0, 1):
            side.ask(f"summary after {epoch}", summary(group, topic_id), version)
    writes = {
        "first": write(group, topic_id, (0, 9, 2, 1), (10, 19, 0, 1), leader_epoch=5),
        "older leader": write(group, topic_id, leader_epoch=4),
        "no leader": write(group, topic_id, (12, 12, 2, 1), leader_epoch=-1),
        "older state": write(group, topic_id, state_epoch=0, leader_epoch=5),
        "newer both": write(
            group, topic_id, (15, 16, 4, 2), state_epoch=9, leader_epoch=9, start_offset=5
        ),
        "fewer deliveries": write(group, topic_id, (3, 30, 0, 0), leader_epoch=5),
        "overlapping": write(group, topic_id, (40, 49, 0, 1), (43, 45, 2, 1), leader_epoch=5),
        "a state of no name": write(group, topic_id, (60, 61, 7, 1), leader_epoch=5),
        "start goes back": write(group, topic_id, start_offset=2, leader_epoch=5),
        "start goes on": write(group, topic_id, start_offset=44, leader_epoch=5, complete_count=3),
        "beyond all": write(group, topic_id, start_offset=100, leader_epoch=5),
    }
    for version in (0, 1):
        for label, request in writes.items():
            side.ask(label, request, version)
            side.ask(f"{label}, then read", read(group, topic_id, leader_epoch=5), 0)
            side.ask(f"{label}, then summary", summary(group, topic_id), 1)
    for epoch, start in ((0, 3), (1, 3), (5, 4), (-1, 6), (5, -1)):
        side.ask(f"initialize at {epoch}", initialize(group, topic_id, (0, epoch, start)), 0)
        side.ask("then read", read(group, topic_id, leader_epoch=5), 0)
        side.ask("then summary", summary(group, topic_id), 1)


def share_group_state_of_bad_names(side: Side) -> None:
    topic_id = new_shared_topic(side, "share-state-bad")
    for of_group in ("share-state-bad", ""):
        for of_topic in (topic_id, UNKNOWN_ID, bytes(16)):
            for partition in (0, 1, -1):
                for request, version in (
                    (read(of_group, of_topic, partition), 0),
                    (summary(of_group, of_topic, partition), 0),
                    (summary(of_group, of_topic, partition), 1),
                    (write(of_group, of_topic, partition=partition), 0),
                    (write(of_group, of_topic, partition=partition), 1),
                    (delete(of_group, of_topic, partition), 0),
                    (initialize(of_group, of_topic, (partition, 1, 0)), 0),
                ):
                    side.ask(f"{type(request).__name__} {partition}", request, version)
    side.ask("no topics", InitializeShareGroupStateRequest("g", []), 0)
    side.ask("no partitions", initialize("g", topic_id), 0)
    nothing = ReadShareGroupStateRequest("g", [ReadShareGroupStateRequest.ReadStateData(topic_id)])
    side.ask("read no partitions", nothing, 0)


def share_acquiring(side: Side) -> None:
    for version in (1, 2):
        group = f"share-acquiring-{version}"
        topic_id = new_shared_topic(side, group, 0, batches=(3, 4, 5, 6))
        alice = Sharer(side, group, topic_id, "alice")
        bob = Sharer(side, group, topic_id, "bob")
        alice.fetch("one record", max_records=1, version=version)
        bob.fetch("four records", max_records=4, version=version)
        bob.fetch("small batches", max_records=10, batch_size=3, version=version)
        bob.fetch("no more", version=version)
        alice.acknowledge("release", (0, 2, [RELEASE]), version=version)
        alice.fetch("again", version=version)
        alice.close()
        bob.close()
        alice.fetch("all", max_records=100, version=version)
        alice.acknowledge("all but one", (0, 6, [ACCEPT]), (8, 17, [REJECT]), version=version)
        bob.fetch("none", version=version)
        alice.close()
        bob.fetch("the one", version=version)
        bob.state("at the end")
        bob.close()


def share_limits(side: Side) -> None:
    group = "share-limits"
    topic_id = new_shared_topic(side, group, 0, batches=(3, 3, 3))
    alice = Sharer(side, group, topic_id, "alice")
    alice.fetch("one byte", max_bytes=1)
    alice.fetch("no bytes", max_bytes=0)
    alice.fetch("no records", max_records=0)
    alice.fetch("records -1", max_records=-1)
    alice.fetch("wait -1", max_wait_ms=-1, max_records=1)
    alice.fetch("min bytes -1", min_bytes=-1)
    alice.fetch("batch size 0", batch_size=0)
    group = "share-exact-limits"
    topic_id = new_shared_topic(side, group, 0, batches=(3, 3, 3))
    alice = Sharer(side, group, topic_id, "alice")
    exact = {"share_acquire_mode": 1}
    alice.fetch("two exactly", max_records=2, **exact)
    alice.fetch("four exactly", max_records=4, **exact)
    alice.fetch("the rest exactly", max_records=100, **exact)
    alice.close()


def share_acknowledgements(side: Side) -> None:
    for version in (1, 2):
        group = f"share-acknowledging-{version}"
        topic_id = new_shared_topic(side, group, 0, batches=(5, 5, 5))
        alice = Sharer(side, group, topic_id, "alice")
        bob = Sharer(side, group, topic_id, "bob")
        alice.fetch("all")
        bob.fetch("none")
        bad: dict[str, list[Acks]] = {
            "backwards": [(1, 0, [ACCEPT])],
            "no type": [(0, 3, [])],
            "too few types": [(0, 3, [ACCEPT, ACCEPT])],
            "type 9": [(0, 0, [9])],
            "type -1": [(0, 0, [-1])],
            "not in order": [(2, 3, [ACCEPT]), (0, 1, [ACCEPT])],
            "renew without the flag": [(0, 0, [RENEW])],
            "negative": [(-5, -3, [ACCEPT])],
            "never delivered": [(100, 101, [ACCEPT])],
            "partly": [(14, 15, [ACCEPT])],
            "overlapping": [(0, 1, [ACCEPT]), (1, 2, [ACCEPT])],
        }
        for label, acks in bad.items():
            alice.acknowledge(label, *acks, version=version)
        bob.acknowledge("not his", (0, 0, [ACCEPT]), version=version)
        alice.state("untouched")
        alice.acknowledge("nothing", version=version)
        alice.acknowledge("first", (0, 2, [ACCEPT]), version=version)
        alice.state("first")
        alice.acknowledge("first again", (0, 2, [ACCEPT]), version=version)
        alice.acknowledge("across the start", (0, 3, [ACCEPT]), version=version)
        alice.acknowledge("mixed", (4, 9, [RELEASE, REJECT, GAP, ACCEPT, ACCEPT, ACCEPT]))
        alice.state("mixed")
        alice.acknowledge("what was rejected", (5, 5, [ACCEPT]), version=version)
        alice.acknowledge("what was released", (4, 4, [ACCEPT]), version=version)
        bob.fetch("what was released")
        bob.close((4, 4, [ACCEPT]))
        alice.state("what bob closed with")
        alice.close((10, 14, [ACCEPT]))
        alice.state("all")


def share_renewals(side: Side) -> None:
    group = "share-renewing"
    topic_id = new_shared_topic(side, group, 0, batches=(8,))
    alice = Sharer(side, group, topic_id, "alice")
    alice.fetch("all")
    alice.acknowledge("renew", (0, 1, [RENEW]), renew=True)
    alice.acknowledge("renew and accept", (0, 0, [ACCEPT]), (1, 1, [RENEW]), renew=True)
    alice.acknowledge("only accept", (4, 4, [ACCEPT]), renew=True)
    nothing = {"max_wait_ms": 0, "min_bytes": 0, "max_bytes": 0, "max_records": 0}
    alice.fetch("renew and ask", {0: [(1, 1, [RENEW])]}, is_renew_ack=True)
    alice.epoch -= 1
    alice.fetch("renew", {0: [(1, 1, [RENEW])]}, is_renew_ack=True, **nothing)
    alice.fetch("renew nothing", is_renew_ack=True, **nothing)
    alice.state("in the end")
    alice.close()


def share_sessions(side: Side) -> None:
    group = "share-sessions"
    topic_id = new_shared_topic(side, group, 0, 0, batches=(3,))
    for epoch in (1, -1, 7):
        side.ask(f"no session {epoch}", share_fetch(group, "nobody", epoch, topic_id), 2)
        side.ask(f"no session to close {epoch}", share_acknowledge(group, "nobody", epoch), 2)
    acks = {0: [(0, 0, [ACCEPT])]}
    side.ask("first with acks", share_fetch(group, "a", 0, topic_id, acks=acks), 2)
    side.ask("no member", share_fetch(group, "", 0, topic_id, (0,)), 2)
    side.ask("null member", share_fetch(group, None, 0, topic_id, (0,)), 2)
    side.ask("null group", share_fetch(None, "a", 0, topic_id, (0,)), 2)
    side.ask("acknowledge for null group", share_acknowledge(None, "a", 1), 2)
    side.ask("acknowledge for no member", share_acknowledge(group, "", 1), 2)
    side.ask("acknowledge for null member", share_acknowledge(group, None, 1), 2)
    alice = Sharer(side, group, topic_id, "alice")
    alice.fetch("open")
    side.ask("wrong epoch", share_fetch(group, "alice", 5, topic_id), 2)
    side.ask("wrong epoch to acknowledge", share_acknowledge(group, "alice", 5), 2)
    side.ask("epoch 0 to acknowledge", share_acknowledge(group, "alice", 0), 2)
    alice.fetch("no news")
    alice.acknowledge("a partition never read", (0, 0, [ACCEPT]), partition=1)
    alice.acknowledge("no such partition", (0, 0, [ACCEPT]), partition=7)
    alice.fetch("forget", forget=(0,))
    alice.acknowledge("what it forgot", (0, 0, [ACCEPT]))
    alice.epoch = 0
    alice.fetch("open again")
    alice.acknowledge("from before", (1, 1, [ACCEPT]))
    closing = share_fetch(group, "alice", -1, topic_id, acks={0: [(2, 2, [RELEASE])]})
    side.ask("close by fetch", closing, 2)
    side.ask("closed", share_acknowledge(group, "alice", alice.epoch), 2)
    bob = Sharer(side, group, topic_id, "bob")
    bob.fetch("and a partition that is not there", partitions=(7,), max_wait_ms=0)
    bob.fetch("again", max_wait_ms=0)
    bob.close()
    bob.fetch("nothing at all", partitions=(), max_records=1)
    bob.close()


def share_of_unknown_topics(side: Side) -> None:
    group = "share-of-unknown"
    good = new_shared_topic(side, group, 0, batches=(3,))
    alice = Sharer(side, group, good, "alice")
    alice.fetch("before the others")
    alice.close()
    for version in (1, 2):
        for member, unknown in (("unknown id", UNKNOWN_ID), ("zero id", bytes(16))):
            steps = {
                "alone": (unknown, (0, 1), ()),
                "alone again": (unknown, (), ()),
                "forgotten": (unknown, (), (0, 1)),
                "a good one": (good, (0,), ()),
                "beside it": (unknown, (0,), ()),
                "beside it again": (unknown, (), ()),
                "forgotten again": (unknown, (), (0,)),
            }
            for epoch, (label, (topic_id, asked, forgotten)) in enumerate(steps.items()):
                request = share_fetch(group, member, epoch, topic_id, asked, forget=forgotten)
                side.ask(f"{member}: {label}", request, version)
            side.ask(f"{member}: close", share_acknowledge(group, member, -1), version)
            time.sleep(SETTLE_S)


def share_of_a_topic_made_again(side: Side) -> None:
    group = "share-made-again"
    topic_id = new_shared_topic(side, group, 0, batches=(3,))
    alice = Sharer(side, group, topic_id, "alice")
    alice.fetch("all")
    alice.close((0, 1, [ACCEPT]))
    kind = DeleteTopicsRequest
    side.client.ask(kind([kind.DeleteTopicState(group)], timeout_ms=10_000), 6)
    # Kafka's share coordinator hears of it some time after the broker
    eventually(
        "the share coordinator knows that the topic is gone",
        lambda: side.client.ask(summary(group, topic_id), 1).results[0].partitions[0].error_code,
    )
    side.ask("deleted: summary", summary(group, topic_id), 1)
    side.ask("deleted: initialize", initialize(group, topic_id, (0, 2, 0)), 0)
    again = new_shared_topic(side, group, 0, batches=(2,))
    side.ask("made again: summary", summary(group, again), 1)
    bob = Sharer(side, group, again, "bob")
    bob.fetch("from the start")
    bob.close()


SCENARIOS = [
    share_coordinators,
    share_group_state,
    share_group_state_of_bad_names,
    share_acquiring,
    share_limits,
    share_acknowledgements,
    share_renewals,
    share_sessions,
    share_of_unknown_topics,
    share_of_a_topic_made_again,
]
