"""All partitions that groups share on this broker: made when first asked for, given up when the group or the partition goes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from kafkalite.broker.replica import Replica
from kafkalite.broker.replicas import Replicas
from kafkalite.broker.share.share_partition import SharePartition
from kafkalite.coordination.share.records import SharePartitionKey
from kafkalite.types import GroupId, Uuid


class SharePartitions:
    """Kafka's SharePartitionCache. `make` builds one that has not been loaded yet."""

    def __init__(
        self, replicas: Replicas, make: Callable[[SharePartitionKey, Replica], SharePartition]
    ) -> None:
        self._replicas = replicas
        self._make = make
        self._by_key: dict[SharePartitionKey, SharePartition] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def find(self, key: SharePartitionKey) -> SharePartition | None:
        """The one that is being served, if any."""
        return self._by_key.get(key)

    def get(self, key: SharePartitionKey) -> SharePartition:
        """The one for the present leadership; it may be loading yet, or have failed to load and be closed.

        Raises KafkaError as `Replicas.by_topic_id` does.
        """
        replica = self._replicas.by_topic_id(key.topic_id, key.partition)
        replica.check_leader()
        found = self._by_key.get(key)
        if found is not None:
            if found.replica is replica and found.leader_epoch == replica.leader_epoch:
                return found
            found.close(None)
        made = self._by_key[key] = self._make(key, replica)
        made.load()
        return made

    def of_group(self, group_id: GroupId) -> list[SharePartition]:
        return [each for key, each in self._by_key.items() if key.group_id == group_id]

    def forget(self, partition: SharePartition) -> None:
        """It has closed: whoever asks next gets a new one."""
        if self._by_key.get(partition.key) is partition:
            del self._by_key[partition.key]

    def close_group(self, group_id: GroupId) -> None:
        """Nobody of the group is here: what an administrator changes meanwhile must be read again."""
        self._close(key for key in self._by_key if key.group_id == group_id)

    def topics_deleted(self, topic_ids: Collection[Uuid]) -> None:
        self._close(key for key in self._by_key if key.topic_id in topic_ids)

    def _close(self, keys: Iterable[SharePartitionKey]) -> None:
        for key in list(keys):
            if (partition := self._by_key.get(key)) is not None:
                partition.close(None)
