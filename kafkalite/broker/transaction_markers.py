"""Transaction markers: written into the partitions that this broker leads."""

from __future__ import annotations

from collections.abc import Mapping

from kafkalite_protocol.control_records import (
    ControlRecordType,
    EndTransactionMarker,
    build_end_transaction_marker,
)
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.replicas import Replicas
from kafkalite.clock import Clock
from kafkalite.coordination.ports import TransactionMarker
from kafkalite.deferred import Deferred, gather, resolved
from kafkalite.errors import KafkaError
from kafkalite.types import Offset, TopicPartition


class ReplicaMarkers:
    """A `MarkerWriter` over this broker's replicas."""

    def __init__(self, replicas: Replicas, clock: Clock) -> None:
        self._replicas = replicas
        self._clock = clock

    def write(self, marker: TransactionMarker) -> Deferred[Mapping[TopicPartition, ErrorCode]]:
        codes = gather([self._write(marker, tp) for tp in marker.partitions])
        return codes.then(lambda each: dict(zip(marker.partitions, each, strict=True)))

    def _write(self, marker: TransactionMarker, tp: TopicPartition) -> Deferred[ErrorCode]:
        now_ms = self._clock.now_ms()
        kind = ControlRecordType.COMMIT if marker.commit else ControlRecordType.ABORT
        batch = build_end_transaction_marker(
            EndTransactionMarker(kind, marker.coordinator_epoch),
            producer_id=marker.producer_id,
            producer_epoch=marker.producer_epoch,
            timestamp_ms=now_ms,
        )
        try:
            replica = self._replicas.get(tp.topic, tp.partition)
            info = replica.append_marker(
                memoryview(batch),
                now_ms,
                coordinator_epoch=marker.coordinator_epoch,
                transaction_version=marker.transaction_version,
            )
        except KafkaError as error:
            return resolved(error.code)
        return _code_of(replica.wait_for_high_watermark(Offset(info.last_offset + 1)))


def _code_of(committed: Deferred[None] | None) -> Deferred[ErrorCode]:
    if committed is None:
        return resolved(ErrorCode.NONE)
    out: Deferred[ErrorCode] = Deferred()

    def finish(done: Deferred[None]) -> None:
        try:
            done.result()
        except KafkaError as error:
            out.resolve(error.code)
        else:
            out.resolve(ErrorCode.NONE)

    committed.on_done(finish)
    return out
