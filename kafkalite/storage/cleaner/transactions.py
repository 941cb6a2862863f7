"""What the cleaner knows of transactions while it walks a log from its start: is a batch of any use still?

    aborted data           of no use; gone with the next cleaning, whatever its keys
    committed data         as other records
    marker with data       stays: readers of the data need it. The data of a transaction lies before its marker
    marker without data    of no use: nothing of its transaction was met on the way to it

Aborted transactions are known beforehand, from the transaction indexes; all that is cleaned lies below the last stable offset,
so every transaction in it is decided. Kafka: CleanedTransactionMetadata.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from kafkalite_protocol.control_records import ControlRecordType, read_end_transaction_marker

if TYPE_CHECKING:
    from kafkalite_protocol.record_batch import RecordBatchView

    from kafkalite.storage.transaction_index import AbortedTransaction


class CleanedTransactions:
    """Shown every batch of a log in order (`is_useless`)."""

    def __init__(self, aborted: Iterable[AbortedTransaction]) -> None:
        self._to_come = deque(sorted(aborted, key=lambda each: each.first_offset))
        self._aborting: dict[int, AbortedTransaction] = {}
        """Begun and not ended, by producer id."""
        self._with_data: set[int] = set()
        """Producer ids of which a batch was met since their last marker."""
        self._kept: list[AbortedTransaction] = []

    def is_useless(self, batch: RecordBatchView) -> bool:
        """Could the records of this batch go, as far as transactions are concerned? Raises ProtocolError."""
        self._begin_up_to(batch.last_offset)
        if batch.is_control:
            return self._is_useless_marker(batch)
        if not batch.is_transactional:
            return False
        self._with_data.add(batch.producer_id)
        return batch.producer_id in self._aborting

    def take_kept(self) -> list[AbortedTransaction]:
        """The aborted transactions whose markers were met, with data of theirs, since the last call."""
        kept, self._kept = self._kept, []
        return kept

    def _begin_up_to(self, offset: int) -> None:
        while self._to_come and self._to_come[0].first_offset <= offset:
            aborted = self._to_come.popleft()
            self._aborting.setdefault(aborted.producer_id, aborted)

    def _is_useless_marker(self, batch: RecordBatchView) -> bool:
        if batch.record_count == 0:
            return True  # left by an earlier cleaning for its producer's sake
        marker = read_end_transaction_marker(batch)
        if marker is None:
            return False
        producer_id = batch.producer_id
        has_data = producer_id in self._with_data
        self._with_data.discard(producer_id)
        if marker.type is ControlRecordType.ABORT:
            aborted = self._aborting.pop(producer_id, None)
            if aborted is not None and has_data:
                self._kept.append(aborted)
        return not has_data
