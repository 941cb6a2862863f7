"""Apache Kafka's DumpLogSegments reads our metadata records, and names what it sees."""

import json

import pytest
from kafkalite_protocol.record_batch import RecordBatchView
from kafkalite_protocol.records import Record, build_batch

from kafkalite.metadata.events import (
    ConfigChange,
    ConfigOperation,
    MorePartitions,
    NewTopic,
    ResourceChange,
)
from kafkalite.metadata.image import ConfigResource
from tests.java_kafka import run_tool
from tests.metadata.in_memory_cluster import MemoryMetadataLog, start_control_plane

pytestmark = pytest.mark.java

TOOL = "org.apache.kafka.tools.DumpLogSegments"


def write_segment(log, directory):
    """The batches of a log in memory as one segment file."""
    offset = 0
    with (directory / "00000000000000000000.log").open("wb") as file:
        for values in log.batches:
            records = [
                Record(delta, 1_700_000_000_000, None, value) for delta, value in enumerate(values)
            ]
            batch = build_batch(records)
            RecordBatchView(batch).stamp(offset, 1)
            file.write(batch)
            offset += len(values)
    return directory / "00000000000000000000.log"


def dump(path):
    output = run_tool(
        TOOL,
        "--cluster-metadata-decoder",
        "--print-data-log",
        "--skip-record-metadata",
        "--files",
        str(path),
    )
    return [
        json.loads(line.split("payload: ")[1])
        for line in output.stdout.splitlines()
        if "payload: " in line
    ]


def test_dump_log_segments_reads_every_record_we_write(tmp_path):
    log = MemoryMetadataLog()
    control_plane = start_control_plane(log=log)
    (made,) = control_plane.create_topics(
        [NewTopic("orders", 1, 1, configs={"retention.ms": "7"})]
    ).result()
    control_plane.create_partitions([MorePartitions("orders", 2)])
    change = ConfigChange("retention.ms", ConfigOperation.DELETE, None)
    control_plane.alter_configs([ResourceChange(ConfigResource(2, "orders"), [change])])
    control_plane.allocate_producer_ids()
    start_control_plane(log=log).delete_topics([made.topic_id])

    seen = dump(write_segment(log, tmp_path))
    finalized = len(control_plane.image.features)
    assert [(one["type"], one["version"]) for one in seen] == [
        *[("FEATURE_LEVEL_RECORD", 0)] * finalized,
        ("REGISTER_BROKER_RECORD", 4),
        ("TOPIC_RECORD", 0),
        ("CONFIG_RECORD", 0),
        ("PARTITION_RECORD", 2),
        ("PARTITION_RECORD", 2),
        ("CONFIG_RECORD", 0),
        ("PRODUCER_IDS_RECORD", 0),
        ("REGISTER_BROKER_RECORD", 4),
        ("PARTITION_CHANGE_RECORD", 2),
        ("PARTITION_CHANGE_RECORD", 2),
        ("REMOVE_TOPIC_RECORD", 0),
    ]
    assert seen[0]["data"] == {"name": "metadata.version", "featureLevel": 30}
    data = [one["data"] for one in seen[finalized - 1 :]]
    assert data[1]["endPoints"] == [
        {"name": "PLAINTEXT", "host": "host1", "port": 9091, "securityProtocol": 0}
    ]
    assert (data[1]["brokerEpoch"], data[1]["fenced"], data[1]["rack"]) == (finalized, False, None)
    assert data[3] == {
        "resourceType": 2,
        "resourceName": "orders",
        "name": "retention.ms",
        "value": "7",
    }
    assert {
        key: data[4][key]
        for key in ("partitionId", "replicas", "isr", "leader", "leaderEpoch", "partitionEpoch")
    } == {
        "partitionId": 0,
        "replicas": [1],
        "isr": [1],
        "leader": 1,
        "leaderEpoch": 0,
        "partitionEpoch": 0,
    }
    assert data[4]["directories"] == data[1]["logDirs"]
    assert data[6]["value"] is None
    assert data[7] == {"brokerId": 1, "brokerEpoch": finalized, "nextProducerId": 1000}
    assert data[9] == {"partitionId": 0, "topicId": data[2]["topicId"], "leader": 1}
    assert data[11] == {"topicId": data[2]["topicId"]}
