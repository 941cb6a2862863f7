"""File descriptors: closed when nobody needs them any more, and never too many at once.

Two rules hold for every open file of the store:

* A `Descriptor` closes itself when the last reference to it is dropped. A `FileSlice` on its way to
  a socket holds one, so closing, evicting or deleting the file meanwhile cannot pull the descriptor
  from under `sendfile`.
* What sits idle with a descriptor or a memory map is in a `DescriptorCache`, which lets go of the
  least recently used one when there are more than its limit. It is opened again on the next use. So
  10 000 partitions, with three or four files each, live within any `ulimit -n`.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import Protocol


class Descriptor:
    """An open file descriptor, closed when this object goes away.

    `fileno` can be called from any thread as long as the caller holds the object.
    """

    __slots__ = ("_close", "_number")

    def __init__(self, number: int) -> None:
        self._number = number
        self._close = (
            os.close
        )  # kept: at interpreter exit module globals may be gone before this object

    def fileno(self) -> int:
        return self._number

    def __del__(self) -> None:
        self._close(self._number)


class Releasable(Protocol):
    """Something that holds a descriptor or a map and can get it back later."""

    def release(self) -> None:
        """Let go of it. Called by the cache, which has forgotten this object already."""
        ...


class DescriptorCache:
    """The least recently used order of everything that is open.

    `limit` counts holders, not descriptors in flight: a slice being sent keeps its descriptor
    although the file it came from was let go of.
    """

    def __init__(self, limit: int) -> None:
        assert limit > 0, "a cache that may hold nothing cannot open a file"
        self.limit = limit
        self._holders: OrderedDict[Releasable, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._holders)

    def opened(self, holder: Releasable) -> None:
        """`holder` has opened something; whoever was used least recently may have to let go."""
        self._holders[holder] = None
        if len(self._holders) > self.limit:
            oldest, _ = self._holders.popitem(last=False)
            oldest.release()

    def used(self, holder: Releasable) -> None:
        """`holder`, which is in here, was used just now."""
        self._holders.move_to_end(holder)

    def closed(self, holder: Releasable) -> None:
        """`holder` has let go by itself. Harmless when it held nothing."""
        self._holders.pop(holder, None)
