"""Transactions as partitions see them: Produce of every version, markers, committed readers, offsets in transactions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafkalite_protocol.messages.delete_groups import DeleteGroupsRequest
from kafkalite_protocol.messages.describe_producers import DescribeProducersRequest
from kafkalite_protocol.messages.find_coordinator import FindCoordinatorRequest
from kafkalite_protocol.messages.list_offsets import ListOffsetsRequest
from kafkalite_protocol.messages.offset_commit import OffsetCommitRequest
from kafkalite_protocol.messages.offset_delete import OffsetDeleteRequest
from kafkalite_protocol.messages.offset_fetch import OffsetFetchRequest
from kafkalite_protocol.messages.txn_offset_commit import TxnOffsetCommitRequest
from kafkalite_protocol.messages.write_txn_markers import WriteTxnMarkersRequest
from kafkalite_protocol.record_batch import batches
from kafkalite_protocol.records import read_records

from kafkalite_compat.checks import eventually
from kafkalite_compat.differential.masking import batches_of
from kafkalite_compat.differential.requests.consumer_groups import enter
from kafkalite_compat.differential.requests.groups import join
from kafkalite_compat.differential.requests.internal_topics import partition_for
from kafkalite_compat.differential.requests.records import (
    NOW_MS,
    batch_of,
    fetch,
    list_offsets,
    part,
    produce,
)
from kafkalite_compat.differential.requests.transactions import Writer
from kafkalite_compat.differential.side import Side

READ_COMMITTED = 1
_FIRST_VERSIONS_OF_KINDS = (3, 10, 11, 12)
"""Of Produce: those between which the answers to transactional batches differ."""


class Partitions:
    """What one producer writes, with its sequence numbers."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.side = writer.side
        self.sequences: dict[tuple[str, int], int] = {}

    def batch(self, sequence: int, *, later: int = 0, count: int = 1, **options: Any) -> bytes:
        options = {"transactional": True, "producer_id": self.writer.producer_id} | options
        return batch_of(
            *[b"v"] * count,
            producer_epoch=self.writer.epoch + later,
            base_sequence=sequence,
            **options,
        )

    def produce(
        self,
        label: str,
        topic: str,
        version: int,
        *,
        index: int = 0,
        sequence: int | None = None,
        **options: Any,
    ) -> Any:
        name = options.pop("name", self.writer.name)
        place = (f"{topic}:{self.writer.epoch}", index)
        if sequence is None:
            sequence = self.sequences.get(place, 0)
        asked: str | bytes = self.side.topic_id(topic) if version >= 13 else topic
        request = produce((asked, index, self.batch(sequence, **options)), transactional_id=name)
        answer = self.side.ask(label, request, version)
        if (
            not isinstance(answer, str)
            and answer.responses[0].partition_responses[0].error_code == 0
        ):
            self.sequences[place] = sequence + options.get("count", 1)
        return answer


def offsets(replica_id: int, *asked: Any, **options: Any) -> ListOffsetsRequest:
    """-1 is a consumer."""
    request = list_offsets(*asked, **options)
    request.replica_id = replica_id
    return request


def read(side: Side, label: str, topic: str, *, offset: int = 0, index: int = 0) -> None:
    """What readers of both kinds are given, and where they find the end."""
    for level in (0, READ_COMMITTED):
        answer = side.client.ask(fetch((topic, part(index, offset)), isolation_level=level), 12)
        side.count += 1
        partition = answer.responses[0].partitions[0]
        found = batches_of(bytes(partition.records or b""))
        for batch in found:
            del batch["crc"]  # over producer ids and times
        partition.records = None
        side.note(f"{label}: read {level}", answer)
        side.note(f"{label}: batches {level}", found)
        for version in (2, 7):
            latest = offsets(-1, topic, (index, -1), isolation_level=level)
            side.ask(f"{label}: end {level}", latest, version)
    side.ask(f"{label}: end", offsets(1, topic, (index, -1), isolation_level=1), 7)
    for what, time_ms in (("last", -3), ("at a time", 0), ("later", NOW_MS + 1)):
        asked = offsets(-1, topic, (index, time_ms), isolation_level=1)
        answer = side.client.ask(asked, 7)
        side.count += 1
        one = answer.topics[0].partitions[0]
        if one.timestamp > NOW_MS:  # a marker: some of them may be of one millisecond
            one.timestamp, one.offset = 1, one.offset and 1
        side.note(f"{label}: {what}", answer)


def producers(side: Side, label: str, topic: str, *indexes: int) -> None:
    """DescribeProducers, without the clock."""
    asked = DescribeProducersRequest.TopicRequest(topic, list(indexes or (0,)))
    answer = side.client.ask(DescribeProducersRequest([asked]), 0)
    side.count += 1
    for one in answer.topics:
        for partition in one.partitions:
            for producer in partition.active_producers:
                producer.last_timestamp = min(1, producer.last_timestamp)
                producer.coordinator_epoch = min(0, producer.coordinator_epoch)
            partition.active_producers.sort(key=lambda each: each.producer_id)
    side.note(label, answer)


def produce_outside_the_transaction(side: Side) -> None:
    topic = side.new_topic("txd-outside", partitions=4)
    for version in _FIRST_VERSIONS_OF_KINDS:
        writer = Writer(side, f"txd-outside-{version}")
        partitions = Partitions(writer.open())
        strangers: dict[str, dict[str, Any]] = {
            "not added": {},
            "an id that nobody has": {"name": f"txd-nobody-{version}"},
            "another producer id": {"producer_id": writer.producer_id + 1_000_000},
            "a later epoch": {"later": 1},
            "no transaction though": {"transactional": False},
            "in the middle": {"sequence": 5, "index": 3},
        }
        for label, options in strangers.items():
            partitions.produce(label, topic, version, **options)
        if version < 12:
            writer.add("add one", (topic, 1))
        partitions.produce("added", topic, version, index=1)
        partitions.produce("on", topic, version, index=1, count=3)
        partitions.produce("twice", topic, version, index=1, sequence=1, count=3)
        partitions.produce("a gap", topic, version, index=1, sequence=9)
        partitions.produce("outside it", topic, version, index=1, transactional=False)
        partitions.produce("not this one", topic, version, index=2)
        writer.end("end", True)
        partitions.produce("after the end", topic, version, index=1)
        writer.open()
        partitions.produce("zombie", topic, version, index=1, later=-1, sequence=4)
        producers(side, f"producers {version}", topic, 0, 1, 2, 3)


def produce_of_two_producers_at_once(side: Side) -> None:
    topic = side.new_topic("txd-two", partitions=2)
    one, other = (Partitions(Writer(side, f"txd-two-{n}").open()) for n in range(2))
    for version in _FIRST_VERSIONS_OF_KINDS:
        request = produce(
            (topic, 0, one.batch(0)), (topic, 1, other.batch(0)), transactional_id="txd-two-0"
        )
        side.ask("two producers", request, version)
        request = produce(
            (topic, 0, one.batch(0)), (topic, 7, one.batch(0)), transactional_id="txd-two-0"
        )
        side.ask("one partition is not there", request, version)
        side.ask("without an id", produce((topic, 0, one.batch(0))), version)


def readers_of_committed_records(side: Side) -> None:
    topic = side.new_topic("txd-readers")
    one, other = (Partitions(Writer(side, f"txd-readers-{n}").open()) for n in range(2))
    side.client.ask(produce((topic, 0, batch_of(b"plain"))), 9)
    read(side, "nothing open", topic)
    one.produce("one begins", topic, 12, count=2)
    read(side, "one open", topic)
    side.client.ask(produce((topic, 0, batch_of(b"plain"))), 9)
    other.produce("other begins", topic, 12)
    read(side, "both open", topic)
    producers(side, "both", topic)
    one.writer.end("one aborts", False, 5)
    read(side, "other open", topic)
    other.writer.end("other commits", True, 5)
    read(side, "none open", topic)
    for offset in range(8):
        read(side, f"from {offset}", topic, offset=offset)
    one.produce("one again", topic, 12)
    read(side, "behind what is stable", topic, offset=7)
    read(side, "at the end", topic, offset=8)
    side.ask("above", fetch((topic, part(0, 9)), isolation_level=1), 12)
    one.writer.end("one aborts again", False, 5)
    read(side, "two aborted", topic)
    producers(side, "none", topic)


def markers_by_version(side: Side) -> None:
    topic = side.new_topic("txd-markers", partitions=2)
    for version in (1, 2):
        writer = Partitions(Writer(side, f"txd-markers-{version}").open().open())
        writer.produce("open", topic, 12)

        def end(
            label: str,
            *topics: tuple[str, list[int]],
            later: int = 0,
            commit: bool = False,
            coordinator: int = 0,
            level: int = 0,
            writer: Partitions = writer,
            version: int = version,
        ) -> None:
            marker = WriteTxnMarkersRequest.WritableTxnMarker(
                writer.writer.producer_id,
                writer.writer.epoch + later,
                commit,
                [WriteTxnMarkersRequest.WritableTxnMarkerTopic(*each) for each in topics],
                coordinator,
                level,
            )
            side.ask(label, WriteTxnMarkersRequest([marker]), version)

        side.ask("nothing", WriteTxnMarkersRequest([]), version)
        end("nowhere")
        end("unknown", ("txd-no-topic", [0]), (topic, [7]))
        end("older epoch", (topic, [0]), later=-1)
        if version == 2:
            end("the same epoch in version 2", (topic, [0]), level=2)
        end("both partitions", (topic, [0, 1]), later=version - 1, coordinator=5, level=version)
        end("again", (topic, [0]), later=version - 1, coordinator=5, level=version)
        end("an older coordinator", (topic, [0]), later=version - 1, coordinator=4, level=version)
        end("a newer one", (topic, [0]), later=version - 1, coordinator=6, commit=True)
        read(side, f"after {version}", topic)
        producers(side, f"after {version}", topic, 0, 1)


class Committer:
    """A producer that commits offsets of one group in its transactions."""

    def __init__(self, side: Side, name: str, topic: str) -> None:
        self.side, self.name, self.topic = side, name, topic
        self.writer = Writer(side, name).open()
        self.group = name
        eventually(
            "the group has a coordinator",
            lambda: side.client.ask(FindCoordinatorRequest(self.group, 0), 2).error_code == 0,
        )
        eventually("the group is loaded", self._is_loaded)

    def _is_loaded(self) -> bool:
        answer = self.side.client.ask(self._fetch(None, require_stable=False), 8)
        return bool(answer.groups[0].error_code == 0)

    def commit(
        self,
        label: str,
        version: int,
        *partitions: tuple[int, int],
        later: int = 0,
        topic: str | None = None,
        metadata: str | None = "m",
        **options: Any,
    ) -> Any:
        asked = [
            TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition(index, offset, 3, metadata)
            for index, offset in partitions
        ]
        fields: dict[str, Any] = {
            "transactional_id": self.name,
            "group_id": self.group,
            "producer_id": self.writer.producer_id,
            "producer_epoch": self.writer.epoch + later,
        } | options
        request = TxnOffsetCommitRequest(
            topics=[TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic(topic or self.topic, asked)],
            **fields,
        )
        return self.side.ask(label, request, version)

    def commit_outside(self, label: str, *partitions: tuple[int, int]) -> None:
        asked = [
            OffsetCommitRequest.OffsetCommitRequestPartition(index, offset, 1, "plain")
            for index, offset in partitions
        ]
        topic = OffsetCommitRequest.OffsetCommitRequestTopic(self.topic, partitions=asked)
        self.side.ask(label, OffsetCommitRequest(self.group, -1, "", None, -1, [topic]), 8)

    def _fetch(self, indexes: list[int] | None, *, require_stable: bool) -> OffsetFetchRequest:
        topics = [
            OffsetFetchRequest.OffsetFetchRequestTopics(self.topic, partition_indexes=indexes or [])
        ]
        group = OffsetFetchRequest.OffsetFetchRequestGroup(
            self.group, topics=None if indexes is None else topics
        )
        return OffsetFetchRequest(groups=[group], require_stable=require_stable)

    def fetched(self, label: str) -> None:
        for indexes in (None, [0, 1, 2]):
            for require_stable in (False, True):
                what = (
                    f"{label}: {'all' if indexes is None else 'each'}{' stable' * require_stable}"
                )
                self.side.ask(what, self._fetch(indexes, require_stable=require_stable), 8)

    def ends(self, label: str, commit: bool) -> None:
        self.writer.end(label, commit, 5)

    def delete_offsets(self, label: str, *indexes: int) -> None:
        asked = [OffsetDeleteRequest.OffsetDeleteRequestPartition(index) for index in indexes]
        topic = OffsetDeleteRequest.OffsetDeleteRequestTopic(self.topic, asked)
        self.side.ask(label, OffsetDeleteRequest(self.group, [topic]), 0)


def offsets_by_version(side: Side) -> None:
    topic = side.new_topic("txd-offsets", partitions=3)
    for version in range(6):
        committer = Committer(side, f"txd-offsets-{version}", topic)
        later: dict[str, dict[str, Any]] = {
            "not added": {},
            "no group": {"group_id": ""},
            "no id": {"transactional_id": ""},
            "unknown id": {"transactional_id": "txd-nobody"},
            "other producer": {"producer_id": committer.writer.producer_id + 1_000_000},
            "older epoch": {"later": -1},
            "newer epoch": {"later": 1},
            "unknown topic": {"topic": "txd-no-topic"},
        }
        for label, options in later.items():
            committer.commit(label, version, (0, 5), **options)
        if version < 5:
            committer.writer.add_offsets("add", committer.group)
        committer.commit("added", version, (0, 5), (1, 6), (9, 9))
        committer.commit("long", version, (0, 7), metadata="x" * 5000)
        committer.commit("null", version, (2, 7), metadata=None)
        for label, options in later.items():
            committer.commit(f"{label}, open", version, (0, 5), **options)
        if version >= 3:
            claims: dict[str, dict[str, Any]] = {
                "a generation": {"generation_id": 4},
                "a member": {"member_id": "m"},
                "a static member": {"group_instance_id": "i"},
                "all": {"generation_id": 4, "member_id": "m", "group_instance_id": "i"},
            }
            for label, claim in claims.items():
                committer.commit(label, version, (0, 5), **claim)
        committer.fetched("open")
        committer.writer.end("end", True, 5 if version == 5 else 4)
        committer.fetched("ended")
        committer.commit("after the end", version, (0, 99))
        committer.writer.end("abort", False, 5 if version == 5 else 4)
        committer.fetched("after the end")


def offsets_of_open_transactions(side: Side) -> None:
    topic = side.new_topic("txd-pending", partitions=3)
    committer = Committer(side, "txd-pending", topic)
    other = Committer(side, "txd-pending-2", topic)
    other.group = committer.group
    committer.commit("first", 5, (0, 1))
    committer.fetched("only pending")
    side.ask("groups", DeleteGroupsRequest(["txd-pending-2"]), 2)
    committer.ends("abort the first", False)
    committer.fetched("aborted")
    committer.commit("second", 5, (0, 2), (1, 2))
    committer.commit_outside("a plain one after it", (0, 50))
    committer.fetched("mixed")
    committer.ends("commit the second", True)
    committer.fetched("the later one counts")
    committer.commit("third", 5, (0, 3))
    other.commit("third of the other", 5, (0, 4), (2, 4))
    other.ends("the other commits", True)
    committer.fetched("one still open")
    committer.ends("and the first", True)
    committer.fetched("the later one counts again")
    committer.commit("fourth", 5, (0, 5), (2, 5))
    committer.delete_offsets("delete", 0, 1)
    committer.fetched("deleted")
    committer.ends("commit the fourth", True)
    committer.fetched("what was not deleted counts")
    committer.commit("fifth", 5, (1, 6))
    side.ask("delete the group", DeleteGroupsRequest([committer.group]), 2)
    committer.fetched("group deleted")
    committer.ends("commit the fifth", True)
    committer.fetched("nothing is left")
    committer.commit("sixth", 5, (1, 7))
    committer.ends("commit the sixth", True)
    committer.fetched("anew")


def offsets_of_members(side: Side) -> None:
    """Groups of both protocols with a member, who says which epoch it commits in."""
    topic = side.new_topic("txd-members", partitions=3)
    for name in ("txd-members-modern", "txd-members-classic"):
        committer = Committer(side, name, topic)
        if name.endswith("modern"):
            member = "member"
            epoch = side.client.ask(enter(name, member, topic), 1).member_epoch
            assert epoch > 0, "the member is in the group"
            side.note("epoch", epoch)
        else:
            joined = side.client.ask(join(name, session_timeout_ms=60_000), 3)
            member, epoch = joined.member_id, joined.generation_id
        claims: dict[str, dict[str, Any]] = {
            "nothing": {},
            "all": {"member_id": member, "generation_id": epoch},
            "older": {"member_id": member, "generation_id": epoch - 1},
            "newer": {"member_id": member, "generation_id": epoch + 1},
            "no epoch": {"member_id": member},
            "no member": {"generation_id": epoch},
            "another member": {"member_id": "m", "generation_id": epoch},
            "another instance": {
                "member_id": member,
                "generation_id": epoch,
                "group_instance_id": "i",
            },
            "an instance alone": {"group_instance_id": "i"},
        }
        for version in (3, 4, 5):
            if version < 5:
                committer.writer.add_offsets(f"add {name} {version}", name)
            for label, claim in claims.items():
                committer.commit(f"{name}: {label}", version, (0, 5), **claim)
            committer.commit(f"{name}: as before v3", 2, (0, 5))
            committer.writer.end(f"end {name} {version}", True, 5 if version == 5 else 4)
            committer.fetched(f"{name} {version}")


def batches_of_offsets(side: Side) -> None:
    """The bytes in `__consumer_offsets`, but for what the clock and the ids say."""
    topic = side.new_topic("txd-bytes", partitions=1)
    committer = Committer(side, "txd-bytes", topic)
    index, start = _end_of_offsets(side, committer.group)
    committer.commit("commit", 5, (0, 5))
    committer.ends("end", True)
    answer = side.client.ask(
        fetch(("__consumer_offsets", part(index, start)), isolation_level=0), 12
    )
    for batch in batches(bytearray(answer.responses[0].partitions[0].records)):
        fields = [
            batch.attributes,
            batch.base_sequence,
            batch.record_count,
            batch.last_offset_delta,
            batch.producer_epoch,
            batch.total_bytes,
        ]
        side.note("batch", fields)
        for record in read_records(batch):
            value = bytes(record.value or b"")
            side.note(
                "record", [bytes(record.key or b"").hex(), value[:18].hex(), value[26:].hex()]
            )


def _end_of_offsets(side: Side, group: str) -> tuple[int, int]:
    index = partition_for(group)
    answer = side.client.ask(list_offsets("__consumer_offsets", (index, -1)), 7)
    return index, answer.topics[0].partitions[0].offset


SCENARIOS: tuple[Callable[[Side], None], ...] = (
    produce_outside_the_transaction,
    produce_of_two_producers_at_once,
    readers_of_committed_records,
    markers_by_version,
    offsets_by_version,
    offsets_of_open_transactions,
    offsets_of_members,
    batches_of_offsets,
)
