"""What each record of a share group puts into it.

A record of type 15 makes a group too: offsets may be set for one that nobody has joined.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kafkalite.coordination.group.group import Replay
from kafkalite.coordination.group.modern.replay import Replays, put_assignment_epoch
from kafkalite.coordination.group.share import records
from kafkalite.coordination.group.share.group import ShareGroup
from kafkalite.coordination.group.share.state_partitions import StatePartitions


def _put_state_partitions(group: ShareGroup, said: StatePartitions | None) -> None:
    group.state_partitions = said or StatePartitions()


_REPLAYS: Final = Replays(ShareGroup)

REPLAY: Final[Mapping[int, Replay]] = {
    records.MEMBER: _REPLAYS.of_part(
        records.read_member, records.read_member_metadata, ShareGroup.put_metadata
    ),
    records.GROUP_EPOCH: _REPLAYS.of_epoch(records.read_group, records.read_group_epoch),
    records.TARGET_EPOCH: _REPLAYS.of_group(
        records.read_group, records.read_target_epoch, put_assignment_epoch
    ),
    records.TARGET: _REPLAYS.of_part(
        records.read_member, records.read_target, ShareGroup.put_target
    ),
    records.CURRENT: _REPLAYS.of_part(
        records.read_member, records.read_current, ShareGroup.put_current
    ),
    records.STATE_PARTITIONS: _REPLAYS.of_group(
        records.read_group, records.read_state_partitions, _put_state_partitions
    ),
}
