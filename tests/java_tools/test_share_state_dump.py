"""Kafka's DumpLogSegments reads what the share coordinator writes."""

from __future__ import annotations

import json
import re

import pytest
from kafkalite_compat.differential.requests.shares import (
    ACCEPT,
    RELEASE,
    Member,
    begin_sharing,
    delete,
)
from kafkalite_compat.wire.raw import RawClient

from tests.broker.test_produce_requests import batch_of, produce, topic_id
from tests.broker_process import BrokerProcess
from tests.faults.conftest import create_topic
from tests.java_kafka import run_tool

pytestmark = [pytest.mark.java, pytest.mark.timeout(120)]


def test_the_state_of_a_share_partition_is_read_record_by_record(tmp_path) -> None:
    settings = {"share.coordinator.state.topic.num.partitions": "1"}
    with BrokerProcess(tmp_path / "data", settings=settings) as broker:
        topic = create_topic(broker.bootstrap, 1)
        with RawClient(broker.bootstrap) as client:
            of_topic = topic_id(client, topic)
            begin_sharing(client, "group", of_topic, 0)
            produce(client, topic, batch_of(*[b"v"] * 10))
            member = Member(client, "group", of_topic, "member")
            assert member.acquire() == [(0, 9, 1)]
            member.acknowledge((0, 3, [ACCEPT]), (4, 9, [RELEASE]))
            client.ask(delete("group", of_topic), 0)
    log = tmp_path / "data" / "__share_group_state-0" / "00000000000000000000.log"
    tool = "org.apache.kafka.tools.DumpLogSegments"
    done = run_tool(tool, "--share-group-state-decoder", "--files", str(log))
    snapshot, update, tombstone = re.findall(
        r"key: (\{.*\}) payload: (.*)$", done.stdout, re.MULTILINE
    )
    assert {json.loads(key)["data"]["groupId"] for key, _ in (snapshot, update, tombstone)} == {
        "group"
    }
    assert json.loads(snapshot[1])["data"]["startOffset"] == 0
    assert json.loads(update[1])["data"]["stateBatches"] == [
        {"firstOffset": 0, "lastOffset": 3, "deliveryState": 2, "deliveryCount": 1},
        {"firstOffset": 4, "lastOffset": 9, "deliveryState": 0, "deliveryCount": 1},
    ]
    assert tombstone[1] == "<DELETE>"
