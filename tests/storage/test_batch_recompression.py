"""A batch in another codec: everything but the codec stays."""

from __future__ import annotations

import pytest
from kafkalite_protocol.compression import Compression
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.record_batch import RecordBatchView
from kafkalite_protocol.records import read_records

from kafkalite.errors import KafkaError
from kafkalite.storage.log_config import LogConfig
from kafkalite.storage.recompression import is_in_another_codec, recompressed
from tests.storage.log_world import NOW_MS, batch

CODECS = list(Compression)


def recode(records: memoryview, codec: Compression, **options: int) -> RecordBatchView:
    return RecordBatchView(
        recompressed(bytearray(records), LogConfig(compression=codec, **options))
    )


@pytest.mark.parametrize("source", CODECS)
@pytest.mark.parametrize("target", CODECS)
def test_every_codec_into_every_other(source: Compression, target: Compression) -> None:
    records = batch(
        3,
        compression=source,
        timestamps_ms=[NOW_MS, NOW_MS + 7, NOW_MS - 3],
        producer_id=5,
        producer_epoch=2,
        sequence=9,
        transactional=True,
    )
    before, after = RecordBatchView(records), recode(records, target)
    assert after.compression is target
    assert after.check_crc()
    assert read_records(after) == read_records(before)
    for field in (
        "base_offset",
        "last_offset_delta",
        "max_timestamp_ms",
        "producer_id",
        "producer_epoch",
        "base_sequence",
        "record_count",
        "is_transactional",
    ):
        assert getattr(after, field) == getattr(before, field), field


def test_level_acts() -> None:
    noise = batch([bytes((n * n) % 251 for n in range(20_000))])
    fast = recode(noise, Compression.GZIP, compression_level=1)
    best = recode(noise, Compression.GZIP, compression_level=9)
    assert best.total_bytes < fast.total_bytes


def test_only_another_codec_asks_for_it() -> None:
    plain, zstd = batch(1), batch(1, compression=Compression.ZSTD)
    assert not is_in_another_codec(plain, LogConfig())
    assert not is_in_another_codec(zstd, LogConfig())
    assert is_in_another_codec(plain, LogConfig(compression=Compression.ZSTD))
    assert not is_in_another_codec(zstd, LogConfig(compression=Compression.ZSTD))
    assert is_in_another_codec(zstd, LogConfig(compression=Compression.NONE))
    assert not is_in_another_codec(memoryview(b"short"), LogConfig(compression=Compression.NONE))


@pytest.mark.parametrize("codec", CODECS[1:])
def test_what_cannot_be_decompressed_is_refused_as_kafka_does(codec: Compression) -> None:
    lying = RecordBatchView(batch(1))
    lying.buffer[22] |= codec
    lying.attributes |= codec
    lying.buffer[17:21] = lying.computed_crc().to_bytes(4, "big")
    with pytest.raises(KafkaError) as caught:
        recode(lying.buffer, Compression.NONE)
    assert caught.value.code is ErrorCode.UNKNOWN_SERVER_ERROR


def test_batch_with_fewer_records_than_it_says_is_refused() -> None:
    lying = RecordBatchView(batch(2))
    lying.buffer[57:61] = (3).to_bytes(4, "big")
    lying.buffer[23:27] = (2).to_bytes(4, "big")
    lying.buffer[17:21] = lying.computed_crc().to_bytes(4, "big")
    with pytest.raises(KafkaError) as caught:
        recode(lying.buffer, Compression.GZIP)
    assert caught.value.code is ErrorCode.INVALID_RECORD


def test_damaged_batch_is_refused_before_anything_is_decompressed() -> None:
    damaged = batch(2, compression=Compression.LZ4)
    damaged[-1] ^= 1
    with pytest.raises(KafkaError) as caught:
        recode(damaged, Compression.GZIP)
    assert caught.value.code is ErrorCode.CORRUPT_MESSAGE
