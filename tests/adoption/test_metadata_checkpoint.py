"""bootstrap.checkpoint byte for byte, and what is made of one that is not whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafkalite_protocol.messages.feature_level_record import FeatureLevelRecord
from kafkalite_protocol.records import Record, build_batch

from kafkalite.adoption.checkpoint_file import checkpoint_batches, write_checkpoint
from kafkalite.adoption.metadata_reader import read_bootstrap
from kafkalite.errors import StartupError
from kafkalite.storage.real_filesystem import RealFileSystem

KAFKAS = bytes.fromhex(
    "0000000000000000000000470000000002213ddc98002000000000000001a1fd87fc4c000001a1fd87fc4cff"
    "ffffffffffffffffffffffffff000000012a0000000800000003160000000000000000000000000000000000"
    "000001000000f1000000000203776a84000000000005000001a1fd87fc79000001a1fd87fc79ffffffffffff"
    "ffffffffffffffff000000063a000000012e010c00116d657461646174612e76657273696f6e001e00005a00"
    "0002014e010c0021656c696769626c652e6c65616465722e7265706c696361732e76657273696f6e00010000"
    "340000040128010c000e67726f75702e76657273696f6e00010000340000060128010c000e73686172652e76"
    "657273696f6e0001000038000008012c010c001073747265616d732e76657273696f6e000100004000000a01"
    "34010c00147472616e73616374696f6e2e76657273696f6e0002000000000000000000070000003f00000000"
    "02ce2ac195002000000000000001a1fd87fc7d000001a1fd87fc7dffffffffffffffffffffffffffff000000"
    "011a00000008000000040600000000"
)
"""What `kafka-storage format` of 4.3.0 wrote; each of its batches has a time of its own."""

HEADER_MS, RECORDS_MS, FOOTER_MS = 0x1A1FD87FC4C, 0x1A1FD87FC79, 0x1A1FD87FC7D

FEATURES = [
    FeatureLevelRecord("metadata.version", 30),
    FeatureLevelRecord("eligible.leader.replicas.version", 1),
    FeatureLevelRecord("group.version", 1),
    FeatureLevelRecord("share.version", 1),
    FeatureLevelRecord("streams.version", 1),
    FeatureLevelRecord("transaction.version", 2),
]


def test_the_batches_are_those_that_kafka_writes() -> None:
    times_ms = (HEADER_MS, RECORDS_MS, FOOTER_MS)
    batches = [
        [*checkpoint_batches(FEATURES, now_ms)][index] for index, now_ms in enumerate(times_ms)
    ]
    assert b"".join(batches) == KAFKAS


def test_kafkas_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "bootstrap.checkpoint").write_bytes(KAFKAS)
    image = read_bootstrap(RealFileSystem(), tmp_path, "c").image
    assert image.features == {each.name: each.feature_level for each in FEATURES}


@pytest.mark.parametrize("length", [0, 1, 83, 336, len(KAFKAS) - 1])
def test_a_file_without_its_end_is_refused(tmp_path: Path, length: int) -> None:
    (tmp_path / "bootstrap.checkpoint").write_bytes(KAFKAS[:length])
    with pytest.raises(StartupError, match="it has no footer"):
        read_bootstrap(RealFileSystem(), tmp_path, "c")


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    for place in range(0, len(KAFKAS), 7):
        damaged = bytearray(KAFKAS)
        damaged[place] ^= 0x10
        (tmp_path / "bootstrap.checkpoint").write_bytes(damaged)
        try:
            image = read_bootstrap(RealFileSystem(), tmp_path, "c").image
        except StartupError:
            continue
        # Base offset and leader epoch are outside the checksum, and mean nothing here.
        assert len(image.features) == len(FEATURES), place


def test_many_records_take_several_batches(tmp_path: Path) -> None:
    records = [FeatureLevelRecord(f"f{number}", 1) for number in range(2500)]
    write_checkpoint(RealFileSystem(), tmp_path / "bootstrap.checkpoint", records, 0)
    assert len([*checkpoint_batches(records, 0)]) == 5
    found = read_bootstrap(RealFileSystem(), tmp_path, "c")
    assert len(found.image.features) == 2500
    assert found.image.next_offset == 2502


def test_a_record_of_a_later_kafka_is_refused_with_the_place(tmp_path: Path) -> None:
    header, _, footer = checkpoint_batches(FEATURES[:1], 0)
    batch = build_batch([Record(1, 0, None, b"\x01\x7f\x00abc", [])], base_offset=1)
    (tmp_path / "bootstrap.checkpoint").write_bytes(header + bytes(batch) + footer)
    with pytest.raises(StartupError, match=r"does not understand, behind offset 1.*type 127"):
        read_bootstrap(RealFileSystem(), tmp_path, "c")
