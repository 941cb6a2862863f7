"""A metadata log that was just summed up, and a broker that is killed before its next checkpoint."""

from __future__ import annotations

import random

from kafkalite.clock import ManualClock
from kafkalite.config import BrokerConfig
from kafkalite.metadata.events import NewTopic
from kafkalite.metadata.metadata_log import (
    METADATA_LOG_CONFIG,
    METADATA_PARTITION,
    METADATA_TOPIC_ID,
    MetadataLog,
    flush_here,
)
from kafkalite.storage.log_manager import LogManager
from kafkalite.storage.real_filesystem import RealFileSystem
from tests.metadata.in_memory_cluster import open_control_plane, registration


def open_metadata(directory):
    manager = LogManager(
        BrokerConfig({"log.dirs": str(directory)}),
        filesystem=RealFileSystem(),
        clock=ManualClock(),
        rng=random.Random(5),
    )
    manager.open()
    log = manager.log(METADATA_PARTITION) or manager.create_log(
        METADATA_PARTITION, METADATA_TOPIC_ID, METADATA_LOG_CONFIG
    )
    metadata_log = MetadataLog(log, ManualClock(), flush_here, lambda: manager.checkpoint_task()())
    return manager, log, open_control_plane(metadata_log)


def test_a_kill_just_after_the_sum_does_not_leave_a_log_that_begins_halfway(tmp_path):
    manager, log, control_plane = open_metadata(tmp_path)
    control_plane.register(registration(1)).result()
    control_plane.create_topics([NewTopic("stays", 2, 1)]).result()
    for _ in range(6):
        (big,) = control_plane.create_topics([NewTopic("big", 4_000, 1)]).result()
        control_plane.create_topics([NewTopic("small", 1, 1)]).result()
        control_plane.delete_topics([big.topic_id]).result()
    manager.close()
    manager, log, control_plane = open_metadata(tmp_path)
    control_plane.register(registration(1)).result()
    assert 0 < log.segments[0].base_offset < log.log_start_offset
    manager.release()  # and nothing else: as a kill does
    _, log, again = open_metadata(tmp_path)
    assert sorted(again.image.topics) == ["small", "stays"]
