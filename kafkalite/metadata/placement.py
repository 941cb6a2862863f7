"""Which brokers hold the replicas of new partitions, when the client leaves it to us.

Leaders go round the brokers one by one from a random start. The other replicas follow the leader on the ring; the
distance to the first of them grows by one each time round, so that a lost broker's load is spread over all others:

    brokers 0 1 2, two replicas, start 0:   [0,1] [1,2] [2,0]  [0,2] [1,0] [2,1]
"""

from __future__ import annotations

from collections.abc import Collection
from random import Random

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.errors import KafkaError
from kafkalite.types import BrokerId


def place_replicas(
    brokers: Collection[BrokerId], num_partitions: int, replication_factor: int, random: Random
) -> list[tuple[BrokerId, ...]]:
    """Replicas of each partition, in order of preference. Raises `KafkaError(INVALID_REPLICATION_FACTOR)`."""
    if replication_factor > len(brokers):
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"{replication_factor} replicas need as many brokers, and {len(brokers)} can take one.",
        )
    ring = sorted(brokers)
    start = random.randrange(len(ring))
    return [_replicas(ring, start, number, replication_factor) for number in range(num_partitions)]


def _replicas(
    ring: list[BrokerId], start: int, number: int, replication_factor: int
) -> tuple[BrokerId, ...]:
    size = len(ring)
    leader = (start + number) % size
    others = size - 1
    laps = number // size
    followers = (
        ring[(leader + 1 + (laps + step) % others) % size] for step in range(replication_factor - 1)
    )
    return (ring[leader], *followers)
