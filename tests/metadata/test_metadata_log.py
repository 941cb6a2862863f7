"""The metadata log on a real `Log`: what it writes is what a later start reads."""

import random

import pytest
from kafkalite_protocol.messages.begin_transaction_record import BeginTransactionRecord
from kafkalite_protocol.messages.config_record import ConfigRecord
from kafkalite_protocol.messages.no_op_record import NoOpRecord
from kafkalite_protocol.records import Record, build_batch

from kafkalite.clock import ManualClock
from kafkalite.config import BrokerConfig
from kafkalite.errors import StartupError
from kafkalite.metadata.events import NewTopic
from kafkalite.metadata.metadata_log import (
    METADATA_LOG_CONFIG,
    METADATA_PARTITION,
    METADATA_TOPIC_ID,
    MetadataLog,
)
from kafkalite.storage.log import AppendOrigin
from kafkalite.storage.log_manager import LogManager
from kafkalite.storage.real_filesystem import RealFileSystem
from tests.metadata.in_memory_cluster import open_control_plane, registration
from tests.metadata.test_metadata_image import shape


@pytest.fixture
def start(tmp_path):
    """Start a control plane on the directory, as after a clean stop of the one before."""
    running = []

    def stop():
        if running:
            running.pop().close()

    def run(broken_record=None):
        stop()
        config = BrokerConfig({"log.dirs": str(tmp_path)})
        manager = LogManager(
            config, filesystem=RealFileSystem(), clock=ManualClock(), rng=random.Random(5)
        )
        running.append(manager)
        manager.open()
        log = manager.log(METADATA_PARTITION) or manager.create_log(
            METADATA_PARTITION, METADATA_TOPIC_ID, METADATA_LOG_CONFIG
        )
        if broken_record is not None:
            batch = build_batch([Record(0, 0, None, broken_record)])
            log.append_as_leader(memoryview(batch), 0, 0, origin=AppendOrigin.COORDINATOR)
        control_plane = open_control_plane(MetadataLog(log, ManualClock()))
        return control_plane, log

    yield run
    stop()


def test_a_later_start_reads_what_was_written(start):
    control_plane, _ = start()
    control_plane.register(registration(1)).result()
    topics = [NewTopic("a", 3, 1, configs={"flush.ms": "1"}), NewTopic("big", 5_000, 1)]
    control_plane.create_topics(topics).result()
    again, _ = start()
    assert shape(again.image) == shape(control_plane.image)


def test_every_run_writes_under_its_own_leader_epoch(start):
    epochs = []
    for _ in range(3):
        control_plane, log = start()
        control_plane.register(registration(1)).result()
        epochs.append(log.end_offset_for_epoch(len(epochs) + 1)[0])
    assert epochs == [1, 2, 3]


def test_a_change_is_flushed_before_it_is_answered(start):
    control_plane, log = start()
    control_plane.register(registration(1)).result()
    assert log.recovery_point == log.log_end_offset


def test_a_long_log_begins_with_its_sum(start):
    control_plane, log = start()
    control_plane.register(registration(1)).result()
    control_plane.create_topics([NewTopic("a", 1, 1)]).result()
    for _ in range(3):
        control_plane._log.append([NoOpRecord()] * 9_000)
    control_plane._log.flush()
    control_plane, log = start()
    control_plane.register(registration(1)).result()
    assert log.log_start_offset > 27_000
    again, _ = start()
    assert shape(again.image) == shape(control_plane.image)


def test_a_transaction_that_was_cut_off_is_aborted_for_good(start):
    control_plane, _ = start()
    control_plane.register(registration(1)).result()
    control_plane._log.append([BeginTransactionRecord("x"), ConfigRecord(32, "g", "a", "1")])
    control_plane, _ = start()
    control_plane.register(registration(1)).result()
    again, _ = start()
    assert not again.image.configs
    assert shape(again.image) == shape(control_plane.image)


@pytest.mark.parametrize(
    "value",
    [b"", b"\x01\x7f\x00", b"\x01\x09\x00" + bytes(17)],
    ids=["empty", "unknown type", "unknown topic"],
)
def test_a_log_that_cannot_be_understood_stops_the_start_in_plain_words(start, value):
    with pytest.raises(StartupError, match=r"The cluster metadata log .* offset 0"):
        start(value)
