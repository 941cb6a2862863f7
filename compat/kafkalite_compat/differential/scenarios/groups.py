"""Classic groups: joining, syncing, leaving, static members; describing, listing, deleting; committed offsets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafkalite_compat.checks import eventually
from kafkalite_compat.differential.requests.groups import (
    commit,
    coordinator_is_there,
    delete,
    delete_offsets,
    describe,
    fetch_offsets,
    heartbeat,
    join,
    leave,
    list_groups,
    stable_group,
    subscription,
    sync,
)
from kafkalite_compat.differential.requests.records import UNKNOWN_ID
from kafkalite_compat.differential.side import Side
from kafkalite_compat.wire.raw import RawClient

JOIN_VERSIONS = range(10)


class Member:
    """Another client on a connection of its own, since a parked JoinGroup holds its connection."""

    def __init__(self, side: Side, client: RawClient) -> None:
        self._side = side
        self._client = client
        self._parked: tuple[str, int, int] | None = None

    def ask(self, label: str, request: Any, version: int) -> Any:
        self.send(label, request, version)
        return self.receive()

    def send(self, label: str, request: Any, version: int) -> None:
        """Without waiting for the answer."""
        self._client.send(request, version)
        self._parked = (label, type(request).API_KEY, version)

    def receive(self) -> Any:
        assert self._parked is not None
        label, api_key, version = self._parked
        answer = self._client.receive(api_key, version)
        self._side.count += 1
        self._side.note(f"{label} v{version}", answer)
        return answer


@contextmanager
def member(side: Side, client_id: str = "other") -> Iterator[Member]:
    with RawClient(side.bootstrap, client_id) as client:
        yield Member(side, client)


def joins(side: Side) -> None:
    coordinator_is_there(side)
    for version in JOIN_VERSIONS:
        group = f"joins-{version}"
        side.ask("no group id", join(""), version)
        side.ask("short session", join(group, session_timeout_ms=5999), version)
        side.ask("long session", join(group, session_timeout_ms=1_800_001), version)
        side.ask("no protocols", join(group, protocols={}), version)
        side.ask("no protocol type", join(group, protocol_type=""), version)
        side.ask("unknown member", join(group, "nobody"), version)
        joined = side.ask("first", join(group), version)
        if version >= 4:
            side.ask("describe pending", describe(group), 6)
            joined = side.ask("with its id", join(group, joined.member_id), version)
        me, generation = joined.member_id, joined.generation_id
        side.ask("other protocol", join(group, protocols={"roundrobin": b""}), version)
        side.ask("other type", join(group, protocol_type="connect"), version)
        side.ask("a member's other protocol", join(group, me, protocols={"sticky": b""}), version)
        side.ask("a member's other type", join(group, me, protocol_type="connect"), version)
        side.ask("a member's short session", join(group, me, session_timeout_ms=1), version)
        side.ask("unknown member of a group", join(group, "nobody"), version)
        side.ask("no such member either", sync(group, generation, "nobody"), 3)
        side.ask("other generation", sync(group, generation + 1, me), 3)
        side.ask("join before sync", join(group, me), version)
        side.ask("synced", sync(group, generation, me, {me: b"a"}), 3)
        side.ask("leader rejoins", join(group, me), version)
        side.ask("describe", describe(group), 6)


def syncs_and_heartbeats(side: Side) -> None:
    coordinator_is_there(side)
    for version in range(6):
        group = f"syncs-{version}"
        joined = side.client.ask(join(group), 3)
        me, generation = joined.member_id, joined.generation_id
        names = {"protocol_type": "consumer", "protocol_name": "range"} if version >= 5 else {}
        side.ask("heartbeat before sync", heartbeat(group, generation, me), min(version, 4))
        if version >= 5:
            wrong = {"protocol_type": "connect", "protocol_name": "range"}
            side.ask("wrong type", sync(group, generation, me, **wrong), version)
            wrong = {"protocol_type": "consumer", "protocol_name": "sticky"}
            side.ask("wrong name", sync(group, generation, me, **wrong), version)
            side.ask("no names", sync(group, generation, me), version)
        assignments = {me: b"mine", "nobody": b"for nobody"}
        side.ask("synced", sync(group, generation, me, assignments, **names), version)
        side.ask("again", sync(group, generation, me, {me: b"other"}, **names), version)
        side.ask("no group id", sync("", generation, me, **names), version)
        side.ask("no group", sync("nobodys", generation, me, **names), version)
        side.ask("no member id", sync(group, generation, "", **names), version)
        side.ask("old generation", sync(group, generation - 1, me, **names), version)
        beats = min(version, 4)
        side.ask("beat", heartbeat(group, generation, me), beats)
        side.ask("beat of no group id", heartbeat("", generation, me), beats)
        side.ask("beat of no group", heartbeat("nobodys", generation, me), beats)
        side.ask("beat of nobody", heartbeat(group, generation, "nobody"), beats)
        side.ask("beat without member id", heartbeat(group, generation, ""), beats)
        side.ask("beat of another generation", heartbeat(group, generation + 1, me), beats)
        side.ask("beat of generation -1", heartbeat(group, -1, me), beats)


def leaves(side: Side) -> None:
    coordinator_is_there(side)
    for version in range(6):
        group = f"leaves-{version}"
        side.ask("no group id", leave("", "nobody"), version)
        side.ask("no group", leave("nobodys", "nobody"), version)
        joined = stable_group(side, group)
        side.ask("nobody", leave(group, "nobody"), version)
        side.ask("no member id", leave(group, ""), version)
        pending = side.client.ask(join(group), 4)
        side.ask("pending", leave(group, pending.member_id), version)
        side.ask("pending again", leave(group, pending.member_id), version)
        side.ask("still there", heartbeat(group, joined.generation_id, joined.member_id), 3)
        side.ask("leaves", leave(group, joined.member_id), version)
        side.ask("leaves again", leave(group, joined.member_id), version)
        side.ask("describe empty", describe(group), 6)
        if version >= 3:
            joined = stable_group(side, group, group_instance_id="one")
            me = joined.member_id
            side.ask("none", leave(group), version)
            side.ask("wrong id", leave(group, ("nobody", "one"), (me, "two"), ("", "two")), version)
            side.ask("by instance", leave(group, ("", "one"), ("", "one")), version)
            side.ask("describe after", describe(group), 6)


def static_members(side: Side) -> None:
    coordinator_is_there(side)
    for version in range(5, 10):
        group = f"static-{version}"
        joined = side.ask("first", join(group, group_instance_id="one"), version)
        old, generation = joined.member_id, joined.generation_id
        side.ask("synced", sync(group, generation, old, {old: b"a"}, group_instance_id="one"), 4)
        side.ask("beat", heartbeat(group, generation, old, "one"), 4)
        side.ask("beat of another", heartbeat(group, generation, old, "two"), 4)
        side.ask("beat of nobody", heartbeat(group, generation, "nobody", "one"), 4)
        side.ask("beat without instance", heartbeat(group, generation, old), 4)
        back = side.ask("comes back", join(group, group_instance_id="one"), version)
        new = back.member_id
        side.ask("old beats", heartbeat(group, generation, old, "one"), 4)
        side.ask("old syncs", sync(group, generation, old, group_instance_id="one"), 4)
        side.ask("old joins", join(group, old, group_instance_id="one"), version)
        asked = commit(group, generation_id=generation, member_id=old, group_instance_id="one")
        side.ask("old commits nothing", asked, 8)
        side.ask("new beats", heartbeat(group, generation, new, "one"), 4)
        side.ask("new syncs", sync(group, generation, new, group_instance_id="one"), 4)
        side.ask("unknown instance with an id", join(group, new, group_instance_id="two"), version)
        side.ask("describe", describe(group), 6)
        other = {"range": subscription("other")}
        side.ask(
            "comes back changed", join(group, group_instance_id="one", protocols=other), version
        )
        side.ask("describe changed", describe(group), 6)


def rebalance_of_two(side: Side) -> None:
    coordinator_is_there(side)
    group = "two"
    joined = stable_group(side, group)
    me, generation = joined.member_id, joined.generation_id
    topic = side.new_topic("two")
    with member(side) as other:
        given = other.ask("id", join(group), 9)
        other.send("parked join", join(group, given.member_id), 9)
        _until_rebalancing(side, group, me, generation)
        side.ask("describe preparing", describe(group), 6)
        side.ask("beat preparing", heartbeat(group, generation, me), 4)
        side.ask("sync preparing", sync(group, generation, me), 5)
        claim = {"generation_id": generation, "member_id": me}
        side.ask("commit preparing", commit(group, (topic, 0, 1), **claim), 8)
        again = side.ask("leader joins", join(group, me), 9)
        other.receive()
        generation = again.generation_id
        claim["generation_id"] = generation
        side.ask("describe completing", describe(group), 6)
        side.ask("commit completing", commit(group, (topic, 0, 1), **claim), 8)
        side.ask("delete completing", delete(group), 2)
        side.ask("delete offsets completing", delete_offsets(group, (topic, [0])), 0)
        other.send("follower syncs", sync(group, generation, given.member_id), 3)
        side.ask("leader syncs", sync(group, generation, me, {me: b"all"}), 3)
        other.receive()
        other.ask("follower rejoins unchanged", join(group, given.member_id), 9)
        side.ask("describe two", describe(group), 6)
        changed = {"range": subscription("other"), "sticky": b"s"}
        other.send("changed", join(group, given.member_id, protocols=changed), 9)
        _until_rebalancing(side, group, me, generation)
        side.ask("leader leaves", leave(group, me), 5)
        other.receive()
        side.ask("describe last", describe(group), 6)


def _until_rebalancing(side: Side, group: str, member_id: str, generation_id: int) -> None:
    beat = heartbeat(group, generation_id, member_id)
    eventually("the rebalance", lambda: side.client.ask(beat, 4).error_code == 27)


def describing(side: Side) -> None:
    coordinator_is_there(side)
    topic = side.new_topic("describing")
    stable_group(side, "described", protocols={"range": subscription(topic), "b": b""})
    stable_group(side, "connectors", protocol_type="connect", protocols={"sessioned": b"x"})
    side.client.ask(commit("simple", (topic, 0, 1)), 8)
    for version in range(7):
        side.ask("none", describe(), version)
        side.ask("all", describe("described", "connectors", "simple", "nobodys", ""), version)
        side.ask("twice", describe("described", "described"), version)
        if version >= 3:
            asked = describe("described", "simple", "nobodys", operations=True)
            side.ask("operations", asked, version)


def listing(side: Side) -> None:
    coordinator_is_there(side)
    topic = side.new_topic("listing")
    stable_group(side, "listed")
    stable_group(side, "listed-connect", protocol_type="connect")
    side.client.ask(commit("listed-simple", (topic, 0, 1)), 8)
    for version in range(6):
        side.ask("all", list_groups(), version)
    for version in (4, 5):
        for states in (["Stable"], ["stable", "EMPTY"], [" Stable "], ["x"], [""], ["Dead"]):
            side.ask(f"states {states}", list_groups(states), version)
    for types in (["classic"], ["CLASSIC", "x"], [" classic"], ["x"], [""], ["unknown"]):
        side.ask(f"types {types}", list_groups(types=types), 5)
    side.ask("new types", list_groups(types=["consumer", "share", "streams"]), 5)
    side.ask("both", list_groups(["Empty"], ["Classic"]), 5)


def deleting(side: Side) -> None:
    coordinator_is_there(side)
    topic = side.new_topic("deleting", 2)
    for version in range(3):
        joined = stable_group(side, "deleted", protocols={"range": subscription(topic)})
        claim = {"generation_id": joined.generation_id, "member_id": joined.member_id}
        side.ask("commit", commit("deleted", (topic, 0, 3), **claim), 8)
        side.ask("with a member", delete("deleted", "nobodys", "", "deleted"), version)
        side.ask("left", leave("deleted", joined.member_id), 3)
        side.ask("empty", delete("deleted", "nobodys"), version)
        side.ask("again", delete("deleted"), version)
        side.ask("offsets are gone", fetch_offsets(7, "deleted", None), 7)
        side.ask("none", delete(), version)
        side.ask("no id", commit("", (topic, 0, 1)), 8)
        side.ask("no id deleted", delete(""), version)


def offset_deletion(side: Side) -> None:
    coordinator_is_there(side)
    topic = side.new_topic("offset-deletion", 2)
    other = side.new_topic("offset-deletion-other", 2)
    joined = stable_group(side, "reader", protocols={"range": subscription(topic)})
    claim = {"generation_id": joined.generation_id, "member_id": joined.member_id}
    parts = ((topic, 0, 3), (topic, 1, 3), (other, 0, 3), (other, 1, 3))
    side.ask("commit", commit("reader", *parts, **claim), 8)
    stable_group(side, "connector", protocol_type="connect")
    stable_group(side, "unreadable", protocols={"range": b"junk"})
    side.client.ask(commit("simple-deletion", (topic, 0, 3), (topic, 1, 3)), 8)
    for label, request in (
        ("subscribed", delete_offsets("reader", (topic, [0, 1, 2]), ("missing", [0]))),
        ("not subscribed", delete_offsets("reader", (other, [0, 5]))),
        ("connect", delete_offsets("connector", (topic, [0]))),
        ("unreadable", delete_offsets("unreadable", (topic, [0]))),
        ("nobodys", delete_offsets("nobodys", (topic, [0]))),
        ("no group id", delete_offsets("", (topic, [0]))),
        ("no topics", delete_offsets("reader")),
        ("no partitions", delete_offsets("reader", (topic, []))),
        ("nothing committed", delete_offsets("reader", (other, [0]))),
        ("simple", delete_offsets("simple-deletion", (topic, [0, 1, 1]))),
        ("negative", delete_offsets("simple-deletion", (topic, [-1]))),
        ("no name", delete_offsets("simple-deletion", ("", [0]))),
    ):
        side.ask(label, request, 0)
    side.ask("what is left", fetch_offsets(7, "reader", None), 7)
    side.ask("simple without offsets", describe("simple-deletion"), 6)
    side.ask("simple deleted", delete("simple-deletion"), 2)


def commits(side: Side) -> None:
    coordinator_is_there(side)
    topic = side.new_topic("commits", 2)
    topic_id = side.topic_id(topic)
    for version in range(2, 11):
        name: str | bytes = topic_id if version >= 10 else topic
        missing: str | bytes = UNKNOWN_ID if version >= 10 else "missing"
        group = f"commits-{version}"
        side.ask("simple", commit(group, (name, 0, 5), (name, 7, 1), (missing, 0, 1)), version)
        side.ask("nothing", commit(group), version)
        side.ask("epoch and note", commit(group, (name, 1, 6), epoch=3, note="n"), version)
        side.ask("null note", commit(group, (name, 1, 6), note=None), version)
        side.ask("long note", commit(group, (name, 0, 1), note="x" * 4097), version)
        side.ask("longest note", commit(group, (name, 0, 1), note="x" * 4096), version)
        side.ask("negative offset", commit(group, (name, 0, -5)), version)
        side.ask("no group id", commit("", (name, 0, 5)), version)
        side.ask("unknown group", commit("new", (name, 0, 5), generation_id=1), version)
        claim = {"generation_id": 1, "member_id": "nobody"}
        side.ask("member of no group", commit("new", (name, 0, 5), **claim), version)
        side.ask("member without generation", commit(group, (name, 0, 5), member_id="x"), version)
        side.ask("generation of a simple group", commit(group, (name, 0, 5), **claim), version)
        joined = stable_group(side, group)
        me = {"generation_id": joined.generation_id, "member_id": joined.member_id}
        side.ask("member", commit(group, (name, 0, 8), **me), version)
        side.ask("outsider", commit(group, (name, 0, 9)), version)
        side.ask("nobody", commit(group, (name, 0, 9), **claim), version)
        old = me | {"generation_id": joined.generation_id - 1}
        side.ask("other generation", commit(group, (name, 0, 9), **old), version)
        if version >= 7:
            wrong = commit(group, (name, 0, 9), **me, group_instance_id="nobody")
            side.ask("wrong instance", wrong, version)
        read = fetch_offsets(9, group, None)
        side.ask("what is there", read, 9)


def fetches(side: Side) -> None:
    coordinator_is_there(side)
    topic = side.new_topic("fetches", 2)
    topic_id = side.topic_id(topic)
    side.client.ask(commit("fetches", (topic, 0, 5), epoch=2, note="note"), 8)
    joined = stable_group(side, "fetches-member")
    for version in range(1, 11):
        name: str | bytes = topic_id if version >= 10 else topic
        missing: str | bytes = UNKNOWN_ID if version >= 10 else "missing"
        wanted = {name: [0, 1, 9, -1], missing: [0]}
        side.ask("some", fetch_offsets(version, "fetches", wanted), version)
        side.ask("unknown group", fetch_offsets(version, "nobodys", wanted), version)
        side.ask("no group id", fetch_offsets(version, "", wanted), version)
        side.ask("no topics", fetch_offsets(version, "fetches", {}), version)
        side.ask("no partitions", fetch_offsets(version, "fetches", {name: []}), version)
        if version >= 2:
            side.ask("all", fetch_offsets(version, "fetches", None), version)
            side.ask("all of nobody", fetch_offsets(version, "nobodys", None), version)
        if version >= 7:
            side.ask("stable", fetch_offsets(version, "fetches", wanted, True), version)
        if version >= 9:
            for member_id, epoch in ((joined.member_id, 1), ("nobody", 7), ("nobody", -1)):
                asked = fetch_offsets(
                    version, "fetches-member", wanted, member_id=member_id, member_epoch=epoch
                )
                label = "itself" if member_id == joined.member_id else f"{member_id} {epoch}"
                side.ask(f"as {label}", asked, version)
            asked = fetch_offsets(version, "nobodys", wanted, member_id="nobody", member_epoch=1)
            side.ask("as nobody of nobodys", asked, version)


SCENARIOS = [
    joins,
    syncs_and_heartbeats,
    leaves,
    static_members,
    rebalance_of_two,
    describing,
    listing,
    deleting,
    offset_deletion,
    commits,
    fetches,
]
