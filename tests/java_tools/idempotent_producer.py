"""An idempotent producer by hand: it says itself which producer id, epoch and sequence its batches have."""

from __future__ import annotations

from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.init_producer_id import InitProducerIdRequest
from kafkalite_protocol.messages.produce import ProduceRequest
from kafkalite_protocol.records import Record, build_batch

from kafkalite.clock import SystemClock
from tests.waiting import wait_until


class IdempotentProducer:
    """One producer of one partition, wherever the broker may be."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self.producer_id, self._epoch = -1, -1
        with RawClient(bootstrap) as client:
            wait_until(lambda: self._init(client), "a producer id")

    def _init(self, client: RawClient) -> bool:
        """False while a Kafka that has just started has no block of ids."""
        answer = client.ask(InitProducerIdRequest(None, 1000), 4)
        self.producer_id, self._epoch = answer.producer_id, answer.producer_epoch
        return answer.error_code != ErrorCode.COORDINATOR_LOAD_IN_PROGRESS

    def produce(self, bootstrap: str, sequence: int, count: int) -> tuple[ErrorCode, int]:
        """A batch of `count` records from `sequence` on: the error, and the base offset."""
        now_ms = SystemClock().now_ms()  # Kafka forgets producers whose last record is a day old.
        records = [
            Record(delta, now_ms, b"key", b"%d" % (sequence + delta), []) for delta in range(count)
        ]
        batch = build_batch(
            records,
            producer_id=self.producer_id,
            producer_epoch=self._epoch,
            base_sequence=sequence,
        )
        data = ProduceRequest.TopicProduceData(
            self._topic, partition_data=[ProduceRequest.PartitionProduceData(0, memoryview(batch))]
        )
        with RawClient(bootstrap) as client:
            answer = client.ask(ProduceRequest(None, -1, 10_000, [data]), 9)
        partition = answer.responses[0].partition_responses[0]
        return ErrorCode(partition.error_code), partition.base_offset
