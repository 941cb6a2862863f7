"""The offset checkpoints of a broker, written in whatever order their tasks get to run.

    task = files.task({path: offsets, ...})     on the loop: the offsets as they are now
    task()                                       in any thread

What a task has to say is old once a later one has been written: then it leaves that file alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from kafkalite.storage.checkpoints import write_offset_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from kafkalite.storage.filesystem import FileSystem
    from kafkalite.types import Offset, TopicPartition


class CheckpointFiles:
    """See the module."""

    def __init__(self, filesystem: FileSystem) -> None:
        self._filesystem = filesystem
        self._lock = threading.Lock()
        self._made = 0
        self._written: dict[Path, int] = {}
        """The number of the task that each file is from."""

    def task(self, contents: Mapping[Path, Mapping[TopicPartition, Offset]]) -> Callable[[], None]:
        """Writes `contents`, durably. Raises OSError."""
        self._made += 1
        number = self._made

        def run() -> None:
            with self._lock:
                for path, offsets in contents.items():
                    if number > self._written.get(path, 0):
                        write_offset_checkpoint(self._filesystem, path, offsets)
                        self._written[path] = number

        return run
