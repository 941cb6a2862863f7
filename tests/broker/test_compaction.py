"""When the broker's cleaner looks, what it does with what it finds, and what clients see of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from confluent_kafka import Consumer, TopicPartition
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest
from kafkalite_protocol.records import Record, build_batch

from kafkalite.broker.blocking import RunInline
from kafkalite.broker.compaction import Compaction
from kafkalite.broker.maintenance import Maintenance
from kafkalite.clock import ManualClock
from kafkalite.config import BrokerConfig
from kafkalite.deferred import Deferred
from kafkalite.storage.log import Log
from kafkalite.storage.log_config import LogConfig
from kafkalite.timer import TimerQueue
from kafkalite.types import Offset
from tests.broker.test_produce_requests import fetch_values, produce
from tests.broker_in_thread import running_broker
from tests.storage.cleaner_world import OneLog, keyed, pairs_of, stable_offset
from tests.storage.log_world import NOW_MS, append, open_log
from tests.waiting import wait_until

CONFIG = LogConfig(compact=True, delete=False, min_cleanable_dirty_ratio=0.0)
BACKOFF_MS = 500


# The driver, by hand


class Later:
    """Worker threads that do nothing until they are told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def submit(self, function: Callable[[], object]) -> Deferred[object]:
        out: Deferred[object] = Deferred()

        def run() -> None:
            try:
                value = function()
            except Exception as error:
                out.fail(error)
            else:
                out.resolve(value)

        self.waiting.append(run)
        return out

    def run_next(self) -> None:
        self.waiting.pop(0)()


@dataclass
class World:
    """As much of a broker as compaction needs, around one log."""

    log: Log
    blocking: object = field(default_factory=RunInline)
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = ManualClock(NOW_MS)
        self.timer = TimerQueue(self.clock)
        self.config = BrokerConfig({"log.cleaner.backoff.ms": str(BACKOFF_MS), **self.settings})
        self.logs = OneLog(self.log)
        self.stable_offset: Offset | None = None
        self.compaction = Compaction(self)  # type: ignore[arg-type]

    @property
    def replicas(self) -> list[SimpleNamespace]:
        stable = stable_offset(self.log) if self.stable_offset is None else self.stable_offset
        return [SimpleNamespace(log=self.log, last_stable_offset=stable)]

    def wait(self, delta_ms: int = 0) -> None:
        self.clock.advance(delta_ms)
        self.timer.run_due()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return open_log(tmp_path / "orders-0", CONFIG)


def fill(log: Log, value: bytes = b"1") -> None:
    """A segment of two records with one key."""
    append(log, keyed((b"a", b"obsolete")), keyed((b"a", value)))
    log.roll()


def offsets(log: Log) -> list[int]:
    return [offset for offset, _, _ in pairs_of(log)]


def test_a_log_that_is_due_at_the_start_is_cleaned_at_once(log: Log) -> None:
    fill(log)
    world = World(log)
    world.compaction.start()
    world.wait()
    assert offsets(log) == [1]


def test_the_cleaner_looks_again_after_the_backoff(log: Log) -> None:
    world = World(log)
    world.compaction.start()
    world.wait()
    fill(log)
    world.wait(BACKOFF_MS - 1)
    assert offsets(log) == [0, 1]
    world.wait(1)
    assert offsets(log) == [1]


def test_a_changed_backoff_counts_from_the_next_look_on(log: Log) -> None:
    world = World(log)
    world.compaction.start()
    world.config = BrokerConfig({"log.cleaner.backoff.ms": "20"})
    world.wait()
    fill(log)
    world.wait(20)
    assert offsets(log) == [1]


@pytest.mark.parametrize(("enabled", "left"), [("true", [1]), ("false", [0, 1])])
def test_the_cleaner_begins_with_the_first_compacted_log_unless_switched_off(
    log: Log, enabled: str, left: list[int]
) -> None:
    fill(log)
    log.reconfigure(LogConfig())
    world = World(log, settings={"log.cleaner.enable": enabled})
    Maintenance(world).start()  # type: ignore[arg-type]
    world.wait()
    assert offsets(log) == [0, 1]
    log.reconfigure(CONFIG)
    world.wait(BACKOFF_MS)
    world.wait()
    assert offsets(log) == left


def test_a_log_that_is_not_compacted_is_left_alone(log: Log) -> None:
    fill(log)
    log.reconfigure(LogConfig(min_cleanable_dirty_ratio=0.0))
    world = World(log)
    world.compaction.start()
    world.wait()
    assert offsets(log) == [0, 1]


def test_the_replica_says_up_to_where_everything_is_decided(log: Log) -> None:
    fill(log)
    fill(log)
    world = World(log)
    world.stable_offset = Offset(3)
    world.compaction.start()
    world.wait()
    assert offsets(log) == [1, 2, 3]


def test_a_small_buffer_for_keys_takes_several_cleanings_without_a_pause(log: Log) -> None:
    for number in range(40):
        append(log, keyed((b"%d" % (number % 20), b"%d" % number)))
    log.roll()
    world = World(log, settings={"log.cleaner.io.buffer.load.factor": "0.00001"})
    world.compaction.start()
    world.wait()
    assert offsets(log) == list(range(20, 40))
    assert log.cleaned_offset == 40


def test_a_stop_ends_what_is_under_way(log: Log) -> None:
    """And nothing is left of it, nor begun again."""
    fill(log)
    later = Later()
    world = World(log, blocking=later)
    world.compaction.start()
    world.wait()
    world.compaction.stop()
    while later.waiting:
        later.run_next()
    world.wait(10 * BACKOFF_MS)
    assert later.waiting == []
    assert not list(log.directory.glob("*.cleaned"))


def test_a_cleaning_that_was_given_up_is_tried_again_after_the_backoff(log: Log) -> None:
    fill(log)
    append(log, keyed((b"b", b"1")), keyed((b"b", b"2")))
    later = Later()
    world = World(log, blocking=later)
    world.compaction.start()
    world.wait()
    later.run_next()  # prepared
    later.run_next()  # a group was written
    assert offsets(log)[0] == 1, "swapped in"
    log.truncate_to(Offset(3))
    while later.waiting:
        later.run_next()
    assert log.cleaned_offset == 0
    world.blocking = RunInline()
    world.wait(BACKOFF_MS)
    assert log.cleaned_offset == 2


def test_a_mistake_of_ours_sets_one_log_aside_and_the_cleaner_lives(
    log: Log, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise AssertionError("a mistake")

    fill(log)
    monkeypatch.setattr("kafkalite.storage.cleaner.cleaning.Cleaning._map_keys", broken)
    world = World(log)
    world.compaction.start()
    world.wait()
    world.wait(BACKOFF_MS)
    assert [each.levelname for each in caplog.records] == ["ERROR"]
    assert "a mistake" in caplog.text
    assert len(world.timer) == 1


# Through a broker


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker that looks often."""
    data = tmp_path_factory.mktemp("eager") / "data"
    settings = {"log_cleaner_backoff_ms": "20", "offsets_topic_num_partitions": "1"}
    settings |= {"offsets_topic_segment_bytes": "1048576"}
    with running_broker(data, **settings) as server:
        yield server.bootstrap_servers


def create(client: RawClient, name: str, **configs: str) -> None:
    topic = CreateTopicsRequest.CreatableTopic(
        name=name,
        num_partitions=1,
        replication_factor=1,
        configs=[
            CreateTopicsRequest.CreatableTopicConfig(name=key.replace("_", "."), value=value)
            for key, value in configs.items()
        ],
    )
    response = client.ask(CreateTopicsRequest(topics=[topic], timeout_ms=10_000), 7)
    assert response.topics[0].error_code == 0


def write(client: RawClient, topic: str, *values: bytes) -> None:
    """Each later than segment.ms after the one before, so in a segment of its own."""
    for number, value in enumerate(values):
        record = Record(0, NOW_MS + 10 * number, b"key", value, [])
        assert produce(client, topic, bytes(build_batch([record]))).error_code == 0


def offsets_in(client: RawClient, topic: str) -> list[int]:
    """Of all records; an answer has those of one segment."""
    found: list[int] = []
    while values := fetch_values(client, topic, found[-1] + 1 if found else 0):
        found += [offset for offset, _ in values]
    return found


def test_of_a_compacted_topic_the_last_value_stays(eager: str) -> None:
    with RawClient(eager) as client:
        create(
            client,
            "compacted",
            cleanup_policy="compact",
            segment_ms="1",
            min_cleanable_dirty_ratio="0.01",
        )
        write(client, "compacted", b"1", b"2", b"3", b"4")
        wait_until(
            lambda: offsets_in(client, "compacted") == [2, 3],
            "all but the last closed segment's value and the active one to go",
        )


def test_a_topic_is_compacted_from_the_moment_its_policy_says_so(eager: str) -> None:
    with RawClient(eager) as client:
        create(client, "changed", segment_ms="1", min_cleanable_dirty_ratio="0.01")
        write(client, "changed", b"1", b"2", b"3", b"4")
        assert offsets_in(client, "changed") == [0, 1, 2, 3]
        entity = IncrementalAlterConfigsRequest.AlterConfigsResource(
            resource_type=2,
            resource_name="changed",
            configs=[
                IncrementalAlterConfigsRequest.AlterableConfig(
                    name="cleanup.policy", config_operation=0, value="compact"
                )
            ],
        )
        response = client.ask(IncrementalAlterConfigsRequest(resources=[entity]), 1)
        assert response.responses[0].error_code == 0
        wait_until(
            lambda: offsets_in(client, "changed") == [2, 3],
            "the topic to be compacted",
        )


def test_the_greatest_compaction_lag_bounds_what_a_segment_spans(eager: str) -> None:
    """A record in the active segment cannot be compacted (Kafka: LogConfig.maxSegmentMs)."""
    with RawClient(eager) as client:
        create(client, "lag", cleanup_policy="compact", max_compaction_lag_ms="5")
        write(client, "lag", b"1", b"2", b"3")
        wait_until(
            lambda: offsets_in(client, "lag") == [1, 2],
            "the records to be compacted however clean the topic is",
        )


def test_committed_offsets_outlive_the_compaction_of_their_topic(tmp_path: Path) -> None:
    data = tmp_path / "data"
    settings = {
        "log_cleaner_backoff_ms": "20",
        "log_cleaner_min_cleanable_ratio": "0.01",
        "offsets_topic_num_partitions": "1",
        "offsets_topic_segment_bytes": "1048576",
    }
    directory = data / "__consumer_offsets-0"
    last = 0
    with running_broker(data, **settings) as server:
        with RawClient(server.bootstrap_servers) as client:
            create(client, "topic")
        consumer = Consumer(
            {
                "bootstrap.servers": server.bootstrap_servers,
                "group.id": "g",
                "enable.auto.commit": False,
            }
        )
        note = "x" * 4000
        while not (data / "cleaner-offset-checkpoint").exists():
            last += 1
            commit(consumer, last, note)
        consumer.close()
        assert len(list(directory.glob("*.log"))) > 1
        assert (directory / "00000000000000000000.log").stat().st_size < 100_000
    with running_broker(data, **settings) as server:
        consumer = Consumer({"bootstrap.servers": server.bootstrap_servers, "group.id": "g"})
        (found,) = consumer.committed([TopicPartition("topic", 0)], timeout=20)
        assert found.offset == last
        consumer.close()


def commit(consumer: Consumer, offset: int, note: str) -> None:
    partition = TopicPartition("topic", 0, offset, metadata=note)
    consumer.commit(offsets=[partition], asynchronous=False)
