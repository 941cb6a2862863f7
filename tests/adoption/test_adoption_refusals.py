"""What graduate and adopt find, say, and refuse; nothing is changed by a refusal or a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from kafkalite_compat.wire.raw import RawClient

from kafkalite.adoption.adopt import plan_adoption
from kafkalite.adoption.checkpoint_file import write_checkpoint
from kafkalite.adoption.data_directory import DataDirectory
from kafkalite.adoption.graduate import plan_graduation
from kafkalite.adoption.metadata_reader import FoundMetadata
from kafkalite.adoption.portable_image import (
    check_one_node,
    image_for_kafkalite,
    records_for_kafka,
    with_kafka_features,
)
from kafkalite.config import BrokerConfig
from kafkalite.errors import StartupError
from kafkalite.metadata import local_control_plane
from kafkalite.metadata.image import (
    ConfigResource,
    ConfigResourceType,
    MetadataImage,
    PartitionImage,
    TopicImage,
)
from kafkalite.metadata.image_delta import apply_records
from kafkalite.metadata.image_records import image_records
from kafkalite.metadata.metadata_directory import MetadataOwner, refuse_kafkas
from kafkalite.storage.real_filesystem import RealFileSystem
from tests.adoption.data_world import (
    adopt,
    create_topic,
    essence,
    found,
    graduate,
    make_kafkas,
    outside,
    owner,
    topic_files,
)
from tests.broker_in_thread import running_broker


def everything(data: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in data.rglob("*") if path.is_file() and path.name != ".lock"}  # fmt: skip


# The whole way


def test_a_directory_goes_to_kafka_and_back_with_its_topics_untouched(data: Path) -> None:
    before, files = essence(data), topic_files(data)
    graduate(data)
    assert owner(data) is MetadataOwner.PREPARED
    adopt(data)
    assert owner(data) is MetadataOwner.KAFKALITE
    assert essence(data) == before
    assert topic_files(data) == files
    with running_broker(data, offsets_topic_num_partitions="2") as server:
        assert set(server.broker.image.topics) == {"orders", "twice", "__consumer_offsets"}
        assert [replica.log.log_end_offset for replica in server.broker.replicas].count(15) == 1


def test_each_metadata_log_is_put_aside_under_a_name_of_its_own(data: Path) -> None:
    for _ in range(2):
        graduate(data)
        adopt(data)
        make_kafkas(data)
        adopt(data)
    aside = sorted(path.name for path in data.glob("__cluster_metadata-0.*"))
    assert aside == [
        "__cluster_metadata-0.kafka-1-stray",
        "__cluster_metadata-0.kafka-2-stray",
        "__cluster_metadata-0.kafkalite-1-stray",
        "__cluster_metadata-0.kafkalite-2-stray",
    ]


def test_doing_it_twice_does_nothing_the_second_time(data: Path) -> None:
    assert graduate(data)
    files = everything(data)
    assert graduate(data) == []
    assert everything(data) == files
    assert adopt(data)
    files = everything(data)
    assert adopt(data) == []
    assert everything(data) == files


def test_a_plan_tells_what_is_there_and_changes_nothing(data: Path) -> None:
    files = everything(data)
    with DataDirectory(data, outside()) as directory:
        plan = plan_graduation(directory, BrokerConfig())
        assert len(plan.steps) == 3
        assert (plan.survey.topics, plan.survey.partitions, plan.survey.groups) == (3, 6, 1)
        assert plan.survey.records == 16  # 15 produced and one commit
    make_kafkas(data)
    with DataDirectory(data, outside()) as directory:
        assert len(plan_adoption(directory).steps) == 3
    (data / "__cluster_metadata-0" / "quorum-state").unlink()
    assert everything(data) == files


def test_a_directory_after_a_kill_is_recovered_first(data: Path) -> None:
    (data / ".kafka_cleanshutdown").unlink()
    log = data / "orders-0" / "00000000000000000000.log"
    whole = log.read_bytes()
    log.write_bytes(whole + whole[:40])
    assert graduate(data)[0] == "recover the logs: kafkalite was killed"
    assert log.read_bytes() == whole
    assert (data / ".kafka_cleanshutdown").exists()


def test_a_node_of_another_number_stays_that(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_broker(data, node_id="7") as server, RawClient(server.bootstrap_servers) as client:
        create_topic(client, "orders")
    (data / ".kafka_cleanshutdown").unlink()
    graduate(data)
    assert "controller.quorum.voters=7@localhost:9093" in (data / "server.properties").read_text()
    with DataDirectory(data, outside()) as directory:
        assert plan_adoption(directory).then[0].endswith("--set node.id=7")
    adopt(data)
    with running_broker(data, node_id="7") as server:
        assert server.broker.image.topics["orders"].partitions[1].leader == 7


def test_settings_travel_into_the_properties_for_kafka(data: Path) -> None:
    graduate(data, listeners="PLAINTEXT://0.0.0.0:19999", log_retention_ms="5000")
    lines = (data / "server.properties").read_text().splitlines()
    assert "log.retention.ms=5000" in lines
    assert "listeners=PLAINTEXT://0.0.0.0:19999,CONTROLLER://localhost:20000" in lines
    assert "controller.quorum.voters=1@localhost:20000" in lines
    assert f"log.dirs={data}" in lines


def test_the_file_that_kafka_was_started_with_goes_on_to_hold(data: Path) -> None:
    graduate(
        data,
        listeners="PLAINTEXT://127.0.0.1:19999,RAFT://127.0.0.1:29999",
        controller_listener_names="RAFT",
        controller_quorum_bootstrap_servers="127.0.0.1:29999",
        listener_security_protocol_map="RAFT:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    )
    lines = (data / "server.properties").read_text().splitlines()
    assert "listeners=PLAINTEXT://127.0.0.1:19999,RAFT://127.0.0.1:29999" in lines
    assert "controller.quorum.voters=1@127.0.0.1:29999" in lines
    assert "controller.listener.names=RAFT" in lines
    assert "listener.security.protocol.map=RAFT:PLAINTEXT,PLAINTEXT:PLAINTEXT" in lines
    assert not any("bootstrap.servers" in line for line in lines)


def test_properties_that_are_there_stay(data: Path) -> None:
    (data / "server.properties").write_text("mine=1\n")
    graduate(data)
    assert (data / "server.properties").read_text() == "mine=1\n"


def test_lost_topic_ids_are_written_for_kafka(data: Path) -> None:
    path = data / "orders-1" / "partition.metadata"
    content = path.read_bytes()
    path.unlink()
    graduate(data)
    assert path.read_bytes() == content


def test_a_formatted_directory_that_kafka_never_served_is_adopted_empty(tmp_path: Path) -> None:
    (tmp_path / "meta.properties").write_text(
        "node.id=1\ndirectory.id=V4MuVuFrRNjH0UXpGwcWxA\nversion=1\ncluster.id=AAAAAAAAAAAAAAAAAAAAAQ\n"
    )
    image = with_kafka_features(MetadataImage(""))
    records = records_for_kafka(image, b"d" * 16)
    write_checkpoint(RealFileSystem(), tmp_path / "bootstrap.checkpoint", records, 0)
    assert adopt(tmp_path) == ["write __cluster_metadata-0, kafkalite's metadata log"]
    with running_broker(tmp_path) as server:
        assert server.broker.image.topics == {}


# Kafka's log and snapshots


def test_the_newest_whole_snapshot_is_where_the_log_is_read_from(data: Path) -> None:
    make_kafkas(data)
    before = essence(data)
    directory = data / "__cluster_metadata-0"
    image = found(data).image
    end = image.next_offset
    snapshot = directory / f"{end:020}-0000000001.checkpoint"
    write_checkpoint(RealFileSystem(), snapshot, image_records(image), 0)
    (directory / f"{end + 9:020}-0000000001.checkpoint").write_bytes(snapshot.read_bytes()[:-20])
    (directory / "00000000000000000000.log").rename(directory / f"{end:020}.log")
    (directory / f"{end:020}.log").write_bytes(b"")
    assert essence(data) == before
    adopt(data)
    assert essence(data) == before


@pytest.mark.parametrize("make", [lambda data: None, make_kafkas])
def test_a_log_that_was_summed_up_is_read_from_its_start_offset(
    data: Path, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_control_plane, "_LONG_LOG_RECORDS", -(10**6))
    with running_broker(data, offsets_topic_num_partitions="2"):
        pass
    assert "__cluster_metadata 0 " in (data / "log-start-offset-checkpoint").read_text()
    before = essence(data)
    assert [*before[0]] == ["orders", "twice", "__consumer_offsets"]
    make(data)
    adopt(data) if owner(data) is MetadataOwner.KAFKA else graduate(data)
    assert essence(data) == before
    adopt(data)
    assert essence(data) == before
    assert "__cluster_metadata" not in (data / "log-start-offset-checkpoint").read_text()


def test_a_metadata_log_without_its_beginning_is_refused(data: Path) -> None:
    make_kafkas(data)
    directory = data / "__cluster_metadata-0"
    (directory / "00000000000000000000.log").rename(directory / "00000000000000000007.log")
    (directory / "00000000000000000003.log").write_bytes(b"half a batch")
    with pytest.raises(StartupError, match=r"not sound, and the log goes on"):
        adopt(data)


def test_a_batch_that_was_being_written_ends_the_metadata_log(data: Path) -> None:
    make_kafkas(data)
    before = essence(data)
    log = data / "__cluster_metadata-0" / "00000000000000000000.log"
    log.write_bytes(log.read_bytes() + log.read_bytes()[:30])
    assert essence(data) == before


def test_an_empty_log_of_kafkas_leaves_the_word_to_the_bootstrap_checkpoint(data: Path) -> None:
    before = essence(data)
    graduate(data)
    (data / "__cluster_metadata-0").mkdir()
    (data / "__cluster_metadata-0" / "00000000000000000000.log").touch()
    make_kafkas(data)
    assert owner(data) is MetadataOwner.PREPARED
    adopt(data)
    assert essence(data) == before


# Refusals


def test_serving_kafkas_directory_is_refused_and_says_how(data: Path) -> None:
    refuse_kafkas(RealFileSystem(), data)
    graduate(data)
    for make in (lambda: None, lambda: (adopt(data), make_kafkas(data))):
        make()
        files = everything(data)
        with (
            pytest.raises(StartupError, match=f"kafkalite adopt --data {data}"),
            running_broker(data),
        ):
            pass
        assert everything(data) == files


@pytest.mark.parametrize("move", [graduate, adopt])
def test_a_directory_in_use_is_refused(data: Path, move: Callable[[Path], object]) -> None:
    held = RealFileSystem().lock(data / ".lock")
    with pytest.raises(StartupError, match="in use by the broker with pid"):
        move(data)
    del held


@pytest.mark.parametrize("move", [graduate, adopt])
def test_what_is_no_data_directory_is_refused(
    tmp_path: Path, move: Callable[[Path], object]
) -> None:
    with pytest.raises(StartupError, match="is no data directory of a broker"):
        move(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_data_without_metadata_is_refused(data: Path) -> None:
    for path in (data / "__cluster_metadata-0").iterdir():
        path.unlink()
    (data / "__cluster_metadata-0").rmdir()
    for move in (graduate, adopt):
        with pytest.raises(StartupError, match="has no metadata of a cluster"):
            move(data)


def test_kafka_finds_a_sentence_in_place_of_its_beginning(data: Path) -> None:
    """What it makes Kafka do is in tests/java_tools."""
    path = data / "bootstrap.checkpoint"
    sentence = path.read_bytes()
    assert b"kafkalite graduate" in sentence
    graduate(data)
    assert path.read_bytes()[:8] == bytes(8)
    adopt(data)
    assert path.read_bytes() == sentence
    path.unlink()
    with running_broker(data, offsets_topic_num_partitions="2"):
        assert path.read_bytes() == sentence


def test_kafkas_directory_cannot_be_graduated(data: Path) -> None:
    make_kafkas(data)
    with pytest.raises(StartupError, match="Apache Kafka's already"):
        graduate(data)


def test_partitions_in_another_directory_cannot_be_graduated(data: Path) -> None:
    (data / "orders-1").rename(data.parent / "orders-1")
    with pytest.raises(StartupError, match=r"1 partition\(s\) are not in .* orders-1"):
        graduate(data)


def cluster(**changes: object) -> FoundMetadata:
    """One node with one topic, to be spoilt."""
    topic = TopicImage("orders", b"t" * 16, (PartitionImage(1, 0, (1,), (1,), 0),))
    image = MetadataImage(
        "", topics={"orders": topic}, topics_by_id={topic.topic_id: topic}, features={"metadata.version": 30}
    )  # fmt: skip
    return FoundMetadata(replace(image, **changes), frozenset({1}))


def spread_topic(replicas: tuple[int, ...]) -> dict[str, TopicImage]:
    return {"spread": TopicImage("spread", b"s" * 16, (PartitionImage(1, 0, replicas, (1,), 0),))}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (cluster(features={"metadata.version": 31}), "metadata.version 31"),
        (cluster(features={"metadata.version": 6}), "metadata.version 6"),
        (cluster(topics=spread_topic((1, 2))), "replicas on other nodes than 1: spread-0"),
        (cluster(topics=spread_topic((2,))), "replicas on other nodes than 1: spread-0"),
        (cluster()._replace(controllers=frozenset({1, 3, 2})), "other nodes than 1: 2, 3;"),
        (
            cluster(
                configs={
                    ConfigResource(ConfigResourceType.TOPIC, "orders"): {
                        "remote.storage.enable": "true"
                    }
                }
            ),
            "remote.storage.enable",
        ),
    ],
)
def test_what_one_node_cannot_go_on_with_is_refused(found: FoundMetadata, message: str) -> None:
    check_one_node(cluster(), 1, Path("/data"))
    with pytest.raises(StartupError, match=message):
        check_one_node(found, 1, Path("/data"))


# The image


def test_records_for_kafka_make_the_image_again_without_leaders_and_brokers(data: Path) -> None:
    image = found(data).image
    records = [*records_for_kafka(image, b"d" * 16)]
    again = apply_records(MetadataImage(image.cluster_id), records, image.next_offset)
    assert not again.brokers
    assert {p.leader for t in again.topics.values() for p in t.partitions} == {-1}
    assert again.configs == image.configs
    assert again.next_producer_id == image.next_producer_id == 1000
    assert {tuple(r.directories) for r in records if type(r).__name__ == "PartitionRecord"} == {
        (b"d" * 16,)
    }


def test_eligible_leader_replicas_are_left_out_for_kafka() -> None:
    image = MetadataImage("", features={"eligible.leader.replicas.version": 1, "group.version": 1})
    names = [record.name for record in records_for_kafka(image, bytes(16))]
    assert names == ["group.version"]


def test_features_that_were_turned_off_stay_off() -> None:
    image = MetadataImage("", features={"group.version": 0, "metadata.version": 30})
    assert with_kafka_features(image).features["group.version"] == 0
    assert "group.version" not in [
        record.name for record in records_for_kafka(with_kafka_features(image), bytes(16))
    ]
    others = {"eligible.leader.replicas.version": 1, "transaction.version": 1}
    kafkas = MetadataImage("", features={"metadata.version": 25, **others})
    ours = image_for_kafkalite(kafkas).features
    assert ours["group.version"] == 0
    assert ours["metadata.version"] == 30
    assert ours["transaction.version"] == 1
    assert "eligible.leader.replicas.version" not in ours


def test_no_producer_ids_given_out_is_not_said_to_kafka() -> None:
    assert list(records_for_kafka(MetadataImage(""), bytes(16))) == []
