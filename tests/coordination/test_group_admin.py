"""What operators do with groups: describe, list, delete, delete offsets; and what expires by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription
from kafkalite_protocol.messages.delete_groups import DeleteGroupsResponse
from kafkalite_protocol.messages.list_groups import ListGroupsRequest
from kafkalite_protocol.messages.offset_commit_key import OffsetCommitKey
from kafkalite_protocol.messages.offset_commit_value import OffsetCommitValue
from kafkalite_protocol.messages.offset_delete import OffsetDeleteRequest, OffsetDeleteResponse

from kafkalite.coordination.group.classic.records import group_tombstone
from kafkalite.coordination.group.record_bytes import encode_key, encode_value
from kafkalite.types import GroupId
from tests.coordination.group_world import GROUP, World, deferred

if TYPE_CHECKING:
    from kafkalite.coordination.ports import KeyValue

MINUTE_MS = 60_000
RETENTION_MS = 60 * MINUTE_MS


def subscription_to(*topics: str) -> dict[str, bytes]:
    body = ConsumerProtocolSubscription(topics=list(topics)).encode(0)
    return {"range": b"\x00\x00" + body}


def listed(world: World, states: tuple[str, ...] = (), types: tuple[str, ...] = ()) -> list[str]:
    request = ListGroupsRequest(states_filter=list(states), types_filter=list(types))
    return sorted(group.group_id for group in world.coordinator.admin.list_groups(request).groups)


def described(world: World, group_id: str = GROUP, version: int = 6):
    (group,) = world.coordinator.admin.describe_groups([group_id], version)
    return group


def delete(world: World, *group_ids: str) -> dict[str, int]:
    response: DeleteGroupsResponse = deferred(
        world.coordinator.admin.delete_groups(group_ids)
    ).result()
    return {result.group_id: result.error_code for result in response.results}


def delete_offsets(
    world: World, *partitions: tuple[str, int], group_id: str = GROUP
) -> OffsetDeleteResponse:
    topics: dict[str, list[OffsetDeleteRequest.OffsetDeleteRequestPartition]] = {}
    for name, partition in partitions:
        asked = OffsetDeleteRequest.OffsetDeleteRequestPartition(partition_index=partition)
        topics.setdefault(name, []).append(asked)
    request = OffsetDeleteRequest(
        group_id=group_id,
        topics=[OffsetDeleteRequest.OffsetDeleteRequestTopic(*each) for each in topics.items()],
    )
    return deferred(world.coordinator.admin.delete_offsets(request)).result()


def codes_of(response: OffsetDeleteResponse) -> list[int]:
    return [each.error_code for topic in response.topics for each in topic.partitions]


# Listing and describing


def test_list_has_groups_with_members_and_those_that_only_committed() -> None:
    world = World()
    world.stable_group(1)
    world.commit({("orders", 0): 5}, group_id="simple")
    assert listed(world) == [GROUP, "simple"]
    assert listed(world, states=(" STABLE",)) == [GROUP]
    assert listed(world, states=("empty", "Dead")) == ["simple"]
    assert listed(world, states=("no such state",)) == []
    assert listed(world, types=("Classic", "share")) == [GROUP, "simple"]
    assert listed(world, types=("no such type",)) == []


def test_list_while_a_partition_is_read_asks_to_come_again() -> None:
    world = World(load=False)
    world.coordinator.load_partition(0, [])
    assert listed(world) == []
    world.coordinator.begin_loading(1)
    response = world.coordinator.admin.list_groups(ListGroupsRequest())
    assert response.error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS


def test_stable_group_is_described_with_what_members_told_each_other() -> None:
    world = World()
    leader, follower = world.stable_group(2)
    group = described(world)
    assert (group.group_state, group.protocol_type, group.protocol_data) == (
        "Stable",
        "consumer",
        "range",
    )
    assert [member.member_id for member in group.members] == [leader, follower]
    assert group.members[0].member_metadata == b"subscription"
    assert group.members[1].member_assignment == follower.encode()
    assert group.members[0].client_host == "/127.0.0.1"


def test_rebalancing_group_keeps_its_protocol_to_itself_but_tells_the_old_assignment() -> None:
    world = World()
    leader, _ = world.stable_group(2)
    world.join(leader)
    group = described(world)
    assert group.group_state == "PreparingRebalance"
    assert group.protocol_data == ""
    assert group.members[0].member_metadata == b""
    assert group.members[0].member_assignment == leader.encode()


@pytest.mark.parametrize(
    ("version", "code"), [(5, ErrorCode.NONE), (6, ErrorCode.GROUP_ID_NOT_FOUND)]
)
def test_unknown_group_is_described_as_dead_and_from_v6_as_not_found(version, code) -> None:
    group = described(World(), "nobody", version)
    assert (group.group_state, group.error_code) == ("Dead", code)
    assert (group.error_message is None) == (version < 6)


def test_describe_where_the_coordinator_is_elsewhere_says_so_per_group() -> None:
    assert described(World(load=False)).error_code == ErrorCode.NOT_COORDINATOR


# Deleting groups


def test_deleted_group_is_gone_with_its_offsets_and_stays_away_after_a_restart() -> None:
    world = World()
    (member,) = world.stable_group(1)
    world.commit({("orders", 0): 5}, member_id=member, generation_id=1)
    assert delete(world, GROUP) == {GROUP: ErrorCode.NON_EMPTY_GROUP}
    world.leave(member)
    assert delete(world, GROUP, GROUP, "nobody") == {
        GROUP: ErrorCode.NONE,
        "nobody": ErrorCode.GROUP_ID_NOT_FOUND,
    }
    assert listed(world) == []
    assert world.committed() == -1
    again = World(load=False)
    for partition in range(again.partition_count):
        again.coordinator.load_partition(partition, world.log.records.get(partition, []))
    assert listed(again) == []
    assert again.committed() == -1


def test_deleting_an_empty_group_forgets_ids_that_were_given_out() -> None:
    world = World()
    new_id = world.new_member_id()
    assert delete(world, GROUP) == {GROUP: ErrorCode.NONE}
    assert len(world.timer) == 0
    assert world.join(new_id).result().error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_deletion_is_answered_once_committed_and_the_id_is_free_meanwhile() -> None:
    world = World()
    world.commit({("orders", 0): 5})
    world.log.hold = True
    answer = deferred(world.coordinator.admin.delete_groups([GROUP]))
    assert not answer.done
    assert world.join().result().error_code == ErrorCode.MEMBER_ID_REQUIRED
    world.log.commit_next()
    assert [result.error_code for result in answer.result().results] == [ErrorCode.NONE]
    assert world.state() == "Empty"


def test_deletion_that_cannot_be_written_leaves_the_group() -> None:
    world = World()
    world.commit({("orders", 0): 5})
    world.log.fail_with = ErrorCode.NOT_ENOUGH_REPLICAS
    assert delete(world, GROUP) == {GROUP: ErrorCode.COORDINATOR_NOT_AVAILABLE}
    world.log.fail_with = None
    assert world.committed() == 5
    assert listed(world) == [GROUP]


def test_group_of_many_offsets_is_deleted_in_batches_that_fit() -> None:
    world = World()
    world.topics.partitions["orders"] = 2500
    for start in range(0, 2500, 500):
        world.commit({("orders", index): 1 for index in range(start, start + 500)})
    before = len(world.log.all)
    assert delete(world, GROUP) == {GROUP: ErrorCode.NONE}
    assert len(world.log.all) - before == 2501
    assert listed(world) == []


# Deleting offsets


def test_offsets_of_topics_nobody_reads_are_deleted_one_by_one() -> None:
    world = World()
    (member,) = world.stable_group(1, protocols=subscription_to("orders"))
    world.commit({("orders", 0): 5, ("other", 0): 7}, member_id=member, generation_id=1)
    response = delete_offsets(world, ("orders", 0), ("other", 0), ("other", 9), ("missing", 0))
    assert response.error_code == ErrorCode.NONE
    assert codes_of(response) == [
        ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]
    assert world.committed("orders") == 5
    assert world.committed("other") == -1


def test_offsets_of_a_group_that_does_not_say_what_it_reads_stay_while_it_has_members() -> None:
    world = World()
    (member,) = world.stable_group(1, protocol_type="connect")
    assert delete_offsets(world, ("orders", 0)).error_code == ErrorCode.NON_EMPTY_GROUP
    world.leave(member)
    assert delete_offsets(world, ("orders", 0)).error_code == ErrorCode.NONE


def test_subscription_that_cannot_be_read_counts_as_every_topic() -> None:
    world = World()
    world.stable_group(1)
    assert codes_of(delete_offsets(world, ("orders", 0))) == [ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC]


def test_offset_deletion_needs_a_group() -> None:
    world = World()
    assert delete_offsets(world, group_id="").error_code == ErrorCode.INVALID_GROUP_ID
    assert delete_offsets(world, group_id="nobody").error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_group_outlives_its_last_offset_until_the_next_check() -> None:
    world = World()
    world.commit({("orders", 0): 5})
    delete_offsets(world, ("orders", 0))
    assert described(world).group_state == "Empty"
    world.coordinator.expire_offsets()
    assert listed(world) == []
    assert world.log.all[-1] == group_tombstone(GroupId(GROUP))


# Expiry


def test_offsets_of_an_empty_group_expire_from_when_it_became_empty_and_the_group_with_them() -> (
    None
):
    world = World(offsets_retention_ms=RETENTION_MS)
    (member,) = world.stable_group(1)
    world.commit({("orders", 0): 5}, member_id=member, generation_id=1)
    keep_alive(world, member, RETENTION_MS * 2)
    world.leave(member)
    world.advance(RETENTION_MS - 1)
    world.coordinator.expire_offsets()
    assert world.committed() == 5
    world.advance(1)
    world.coordinator.expire_offsets()
    assert world.committed() == -1
    assert listed(world) == []


def test_offsets_of_a_topic_that_is_read_no_longer_expire_from_their_commit() -> None:
    world = World(offsets_retention_ms=RETENTION_MS)
    (member,) = world.stable_group(1, protocols=subscription_to("orders"))
    world.commit({("orders", 0): 5, ("other", 0): 7}, member_id=member, generation_id=1)
    keep_alive(world, member, RETENTION_MS)
    world.coordinator.expire_offsets()
    assert (world.committed("orders"), world.committed("other")) == (5, -1)
    assert listed(world) == [GROUP]


def test_offsets_of_a_client_without_group_management_expire_from_their_commit() -> None:
    world = World(offsets_retention_ms=RETENTION_MS)
    world.commit({("orders", 0): 5})
    world.advance(RETENTION_MS // 2)
    world.commit({("orders", 1): 6})
    world.advance(RETENTION_MS // 2)
    world.coordinator.expire_offsets()
    assert (world.committed(), world.committed(partition=1)) == (-1, 6)
    assert listed(world) == [GROUP]
    world.advance(RETENTION_MS // 2)
    world.coordinator.expire_offsets()
    assert listed(world) == []


def test_nothing_expires_while_a_group_rebalances() -> None:
    world = World(offsets_retention_ms=RETENTION_MS)
    first, second = world.stable_group(2, protocols=subscription_to("orders"))
    world.commit({("other", 0): 7}, member_id=first, generation_id=2)
    keep_alive(world, first, RETENTION_MS, second)
    world.join(first, protocols=subscription_to("orders"))
    world.coordinator.expire_offsets()
    assert world.committed("other") == 7


def test_offset_with_an_expiry_of_its_own_goes_then() -> None:
    world = World(load=False, offsets_retention_ms=RETENTION_MS)
    now_ms = world.clock.now_ms()
    value = OffsetCommitValue(offset=5, commit_timestamp=now_ms, expire_timestamp=now_ms + 1000)
    key = encode_key(OffsetCommitKey(group=GROUP, topic="orders", partition=0))
    log: list[KeyValue] = [(key, encode_value(1, value))]
    for partition in range(world.partition_count):
        mine = partition == world.coordinator.partition_for(GROUP)
        world.coordinator.load_partition(partition, log if mine else [])
    world.advance(999)
    world.coordinator.expire_offsets()
    assert world.committed() == 5
    world.advance(1)
    world.coordinator.expire_offsets()
    assert world.committed() == -1


def keep_alive(world: World, member: str, duration_ms: int, *others: str) -> None:
    group = world.group()
    assert group is not None
    generation_id = group.generation_id
    for _ in range(duration_ms // 5000):
        world.advance(5000)
        for each in (member, *others):
            assert world.heartbeat(each, generation_id) == ErrorCode.NONE
