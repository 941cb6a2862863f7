"""Making a log durable: prepared by the log, run anywhere, its result taken back by the log.

    task = log.flush_task()      on the log's thread: what is to be synced, as of now
    task.run()                   in any thread: fsync of each
    log.flushed(task)            on the log's thread: the recovery point moves up

Meanwhile the log may be appended to, rolled and truncated. What is appended later is not covered; a truncation makes the task
worthless, since offsets below its end may have been written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kafkalite.storage.filesystem import SyncTask
    from kafkalite.types import Offset


class FlushTask(NamedTuple):
    """See the module."""

    offset: Offset
    """The log end when the task was made."""
    truncations: int
    files_made: int
    """How often files were created in the log's directory until then: their names are synced too."""
    syncs: Sequence[SyncTask]
    on_failure: Callable[[OSError], None]
    """After a failed fsync nobody knows what is on the disk: the log must not be written any more."""

    def run(self) -> None:
        """Raises OSError."""
        try:
            for sync in self.syncs:
                sync()
        except OSError as error:
            self.on_failure(error)
            raise
