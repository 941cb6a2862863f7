"""Offsets committed in transactions: what counts when, who may commit, and what expires. Expectations were measured on Kafka 4.3.0."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.txn_offset_commit import TxnOffsetCommitRequest

from kafkalite.coordination.group import offset_records
from kafkalite.coordination.group.offset_records import CommittedOffset
from kafkalite.coordination.group.offset_store import OffsetStore
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.coordination.ports import LogEntry, TransactionalRecord, TransactionEnd
from kafkalite.deferred import Deferred, resolved
from kafkalite.types import GroupId, LeaderEpoch, Offset, ProducerId, TopicPartition
from tests.coordination.group_world import GROUP, World, deferred

ORDERS = ("orders", 0)
PRODUCER = ProducerId(7)
HOUR_MS = 3_600_000


def commit(
    world: World,
    offset: int,
    *,
    verified: ErrorCode | Deferred[ErrorCode] = ErrorCode.NONE,
    metadata: str = "",
    **fields: Any,
) -> Deferred[int]:
    """The code that orders-0 is answered with."""
    partition = TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition(0, offset, -1, metadata)
    values: dict[str, Any] = {
        "transactional_id": "t",
        "group_id": GROUP,
        "producer_id": PRODUCER,
        "producer_epoch": 3,
        "topics": [TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic("orders", [partition])],
    }
    answer = world.coordinator.commit_transactional_offsets(
        TxnOffsetCommitRequest(**values | fields),
        lambda _: verified if isinstance(verified, Deferred) else resolved(verified),
    )
    return deferred(answer).then(lambda response: response.topics[0].partitions[0].error_code)


def end(world: World, *, committed: bool, producer_id: ProducerId = PRODUCER) -> None:
    partition = world.coordinator.partition_for(GROUP)
    world.coordinator.transaction_ended(partition, TransactionEnd(producer_id, committed))


def test_offset_counts_once_the_transaction_is_committed() -> None:
    world = World()
    assert commit(world, 42).result() == ErrorCode.NONE
    assert world.log.producers == [(PRODUCER, 3)]
    assert world.committed() == -1
    end(world, committed=True)
    assert world.committed() == 42


def test_offset_of_an_aborted_transaction_never_counts() -> None:
    world = World()
    commit(world, 42)
    end(world, committed=False)
    assert world.committed() == -1


def test_plain_commit_after_a_transactional_one_counts_whatever_becomes_of_the_transaction() -> (
    None
):
    world = World()
    commit(world, 42)
    world.commit({ORDERS: 50})
    end(world, committed=True)
    assert world.committed() == 50


def test_nothing_is_written_before_the_transaction_is_verified() -> None:
    world = World()
    verified: Deferred[ErrorCode] = Deferred()
    answer = commit(world, 42, verified=verified)
    assert not answer.done
    assert not world.log.all
    verified.resolve(ErrorCode.NONE)
    assert answer.result() == ErrorCode.NONE
    assert len(world.log.all) == 1


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (ErrorCode.INVALID_TXN_STATE, ErrorCode.INVALID_TXN_STATE),
        (ErrorCode.TRANSACTION_ABORTABLE, ErrorCode.TRANSACTION_ABORTABLE),
        (ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.INVALID_PRODUCER_EPOCH),
        (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.NOT_COORDINATOR),
        (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.COORDINATOR_NOT_AVAILABLE),
    ],
)
def test_partition_that_is_not_in_the_transaction_is_not_written_to(
    found: ErrorCode, told: ErrorCode
) -> None:
    world = World()
    assert commit(world, 42, verified=found).result() == told
    assert not world.log.all


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ({}, ErrorCode.NONE),
        ({"generation_id": 1, "member_id": "me"}, ErrorCode.NONE),
        ({"generation_id": 2, "member_id": "me"}, ErrorCode.ILLEGAL_GENERATION),
        ({"member_id": "me"}, ErrorCode.ILLEGAL_GENERATION),
        ({"generation_id": 1}, ErrorCode.UNKNOWN_MEMBER_ID),
        ({"generation_id": 1, "member_id": "you"}, ErrorCode.UNKNOWN_MEMBER_ID),
        (
            {"generation_id": 1, "member_id": "me", "group_instance_id": "i"},
            ErrorCode.UNKNOWN_MEMBER_ID,
        ),
    ],
)
def test_member_of_a_classic_group_says_which_generation_it_commits_for(
    claim: dict[str, Any], code: ErrorCode
) -> None:
    world = World()
    joined = world.join(version=3).result()
    claim = claim | ({"member_id": joined.member_id} if claim.get("member_id") == "me" else {})
    # The group is waiting for the leader's assignment: a plain commit would have to wait.
    assert commit(world, 42, **claim).result() == code


def test_client_that_claims_a_generation_of_no_group_is_refused() -> None:
    world = World()
    assert commit(world, 42, generation_id=0).result() == ErrorCode.ILLEGAL_GENERATION
    assert commit(world, 42, generation_id=-1).result() == ErrorCode.NONE


def test_group_without_a_name_cannot_be_committed_for() -> None:
    assert commit(World(), 1, group_id="").result() == ErrorCode.INVALID_GROUP_ID


def test_long_note_is_refused() -> None:
    world = World(offset_metadata_max_bytes=3)
    assert commit(world, 1, metadata="four").result() == ErrorCode.OFFSET_METADATA_TOO_LARGE
    assert not world.log.all


def test_group_and_offset_stay_while_a_transaction_is_open() -> None:
    world = World(offsets_retention_ms=HOUR_MS)
    world.commit({ORDERS: 1})
    commit(world, 2)
    world.advance(2 * HOUR_MS)
    world.coordinator.expire_offsets()
    assert world.committed() == 1
    end(world, committed=False)
    world.coordinator.expire_offsets()
    assert world.committed() == -1
    assert not world.coordinator._shards.shard_for(GROUP).all_groups()


def test_deleted_group_takes_what_is_pending_with_it() -> None:
    world = World()
    commit(world, 2)
    deleted = deferred(world.coordinator.admin.delete_groups([GROUP])).result()
    assert deleted.results[0].error_code == ErrorCode.NONE
    end(world, committed=True)
    assert world.committed() == -1


def test_deleted_topic_takes_what_is_pending_with_it() -> None:
    world = World()
    commit(world, 2)
    world.coordinator.on_topics_deleted(["orders"])
    end(world, committed=True)
    assert world.committed() == -1


# The store against a model that keeps the log itself

GROUPS = [GroupId("a"), GroupId("b")]
PARTITIONS = [TopicPartition("t", 0), TopicPartition("t", 1)]
PRODUCERS = [None, ProducerId(1), ProducerId(2), ProducerId(3)]

commits = st.tuples(
    st.sampled_from(PRODUCERS), st.sampled_from(GROUPS), st.sampled_from(PARTITIONS), st.booleans()
)
ends = st.tuples(st.sampled_from(PRODUCERS[1:]), st.booleans())
histories = st.lists(st.one_of(commits, ends), max_size=30)


def entries_of(history: list[Any]) -> list[LogEntry]:
    """A log in which each commit's offset is its own place; the last flag of a commit makes it a tombstone."""
    log: list[LogEntry] = []
    for place, event in enumerate(history):
        if len(event) == 2:
            log.append(TransactionEnd(*event))
            continue
        producer_id, group_id, tp, tombstone = event
        if tombstone:
            log.append(offset_records.offset_tombstone(group_id, tp))
            continue
        committed = CommittedOffset(Offset(place), LeaderEpoch(-1), "", 0)
        key, value = offset_records.offset_commit(group_id, tp, committed)
        log.append(
            (key, value) if producer_id is None else TransactionalRecord(producer_id, key, value)
        )
    return log


def decided(history: list[Any]) -> tuple[dict[Any, int], set[Any]]:
    """What counts in the end, and what is unstable: for each place the latest record that is committed."""
    found: dict[Any, int] = {}
    unstable: set[Any] = set()
    for group_id in GROUPS:
        for tp in PARTITIONS:
            for place, event in enumerate(history):
                if len(event) == 2 or event[1:3] != (group_id, tp):
                    continue
                if event[3]:
                    found.pop((group_id, tp), None)
                    unstable.discard((group_id, tp))
                    continue
                later = history[place + 1 :]
                gone = next((n for n, e in enumerate(later) if e[1:] == (group_id, tp, True)), None)
                marker = next((e for e in later[:gone] if e[:1] == event[:1] and len(e) == 2), None)
                if event[0] is None or (marker is not None and marker[1]):
                    found[group_id, tp] = place
                elif marker is None and gone is None:
                    unstable.add((group_id, tp))
    return found, unstable


def superseded_in_its_transaction(history: list[Any]) -> list[Any]:
    """Without the commits that the same producer repeats in the same transaction: the last one counts."""
    kept = []
    for place, event in enumerate(history):
        if len(event) == 4 and event[0] is not None and not event[3]:
            later = history[place + 1 :]
            ended = next(
                (n for n, e in enumerate(later) if e[:1] == event[:1] and len(e) == 2), None
            )
            if event in later[:ended]:
                kept.append((None, GroupId("elsewhere"), PARTITIONS[0], False))
                continue
        kept.append(event)
    return kept


@settings(max_examples=300, derandomize=True, deadline=None)
@given(histories)
def test_later_record_of_the_log_counts_whenever_its_marker_comes(history: list[Any]) -> None:
    shard = GroupShard()
    shard.replay_all(entries_of(history))
    found, unstable = decided(superseded_in_its_transaction(history))
    store = shard.offsets
    for group_id in GROUPS:
        for tp in PARTITIONS:
            committed = store.of_group(group_id).get(tp)
            assert (committed and committed.offset) == found.get((group_id, tp))
            assert (tp in store.pending_of_group(group_id)) == ((group_id, tp) in unstable)


def test_store_forgets_every_producer_whose_transaction_has_ended() -> None:
    store = OffsetStore()
    for producer in range(100):
        committed = CommittedOffset(Offset(producer), LeaderEpoch(-1), "", 0)
        store.put_pending(ProducerId(producer), GROUPS[0], PARTITIONS[0], committed)
        store.end_transaction(ProducerId(producer), committed=producer % 2 == 0)
    assert not store.pending_of_group(GROUPS[0])
    assert not store._pending
    assert not store._producers
