"""What a log is made of and what is known about it. The layers on top of it act on that, each in a file of its own:

LogState <- ReadableLog <- DurableLog <- TrimmableLog <- Log
(this)      reads          flushes       loses its ends  grows
"""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.errors import KafkaError
from kafkalite.storage.filesystem import AppendNotUndoneError
from kafkalite.types import LeaderEpoch, Offset, TopicPartition, Uuid

if TYPE_CHECKING:
    from pathlib import Path

    from kafkalite.clock import Clock
    from kafkalite.storage.filesystem import FileSystem
    from kafkalite.storage.leader_epoch_cache import LeaderEpochCache
    from kafkalite.storage.log_config import LogConfig
    from kafkalite.storage.producer_state import ProducerState
    from kafkalite.storage.segments import Segments

_log = logging.getLogger(__name__)


class LogState:
    """See the module."""

    __slots__ = (
        "_clock",
        "_files_made",
        "_files_synced",
        "_jitter_ms",
        "_last_flush_ms",
        "_leader_epochs",
        "_offline",
        "_rng",
        "_segments",
        "_truncations",
        "cleaned_offset",
        "config",
        "deleted_files",
        "directory",
        "filesystem",
        "log_end_offset",
        "log_start_offset",
        "producer_state",
        "recovery_point",
        "topic_id",
        "topic_partition",
    )

    def __init__(
        self,
        topic_partition: TopicPartition,
        topic_id: Uuid,
        directory: Path,
        config: LogConfig,
        *,
        filesystem: FileSystem,
        clock: Clock,
        rng: random.Random,
        segments: Segments,
        leader_epochs: LeaderEpochCache,
        producer_state: ProducerState,
        log_start_offset: Offset,
        recovery_point: Offset,
        is_durable: bool,
    ) -> None:
        """`is_durable`: the names of all files are known to be on the disk, as after a clean stop."""
        self.topic_partition = topic_partition
        self.topic_id = topic_id
        self.directory = directory
        self.config = config
        self.filesystem = filesystem
        self.producer_state = producer_state
        self.log_start_offset = log_start_offset
        self.log_end_offset = segments.active.next_offset
        self.recovery_point = recovery_point
        self.cleaned_offset = Offset(0)
        """Everything below has been compacted. Kept by the log cleaner; may be below the log start."""
        self.deleted_files: list[Path] = []
        """Files of removed segments, renamed to `.deleted`; `LogManager` removes them after `file.delete.delay.ms`."""
        self._clock = clock
        self._rng = rng
        self._segments = segments
        self._leader_epochs = leader_epochs
        self._offline: str | None = None
        self._last_flush_ms = clock.now_ms()
        self._truncations = 0
        self._files_made = 0 if is_durable else 1
        self._files_synced = 0
        self._jitter_ms = self._new_jitter_ms()

    def __repr__(self) -> str:
        return f"Log({self.topic_partition}, {self.log_start_offset}..{self.log_end_offset})"

    @property
    def local_log_start_offset(self) -> Offset:
        """First offset on local disk: the log start while nothing is tiered."""
        return self.log_start_offset

    @property
    def first_unstable_offset(self) -> Offset | None:
        """First offset of the oldest open transaction, None when none is open."""
        return self.producer_state.first_unstable_offset if len(self.producer_state) else None

    @property
    def size_bytes(self) -> int:
        return self._segments.size_bytes

    @property
    def segments(self) -> Segments:
        """Oldest first. For looking at."""
        return self._segments

    @property
    def offline_reason(self) -> str | None:
        """Why the log refuses to be written, in plain words; None while it is in order. A restart recovers it."""
        return self._offline

    def reconfigure(self, config: LogConfig) -> None:
        """Topic configs have changed; they hold from the next append on."""
        self.config = config
        self.producer_state.expiration_ms = config.producer_id_expiration_ms
        self._segments.reconfigure(config)

    def _new_jitter_ms(self) -> int:
        """`segment.jitter.ms`: so that not all partitions roll in the same moment."""
        jitter_ms = min(self.config.segment_jitter_ms, self.config.segment_ms)
        return self._rng.randrange(jitter_ms) if jitter_ms > 0 else 0

    # Leader epochs

    def assign_epoch_start(self, epoch: LeaderEpoch) -> None:
        """A new leadership begins at the log end."""
        self._leader_epochs.assign(epoch, self.log_end_offset)

    @property
    def latest_epoch(self) -> LeaderEpoch:
        return self._leader_epochs.latest_epoch

    def end_offset_for_epoch(self, epoch: LeaderEpoch) -> tuple[LeaderEpoch, Offset]:
        """The greatest known epoch not above `epoch` and where it ended; (-1, -1) when unknown."""
        return self._leader_epochs.end_offset_for(epoch, self.log_end_offset)

    def epoch_for_offset(self, offset: Offset) -> LeaderEpoch:
        """The epoch that wrote `offset`, -1 when unknown."""
        return self._leader_epochs.epoch_for_offset(offset)

    # Failures

    def _storage_error(self, error: OSError) -> KafkaError:
        _log.error("%s: %s", self.topic_partition, error)
        if isinstance(error, AppendNotUndoneError):
            self._go_offline(error)
        return KafkaError(
            ErrorCode.KAFKA_STORAGE_ERROR,
            f"The log of {self.topic_partition} cannot be written: {error.strerror or error}",
        )

    def _go_offline(self, error: OSError) -> None:
        """May be called from any thread."""
        self._offline = (
            f"The log of {self.topic_partition} is out of order since a write failed ({error.strerror or error}). Check the "
            "disk, then restart the broker: it recovers what is on it"
        )
        _log.error("%s", self._offline)
