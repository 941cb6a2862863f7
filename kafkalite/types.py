"""Names for the numbers and byte strings that travel between the layers.

All of them are `NewType` or plain value classes: free at run time, checked by mypy.
"""

from __future__ import annotations

from typing import NamedTuple, NewType

Offset = NewType("Offset", int)
"""Logical position of a record in a partition, from 0. Never a byte position."""

LeaderEpoch = NewType("LeaderEpoch", int)
"""Number of a partition's leadership; -1 when unknown."""

BrokerId = NewType("BrokerId", int)
ProducerId = NewType("ProducerId", int)
GroupId = NewType("GroupId", str)
MemberId = NewType("MemberId", str)

Uuid = NewType("Uuid", bytes)
"""16 raw bytes, as on the wire. Written by people as 22 characters of base64url."""

ZERO_UUID = Uuid(bytes(16))

UNKNOWN_OFFSET = Offset(-1)
NO_TIMESTAMP = -1
NO_PRODUCER_ID = ProducerId(-1)
NO_PRODUCER_EPOCH = -1
NO_SEQUENCE = -1
UNKNOWN_LEADER_EPOCH = LeaderEpoch(-1)


class TopicPartition(NamedTuple):
    """A partition by its topic's name: `orders-3` is `TopicPartition("orders", 3)`."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"
