"""Acknowledgements as they come in ShareFetch and ShareAcknowledge: checked, handed to the share partitions, answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.share.in_flight import Acknowledgement
from kafkalite.broker.share.record_state import AcknowledgeType
from kafkalite.broker.share.share_partitions import SharePartitions
from kafkalite.broker.share.share_session import ShareSession, TopicIdPartition
from kafkalite.coordination.share.records import SharePartitionKey
from kafkalite.deferred import Deferred, gather
from kafkalite.errors import KafkaError
from kafkalite.metadata.image import MetadataImage
from kafkalite.types import Uuid

Outcome = KafkaError | None
"""Why a partition's acknowledgements were refused, all of them; None when they are durable."""


class Batch(Protocol):
    """One batch of a request, of either API."""

    @property
    def first_offset(self) -> int: ...
    @property
    def last_offset(self) -> int: ...
    @property
    def acknowledge_types(self) -> Sequence[int]: ...


def checked(batches: Iterable[Batch], *, renews: bool) -> list[Acknowledgement]:
    """The batches of one partition. Raises KafkaError INVALID_REQUEST for what makes no sense.

    They come in order; the end of one may be the beginning of the next (as Kafka allows). RENEW needs the request's
    own flag.
    """
    found: list[Acknowledgement] = []
    for batch in batches:
        types = batch.acknowledge_types
        count = batch.last_offset - batch.first_offset + 1
        if count < 1 or batch.first_offset < (found[-1].last if found else 0):
            raise KafkaError(
                ErrorCode.INVALID_REQUEST, "acknowledgements come in the order of their offsets"
            )
        if not types or len(types) not in (1, count):
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"{len(types)} acknowledgement types for {count} records",
            )
        found.append(
            Acknowledgement(
                batch.first_offset,
                batch.last_offset,
                [_checked_type(each, renews=renews) for each in types],
            )
        )
    return found


def _checked_type(number: int, *, renews: bool) -> AcknowledgeType:
    highest = AcknowledgeType.RENEW if renews else AcknowledgeType.REJECT
    if not 0 <= number <= highest:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"acknowledgement type {number} is not known here"
        )
    return AcknowledgeType(number)


def acknowledge(
    partitions: SharePartitions,
    image: MetadataImage,
    session: ShareSession,
    asked: Mapping[TopicIdPartition, Sequence[Batch]],
    *,
    renews: bool,
) -> Deferred[dict[TopicIdPartition, Outcome]]:
    """Each partition's acknowledgements, all or nothing. One that nobody has fetched from is UNKNOWN_TOPIC_OR_PARTITION."""
    outcomes = [
        _one(partitions, image, session, at, batches, renews=renews)
        for at, batches in asked.items()
    ]
    return gather(outcomes).then(lambda found: dict(zip(asked, found, strict=True)))


def _one(
    partitions: SharePartitions,
    image: MetadataImage,
    session: ShareSession,
    at: TopicIdPartition,
    batches: Sequence[Batch],
    *,
    renews: bool,
) -> Deferred[Outcome]:
    out: Deferred[Outcome] = Deferred()

    def answer(done: Deferred[None]) -> None:
        try:
            done.result()
        except KafkaError as error:
            out.resolve(error)
        else:
            out.resolve(None)

    try:
        topic_id, index = at
        if Uuid(topic_id) not in image.topics_by_id:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID)
        acknowledgements = checked(batches, renews=renews)
        partition = partitions.find(SharePartitionKey(session.group_id, topic_id, index))
        if partition is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        partition.acknowledge(session.member_id, acknowledgements).on_done(answer)
    except KafkaError as error:
        out.resolve(error)
    return out
