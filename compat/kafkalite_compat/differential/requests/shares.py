"""Short ways to write the requests of share groups, for tests that need no group coordinator: the state is initialised by hand."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from kafkalite_protocol.messages.delete_share_group_state import DeleteShareGroupStateRequest
from kafkalite_protocol.messages.find_coordinator import FindCoordinatorRequest
from kafkalite_protocol.messages.initialize_share_group_state import (
    InitializeShareGroupStateRequest,
)
from kafkalite_protocol.messages.read_share_group_state import ReadShareGroupStateRequest
from kafkalite_protocol.messages.read_share_group_state_summary import (
    ReadShareGroupStateSummaryRequest,
)
from kafkalite_protocol.messages.share_acknowledge import ShareAcknowledgeRequest
from kafkalite_protocol.messages.share_fetch import ShareFetchRequest
from kafkalite_protocol.messages.write_share_group_state import WriteShareGroupStateRequest

from kafkalite_compat.checks import eventually
from kafkalite_compat.wire.raw import RawClient

GAP, ACCEPT, RELEASE, REJECT, RENEW = range(5)

WAIT_MS = 0
"""Apache Kafka reads the state of a share partition while the first fetch waits: what needs its records must give it time."""

Acks = tuple[int, int, list[int]]
"""First offset, last offset, acknowledgement types."""


def find_coordinator(group: str, topic_id: bytes, partition: int = 0) -> FindCoordinatorRequest:
    """Its key is `group:topic id:partition`, the id as Kafka prints it."""
    printed = base64.urlsafe_b64encode(topic_id).decode().rstrip("=")
    key = f"{group}:{printed}:{partition}"
    return FindCoordinatorRequest(key_type=2, coordinator_keys=[key])


def initialize(
    group: str, topic_id: bytes, *partitions: tuple[int, int, int]
) -> InitializeShareGroupStateRequest:
    """Partitions are (index, state epoch, start offset)."""
    kind = InitializeShareGroupStateRequest
    data = [kind.PartitionData(*each) for each in partitions]
    return kind(group, [kind.InitializeStateData(topic_id, data)])


def read(group: str, topic_id: bytes, partition: int = 0, leader_epoch: int = 0) -> Any:
    kind = ReadShareGroupStateRequest
    return kind(
        group, [kind.ReadStateData(topic_id, [kind.PartitionData(partition, leader_epoch)])]
    )


def summary(group: str, topic_id: bytes, partition: int = 0, leader_epoch: int = -1) -> Any:
    kind = ReadShareGroupStateSummaryRequest
    return kind(
        group, [kind.ReadStateSummaryData(topic_id, [kind.PartitionData(partition, leader_epoch)])]
    )


def write(
    group: str,
    topic_id: bytes,
    *batches: tuple[int, int, int, int],
    partition: int = 0,
    state_epoch: int = 1,
    leader_epoch: int = 0,
    start_offset: int = -1,
    complete_count: int = 0,
) -> WriteShareGroupStateRequest:
    """Batches are (first offset, last offset, state, delivery count)."""
    kind = WriteShareGroupStateRequest
    data = kind.PartitionData(
        partition=partition,
        state_epoch=state_epoch,
        leader_epoch=leader_epoch,
        start_offset=start_offset,
        delivery_complete_count=complete_count,
        state_batches=[kind.StateBatch(*each) for each in batches],
    )
    return kind(group, [kind.WriteStateData(topic_id, [data])])


def delete(group: str, topic_id: bytes, partition: int = 0) -> DeleteShareGroupStateRequest:
    kind = DeleteShareGroupStateRequest
    return kind(group, [kind.DeleteStateData(topic_id, [kind.PartitionData(partition)])])


def share_fetch(
    group: str | None,
    member: str | None,
    epoch: int,
    topic_id: bytes = b"",
    partitions: Iterable[int] = (),
    acks: Mapping[int, list[Acks]] | None = None,
    forget: Iterable[int] = (),
    **options: Any,
) -> ShareFetchRequest:
    """Acknowledged partitions are asked for too, as clients do."""
    acks = acks or {}
    kind = ShareFetchRequest
    asked = [
        kind.FetchPartition(
            partition_index=index,
            acknowledgement_batches=[
                kind.AcknowledgementBatch(*each) for each in acks.get(index, [])
            ],
        )
        for index in dict.fromkeys((*partitions, *acks))
    ]
    defaults = {"max_wait_ms": WAIT_MS, "min_bytes": 1, "max_bytes": 1 << 20, "max_records": 500}
    return kind(
        group_id=group,
        member_id=member,
        share_session_epoch=epoch,
        topics=[kind.FetchTopic(topic_id, asked)] if asked else [],
        forgotten_topics_data=[kind.ForgottenTopic(topic_id, list(forget))] if forget else [],
        **(defaults | {"batch_size": 500} | options),
    )


def share_acknowledge(
    group: str | None,
    member: str | None,
    epoch: int,
    topic_id: bytes = b"",
    acks: Mapping[int, list[Acks]] | None = None,
    *,
    renew: bool = False,
) -> ShareAcknowledgeRequest:
    kind = ShareAcknowledgeRequest
    partitions = [
        kind.AcknowledgePartition(index, [kind.AcknowledgementBatch(*each) for each in batches])
        for index, batches in (acks or {}).items()
    ]
    return kind(
        group_id=group,
        member_id=member,
        share_session_epoch=epoch,
        is_renew_ack=renew,
        topics=[kind.AcknowledgeTopic(topic_id, partitions)] if partitions else [],
    )


def begin_sharing(client: RawClient, group: str, topic_id: bytes, *starts: int) -> None:
    """Initialise the state of the first partitions of a topic, at these offsets."""

    def found() -> bool:  # Apache Kafka makes the coordinator's topic in the background
        answer = client.ask(find_coordinator(group, topic_id), 6)
        return answer.coordinators[0].error_code == 0

    eventually("the share coordinator", found)
    states = [(index, 1, start) for index, start in enumerate(starts)]

    def initialized() -> bool:
        answer = client.ask(initialize(group, topic_id, *states), 0)
        return all(each.error_code == 0 for each in answer.results[0].partitions)

    eventually("the state of the share partitions", initialized)


class Member:
    """A member of a share group as the broker sees it: one session, one connection."""

    def __init__(self, client: RawClient, group: str, topic_id: bytes, name: str) -> None:
        self.client = client
        self.group = group
        self.topic_id = topic_id
        self.name = name
        self.epoch = 0

    def fetch(
        self,
        acks: list[Acks] | None = None,
        *,
        partitions: Iterable[int] = (0,),
        version: int = 2,
        **options: Any,
    ) -> Any:
        """The whole answer. The first fetch asks for `partitions`."""
        request = share_fetch(
            self.group,
            self.name,
            self.epoch,
            self.topic_id,
            partitions if self.epoch == 0 else (),
            {0: acks} if acks else None,
            **options,
        )
        self.epoch += 1
        return self.client.ask(request, version)

    def acquire(self, acks: list[Acks] | None = None, **options: Any) -> list[tuple[int, int, int]]:
        """(first, last, delivery count) of what was acquired of partition 0."""
        answer = self.fetch(acks, **options)
        assert answer.error_code == 0
        (found,) = [each for topic in answer.responses for each in topic.partitions] or [None]
        return [] if found is None else acquired(found)

    def acknowledge(self, *acks: Acks, renew: bool = False, version: int = 2) -> int:
        """The code for partition 0."""
        request = share_acknowledge(
            self.group, self.name, self.epoch, self.topic_id, {0: list(acks)}, renew=renew
        )
        self.epoch += 1
        answer = self.client.ask(request, version)
        assert answer.error_code == 0
        return int(answer.responses[0].partitions[0].error_code)

    def leave(self) -> None:
        answer = self.client.ask(share_acknowledge(self.group, self.name, -1), 2)
        assert answer.error_code == 0


def acquired(partition: Any) -> list[tuple[int, int, int]]:
    return [
        (each.first_offset, each.last_offset, each.delivery_count)
        for each in partition.acquired_records
    ]
