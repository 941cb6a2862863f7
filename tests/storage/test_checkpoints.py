"""Checkpoint and metadata files: Kafka's bytes, and what a corrupt one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from kafkalite.errors import StartupError
from kafkalite.storage.checkpoints import (
    CorruptCheckpointError,
    read_leader_epochs,
    read_offset_checkpoint,
    write_leader_epochs,
    write_offset_checkpoint,
)
from kafkalite.storage.metadata_files import (
    MetaProperties,
    format_uuid,
    parse_uuid,
    read_meta_properties,
    read_partition_metadata,
    take_clean_shutdown,
    write_clean_shutdown,
    write_meta_properties,
    write_partition_metadata,
)
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.types import BrokerId, LeaderEpoch, Offset, TopicPartition, Uuid
from tests.storage.faulty_filesystem import FaultyFileSystem

DISK = RealFileSystem()
TOPIC_ID = Uuid(bytes(range(16)))

META_PROPERTIES_OF_KAFKA = """\
#
#Sat Nov 21 06:47:30 UTC 2026
node.id=1
directory.id=RdE539yZ1eER5PgAvogDbA
version=1
cluster.id=HLfDSI5kTdiNhg4O_wqTrA
"""


def test_offset_checkpoint_is_kafkas_text(tmp_path: Path) -> None:
    path = tmp_path / "recovery-point-offset-checkpoint"
    offsets = {
        TopicPartition("orders", 0): Offset(1500),
        TopicPartition("__consumer_offsets", 49): Offset(2**40),
    }
    write_offset_checkpoint(DISK, path, offsets)
    assert path.read_text() == f"0\n2\norders 0 1500\n__consumer_offsets 49 {2**40}\n"
    assert read_offset_checkpoint(DISK, path) == offsets


def test_no_checkpoint_and_an_empty_one_say_nothing(tmp_path: Path) -> None:
    assert read_offset_checkpoint(DISK, tmp_path / "missing") == {}
    (tmp_path / "empty").touch()
    assert read_offset_checkpoint(DISK, tmp_path / "empty") == {}
    write_offset_checkpoint(DISK, tmp_path / "none", {})
    assert (tmp_path / "none").read_text() == "0\n0\n"
    assert read_offset_checkpoint(DISK, tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"1\n0\n", "version '1' is not 0"),
        (b"0\n", "announces"),
        (b"0\n2\norders 0 1\n", "has 1"),
        (b"0\n1\norders 0 1\norders 1 1\n", "has 2"),
        (b"0\n1\norders 0\n", "line 3 has 2 fields, not 3"),
        (b"0\n1\norders 0 -1\n", "'-1' is not a number"),
        (b"0\n1\norders zero 1\n", "'zero' is not a number"),
        (b"0\nmany\n", "'many' is not a number"),
        (b"\xff\xfe", "not text"),
        (bytes(20), "version"),
    ],
)
def test_a_corrupt_checkpoint_names_the_file_and_what_is_wrong(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "log-start-offset-checkpoint"
    path.write_bytes(content)
    with pytest.raises(CorruptCheckpointError, match=reason) as raised:
        read_offset_checkpoint(DISK, path)
    assert str(path) in str(raised.value)


def test_leader_epochs_are_kafkas_text(tmp_path: Path) -> None:
    path = tmp_path / "leader-epoch-checkpoint"
    epochs = [(LeaderEpoch(0), Offset(0)), (LeaderEpoch(7), Offset(120))]
    write_leader_epochs(DISK, path, epochs)
    assert path.read_bytes() == b"0\n2\n0 0\n7 120\n"
    assert read_leader_epochs(DISK, path) == epochs


def test_meta_properties_of_kafka_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "meta.properties"
    path.write_text(META_PROPERTIES_OF_KAFKA)
    properties = read_meta_properties(DISK, path)
    assert properties == MetaProperties(
        "HLfDSI5kTdiNhg4O_wqTrA", BrokerId(1), parse_uuid("RdE539yZ1eER5PgAvogDbA")
    )
    write_meta_properties(DISK, path, properties)
    assert path.read_text() == META_PROPERTIES_OF_KAFKA.split("UTC 2026\n")[1]
    assert read_meta_properties(DISK, path) == properties


def test_a_new_directory_has_no_meta_properties(tmp_path: Path) -> None:
    assert read_meta_properties(DISK, tmp_path / "meta.properties") is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("version=1", "version=0"), "version is 0, not 1"),
        (("version=1", ""), "version is None"),
        (("node.id=1", ""), "node.id is missing"),
        (("node.id=1", "node.id=one"), "one"),
        (("RdE539yZ1eER5PgAvogDbA", "short"), "'short' is not a UUID"),
    ],
)
def test_meta_properties_that_cannot_be_understood_stop_the_start(
    tmp_path: Path, change: tuple[str, str], reason: str
) -> None:
    path = tmp_path / "meta.properties"
    path.write_text(META_PROPERTIES_OF_KAFKA.replace(*change))
    with pytest.raises(StartupError, match=reason) as raised:
        read_meta_properties(DISK, path)
    assert str(path) in str(raised.value)
    assert "remove it" in str(raised.value), "it says what to do"


def test_partition_metadata_is_kafkas_43_bytes(tmp_path: Path) -> None:
    path = tmp_path / "partition.metadata"
    write_partition_metadata(DISK, path, TOPIC_ID)
    assert path.read_bytes() == b"version: 0\ntopic_id: AAECAwQFBgcICQoLDA0ODw"
    assert len(path.read_bytes()) == 43
    assert read_partition_metadata(DISK, path) == TOPIC_ID
    assert read_partition_metadata(DISK, tmp_path / "missing") is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "version"),
        ("version: 1\ntopic_id: AAECAwQFBgcICQoLDA0ODw", "version"),
        ("version: 0\n", "not a UUID"),
        ("version: 0\ntopic_id: AAECAwQFBgc", "not a UUID"),
        ("version: 0\ntopic_id: é", "not a UUID"),
    ],
)
def test_corrupt_partition_metadata_names_the_file(
    tmp_path: Path, content: str, reason: str
) -> None:
    path = tmp_path / "partition.metadata"
    path.write_text(content)
    with pytest.raises(CorruptCheckpointError, match=reason) as raised:
        read_partition_metadata(DISK, path)
    assert str(path) in str(raised.value)


def test_clean_shutdown_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / ".kafka_cleanshutdown"
    assert take_clean_shutdown(DISK, path) is None
    write_clean_shutdown(DISK, path, 11)
    assert path.read_bytes() == b'{"version":0,"brokerEpoch":11}'
    assert take_clean_shutdown(DISK, path) == 11
    assert take_clean_shutdown(DISK, path) is None


@pytest.mark.parametrize("content", ["", "{}", "[1]", "no json"])
def test_a_clean_shutdown_marker_of_any_content_counts(tmp_path: Path, content: str) -> None:
    (tmp_path / "marker").write_text(content)
    assert take_clean_shutdown(DISK, tmp_path / "marker") == -1
    assert not (tmp_path / "marker").exists()


def test_the_clean_shutdown_marker_is_durably_gone_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / "marker").write_text("{}")
    filesystem = FaultyFileSystem(tmp_path)
    take_clean_shutdown(filesystem, tmp_path / "marker")
    assert filesystem.operations == ["remove marker", "fsync-directory ."]


@pytest.mark.parametrize(
    "text", ["", "AAECAwQFBgcICQoLDA0OD", "AAECAwQFBgcICQoLDA0ODw==x", "*" * 22]
)
def test_what_is_no_uuid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a UUID"):
        parse_uuid(text)


def test_uuids_are_22_characters_of_base64url() -> None:
    assert format_uuid(Uuid(b"\xfb\xff" * 8)) == "-__7__v_-__7__v_-__7_w"
    assert parse_uuid("-__7__v_-__7__v_-__7_w") == b"\xfb\xff" * 8
