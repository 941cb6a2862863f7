"""The handlers of the group APIs: what differs between versions. The coordinator itself is tested in tests/coordination."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.find_coordinator import (
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
from kafkalite_protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from kafkalite_protocol.messages.join_group import JoinGroupRequest, JoinGroupResponse
from kafkalite_protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse
from kafkalite_protocol.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from kafkalite_protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchResponse
from kafkalite_protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse

from kafkalite.broker.handlers import (
    find_coordinator,
    heartbeat,
    join_group,
    leave_group,
    offset_commit,
    offset_fetch,
    sync_group,
)
from kafkalite.broker.request import ConnectionInfo, RequestContext
from kafkalite.coordination.group.coordinator import CONSUMER_OFFSETS_TOPIC
from kafkalite.deferred import Deferred, resolved
from kafkalite.errors import KafkaError
from kafkalite.metadata.image import MetadataImage, PartitionImage, TopicImage
from kafkalite.types import BrokerId, LeaderEpoch, Uuid
from tests.coordination.group_world import GROUP, World

if TYPE_CHECKING:
    from types import ModuleType


class Topics:
    """Makes `__consumer_offsets` on request, as the broker's internal topics do."""

    def __init__(self, broker: SimpleNamespace, leaders: list[int]) -> None:
        self._broker = broker
        self._leaders = leaders
        self.fail_with: KafkaError | None = None

    def ensure(self, name: str) -> Deferred[None]:
        if self.fail_with is not None:
            failed: Deferred[None] = Deferred()
            failed.fail(self.fail_with)
            return failed
        partitions = tuple(
            PartitionImage(BrokerId(leader), LeaderEpoch(0), (BrokerId(1),), (BrokerId(1),), 0)
            for leader in self._leaders
        )
        topic = TopicImage(name, Uuid(b"c" * 16), partitions)
        self._broker.image = MetadataImage("cluster", topics={name: topic})
        return resolved(None)


class Api:
    """Asks a handler and sends both messages through their codecs, so that what a version cannot say is noticed."""

    def __init__(self, leaders: list[int] | None = None) -> None:
        self.world = World()
        self.broker = SimpleNamespace(
            group_coordinator=self.world.coordinator,
            image=MetadataImage("cluster"),
            endpoint=lambda node_id, connection: (f"host-{node_id}", 9092),
        )
        self.broker.internal_topics = Topics(self.broker, leaders or [1])

    def ask(
        self, handler: ModuleType, request: Any, version: int, client_id: str | None = "app"
    ) -> Any:
        answer = self.send(handler, request, version, client_id)
        return answer.result()

    def send(
        self, handler: ModuleType, request: Any, version: int, client_id: str | None = "app"
    ) -> Deferred[Any]:
        connection = ConnectionInfo("PLAINTEXT", "10.1.2.3", 50_000, "10.1.2.4", 9092)
        context = RequestContext(handler.API_KEY, version, 1, client_id, connection, self.broker)  # type: ignore[arg-type]
        decoded = type(request).decode(version, request.encode(version))
        answer = handler.handle(context, decoded)
        later = answer if isinstance(answer, Deferred) else resolved(answer)
        return later.then(lambda response: type(response).decode(version, response.encode(version)))


def join_request(version: int, **fields: Any) -> JoinGroupRequest:
    values: dict[str, Any] = {
        "group_id": GROUP,
        "session_timeout_ms": 10_000,
        "rebalance_timeout_ms": 60_000 if version >= 1 else -1,
        "protocol_type": "consumer",
        "protocols": [JoinGroupRequest.JoinGroupRequestProtocol("range", b"m")],
    }
    return JoinGroupRequest(**values | fields)


# FindCoordinator


@pytest.mark.parametrize("version", range(7))
def test_coordinator_is_the_leader_of_the_groups_partition(version: int) -> None:
    api = Api(leaders=[1, 2, 3])
    keys = {"coordinator_keys": ["group-a", ""]} if version >= 4 else {"key": "group-a"}
    response: FindCoordinatorResponse = api.ask(
        find_coordinator, FindCoordinatorRequest(**keys), version
    )
    # "group-a".hashCode() is 293427347, and that is 2 more than a multiple of 3
    expected = ("host-3", 9092, 3, 0)
    if version < 4:
        assert (response.host, response.port, response.node_id, response.error_code) == expected
        if version >= 1:
            assert response.error_message == "NONE"
    else:
        first, second = response.coordinators
        assert (first.host, first.port, first.node_id, first.error_code) == expected
        assert (first.key, first.error_message) == ("group-a", "")
        assert (second.key, second.node_id) == ("", 1)


@pytest.mark.parametrize("version", [1, 3, 4, 6])
def test_coordinator_of_another_type_is_an_invalid_request(version: int) -> None:
    keys = {"coordinator_keys": ["x"]} if version >= 4 else {"key": "x"}
    response = Api().ask(find_coordinator, FindCoordinatorRequest(key_type=5, **keys), version)
    answer = response.coordinators[0] if version >= 4 else response
    assert answer.error_code == ErrorCode.INVALID_REQUEST
    assert answer.error_message == "there is no coordinator of type 5"
    assert (answer.node_id, answer.host, answer.port) == (-1, "", -1)


@pytest.mark.parametrize("version", [1, 3, 5])
def test_share_partitions_are_not_looked_for_before_v6(version: int) -> None:
    keys = {"coordinator_keys": ["x"]} if version >= 4 else {"key": "x"}
    response = Api().ask(find_coordinator, FindCoordinatorRequest(key_type=2, **keys), version)
    answer = response.coordinators[0] if version >= 4 else response
    assert answer.error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("group:b29vb29vb29vb29vb29vbw:0", ErrorCode.NONE),
        ("a:b:b29vb29vb29vb29vb29vbw:0", ErrorCode.NONE),
        (":b29vb29vb29vb29vb29vbw:0", ErrorCode.INVALID_REQUEST),
        ("group:b29vb29vb29vb29vb29vbw", ErrorCode.INVALID_REQUEST),
        ("group:short:0", ErrorCode.INVALID_REQUEST),
        ("group:b29vb29vb29vb29vb29vbw:x", ErrorCode.INVALID_REQUEST),
        ("group:b29vb29vb29vb29vb29vbw:2147483648", ErrorCode.INVALID_REQUEST),
        ("", ErrorCode.INVALID_REQUEST),
    ],
)
def test_share_partition_is_found_by_group_topic_id_and_partition(
    key: str, code: ErrorCode
) -> None:
    request = FindCoordinatorRequest(key_type=2, coordinator_keys=[key])
    (answer,) = Api().ask(find_coordinator, request, 6).coordinators
    assert answer.error_code == code
    assert answer.node_id == (1 if code == ErrorCode.NONE else -1)


def test_coordinator_without_a_leader_is_not_available() -> None:
    response = Api(leaders=[-1]).ask(find_coordinator, FindCoordinatorRequest(key=GROUP), 3)
    assert (response.error_code, response.node_id) == (ErrorCode.COORDINATOR_NOT_AVAILABLE, -1)


def test_topic_that_cannot_be_made_means_no_coordinator() -> None:
    api = Api()
    api.broker.internal_topics.fail_with = KafkaError(ErrorCode.INVALID_REPLICATION_FACTOR)
    response = api.ask(find_coordinator, FindCoordinatorRequest(coordinator_keys=[GROUP]), 4)
    assert response.coordinators[0].error_code == ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert CONSUMER_OFFSETS_TOPIC in response.coordinators[0].error_message


# JoinGroup


@pytest.mark.parametrize("version", range(10))
def test_join_in_every_version(version: int) -> None:
    api = Api()
    response: JoinGroupResponse = api.ask(join_group, join_request(version), version)
    if version >= 4:
        assert response.error_code == ErrorCode.MEMBER_ID_REQUIRED
        assert response.protocol_name == (None if version >= 7 else "")
        response = api.ask(join_group, join_request(version, member_id=response.member_id), version)
    assert (response.error_code, response.generation_id, response.protocol_name) == (0, 1, "range")
    assert response.protocol_type == ("consumer" if version >= 7 else None)
    assert response.member_id == response.leader == response.members[0].member_id
    group = api.world.group()
    assert group is not None
    assert group.members[response.member_id].client_host == "/10.1.2.3"  # type: ignore[index]


@pytest.mark.parametrize(("version", "protocol_name"), [(0, ""), (6, ""), (7, None), (9, None)])
def test_parked_join_that_fails_has_the_protocol_name_of_its_version(
    version: int, protocol_name: str | None
) -> None:
    api = Api()
    api.world.stable_group()
    member_id = api.world.new_member_id()
    parked = api.send(join_group, join_request(version, member_id=member_id), version)
    api.world.coordinator.close()
    assert parked.result().error_code == ErrorCode.NOT_COORDINATOR
    assert parked.result().protocol_name == protocol_name


def test_join_v0_takes_the_session_timeout_for_the_rebalance_too() -> None:
    api = Api()
    member_id = api.ask(join_group, join_request(0), 0).member_id
    group = api.world.group()
    assert group is not None
    assert group.members[member_id].rebalance_timeout_ms == 10_000


def test_member_id_of_a_client_without_a_name_begins_with_a_hyphen() -> None:
    assert Api().ask(join_group, join_request(9), 9, client_id=None).member_id.startswith("-")


# SyncGroup, Heartbeat, LeaveGroup


@pytest.mark.parametrize("version", range(6))
def test_sync_in_every_version(version: int) -> None:
    api = Api()
    (member,) = api.world.stable_group()
    request = SyncGroupRequest(GROUP, 1, member)
    if version >= 5:
        request.protocol_type, request.protocol_name = "consumer", "range"
    response: SyncGroupResponse = api.ask(sync_group, request, version)
    assert (response.error_code, response.assignment) == (0, member.encode())
    assert response.protocol_name == ("range" if version >= 5 else None)


def test_sync_v5_without_a_protocol_is_inconsistent_before_anything_else() -> None:
    response = Api().ask(sync_group, SyncGroupRequest("", 1, "nobody"), 5)
    assert response.error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL


@pytest.mark.parametrize("version", range(5))
def test_heartbeat_in_every_version(version: int) -> None:
    api = Api()
    (member,) = api.world.stable_group()
    response: HeartbeatResponse = api.ask(heartbeat, HeartbeatRequest(GROUP, 1, member), version)
    assert response.error_code == ErrorCode.NONE


@pytest.mark.parametrize("version", range(6))
def test_leave_in_every_version(version: int) -> None:
    api = Api()
    (member,) = api.world.stable_group()

    def leave() -> LeaveGroupResponse:
        request = LeaveGroupRequest(GROUP)
        if version >= 3:
            request.members = [LeaveGroupRequest.MemberIdentity(member)]
        else:
            request.member_id = member
        response: LeaveGroupResponse = api.ask(leave_group, request, version)
        return response

    first, second = leave(), leave()
    if version >= 3:
        assert (first.members[0].error_code, second.members[0].error_code) == (0, 25)
        assert (first.error_code, second.error_code) == (0, 0)
    else:
        assert (first.error_code, second.error_code) == (0, ErrorCode.UNKNOWN_MEMBER_ID)


def test_leave_of_the_empty_group_id_is_invalid_in_the_old_shape_too() -> None:
    assert (
        Api().ask(leave_group, LeaveGroupRequest("", "m"), 0).error_code
        == ErrorCode.INVALID_GROUP_ID
    )


# OffsetCommit, OffsetFetch


@pytest.mark.parametrize("version", range(2, 11))
def test_commit_and_fetch_in_every_version(version: int) -> None:
    api = Api()
    partition = OffsetCommitRequest.OffsetCommitRequestPartition(
        0, 7, 3 if version >= 6 else -1, "note"
    )
    topic = OffsetCommitRequest.OffsetCommitRequestTopic(partitions=[partition])
    if version >= 10:
        topic.topic_id = b"o" * 16
    else:
        topic.name = "orders"
    committed: OffsetCommitResponse = api.ask(
        offset_commit, OffsetCommitRequest(GROUP, topics=[topic]), version
    )
    assert committed.topics[0].partitions[0].error_code == ErrorCode.NONE
    fetched: OffsetFetchResponse = api.ask(offset_fetch, fetch_request(version, [0, 1]), version)
    topics: Any = fetched.groups[0].topics if version >= 8 else fetched.topics
    answers = topics[0].partitions
    assert [(each.committed_offset, each.metadata, each.error_code) for each in answers] == [
        (7, "note", 0),
        (-1, "", 0),
    ]
    if version >= 6:
        assert [each.committed_leader_epoch for each in answers] == [3, -1]


@pytest.mark.parametrize("version", [2, 7, 8, 10])
def test_fetch_without_topics_is_of_everything(version: int) -> None:
    api = Api()
    api.world.commit({("orders", 1): 4}).result()
    response = api.ask(offset_fetch, fetch_request(version, None), version)
    topics = response.groups[0].topics if version >= 8 else response.topics
    assert topics[0].partitions[0].committed_offset == 4


@pytest.mark.parametrize("version", range(1, 11))
def test_fetch_from_the_wrong_broker_says_so_where_its_version_can(version: int) -> None:
    api = Api()
    api.world.coordinator.close()
    response = api.ask(offset_fetch, fetch_request(version, [0]), version)
    if version >= 8:
        assert response.groups[0].error_code == ErrorCode.NOT_COORDINATOR
        assert response.groups[0].topics == []
    elif version >= 2:
        assert response.error_code == ErrorCode.NOT_COORDINATOR
        assert response.topics == []
    else:
        partition = response.topics[0].partitions[0]
        assert (partition.error_code, partition.committed_offset) == (ErrorCode.NOT_COORDINATOR, -1)


def test_fetch_of_many_groups_answers_each() -> None:
    api = Api()
    api.world.commit({("orders", 0): 4}).result()
    groups = [
        OffsetFetchRequest.OffsetFetchRequestGroup(name, topics=None) for name in (GROUP, "other")
    ]
    response = api.ask(offset_fetch, OffsetFetchRequest(groups=groups, require_stable=True), 9)
    assert [(group.group_id, len(group.topics), group.error_code) for group in response.groups] == [
        (GROUP, 1, 0),
        ("other", 0, 0),
    ]


def fetch_request(version: int, partitions: list[int] | None) -> OffsetFetchRequest:
    if version < 8:
        topic = OffsetFetchRequest.OffsetFetchRequestTopic("orders", partitions or [])
        return OffsetFetchRequest(GROUP, None if partitions is None else [topic])
    wanted = OffsetFetchRequest.OffsetFetchRequestTopics(partition_indexes=partitions or [])
    if version >= 10:
        wanted.topic_id = b"o" * 16
    else:
        wanted.name = "orders"
    group = OffsetFetchRequest.OffsetFetchRequestGroup(
        GROUP, topics=None if partitions is None else [wanted]
    )
    return OffsetFetchRequest(groups=[group])
