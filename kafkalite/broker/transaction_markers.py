"""Transaction markers on their way into the partitions that this broker leads."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kafkalite_protocol.control_records import (
    ControlRecordType,
    EndTransactionMarker,
    build_end_transaction_marker,
)
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.internal_topics import GROUP_OFFSETS_TOPIC
from kafkalite.broker.replicas import Replicas
from kafkalite.clock import Clock
from kafkalite.coordination.ports import TransactionEnd, TransactionMarker
from kafkalite.deferred import Deferred, gather, resolved
from kafkalite.errors import KafkaError
from kafkalite.types import Offset, TopicPartition


class ReplicaMarkers:
    """A `MarkerWriter` over this broker's replicas."""

    def __init__(
        self,
        replicas: Replicas,
        clock: Clock,
        offsets_ended: Callable[[int, TransactionEnd], None],
    ) -> None:
        """`offsets_ended(partition, end)`: a marker is committed in this partition of `__consumer_offsets`, where offsets
        may have waited for it."""
        self._replicas = replicas
        self._clock = clock
        self._offsets_ended = offsets_ended

    def write(self, marker: TransactionMarker) -> Deferred[Mapping[TopicPartition, ErrorCode]]:
        """See `MarkerWriter`."""
        written = [self._write_one(marker, tp) for tp in marker.partitions]
        return gather(written).then(lambda codes: dict(zip(marker.partitions, codes, strict=True)))

    def _write_one(self, marker: TransactionMarker, tp: TopicPartition) -> Deferred[ErrorCode]:
        try:
            committed = self._append(marker, tp)
        except KafkaError as error:
            return resolved(error.code)
        out: Deferred[ErrorCode] = Deferred()

        def finish(done: Deferred[None]) -> None:
            try:
                done.result()
            except KafkaError as error:
                out.resolve(error.code)
                return
            if tp.topic == GROUP_OFFSETS_TOPIC:
                self._offsets_ended(tp.partition, TransactionEnd(marker.producer_id, marker.commit))
            out.resolve(ErrorCode.NONE)

        committed.on_done(finish)
        return out

    def _append(self, marker: TransactionMarker, tp: TopicPartition) -> Deferred[None]:
        """Resolved when the watermark has passed the marker. Raises KafkaError."""
        replica = self._replicas.get(*tp)
        now_ms = self._clock.now_ms()
        record_type = ControlRecordType.COMMIT if marker.commit else ControlRecordType.ABORT
        batch = build_end_transaction_marker(
            EndTransactionMarker(record_type, marker.coordinator_epoch),
            producer_id=marker.producer_id,
            producer_epoch=marker.producer_epoch,
            timestamp_ms=now_ms,
        )
        info = replica.append_marker(
            memoryview(batch),
            now_ms,
            coordinator_epoch=marker.coordinator_epoch,
            transaction_version=marker.transaction_version,
        )
        waiter = replica.wait_for_high_watermark(Offset(info.last_offset + 1))
        return resolved(None) if waiter is None else waiter
