"""Share groups: members, epochs, durable state before assignment, and what administrators do."""

from __future__ import annotations

from typing import Any

import pytest
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.alter_share_group_offsets import AlterShareGroupOffsetsRequest
from kafkalite_protocol.messages.delete_share_group_offsets import DeleteShareGroupOffsetsRequest
from kafkalite_protocol.messages.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
)
from kafkalite_protocol.messages.heartbeat import HeartbeatRequest
from kafkalite_protocol.messages.list_groups import ListGroupsRequest
from kafkalite_protocol.messages.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
)

from kafkalite.coordination.group.share.group import ShareGroup
from kafkalite.coordination.group.share.state_partitions import StatePartitions, TopicPartitions
from kafkalite.deferred import Deferred
from kafkalite.types import GroupId, Offset, TopicPartition, Uuid
from tests.coordination.group_world import CLIENT, GROUP, ORDERS_ID, World, codes, deferred

OTHER_ID = Uuid(b"x" * 16)
ALL_ORDERS = {ORDERS_ID: [0, 1, 2]}
INTERVAL_MS = 1000
"""share.assignment.interval.ms: as long as this, an assignment stays as it is."""


class ShareWorld(World):
    """What share consumers and their administrators send."""

    def beat(
        self, member_id: str, epoch: int, /, *topics: str, **fields: Any
    ) -> Deferred[ShareGroupHeartbeatResponse]:
        values = {
            "group_id": GROUP,
            "member_id": member_id,
            "member_epoch": epoch,
            "subscribed_topic_names": list(topics) or None,
        } | fields
        return deferred(
            self.coordinator.share.heartbeat(ShareGroupHeartbeatRequest(**values), CLIENT)
        )

    def assigned_group(self, *members: str) -> None:
        """Members that read `orders`, each in the last epoch and with what it is to have."""
        for member_id in members:
            self.beat(member_id, 0, "orders")
            self.settle(member_id)

    def settle(self, member_id: str) -> ShareGroupHeartbeatResponse:
        """Beat until nothing changes any more."""
        for _ in range(4):
            self.advance(INTERVAL_MS)
            answer = self.beat(member_id, self.share_group().members[member_id].epoch).result()
            assert answer.error_code == ErrorCode.NONE
        return answer

    def share_group(self, group_id: str = GROUP) -> ShareGroup:
        group = self.coordinator._shards.shard_for(group_id).groups[GroupId(group_id)]
        assert isinstance(group, ShareGroup)
        return group

    def has(self, member_id: str) -> dict[Uuid, list[int]]:
        assigned = self.share_group().members[member_id].current.assigned
        return {topic_id: sorted(numbers) for topic_id, numbers in assigned.items()}

    def alter(self, *parts: tuple[str, int, int], group_id: str = GROUP) -> Any:
        """Parts are (topic, partition, start offset)."""
        Partition = AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestPartition
        topics: dict[str, list[Any]] = {}
        for name, index, offset in parts:
            topics.setdefault(name, []).append(Partition(index, offset))
        Topic = AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestTopic
        request = AlterShareGroupOffsetsRequest(group_id, [Topic(*each) for each in topics.items()])
        return self.coordinator.share.offsets.alter(request).result()

    def delete_offsets(self, *names: str, group_id: str = GROUP) -> Any:
        Topic = DeleteShareGroupOffsetsRequest.DeleteShareGroupOffsetsRequestTopic
        request = DeleteShareGroupOffsetsRequest(group_id, [Topic(name) for name in names])
        return self.coordinator.share.offsets.delete(request).result()

    def offsets(
        self, topics: dict[str, list[int]] | None = None, group_id: str = GROUP
    ) -> dict[tuple[str, int], tuple[int, int, int]]:
        """(start offset, lag, error code) by topic and partition."""
        asked = DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestTopic
        request = DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestGroup(
            group_id, None if topics is None else [asked(*each) for each in topics.items()]
        )
        described = self.coordinator.share.offsets.describe(request).result()
        assert described.error_code == ErrorCode.NONE
        return {
            (topic.topic_name, each.partition_index): (
                each.start_offset,
                each.lag,
                each.error_code,
            )
            for topic in described.topics
            for each in topic.partitions
        }

    def delete_group(self) -> int:
        answer = deferred(self.coordinator.admin.delete_groups([GROUP])).result()
        return answer.results[0].error_code

    def restarted(self) -> ShareWorld:
        """Another coordinator, from the same log and the same durable state."""
        again = ShareWorld(load=False)
        again.persister = self.persister
        again.coordinator.share._state._persister = self.persister
        for partition in range(self.partition_count):
            again.coordinator.load_partition(partition, self.log.records.get(partition, []))
        return again


def assignment(response: ShareGroupHeartbeatResponse) -> dict[bytes, list[int]] | None:
    if response.assignment is None:
        return None
    return {each.topic_id: each.partitions for each in response.assignment.topic_partitions}


# Joining and being assigned


def test_partitions_are_assigned_once_their_state_is_initialized() -> None:
    world = ShareWorld()
    world.persister.hold = True
    joined = world.beat("a", 0, "orders").result()
    assert (joined.error_code, joined.member_epoch, assignment(joined)) == (0, 2, {})
    assert joined.heartbeat_interval_ms == 5000
    world.advance(INTERVAL_MS)
    waiting = world.beat("a", 2).result()
    assert (waiting.member_epoch, assignment(waiting)) == (2, None)
    assert world.persister.waiting == 1, "what is under way is not asked for again"

    world.persister.answer_next()
    told = world.beat("a", 2).result()
    assert (told.member_epoch, assignment(told)) == (3, ALL_ORDERS)
    assert world.persister.start_offsets(GROUP) == {(ORDERS_ID, n): -1 for n in range(3)}
    assert assignment(world.beat("a", 3).result()) is None
    assert assignment(world.beat("a", 3, "orders").result()) == ALL_ORDERS


def test_members_share_more_partitions_than_they_are_and_fewer() -> None:
    world = ShareWorld()
    world.assigned_group("a", "b")
    world.settle("a")
    assert sorted([*world.has("a")[ORDERS_ID], *world.has("b")[ORDERS_ID]]) == [0, 1, 2]
    world.assigned_group("c", "d")
    for member in "abcd":
        world.settle(member)
    held = [n for member in "abcd" for n in world.has(member)[ORDERS_ID]]
    assert set(held) == {0, 1, 2}
    assert max(held.count(n) for n in range(3)) == 2


def test_assignment_stays_for_a_while_so_that_members_come_together() -> None:
    world = ShareWorld()
    world.assigned_group("a")
    world.beat("b", 0, "orders")
    epoch = world.share_group().epoch
    world.beat("c", 0, "orders")
    assert world.share_group().epoch == epoch + 1
    assert world.share_group().assignment_epoch < epoch + 1
    world.advance(INTERVAL_MS)
    world.beat("b", world.share_group().members["b"].epoch)
    assert world.share_group().assignment_epoch == epoch + 1


def test_member_that_reads_other_topics_loses_the_old_ones_at_once() -> None:
    world = ShareWorld()
    world.assigned_group("a")
    answer = world.beat("a", world.share_group().members["a"].epoch, "other").result()
    assert assignment(answer) == {}
    world.settle("a")
    assert world.has("a") == {OTHER_ID: [0]}


def test_rack_alone_does_not_change_the_epoch() -> None:
    world = ShareWorld()
    world.assigned_group("a")
    before = world.share_group().epoch
    world.beat("a", world.share_group().members["a"].epoch, rack_id="r1")
    assert world.share_group().members["a"].rack_id == "r1"
    assert world.share_group().epoch == before


def test_new_partitions_of_a_topic_are_initialized_and_assigned() -> None:
    world = ShareWorld()
    world.assigned_group("a")
    world.topics.partitions["orders"] = 4
    world.coordinator.on_topics_changed()
    world.settle("a")
    assert world.has("a") == {ORDERS_ID: [0, 1, 2, 3]}
    assert (ORDERS_ID, 3) in world.persister.start_offsets(GROUP)


def test_topic_that_is_made_later_is_assigned() -> None:
    world = ShareWorld()
    joined = world.beat("a", 0, "later").result()
    assert assignment(joined) == {}
    world.topics.partitions["later"] = 1
    world.topics.ids["later"] = Uuid(b"l" * 16)
    world.coordinator.on_topics_changed()
    world.settle("a")
    assert world.has("a") == {Uuid(b"l" * 16): [0]}


def test_partition_whose_state_cannot_be_initialized_is_tried_again() -> None:
    world = ShareWorld()
    world.persister.fail = {1: ErrorCode.COORDINATOR_NOT_AVAILABLE}
    world.assigned_group("a")
    assert world.has("a") == {ORDERS_ID: [0, 2]}
    assert world.share_group().state_partitions.initializing == {}
    world.persister.fail = {}
    world.settle("a")
    assert world.has("a") == ALL_ORDERS


def test_initialization_that_a_restart_cut_off_is_taken_up_again() -> None:
    world = ShareWorld()
    world.persister.hold = True
    world.beat("a", 0, "orders")
    again = world.restarted()
    assert again.share_group().state_partitions.initializing
    world.persister.hold = False
    again.settle("a")
    assert again.has("a") == ALL_ORDERS
    assert again.share_group().state_partitions == StatePartitions(
        initialized={ORDERS_ID: TopicPartitions("orders", frozenset({0, 1, 2}))}
    )


# Epochs and errors


@pytest.mark.parametrize(
    "fields",
    [
        {"member_id": " "},
        {"member_id": "m" * 37},
        {"group_id": ""},
        {"rack_id": ""},
        {"member_epoch": -2},
        {"subscribed_topic_names": []},
        {"subscribed_topic_names": None},
    ],
)
def test_request_that_makes_no_sense_is_refused_with_a_text(fields: dict[str, Any]) -> None:
    values = {"member_epoch": 0, "subscribed_topic_names": ["orders"]} | fields
    answer = ShareWorld().beat("a", 0, **values).result()
    assert answer.error_code == ErrorCode.INVALID_REQUEST
    assert answer.error_message


def test_member_is_known_by_its_last_epoch_and_the_one_before() -> None:
    world = ShareWorld()
    world.assigned_group("a")
    epoch = world.share_group().members["a"].epoch
    assert world.beat("a", epoch - 1).result().member_epoch == epoch
    for wrong in (epoch - 2, epoch + 1):
        assert world.beat("a", wrong).result().error_code == ErrorCode.FENCED_MEMBER_EPOCH
    assert assignment(world.beat("a", 0, "orders").result()) == ALL_ORDERS


def test_group_or_member_that_is_not_there() -> None:
    world = ShareWorld()
    assert world.beat("a", 3).result().error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert world.beat("a", -1).result().error_code == ErrorCode.GROUP_ID_NOT_FOUND
    world.assigned_group("a")
    assert world.beat("b", 3).result().error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert world.beat("b", -1).result().error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_full_group_turns_newcomers_away() -> None:
    world = ShareWorld(share_max_size=1)
    world.assigned_group("a")
    assert world.beat("b", 0, "orders").result().error_code == ErrorCode.GROUP_MAX_SIZE_REACHED
    assert world.beat("a", 0, "orders").result().error_code == ErrorCode.NONE


def test_ids_of_groups_of_other_types_are_taken() -> None:
    world = ShareWorld()
    world.commit({("orders", 0): 1})
    assert world.beat("a", 0, "orders").result().error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_classic_clients_have_no_place_in_a_share_group() -> None:
    world = ShareWorld()
    world.assigned_group("a")
    joined = world.join("a").result()
    assert (joined.error_code, joined.member_id) == (ErrorCode.INCONSISTENT_GROUP_PROTOCOL, "")
    assert world.sync("a", 1).result().error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    beat = world.coordinator.heartbeat(HeartbeatRequest(GROUP, 1, "a"))
    assert beat.error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert world.leave("a").members[0].error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert codes(world.commit({("orders", 0): 1}).result()) == [ErrorCode.GROUP_ID_NOT_FOUND]
    assert world.committed() == -1


def test_heartbeat_that_cannot_be_written_changes_nothing() -> None:
    world = ShareWorld()
    world.log.fail_with = ErrorCode.NOT_ENOUGH_REPLICAS
    answer = world.beat("a", 0, "orders").result()
    assert answer.error_code == ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert world.persister.start_offsets(GROUP) == {}
    world.log.fail_with = None
    assert world.beat("a", 2).result().error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_heartbeat_is_answered_and_state_initialized_once_it_is_committed() -> None:
    world = ShareWorld()
    world.log.hold = True
    answer = world.beat("a", 0, "orders")
    assert not answer.done
    assert world.persister.start_offsets(GROUP) == {}
    world.log.commit_next()
    assert answer.result().member_epoch == 2
    assert len(world.persister.start_offsets(GROUP)) == 3


# Going


def test_member_that_leaves_makes_room_for_the_others() -> None:
    world = ShareWorld()
    world.assigned_group("a", "b")
    world.settle("a")
    left = world.beat("b", -1).result()
    assert (left.error_code, left.member_epoch) == (ErrorCode.NONE, -1)
    world.settle("a")
    assert world.has("a") == ALL_ORDERS
    world.beat("a", -1)
    assert world.share_group().state_name == "Empty"
    assert len(world.timer) == 0


def test_silent_member_is_removed_also_after_a_restart() -> None:
    world = ShareWorld()
    world.assigned_group("a")
    again = world.restarted()
    again.advance(44_999)
    assert list(again.share_group().members) == ["a"]
    again.advance(1)
    assert again.share_group().is_empty
    assert again.share_group().metadata_hash == 0


def test_removal_that_cannot_be_written_is_tried_again() -> None:
    world = ShareWorld()
    world.assigned_group("a")
    world.log.fail_with = ErrorCode.NOT_ENOUGH_REPLICAS
    world.advance(45_000)
    assert list(world.share_group().members) == ["a"]
    world.log.fail_with = None
    world.advance(1_000)
    assert world.share_group().is_empty


# Describing and listing


def test_group_is_described_with_its_members_and_listed_as_a_share_group() -> None:
    world = ShareWorld()
    world.assigned_group("a")
    group = world.coordinator.share.describe(GROUP)
    assert (group.group_state, group.group_epoch, group.assignment_epoch) == ("Stable", 3, 3)
    (member,) = group.members
    assert (member.member_epoch, member.client_host) == (3, "/127.0.0.1")
    (topic,) = member.assignment.topic_partitions
    assert (topic.topic_name, topic.partitions) == ("orders", [0, 1, 2])
    (listed,) = world.coordinator.admin.list_groups(ListGroupsRequest()).groups
    assert (listed.group_type, listed.protocol_type, listed.group_state) == (
        "share",
        "share",
        "Stable",
    )
    assert world.coordinator.share.describe("nobody").error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert world.coordinator.share.describe("").error_code == ErrorCode.INVALID_GROUP_ID


# Offsets


def test_offsets_and_lag_of_what_is_initialized_are_described() -> None:
    world = ShareWorld()
    world.log_ends[TopicPartition("orders", 0)] = Offset(9)
    world.alter(("orders", 0, 4), ("orders", 1, 0))
    assert world.offsets() == {("orders", 0): (4, 5, 0), ("orders", 1): (0, -1, 0)}
    asked = {"orders": [0, 2], "missing": [0]}
    assert world.offsets(asked) == {
        ("orders", 0): (4, 5, 0),
        ("orders", 2): (-1, -1, 0),
        ("missing", 0): (-1, -1, 0),
    }
    assert world.offsets(group_id="nobody") == {}
    assert world.offsets({"orders": [0]}, group_id="") == {("orders", 0): (-1, -1, 0)}


def test_altering_offsets_makes_the_group_and_the_next_member_begins_there() -> None:
    world = ShareWorld()
    answer = world.alter(("orders", 0, 7), ("orders", 9, 1), ("missing", 0, 1))
    orders, missing = answer.responses
    assert [each.error_code for each in orders.partitions] == [
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]
    assert missing.partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert world.share_group().state_name == "Empty"
    world.assigned_group("a")
    assert world.persister.start_offsets(GROUP) == {
        (ORDERS_ID, 0): 7,
        (ORDERS_ID, 1): -1,
        (ORDERS_ID, 2): -1,
    }
    assert world.has("a") == ALL_ORDERS


def test_offsets_of_a_group_with_members_stay() -> None:
    world = ShareWorld()
    world.assigned_group("a")
    assert world.alter(("orders", 0, 7)).error_code == ErrorCode.NON_EMPTY_GROUP
    assert world.delete_offsets("orders").error_code == ErrorCode.NON_EMPTY_GROUP
    assert world.alter(("orders", 0, 7), group_id="").error_code == ErrorCode.INVALID_GROUP_ID
    assert world.delete_offsets(group_id="no").error_code == ErrorCode.GROUP_ID_NOT_FOUND
    world.commit({("orders", 0): 1}, group_id="classic")
    refused = world.alter(("orders", 0, 7), group_id="classic")
    assert refused.error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert "not a share group" in refused.error_message


def test_deleted_offsets_are_gone_from_the_durable_state_too() -> None:
    world = ShareWorld()
    world.alter(("orders", 0, 7), ("other", 0, 3))
    answer = world.delete_offsets("orders", "missing", "orders")
    assert [(each.topic_name, each.error_code) for each in answer.responses] == [
        ("orders", ErrorCode.NONE),
        ("missing", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ]
    assert world.persister.start_offsets(GROUP) == {(OTHER_ID, 0): 3}
    assert world.offsets() == {("other", 0): (3, -1, 0)}
    again = world.delete_offsets("orders")
    assert again.responses[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_deletion_that_the_persister_refuses_can_be_asked_for_again() -> None:
    world = ShareWorld()
    world.alter(("orders", 0, 7))
    world.persister.fail = {0: ErrorCode.COORDINATOR_NOT_AVAILABLE}
    (refused,) = world.delete_offsets("orders").responses
    assert refused.error_code == ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert world.share_group().state_partitions == StatePartitions(deleting={ORDERS_ID: "orders"})
    world.persister.fail = {}
    (deleted,) = world.delete_offsets("orders").responses
    assert deleted.error_code == ErrorCode.NONE
    assert world.share_group().state_partitions == StatePartitions()


def test_altered_offset_that_the_persister_refuses_is_said_per_partition() -> None:
    world = ShareWorld()
    world.persister.fail = {0: ErrorCode.COORDINATOR_NOT_AVAILABLE}
    (topic,) = world.alter(("orders", 0, 7), ("orders", 1, 8)).responses
    assert [each.error_code for each in topic.partitions] == [
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NONE,
    ]
    assert world.offsets() == {("orders", 1): (8, -1, 0)}


# Deleting


def test_group_is_deleted_with_its_durable_state() -> None:
    world = ShareWorld()
    world.assigned_group("a")
    assert world.delete_group() == ErrorCode.NON_EMPTY_GROUP
    world.beat("a", -1)
    assert world.delete_group() == ErrorCode.NONE
    assert world.persister.start_offsets(GROUP) == {}
    assert world.restarted().coordinator.admin.list_groups(ListGroupsRequest()).groups == []
    assert world.delete_group() == ErrorCode.GROUP_ID_NOT_FOUND


def test_group_stays_when_its_durable_state_does_and_can_be_deleted_later() -> None:
    world = ShareWorld()
    world.alter(("orders", 0, 7))
    world.persister.fail = {0: ErrorCode.COORDINATOR_NOT_AVAILABLE}
    assert world.delete_group() == ErrorCode.COORDINATOR_NOT_AVAILABLE
    world.persister.fail = {}
    assert world.restarted().delete_group() == ErrorCode.NONE
    assert world.persister.start_offsets(GROUP) == {}


def test_member_that_joins_while_the_group_is_deleted_keeps_it() -> None:
    world = ShareWorld()
    world.alter(("orders", 0, 7))
    world.persister.hold = True
    answer = deferred(world.coordinator.admin.delete_groups([GROUP]))
    world.beat("a", 0, "orders")
    world.persister.answer_next()
    assert answer.result().results[0].error_code == ErrorCode.NON_EMPTY_GROUP
    world.persister.answer_next()
    world.persister.hold = False
    world.settle("a")
    assert world.has("a") == ALL_ORDERS
    assert world.persister.start_offsets(GROUP)[ORDERS_ID, 0] == -1


def test_deleted_topic_is_forgotten_and_a_new_one_of_the_name_begins_anew() -> None:
    world = ShareWorld()
    world.assigned_group("a")
    world.topics.ids["orders"] = Uuid(b"n" * 16)
    world.coordinator.on_topics_changed()
    world.coordinator.on_topics_deleted(["orders"])
    assert world.share_group().state_partitions == StatePartitions()
    world.settle("a")
    assert world.has("a") == {Uuid(b"n" * 16): [0, 1, 2]}


def test_empty_share_group_does_not_expire() -> None:
    world = ShareWorld(offsets_retention_ms=1)
    world.assigned_group("a")
    world.beat("a", -1)
    world.advance(1_000_000)
    world.coordinator.expire_offsets()
    assert world.share_group().is_empty
