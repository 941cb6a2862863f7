"""A batch in another codec: `compression.type` other than `producer`.

The header stays but for the codec, and so do the records: what is compressed is taken out and compressed anew as one block of
bytes. Of the records only the lengths are looked at. Takes milliseconds: for a worker thread. Kafka: LogValidator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kafkalite_protocol.compression import compress, decompress
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.record_batch import (
    ATTRIBUTES_POSITION,
    COMPRESSION_MASK,
    HEADER_BYTES,
    TIMESTAMP_TYPE_BIT,
    TRANSACTIONAL_BIT,
    pack_batch,
)
from kafkalite_protocol.records import DECOMPRESSED_BYTES_MAX, read_varint

from kafkalite.errors import KafkaError
from kafkalite.storage.log_validator import client_batch

if TYPE_CHECKING:
    from kafkalite.storage.log_config import LogConfig

_CODEC_BYTE: Final = ATTRIBUTES_POSITION + 1
_KEPT_BITS: Final = TIMESTAMP_TYPE_BIT | TRANSACTIONAL_BIT


def is_in_another_codec(records: memoryview, config: LogConfig) -> bool:
    """Must what a client sent be recompressed? What is too short for a batch is left to those who refuse it."""
    codec = config.compression
    return (
        codec is not None
        and len(records) >= HEADER_BYTES
        and records[_CODEC_BYTE] & COMPRESSION_MASK != codec
    )


def recompressed(records: bytearray, config: LogConfig) -> bytearray:
    """The one batch of a client in the topic's codec.

    Raises KafkaError for a batch that may not be appended: INVALID_RECORD when its records are not as many as it says, and
    for compressed data that cannot be read what Kafka answers, UNKNOWN_SERVER_ERROR.
    """
    assert config.compression is not None, "the topic has a codec of its own"
    batch = client_batch(memoryview(records), config)
    try:
        plain = decompress(batch.compression, batch.records_view(), DECOMPRESSED_BYTES_MAX)
    except ProtocolError as error:
        raise KafkaError(
            ErrorCode.UNKNOWN_SERVER_ERROR, f"The records of the batch can't be read: {error}"
        ) from None
    if not _has_records(plain, batch.record_count):
        raise KafkaError(
            ErrorCode.INVALID_RECORD,
            f"The batch does not have the {batch.record_count} records it says",
        )
    return pack_batch(
        compress(config.compression, plain, config.compression_level),
        base_offset=batch.base_offset,
        leader_epoch=batch.leader_epoch,
        attributes=(batch.attributes & _KEPT_BITS) | config.compression,
        last_offset_delta=batch.last_offset_delta,
        base_timestamp_ms=batch.base_timestamp_ms,
        max_timestamp_ms=batch.max_timestamp_ms,
        producer_id=batch.producer_id,
        producer_epoch=batch.producer_epoch,
        base_sequence=batch.base_sequence,
        record_count=batch.record_count,
    )


def _has_records(plain: bytes, count: int) -> bool:
    """Are these the bytes of `count` records, by their lengths?"""
    position = 0
    try:
        for _ in range(count):
            length, position = read_varint(plain, position)
            position += length
            if length < 0:
                return False
    except (IndexError, ProtocolError):
        return False
    return position == len(plain)
