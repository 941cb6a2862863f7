"""A metadata log from its beginning into an image; the only place that knows transactions of metadata (KIP-868).

    Begin  a  b  End  c  Begin  d  Abort  Begin  e        ->  a b c; d was taken back, e waits and is not in the image

Apache Kafka writes what a new cluster begins with as one transaction. kafkalite itself needs none: its changes are
single batches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafkalite_protocol.messages.abort_transaction_record import AbortTransactionRecord
from kafkalite_protocol.messages.begin_transaction_record import BeginTransactionRecord
from kafkalite_protocol.messages.end_transaction_record import EndTransactionRecord

from kafkalite.errors import StartupError
from kafkalite.metadata.image import MetadataImage
from kafkalite.metadata.image_delta import ImageDelta
from kafkalite.types import Offset

if TYPE_CHECKING:
    from kafkalite.metadata.records import MetadataRecord


class ImageReplay:
    """Takes the records of a log in their order."""

    def __init__(self, image: MetadataImage) -> None:
        self._delta = ImageDelta(image)
        self._transaction: list[tuple[Offset, MetadataRecord]] | None = None
        """What the open transaction has written so far; None when there is none."""

    @property
    def in_transaction(self) -> bool:
        """A transaction has begun, and has neither ended nor been aborted."""
        return self._transaction is not None

    def take(self, offset: Offset, record: MetadataRecord) -> None:
        """Raises `StartupError` when `record` does not fit what came before."""
        match record:
            case BeginTransactionRecord():
                self._transaction = []
            case EndTransactionRecord():
                for one in self._transaction or ():
                    self._apply(*one)
                self._transaction = None
            case AbortTransactionRecord():
                self._transaction = None
            case _ if self._transaction is not None:
                self._transaction.append((offset, record))
            case _:
                self._apply(offset, record)

    def image(self, next_offset: Offset) -> MetadataImage:
        """The image of everything taken, but for an open transaction. Nothing must be taken after it."""
        return self._delta.image(next_offset)

    def _apply(self, offset: Offset, record: MetadataRecord) -> None:
        try:
            self._delta.replay(record)
        except (AssertionError, LookupError) as error:
            raise StartupError(
                f"The cluster metadata log contradicts itself at offset {offset}"
                f" ({type(record).__name__}: {error}). The directory may be mixed from two."
            ) from error
