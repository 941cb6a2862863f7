"""ShareFetch and ShareAcknowledge as a client meets them: acquiring, acknowledging, sessions, waiting, the log's bytes."""

from __future__ import annotations

import os
import threading
import time
import uuid

import pytest
from kafkalite_compat.differential.requests import shares
from kafkalite_compat.differential.requests.shares import (
    ACCEPT,
    GAP,
    REJECT,
    RELEASE,
    RENEW,
    Member,
    acquired,
    begin_sharing,
    read,
    share_acknowledge,
    share_fetch,
    summary,
)
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.delete_records import DeleteRecordsRequest
from kafkalite_protocol.messages.delete_topics import DeleteTopicsRequest
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest
from kafkalite_protocol.record_batch import batches

from tests.broker.test_produce_requests import batch_of, produce, topic_id

ON_KAFKA = "KAFKALITE_TEST_BOOTSTRAP" in os.environ


@pytest.fixture(autouse=True)
def _time_to_read_the_state(monkeypatch):
    if ON_KAFKA:
        monkeypatch.setattr(shares, "WAIT_MS", 500)


@pytest.fixture
def group() -> str:
    return f"share-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def topic(client, new_topic) -> str:
    """Batches {[0,2][3,5][6,8]} in partition 0; partition 1 is empty."""
    name = new_topic(partitions=2)
    for _ in range(3):
        produce(client, name, batch_of(b"a", b"b", b"c"))
    return name


@pytest.fixture
def shared(client, topic, group) -> bytes:
    """The id of `topic`, which `group` shares from its beginning."""
    of_topic = topic_id(client, topic)
    begin_sharing(client, group, of_topic, 0, 0)
    return of_topic


@pytest.fixture
def member(client, group, shared):
    return lambda name: Member(client, group, shared, name)


def set_group(client: RawClient, group: str, **configs: str) -> None:
    kind = IncrementalAlterConfigsRequest
    changes = [
        kind.AlterableConfig(key.replace("_", "."), 0, value) for key, value in configs.items()
    ]
    answer = client.ask(kind([kind.AlterConfigsResource(32, group, changes)]), 1)
    assert answer.responses[0].error_code == 0, answer


def state(client: RawClient, group: str, of_topic: bytes) -> list[tuple[int, int, int, int]]:
    answer = client.ask(read(group, of_topic), 0).results[0].partitions[0]
    assert answer.error_code == 0
    return [
        (each.first_offset, each.last_offset, each.delivery_state, each.delivery_count)
        for each in answer.state_batches
    ]


# Acquiring


@pytest.mark.parametrize("version", [1, 2])
def test_records_are_acquired_and_come_as_they_are_in_the_log(member, version) -> None:
    answer = member("a").fetch(version=version)
    (found,) = answer.responses[0].partitions
    assert (answer.error_code, answer.acquisition_lock_timeout_ms) == (0, 30_000)
    assert acquired(found) == [(0, 8, 1)]
    assert [
        (batch.base_offset, batch.last_offset) for batch in batches(bytearray(found.records))
    ] == [(0, 2), (3, 5), (6, 8)]


def test_only_the_batches_that_hold_something_acquired_are_sent(member) -> None:
    alice = member("a")
    assert alice.acquire() == [(0, 8, 1)]
    alice.acknowledge((0, 3, [ACCEPT]), (4, 4, [RELEASE]))
    answer = member("b").fetch()
    (found,) = answer.responses[0].partitions
    assert acquired(found) == [(4, 4, 2)]
    assert [batch.base_offset for batch in batches(bytearray(found.records))] == [3]


def test_two_members_share_the_batches_of_one_partition(member) -> None:
    assert member("a").acquire(max_records=1) == [(0, 2, 1)]
    assert member("b").acquire(max_records=1) == [(3, 5, 1)]


def test_record_limit_mode_gives_no_record_more(member) -> None:
    assert member("a").acquire(max_records=4, share_acquire_mode=1) == [(0, 3, 1)]
    assert member("b").acquire(max_records=2, share_acquire_mode=1) == [(4, 5, 1)]


def test_a_limit_of_bytes_gives_one_batch_at_least(member) -> None:
    assert member("a").acquire(max_bytes=1) == [(0, 2, 1)]


def test_partitions_share_one_limit_of_records(client, topic, group, shared) -> None:
    produce(client, topic, batch_of(b"x", b"y"), partition=1)
    answer = Member(client, group, shared, "a").fetch(partitions=(0, 1), max_records=2)
    found = [each for each in answer.responses[0].partitions if each.acquired_records]
    assert len(found) == 1


def test_the_first_answer_tells_of_every_partition_and_the_next_of_those_with_news(
    client, topic, group, shared
) -> None:
    alice = Member(client, group, shared, "a")
    first = alice.fetch(partitions=(0, 1))
    told = {each.partition_index for each in first.responses[0].partitions}
    # Kafka leaves out what it has not loaded yet.
    assert told == {0} if ON_KAFKA else {0, 1}
    assert alice.fetch().responses == []
    produce(client, topic, batch_of(b"x"), partition=1)
    (news,) = alice.fetch().responses[0].partitions
    assert (news.partition_index, acquired(news)) == (1, [(0, 0, 1)])


# Acknowledging


def test_what_is_accepted_is_durable_when_it_is_answered(client, group, shared, member) -> None:
    alice = member("a")
    alice.acquire()
    assert alice.acknowledge((0, 2, [ACCEPT])) == 0
    assert state(client, group, shared) == [(0, 2, 2, 1)]
    found = client.ask(summary(group, shared), 1).results[0].partitions[0]
    assert (found.start_offset, found.delivery_complete_count) == (0, 3)


def test_each_type_of_acknowledgement_does_what_it_says(client, group, shared, member) -> None:
    alice = member("a")
    alice.acquire()
    assert alice.acknowledge((0, 3, [ACCEPT, RELEASE, REJECT, GAP]), (4, 8, [ACCEPT])) == 0
    assert state(client, group, shared) == [
        (0, 0, 2, 1),
        (1, 1, 0, 1),
        (2, 3, 4, 1),
        (4, 8, 2, 1),
    ]
    assert member("b").acquire() == [(1, 1, 2)]


def test_acknowledgements_ride_on_a_fetch_that_fetches_on(member) -> None:
    alice = member("a")
    assert alice.acquire(max_records=1) == [(0, 2, 1)]
    answer = alice.fetch([(0, 1, [ACCEPT]), (2, 2, [RELEASE])], max_records=1)
    (found,) = answer.responses[0].partitions
    assert (found.error_code, found.acknowledge_error_code) == (0, 0)
    # Kafka fetches while the acknowledgements are being written.
    assert acquired(found) == [(3, 5, 1)] if ON_KAFKA else [(2, 2, 2)]


def test_records_of_another_member_cannot_be_acknowledged(member) -> None:
    alice, bob = member("a"), member("b")
    alice.acquire()
    bob.fetch()
    assert bob.acknowledge((0, 2, [ACCEPT])) == ErrorCode.INVALID_RECORD_STATE
    (found,) = bob.fetch([(0, 2, [ACCEPT])]).responses[0].partitions
    assert (found.error_code, found.acknowledge_error_code) == (0, 121)
    assert alice.acknowledge((0, 2, [ACCEPT])) == 0


@pytest.mark.parametrize(
    "acks",
    [
        [(1, 0, [ACCEPT])],
        [(0, 3, [])],
        [(0, 3, [ACCEPT, ACCEPT])],
        [(0, 0, [9])],
        [(0, 0, [-1])],
        [(2, 3, [ACCEPT]), (0, 1, [ACCEPT])],
        [(0, 0, [RENEW])],
        [(-5, -3, [ACCEPT])],
        [(100, 101, [ACCEPT])],
    ],
)
def test_acknowledgements_that_make_no_sense_are_refused_and_change_nothing(
    client, group, shared, member, acks
) -> None:
    alice = member("a")
    alice.acquire()
    assert alice.acknowledge(*acks) == ErrorCode.INVALID_REQUEST
    assert state(client, group, shared) == []
    assert alice.acknowledge((0, 8, [ACCEPT])) == 0


def test_a_record_that_is_released_too_often_is_given_up(client, group, shared, member) -> None:
    set_group(client, group, share_delivery_count_limit="2")
    alice = member("a")
    for count in (1, 2):
        assert alice.acquire(max_records=1)[0] == (0, 2, count)
        alice.acknowledge((0, 2, [RELEASE]))
    assert state(client, group, shared) == [(0, 2, 4, 2)]
    assert alice.acquire(max_records=1) == [(3, 5, 1)]


def test_renewing_keeps_records_and_needs_the_flag(member) -> None:
    alice = member("a")
    alice.acquire()
    assert alice.acknowledge((0, 3, [RENEW]), renew=True) == 0
    assert alice.acknowledge((0, 3, [RENEW])) == ErrorCode.INVALID_REQUEST
    assert alice.acknowledge((0, 0, [ACCEPT]), (1, 3, [RENEW]), renew=True) == 0
    assert member("b").acquire() == []


def test_a_fetch_that_renews_must_ask_for_nothing(member) -> None:
    alice = member("a")
    alice.acquire()
    renewing = {"is_renew_ack": True, "max_wait_ms": 0}
    assert alice.fetch([(0, 0, [RENEW])], **renewing).error_code == ErrorCode.INVALID_REQUEST
    alice.epoch -= 1
    nothing = {"min_bytes": 0, "max_bytes": 0, "max_records": 0}
    (found,) = alice.fetch([(0, 0, [RENEW])], **renewing, **nothing).responses[0].partitions
    assert (found.error_code, found.acknowledge_error_code, acquired(found)) == (0, 0, [])


# Sessions


def test_the_epoch_of_a_session_goes_up_by_one(client, group, shared, member) -> None:
    alice = member("a")
    alice.fetch()
    again = share_fetch(group, "a", 2, shared)
    assert client.ask(again, 2).error_code == ErrorCode.INVALID_SHARE_SESSION_EPOCH
    assert alice.fetch().error_code == 0
    wrong = share_acknowledge(group, "a", 0)
    assert client.ask(wrong, 2).error_code == ErrorCode.INVALID_SHARE_SESSION_EPOCH


def test_a_member_without_a_session_is_told(client, group, shared) -> None:
    for epoch in (-1, 1):
        answers = (
            client.ask(share_fetch(group, "nobody", epoch, shared), 2),
            client.ask(share_acknowledge(group, "nobody", epoch), 2),
        )
        assert {each.error_code for each in answers} == {ErrorCode.SHARE_SESSION_NOT_FOUND}


def test_the_fetch_that_opens_a_session_acknowledges_nothing(client, group, shared) -> None:
    request = share_fetch(group, "a", 0, shared, acks={0: [(0, 0, [ACCEPT])]})
    assert client.ask(request, 2).error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(("of_group", "name"), [(None, "a"), ("g", None), ("g", "")])
def test_a_request_without_a_group_or_member_is_refused(client, of_group, name) -> None:
    assert client.ask(share_fetch(of_group, name, 0), 2).error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize("epoch", [0, 1, -1])
def test_a_member_whose_id_is_longer_than_a_uuid_is_refused_at_every_epoch(
    client, group, epoch
) -> None:
    for ask in (share_fetch, share_acknowledge):
        assert client.ask(ask(group, "m" * 37, epoch), 2).error_code == ErrorCode.INVALID_REQUEST
        assert client.ask(ask(group, "m" * 36, 7), 2).error_code != ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize("by_fetch", [True, False])
def test_a_session_that_closes_gives_what_is_left_to_others(
    client, group, shared, member, by_fetch
) -> None:
    alice = member("a")
    alice.acquire()
    acks = {0: [(0, 3, [ACCEPT])]}
    request = (share_fetch if by_fetch else share_acknowledge)(group, "a", -1, shared, acks=acks)
    assert client.ask(request, 2).error_code == 0
    assert member("b").acquire() == [(4, 8, 2)]


def test_a_session_ends_with_its_connection(bootstrap, group, shared, member) -> None:
    with RawClient(bootstrap) as client:
        assert Member(client, group, shared, "a").acquire() == [(0, 8, 1)]
    bob = member("b")
    assert bob.acquire(max_wait_ms=10_000) == [(0, 8, 2)]


def test_a_session_that_is_opened_again_keeps_the_records_of_the_member(member) -> None:
    alice = member("a")
    alice.acquire()
    alice.epoch = 0
    assert alice.acquire() == []
    assert alice.acknowledge((0, 8, [ACCEPT])) == 0


def test_a_partition_that_is_forgotten_is_not_read_and_its_records_are_still_acknowledged(
    member,
) -> None:
    alice = member("a")
    assert alice.acquire(max_records=1) == [(0, 2, 1)]
    assert alice.fetch(forget=[0]).responses == []
    assert alice.acknowledge((0, 2, [ACCEPT])) == 0


def test_partitions_and_topics_that_are_not_there_are_told_beside_the_others(
    client, group, shared
) -> None:
    answer = client.ask(share_fetch(group, "a", 0, shared, (0, 7)), 2)
    codes = {each.partition_index: each.error_code for each in answer.responses[0].partitions}
    assert codes == {0: 0, 7: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}
    if not ON_KAFKA:  # which fails the whole session
        (other,) = client.ask(share_fetch(group, "b", 0, bytes(range(16)), (0,)), 2).responses
        assert other.partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID
    request = share_acknowledge(group, "a", 1, bytes(range(16)), {0: [(0, 0, [ACCEPT])]})
    (refused,) = client.ask(request, 2).responses[0].partitions
    assert refused.error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_a_partition_that_nobody_fetched_from_cannot_be_acknowledged(
    client, group, shared, member
) -> None:
    member("a").fetch()
    request = share_acknowledge(group, "a", 1, shared, {1: [(0, 0, [ACCEPT])]})
    (refused,) = client.ask(request, 2).responses[0].partitions
    assert refused.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_a_partition_that_the_group_does_not_share_is_an_error(client, topic, group) -> None:
    of_topic = topic_id(client, topic)
    begin_sharing(client, f"{group}-other", of_topic, 0)
    answer = client.ask(share_fetch(group, "a", 0, of_topic, (0,)), 2)
    assert answer.responses[0].partitions[0].error_code == ErrorCode.UNKNOWN_SERVER_ERROR


# Waiting


def test_a_fetch_waits_for_records(client, bootstrap, topic, member) -> None:
    alice = member("a")
    alice.acquire()
    with RawClient(bootstrap) as other:
        later = threading.Timer(0.2, lambda: produce(other, topic, batch_of(b"new")))
        later.start()
        assert alice.acquire(max_wait_ms=20_000) == [(9, 9, 1)]
        later.join(20)  # its answer may come after the record


def test_a_fetch_waits_for_what_another_member_releases(bootstrap, group, shared, member) -> None:
    alice = member("a")
    alice.acquire()
    with RawClient(bootstrap) as other:
        waiting = Member(other, group, shared, "b")
        found: list[list[tuple[int, int, int]]] = []
        thread = threading.Thread(
            target=lambda: found.append(waiting.acquire(max_wait_ms=20_000)), daemon=True
        )
        thread.start()
        time.sleep(
            0.2
        )  # it is parked by now, or it will find the records at once: either way it gets them
        alice.acknowledge((2, 3, [RELEASE]))
        thread.join(20)
    assert found == [[(2, 3, 2)]]


def test_too_few_bytes_are_not_acquired_before_the_wait_is_over(member) -> None:
    started = time.monotonic()
    assert member("a").acquire(min_bytes=100_000, max_wait_ms=300) == [(0, 8, 1)]
    assert time.monotonic() - started >= 0.3


# The log


def test_records_that_are_deleted_are_not_delivered(client, topic, group, shared, member) -> None:
    alice = member("a")
    alice.acquire(max_records=1)
    kind = DeleteRecordsRequest
    partition = kind.DeleteRecordsPartition(0, 7)
    answer = client.ask(kind([kind.DeleteRecordsTopic(topic, [partition])], 10_000), 2)
    assert answer.topics[0].partitions[0].error_code == 0
    while not (found := alice.acquire()):
        pass  # Kafka notices with the first fetch and gives records with the next
    assert found == [(6, 8, 1) if ON_KAFKA else (7, 8, 1)]


def test_a_topic_that_is_deleted_is_told(client, topic, member) -> None:
    alice = member("a")
    alice.acquire()
    kind = DeleteTopicsRequest
    assert (
        client.ask(kind([kind.DeleteTopicState(topic)], timeout_ms=10_000), 6)
        .responses[0]
        .error_code
        == 0
    )
    if not ON_KAFKA:  # which answers with nothing, or fails the session
        (found,) = alice.fetch().responses[0].partitions
        assert found.error_code == ErrorCode.UNKNOWN_TOPIC_ID


@pytest.mark.parametrize(
    ("reset", "found"),
    [("earliest", [(0, 8, 1)]), ("by_duration:P30000D", [(0, 8, 1)]), ("latest", [])],
)
def test_a_group_that_has_never_read_begins_where_its_config_says(
    client, topic, group, reset, found
) -> None:
    of_topic = topic_id(client, topic)
    set_group(client, group, share_auto_offset_reset=reset)
    begin_sharing(client, group, of_topic, -1)
    alice = Member(client, group, of_topic, "a")
    assert alice.acquire(max_wait_ms=300) == found
    produce(client, topic, batch_of(b"later"))
    assert alice.acquire(max_wait_ms=10_000) == [(9, 9, 1)]


def test_no_more_records_are_in_flight_than_the_group_may_have(
    client, topic, group, shared
) -> None:
    set_group(client, group, share_partition_max_record_locks="100")
    for _ in range(4):
        produce(client, topic, batch_of(*[b"v"] * 60))
    alice = Member(client, group, shared, "a")
    taken = [alice.acquire(max_records=40) for _ in range(5)]
    assert sum(last - first + 1 for found in taken for first, last, _ in found) <= 160
    assert taken[-1] == []
    alice.acknowledge((0, 8, [ACCEPT]), (9, 68, [ACCEPT]))
    assert alice.acquire(max_records=40) != []
