"""The scenarios as a set, the suite's own client against a real broker, and what the checks say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafkalite_compat.checks import eventually, expect, fails_with, is_error
from kafkalite_compat.driver import NotSupported, StepFailed
from kafkalite_compat.reading import collect, settle
from kafkalite_compat.scenario import load_scenarios
from kafkalite_compat.steps import NewRecord, Steps
from kafkalite_compat.wire import groups, logs, topics
from kafkalite_compat.wire.cluster import Cluster
from kafkalite_compat.wire.connection import Refused
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.records import Record

from tests.broker_in_thread import running_broker


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    settings = {"group_initial_rebalance_delay_ms": "0"}
    with running_broker(tmp_path_factory.mktemp("broker"), **settings) as server:
        cluster = Cluster(f"127.0.0.1:1,{server.bootstrap_servers}")
        yield cluster
        cluster.close()


# The set


def test_every_scenario_has_a_number_a_sentence_and_a_text():
    for one in load_scenarios():
        assert re.fullmatch(r"[A-Z]\d\d", one.number)
        assert one.title[0].isupper() or one.title.startswith("acks"), one.title
        assert not one.title.endswith("."), one.title
        assert len(one.info.text) > 10, one.number


def test_scenarios_come_by_group_and_number():
    found = load_scenarios()
    letters = [one.number[0] for one in found]
    assert len(set(letters)) == len(re.sub(r"(.)\1*", r"\1", "".join(letters)))
    assert [one.number for one in found] == [
        number
        for letter in dict.fromkeys(letters)
        for number in sorted(one.number for one in found if one.number[0] == letter)
    ]
    assert len({(one.number[0], one.group) for one in found}) == len(set(letters))


def test_the_smoke_run_is_quick_and_covers_most_groups():
    quick = [one for one in load_scenarios() if one.smoke]
    assert 10 <= len(quick) <= 15
    assert not any(one.restarts_broker for one in quick)


# Checks


def test_error_is_known_by_its_code():
    is_error(StepFailed("op", 36, "whatever", ""), ErrorCode.TOPIC_ALREADY_EXISTS)
    with pytest.raises(AssertionError, match=r"expected TOPIC_ALREADY_EXISTS \(36\), got whatever"):
        is_error(StepFailed("op", 37, "whatever", "no"), ErrorCode.TOPIC_ALREADY_EXISTS)


@pytest.mark.parametrize(
    "name", ["TOPIC_ALREADY_EXISTS", "TopicAlreadyExistsError", "org.x.TopicAlreadyExistsException"]
)
def test_error_without_code_is_known_by_its_name(name: str):
    is_error(StepFailed("op", None, name, ""), ErrorCode.TOPIC_ALREADY_EXISTS)


def test_other_name_is_another_error():
    with pytest.raises(AssertionError):
        is_error(StepFailed("op", None, "InvalidTopic", ""), ErrorCode.TOPIC_ALREADY_EXISTS)


def test_name_that_says_nothing_leaves_the_text():
    text = "[Error 50] InvalidTransactionTimeoutError"
    is_error(StepFailed("op", None, "KafkaError", text), ErrorCode.INVALID_TRANSACTION_TIMEOUT)
    with pytest.raises(NotSupported):
        is_error(StepFailed("op", None, None, "it broke"), ErrorCode.INVALID_TRANSACTION_TIMEOUT)


def test_a_step_that_goes_well_is_no_failure():
    with pytest.raises(AssertionError, match="the step went well: 1"):
        fails_with(lambda: 1, ErrorCode.INVALID_CONFIG)


def test_expectations_are_told_in_words():
    with pytest.raises(AssertionError, match="offset of the third record: expected 2, got 3"):
        expect("offset of the third record", 3, 2)


def test_waiting_ends():
    with pytest.raises(AssertionError, match="the moon: not within 0 s, last None"):
        eventually("the moon", lambda: None, within_s=0)


# The suite's own client


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_batches_come_back_as_they_were_written(cluster: Cluster, codec: str):
    topic = f"codec-{codec}"
    topics.create_topic(cluster, topic)
    records = [
        Record(0, 1_000, None, b"v" * 500, [("h", None)]),
        Record(1, 2_000, b"k", None),
    ]
    assert logs.append(cluster, topic, 0, logs.batch_of(records, codec)) == 0
    assert logs.append(cluster, topic, 0, logs.batch_of(records[:1], codec)) == 2
    first, second = logs.read(cluster, topic, 0)
    assert (first.codec, first.crc_right, first.base_offset, first.last_offset) == (
        codec,
        True,
        0,
        1,
    )
    assert [record._replace(headers=list(record.headers)) for record in first.records] == [
        record._replace(headers=list(record.headers)) for record in records
    ]
    assert [record.offset for record in second.records] == [2]


def test_topics_and_configs_are_seen(cluster: Cluster):
    topics.create_topic(cluster, "seen", 2, {"retention.ms": "1000000"})
    partitions = topics.partitions_of(cluster, "seen")
    assert partitions is not None
    assert [one.partition for one in partitions] == [0, 1]
    assert topics.configs_of(cluster, topics.TOPIC, "seen")["retention.ms"].value == "1000000"
    topics.set_config(cluster, topics.TOPIC, "seen", "retention.ms", None)
    assert topics.configs_of(cluster, topics.TOPIC, "seen")["retention.ms"].value == "604800000"
    assert topics.partitions_of(cluster, "unseen") is None


def test_deleted_topic_is_gone_and_deleting_it_again_is_no_error(cluster: Cluster):
    topics.create_topic(cluster, "brief")
    for _ in range(2):
        topics.delete_topics(cluster, ["brief"])
    assert topics.partitions_of(cluster, "brief") is None


def test_refusal_is_raised_with_its_code(cluster: Cluster):
    with pytest.raises(Refused, match="INVALID_CONFIG") as refused:
        topics.create_topic(cluster, "bad", configs={"no.such.config": "1"})
    assert refused.value.code == ErrorCode.INVALID_CONFIG


def test_member_of_a_group_is_seen_until_it_leaves(cluster: Cluster):
    topics.create_topic(cluster, "grouped", 2)
    groups.commit(cluster, "g", {("grouped", 0): 5, ("grouped", 1): 6}, "text")
    assert groups.committed(cluster, "g") == {
        ("grouped", 0): (5, "text"),
        ("grouped", 1): (6, "text"),
    }
    member = groups.Member(cluster, "g", "grouped", 2)
    assert groups.state(cluster, "g") == "Stable"
    assert groups.members(cluster, "g") == [member.member_id]
    member.leave()
    assert groups.state(cluster, "g") == "Empty"
    assert groups.state(cluster, "another") is None


# Steps


class FakeDriver:
    """Answers from a list, and notes what it was asked."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def call(self, op: str, **fields: Any) -> dict[str, Any]:
        self.asked.append((op, fields))
        return self.answers.pop(0) if self.answers else {}


def test_records_travel_as_base64():
    driver = FakeDriver({}, {"results": [{"partition": 0, "offset": 7}, {"error": {"code": 10}}]})
    producer = Steps(driver).producer(acks="all")  # type: ignore[arg-type]
    records = [NewRecord(b"\x00v", b"", (("h", None), ("e", b""))), NewRecord(None)]
    sent = producer.send("t", records)
    (_, told) = driver.asked[1]
    assert told["records"][0] == {
        "key": "",
        "value": "AHY=",
        "headers": [["h", None], ["e", ""]],
        "partition": None,
        "timestamp_ms": None,
    }
    assert told["records"][1]["value"] is None
    assert (sent[0].offset, sent[0].error) == (7, None)
    assert sent[1].error is not None
    assert sent[1].error.code == 10


def test_what_is_open_is_closed_in_the_end():
    driver = FakeDriver()
    steps = Steps(driver)  # type: ignore[arg-type]
    steps.producer().close()
    steps.consumer()
    steps.close()
    assert [op for op, _ in driver.asked] == [
        "open_producer",
        "close_producer",
        "open_consumer",
        "close_consumer",
    ]


def test_collecting_ends_when_enough_has_come_or_time_is_up():
    record = {"topic": "t", "partition": 0, "offset": 0, "value": "dg=="}
    driver = FakeDriver({}, {"records": []}, {"records": [record, record]})
    consumer = Steps(driver).consumer()  # type: ignore[arg-type]
    assert [one.value for one in collect([consumer], 2)] == [b"v", b"v"]
    with pytest.raises(AssertionError, match="1 records: not within -1 s; read 0 records"):
        collect([consumer], 1, within_s=-1)


def test_members_are_settled_when_each_partition_has_one_owner():
    def has(*partitions: int) -> dict[str, Any]:
        return {"partitions": [{"topic": "t", "partition": one} for one in partitions]}

    nothing: dict[str, Any] = {"records": []}
    driver = FakeDriver(
        *({}, {}),
        *(has(0, 1), has(1), nothing, nothing),  # one partition has two owners
        *(has(0), has(), nothing, nothing),  # one has none
        *(has(0), has(1)),
    )
    steps = Steps(driver)  # type: ignore[arg-type]
    members = [steps.consumer(), steps.consumer()]
    assert settle(members, {("t", 0), ("t", 1)}) == [{("t", 0)}, {("t", 1)}]


def test_scenarios_ask_for_steps_that_the_contract_has():
    contract = (Path(__file__).parents[2] / "compat" / "DRIVERS.md").read_text()
    sources = (Path(__file__).parents[2] / "compat" / "kafkalite_compat" / "scenarios").glob("*.py")
    for source in sources:
        for op in re.findall(r"steps\.call\(\s*\"(\w+)\"", source.read_text()):
            assert f"`{op}`" in contract, f"{source.name} asks for {op}"
