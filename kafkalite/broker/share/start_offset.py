"""Where a share group begins in a partition that it has never read: share.auto.offset.reset."""

from __future__ import annotations

from kafkalite.broker.blocking import Blocking
from kafkalite.broker.replica import Replica
from kafkalite.clock import Clock
from kafkalite.config.durations import iso_duration_ms
from kafkalite.config.group_config import GroupConfig
from kafkalite.deferred import Deferred, resolved
from kafkalite.storage.timestamp_lookup import TimestampAndOffset
from kafkalite.types import Offset


class StartOffsets:
    """latest, earliest, or the first record of the last so long (by_duration:PnDTnHnMn.nS)."""

    def __init__(self, clock: Clock, blocking: Blocking) -> None:
        self._clock = clock
        self._blocking = blocking

    def __call__(self, replica: Replica, config: GroupConfig) -> Deferred[Offset]:
        reset = config.share_auto_offset_reset
        if reset == "earliest":
            return resolved(replica.log.log_start_offset)
        if reset == "latest":
            return resolved(replica.high_watermark)
        duration_ms = iso_duration_ms(reset.partition(":")[2])
        assert duration_ms is not None, "group configs are checked when they are set"
        lookup = replica.log.timestamp_lookup(self._clock.now_ms() - duration_ms)
        end = replica.high_watermark

        def first(found: TimestampAndOffset | None) -> Offset:
            return end if found is None or found.offset > end else found.offset

        return self._blocking.submit(lookup.run).then(first)
