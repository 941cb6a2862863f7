"""Codecs: what other implementations write is read, they read what is written, and bursts and garbage are refused."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys

import lz4.block
import lz4.frame
import pytest
import snappy
import zstandard
from kafkalite_protocol.compression import Compression, compress, decompress
from kafkalite_protocol.errors import ProtocolError

from tests.protocol.kafka_python import codec as kafka_python

CODECS = [codec for codec in Compression if codec is not Compression.NONE]
NO_LIMIT = 1 << 26

_RANDOM = random.Random(5)
SAMPLES = {
    "nothing": b"",
    "one byte": b"x",
    "words": b"the quick brown fox " * 500,
    "noise": _RANDOM.randbytes(5000),
    "several blocks": b"".join(bytes([_RANDOM.randrange(4)]) * 3 for _ in range(70_000)),
    "noise in several blocks": _RANDOM.randbytes(200_000),
}
samples = pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES.keys())


def zstd_stream(data: bytes) -> bytes:
    """A frame that does not tell how long its content is."""
    writer = zstandard.ZstdCompressor().compressobj()
    return writer.compress(data) + writer.flush()


WRITERS = {
    "gzip": (Compression.GZIP, gzip.compress),
    "kafka-python gzip": (Compression.GZIP, kafka_python.gzip_encode),
    "kafka-python snappy, xerial": (Compression.SNAPPY, kafka_python.snappy_encode),
    "python-snappy, raw": (Compression.SNAPPY, snappy.compress),
    "kafka-python lz4": (Compression.LZ4, kafka_python.lz4_encode),
    "lz4, without its length": (
        Compression.LZ4,
        lambda data: lz4.frame.compress(data, store_size=False),
    ),
    "lz4, linked blocks and checksums": (
        Compression.LZ4,
        lambda data: lz4.frame.compress(
            data, block_linked=True, block_checksum=True, content_checksum=True
        ),
    ),
    "kafka-python zstd": (Compression.ZSTD, kafka_python.zstd_encode),
    "zstd, without its length": (Compression.ZSTD, zstd_stream),
}
READERS = {
    Compression.GZIP: kafka_python.gzip_decode,
    Compression.SNAPPY: kafka_python.snappy_decode,
    Compression.LZ4: kafka_python.lz4_decode,
    Compression.ZSTD: kafka_python.zstd_decode,
}


@samples
@pytest.mark.parametrize("codec", list(Compression))
def test_what_is_compressed_is_decompressed(codec: Compression, data: bytes):
    assert decompress(codec, compress(codec, data), len(data)) == data


@samples
@pytest.mark.parametrize("writer", WRITERS)
def test_what_others_write_is_read(writer: str, data: bytes):
    codec, write = WRITERS[writer]
    assert decompress(codec, write(data), len(data)) == data


@samples
@pytest.mark.parametrize("codec", CODECS)
def test_others_read_what_is_written(codec: Compression, data: bytes):
    if codec is Compression.SNAPPY and not data:
        pytest.skip("kafka-python takes a xerial stream without blocks for a raw one")
    assert READERS[codec](compress(codec, data)) == data


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes_like_is_taken(codec: Compression, kind: type):
    compressed = compress(codec, kind(b"hello hello hello"))
    assert decompress(codec, kind(compressed), 17) == b"hello hello hello"


@pytest.mark.parametrize(
    ("codec", "level"),
    [(Compression.GZIP, level) for level in (1, 9, -1)]
    + [(Compression.LZ4, level) for level in (1, 9, 17)]
    + [(Compression.ZSTD, level) for level in (-5, 1, 22)],
)
def test_every_level_that_kafka_has_is_understood(codec: Compression, level: int):
    data = SAMPLES["words"]
    assert decompress(codec, compress(codec, data, level), len(data)) == data


def test_lz4_frames_have_the_independent_blocks_that_kafkas_java_clients_ask_for():
    compressed = compress(Compression.LZ4, SAMPLES["several blocks"])
    assert compressed[:7].hex() == "04224d18604082"
    assert compressed[-4:] == bytes(4)


def test_snappy_is_framed_as_kafkas_java_clients_do():
    compressed = compress(Compression.SNAPPY, SAMPLES["several blocks"])
    assert compressed[:16].hex() == "82534e41505059000000000100000001"
    first_block_bytes = int.from_bytes(compressed[16:20], "big")
    assert len(snappy.uncompress(compressed[20 : 20 + first_block_bytes])) == 32 * 1024


@pytest.mark.parametrize("codec", [Compression.GZIP, Compression.LZ4, Compression.ZSTD])
def test_frames_may_follow_one_another(codec: Compression):
    twice = compress(codec, b"one ") + compress(codec, b"two")
    assert decompress(codec, twice, 7) == b"one two"
    with pytest.raises(ProtocolError):
        decompress(codec, twice, 6)


@pytest.mark.parametrize("codec", list(Compression))
@pytest.mark.parametrize("data", [b"x" * 1000, bytes(1_000_000)])
def test_one_byte_more_than_allowed_is_a_protocol_error(codec: Compression, data: bytes):
    compressed = compress(codec, data)
    assert decompress(codec, compressed, len(data)) == data
    with pytest.raises(ProtocolError):
        decompress(codec, compressed, len(data) - 1)
    with pytest.raises(ProtocolError):
        decompress(codec, compressed, 0)


@pytest.mark.parametrize("codec", CODECS)
def test_a_burst_stops_at_the_limit(codec: Compression):
    with pytest.raises(ProtocolError):
        decompress(codec, compress(codec, bytes(50_000_000)), 1_000_000)


def test_a_snappy_length_beyond_what_the_format_can_do_allocates_nothing():
    with pytest.raises(ProtocolError, match="cannot decompress to 4294967295"):
        decompress(Compression.SNAPPY, b"\xff\xff\xff\xff\x0f" + bytes(20), 1 << 40)


@pytest.mark.parametrize("codec", CODECS)
def test_every_cut_is_a_protocol_error(codec: Compression):
    data = b"some words, some words"
    compressed = compress(codec, data)
    for kept in range(len(compressed)):
        if codec is Compression.SNAPPY and kept == 16:
            continue  # the framing has no end: without blocks it is whole
        with pytest.raises(ProtocolError):
            decompress(codec, compressed[:kept], NO_LIMIT)


@pytest.mark.parametrize("codec", CODECS)
def test_garbage_after_the_end_is_a_protocol_error(codec: Compression):
    with pytest.raises(ProtocolError):
        decompress(codec, compress(codec, b"words") + b"garbage", NO_LIMIT)


@pytest.mark.parametrize("codec", CODECS)
def test_flipped_bits_cause_nothing_but_protocol_errors(codec: Compression):
    compressed = compress(codec, b"some words, some words and \0\1\2\3\4\5\6\7")
    for position in range(len(compressed)):
        for bit in range(8):
            flipped = bytearray(compressed)
            flipped[position] ^= 1 << bit
            try:
                decompress(codec, flipped, 100_000)
            except ProtocolError:
                continue


@pytest.mark.parametrize("codec", CODECS)
def test_noise_causes_nothing_but_protocol_errors(codec: Compression):
    chance = random.Random(11)
    for length in range(200):
        with pytest.raises(ProtocolError):
            decompress(codec, b"\xff" + chance.randbytes(length), 100_000)


def test_native_codecs_are_not_imported_before_they_are_needed():
    program = "import sys, kafkalite_protocol.records; print('cramjam' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "False"
