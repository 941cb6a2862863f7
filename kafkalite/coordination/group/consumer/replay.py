"""What each record of a consumer group puts into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kafkalite.coordination.group.consumer import records
from kafkalite.coordination.group.consumer.group import ConsumerGroup
from kafkalite.coordination.group.group import Replay
from kafkalite.coordination.group.modern.replay import Replays, put_assignment_epoch


def _put_legacy_metadata(group: ConsumerGroup, said: bytes | None) -> None:
    """Of a Kafka before 4.1. What it says is in the metadata image; remembered is only that it has to go."""
    group.has_legacy_metadata = said is not None


_REPLAYS: Final = Replays(ConsumerGroup)

REPLAY: Final[Mapping[int, Replay]] = {
    records.GROUP_EPOCH: _REPLAYS.of_epoch(records.read_group, records.read_group_epoch),
    records.LEGACY_METADATA: _REPLAYS.of_group(records.read_group, bytes, _put_legacy_metadata),
    records.MEMBER: _REPLAYS.of_part(
        records.read_member, records.read_member_metadata, ConsumerGroup.put_metadata
    ),
    records.TARGET_EPOCH: _REPLAYS.of_group(
        records.read_group, records.read_target_epoch, put_assignment_epoch
    ),
    records.TARGET: _REPLAYS.of_part(
        records.read_member, records.read_target, ConsumerGroup.put_target
    ),
    records.CURRENT: _REPLAYS.of_part(
        records.read_member, records.read_current, ConsumerGroup.put_current
    ),
    records.REGEX: _REPLAYS.of_part(
        records.read_regex_key, records.read_regex, ConsumerGroup.put_regex
    ),
}
