"""Fetch as clients meet it: whole batches, limits, waiting, sessions, epochs."""

from __future__ import annotations

import os
import threading
import time

import pytest
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.fetch import FetchRequest
from kafkalite_protocol.messages.list_offsets import ListOffsetsRequest
from kafkalite_protocol.messages.metadata import MetadataRequest
from kafkalite_protocol.messages.offset_for_leader_epoch import OffsetForLeaderEpochRequest
from kafkalite_protocol.record_batch import batches
from kafkalite_protocol.records import Record, build_batch

from tests.broker.test_produce_requests import NOW_MS, batch_of, produce, topic_id

VERSIONS = range(4, 19)


def partition_of(index: int = 0, offset: int = 0, max_bytes: int = 1 << 20, **options):
    return FetchRequest.FetchPartition(
        partition=index, fetch_offset=offset, partition_max_bytes=max_bytes, **options
    )


def fetch_request(topic: str, *partitions, topic_id: bytes = bytes(16), **options) -> FetchRequest:
    options = {"max_wait_ms": 0, "min_bytes": 1, "max_bytes": 1 << 26} | options
    return FetchRequest(
        topics=[
            FetchRequest.FetchTopic(
                topic=topic, topic_id=topic_id, partitions=list(partitions) or [partition_of()]
            )
        ],
        **options,
    )


def fetch(client: RawClient, topic: str, *partitions, version: int = 11, **options):
    """The answers for the partitions of one topic."""
    response = client.ask(fetch_request(topic, *partitions, **options), version)
    assert response.error_code == 0
    return response.responses[0].partitions if response.responses else []


def offsets_in(answer) -> list[tuple[int, int]]:
    return [
        (batch.base_offset, batch.last_offset)
        for batch in batches(bytearray(answer.records or b""))
    ]


@pytest.fixture
def topic(client, new_topic) -> str:
    """Batches {[0,2][3,5][6,8]}."""
    name = new_topic()
    for _ in range(3):
        assert produce(client, name, batch_of(b"a", b"b", b"c")).error_code == 0
    return name


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_reads_everything_from_the_start(client, topic, version):
    uuid = topic_id(client, topic)
    [answer] = fetch(client, topic, version=version, topic_id=uuid)
    assert answer.error_code == 0
    assert (answer.high_watermark, answer.last_stable_offset) == (9, 9)
    assert answer.log_start_offset == (0 if version >= 5 else -1)
    assert offsets_in(answer) == [(0, 2), (3, 5), (6, 8)]
    assert answer.aborted_transactions is None


def test_fetch_in_the_middle_of_a_batch_returns_the_whole_batch(client, topic):
    [answer] = fetch(client, topic, partition_of(offset=4))
    assert offsets_in(answer) == [(3, 5), (6, 8)]


def test_limit_below_one_batch_still_gives_the_first_batch(client, topic):
    [answer] = fetch(client, topic, partition_of(max_bytes=1), max_bytes=1)
    assert offsets_in(answer) == [(0, 2)]


@pytest.mark.skipif(
    "KAFKALITE_TEST_BOOTSTRAP" in os.environ,
    reason="Apache Kafka sends half of the third batch along; clients drop it, so we spare the bytes",
)
def test_limit_of_two_batches_and_a_half_gives_two(client, topic):
    size = len(batch_of(b"a", b"b", b"c"))
    [answer] = fetch(client, topic, partition_of(max_bytes=size * 5 // 2))
    assert offsets_in(answer) == [(0, 2), (3, 5)]


def test_second_partition_gets_nothing_when_the_first_has_used_up_the_request(client, new_topic):
    name = new_topic(partitions=2)
    for index in (0, 1):
        produce(client, name, batch_of(b"x"), partition=index)
    first, second = fetch(client, name, partition_of(0), partition_of(1), max_bytes=1)
    assert offsets_in(first) == [(0, 0)]
    assert offsets_in(second) == []
    assert second.error_code == 0


def test_fetch_at_the_end_is_empty_bytes_not_null(client, topic):
    [answer] = fetch(client, topic, partition_of(offset=9))
    assert answer.error_code == 0
    assert answer.records is not None
    assert len(answer.records) == 0


@pytest.mark.parametrize("offset", [10, -1, 1000])
def test_offset_outside_the_log_is_refused_with_unknown_marks(client, topic, offset):
    [answer] = fetch(client, topic, partition_of(offset=offset))
    assert answer.error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    assert (answer.high_watermark, answer.last_stable_offset, answer.log_start_offset) == (
        -1,
        -1,
        -1,
    )
    assert answer.records is not None


def test_unknown_partition_neither_hides_nor_hastens_the_good_one(client, topic):
    started = time.monotonic()
    good, bad = fetch(
        client, topic, partition_of(0), partition_of(5), max_wait_ms=300, min_bytes=1 << 20
    )
    assert time.monotonic() - started >= 0.29
    assert (good.error_code, bad.error_code) == (0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    assert len(offsets_in(good)) == 3


def test_offset_out_of_range_is_answered_at_once_beside_a_partition_that_waits(client, new_topic):
    name = new_topic(partitions=2)
    good, bad = fetch(
        client,
        name,
        partition_of(0),
        partition_of(1, offset=7),
        max_wait_ms=2**31 - 1,
        min_bytes=1 << 20,
    )
    assert (good.error_code, bad.error_code) == (0, ErrorCode.OFFSET_OUT_OF_RANGE)


def test_unknown_topic_id_alone_is_told_at_once(client, topic):
    [answer] = fetch(client, "", version=13, topic_id=bytes(range(16)), max_wait_ms=2**31 - 1)
    assert answer.error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_read_committed_reader_gets_an_empty_abort_list(client, topic):
    [answer] = fetch(client, topic, isolation_level=1)
    assert answer.aborted_transactions == []
    assert len(offsets_in(answer)) == 3


def test_wait_ends_at_the_deadline_with_an_empty_answer(client, topic):
    started = time.monotonic()
    [answer] = fetch(client, topic, partition_of(offset=9), max_wait_ms=300)
    assert offsets_in(answer) == []
    assert time.monotonic() - started >= 0.29


def test_wait_ends_when_somebody_produces(bootstrap, client, topic):
    def produce_soon() -> None:
        with RawClient(bootstrap) as other:
            time.sleep(0.2)
            produce(other, topic, batch_of(b"new"))

    thread = threading.Thread(target=produce_soon)
    thread.start()
    [answer] = fetch(client, topic, partition_of(offset=9), max_wait_ms=20_000)
    thread.join()
    assert offsets_in(answer) == [(9, 9)]


def test_wait_goes_on_below_min_bytes(bootstrap, client, topic):
    with RawClient(bootstrap) as waiting:
        waiting.send(
            fetch_request(topic, partition_of(offset=9), max_wait_ms=20_000, min_bytes=300), 11
        )
        size = len(batch_of(b"x" * 100))
        produce(client, topic, batch_of(b"x" * 100))
        waiting.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            waiting.socket.recv(1)
        waiting.socket.settimeout(20)
        produce(client, topic, batch_of(b"x" * 100))
        answer = waiting.receive(1, 11).responses[0].partitions[0]
        assert len(answer.records) == 2 * size
        assert offsets_in(answer) == [(9, 9), (10, 10)]


def test_nothing_asked_is_answered_at_once(client):
    response = client.ask(FetchRequest(max_wait_ms=20_000, min_bytes=1, max_bytes=1000), 11)
    assert (response.error_code, response.responses) == (0, [])


def test_epoch_of_the_future_and_of_the_past_are_told_apart(client, topic):
    response = client.ask(
        MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name=topic)]), 9
    )
    epoch = response.topics[0].partitions[0].leader_epoch
    [good] = fetch(client, topic, partition_of(current_leader_epoch=epoch))
    [ahead] = fetch(client, topic, partition_of(current_leader_epoch=epoch + 1))
    assert good.error_code == 0
    assert ahead.error_code == ErrorCode.UNKNOWN_LEADER_EPOCH
    if epoch > 0:
        [behind] = fetch(client, topic, partition_of(current_leader_epoch=epoch - 1))
        assert behind.error_code == ErrorCode.FENCED_LEADER_EPOCH


# Sessions (KIP-227)


def open_session(client, topic, *partitions):
    response = client.ask(fetch_request(topic, *partitions, session_id=0, session_epoch=0), 11)
    assert response.error_code == 0
    assert response.session_id > 0
    return response


def next_fetch(client, session_id: int, epoch: int, **options):
    options = {"max_wait_ms": 0, "min_bytes": 1, "max_bytes": 1 << 26} | options
    return client.ask(FetchRequest(session_id=session_id, session_epoch=epoch, **options), 11)


def test_session_answers_only_what_is_new(client, new_topic):
    name = new_topic(partitions=2)
    opened = open_session(client, name, partition_of(0), partition_of(1))
    assert [p.partition_index for p in opened.responses[0].partitions] == [0, 1]
    assert next_fetch(client, opened.session_id, 1).responses == []
    produce(client, name, batch_of(b"x"), partition=1)
    third = next_fetch(client, opened.session_id, 2)
    assert [p.partition_index for p in third.responses[0].partitions] == [1]
    assert third.session_id == opened.session_id


def test_session_serves_an_unchanged_position_again_and_an_updated_one_from_there(client, topic):
    opened = open_session(client, topic, partition_of())
    again = next_fetch(client, opened.session_id, 1)
    assert len(offsets_in(again.responses[0].partitions[0])) == 3
    moved = FetchRequest.FetchTopic(topic=topic, partitions=[partition_of(offset=6)])
    later = next_fetch(client, opened.session_id, 2, topics=[moved])
    assert offsets_in(later.responses[0].partitions[0]) == [(6, 8)]


def test_forgotten_partition_is_not_served_any_more(client, topic):
    opened = open_session(client, topic, partition_of())
    forgotten = FetchRequest.ForgottenTopic(topic=topic, partitions=[0])
    response = next_fetch(client, opened.session_id, 1, forgotten_topics_data=[forgotten])
    assert response.responses == []


def test_session_that_forgets_everything_is_over(client, topic):
    opened = open_session(client, topic, partition_of())
    forgotten = FetchRequest.ForgottenTopic(topic=topic, partitions=[0])
    last = next_fetch(client, opened.session_id, 1, forgotten_topics_data=[forgotten])
    assert (last.error_code, last.session_id, last.responses) == (0, 0, [])
    after = next_fetch(client, opened.session_id, 2)
    assert after.error_code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_partition_named_twice_is_read_once_from_the_later_position(client, topic):
    [answer] = fetch(client, topic, partition_of(offset=0), partition_of(offset=6))
    assert offsets_in(answer) == [(6, 8)]


def test_unknown_partition_is_answered_after_those_that_exist(client, topic):
    good, bad = fetch(client, topic, partition_of(5), partition_of(0))
    assert (good.partition_index, bad.partition_index) == (0, 5)
    assert bad.aborted_transactions == []


def test_follower_that_no_partition_has_is_refused(client, topic):
    [answer] = fetch(client, topic, replica_id=5)
    assert answer.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_wrong_epoch_and_unknown_session_are_told_apart(client, topic):
    opened = open_session(client, topic, partition_of())
    wrong = next_fetch(client, opened.session_id, 7)
    assert (wrong.error_code, wrong.session_id) == (ErrorCode.INVALID_FETCH_SESSION_EPOCH, 0)
    unknown = next_fetch(client, 2_000_000_001, 1)
    assert (unknown.error_code, unknown.session_id) == (ErrorCode.FETCH_SESSION_ID_NOT_FOUND, 0)


def test_closed_session_is_unknown_afterwards(client, topic):
    opened = open_session(client, topic, partition_of())
    closing = fetch_request(topic, partition_of(), session_id=opened.session_id, session_epoch=-1)
    assert client.ask(closing, 11).session_id == 0
    assert (
        next_fetch(client, opened.session_id, 1).error_code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND
    )


def test_fetch_without_session_gets_none(client, topic):
    assert client.ask(fetch_request(topic, session_epoch=-1), 11).session_id == 0


# ListOffsets and leader epochs


def list_offset(client, topic, timestamp, version=7, isolation=0, **options):
    partition = ListOffsetsRequest.ListOffsetsPartition(
        partition_index=0, timestamp=timestamp, **options
    )
    request = ListOffsetsRequest(
        isolation_level=isolation,
        topics=[ListOffsetsRequest.ListOffsetsTopic(name=topic, partitions=[partition])],
    )
    return client.ask(request, version).topics[0].partitions[0]


@pytest.mark.parametrize("version", range(1, 12))
def test_every_version_lists_the_start_and_the_end(client, topic, version):
    latest, earliest = (list_offset(client, topic, mark, version) for mark in (-1, -2))
    assert (latest.error_code, latest.offset, latest.timestamp) == (0, 9, -1)
    assert (earliest.error_code, earliest.offset, earliest.timestamp) == (0, 0, -1)
    assert (latest.leader_epoch >= 0) == (version >= 4)


@pytest.mark.parametrize("codec", list(Compression))
def test_offset_by_timestamp_is_exact_to_the_record_inside_a_batch(client, new_topic, codec):
    name = new_topic()
    for start in (0, 100):
        records = [Record(n, NOW_MS + start + n * 10, b"k", b"v" * 50, []) for n in range(5)]
        produce(client, name, bytes(build_batch(records, compression=codec)))
    for timestamp, offset, found in [
        (0, 0, 0),
        (15, 2, 20),
        (40, 4, 40),
        (41, 5, 100),
        (131, 9, 140),
    ]:
        answer = list_offset(client, name, NOW_MS + timestamp)
        assert (answer.offset, answer.timestamp) == (offset, NOW_MS + found)
    nothing = list_offset(client, name, NOW_MS + 141)
    assert (nothing.error_code, nothing.offset, nothing.timestamp) == (0, -1, -1)


def test_max_timestamp_is_the_first_record_that_has_it(client, new_topic):
    name = new_topic()
    for base in (50, 900, 100):
        produce(client, name, batch_of(b"a", b"b", timestamp_ms=NOW_MS + base))
    answer = list_offset(client, name, -3)
    assert answer.timestamp == NOW_MS + 900
    assert answer.offset in (2, 3)


@pytest.mark.parametrize(
    ("timestamp", "version", "code"),
    [
        (-3, 6, 35),
        (-3, 7, 0),
        (-4, 7, 35),
        (-4, 8, 0),
        (-5, 8, 35),
        (-5, 9, 0),
        (-6, 10, 35),
        (-6, 11, 0),
        (-7, 11, 35),
    ],
)
def test_special_timestamp_is_known_from_its_version_on(client, topic, timestamp, version, code):
    assert list_offset(client, topic, timestamp, version).error_code == code


def test_list_offsets_of_an_unknown_partition_or_epoch(client, topic):
    assert (
        list_offset(client, "no-such-topic", -1).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    )
    ahead = list_offset(client, topic, -1, current_leader_epoch=50)
    assert ahead.error_code == ErrorCode.UNKNOWN_LEADER_EPOCH


@pytest.mark.parametrize("version", [2, 3, 4])
def test_end_of_a_leader_epoch(client, topic, version):
    def end_of(epoch: int, current: int = -1):
        request = OffsetForLeaderEpochRequest(
            topics=[
                OffsetForLeaderEpochRequest.OffsetForLeaderTopic(
                    topic=topic,
                    partitions=[
                        OffsetForLeaderEpochRequest.OffsetForLeaderPartition(
                            partition=0, leader_epoch=epoch, current_leader_epoch=current
                        )
                    ],
                )
            ]
        )
        return client.ask(request, version).topics[0].partitions[0]

    current = list_offset(client, topic, -1).leader_epoch
    known = end_of(current)
    assert (known.error_code, known.leader_epoch, known.end_offset) == (0, current, 9)
    for unknown_epoch in (current + 5, -1):
        unknown = end_of(unknown_epoch)
        assert (unknown.error_code, unknown.leader_epoch, unknown.end_offset) == (0, -1, -1)
    assert end_of(current, current + 1).error_code == ErrorCode.UNKNOWN_LEADER_EPOCH
