"""What operators ask of groups of every type: list them, describe classic ones, delete groups, delete offsets.

Each method gives the response, or a Deferred of it that is never failed. What a type of group has of its own to do
before it can go (a share group's state lies elsewhere) is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.delete_groups import DeleteGroupsResponse
from kafkalite_protocol.messages.describe_groups import DescribeGroupsResponse
from kafkalite_protocol.messages.list_groups import ListGroupsRequest, ListGroupsResponse
from kafkalite_protocol.messages.offset_delete import OffsetDeleteRequest, OffsetDeleteResponse

from kafkalite.coordination.group import offset_records
from kafkalite.coordination.group.classic.consumer_protocol import CONSUMER_PROTOCOL_TYPE
from kafkalite.coordination.group.classic.group import ClassicGroup
from kafkalite.coordination.group.classic.states import GroupState
from kafkalite.coordination.group.context import GroupContext
from kafkalite.coordination.group.group import Group, GroupType
from kafkalite.coordination.group.shard import GroupShard
from kafkalite.coordination.ports import KeyValue
from kafkalite.coordination.runtime import Shards
from kafkalite.deferred import Deferred, gather, resolved
from kafkalite.errors import KafkaError
from kafkalite.types import GroupId, TopicPartition

DescribedGroup = DescribeGroupsResponse.DescribedGroup
DescribedMember = DescribeGroupsResponse.DescribedGroupMember
DeletedGroup = DeleteGroupsResponse.DeletableGroupResult

_GROUP_ID_NOT_FOUND_VERSION = 6
"""Before, a group that does not exist is described as a dead one."""


class GroupAdmin:
    """The operators' side of the group coordinator."""

    def __init__(
        self,
        context: GroupContext,
        shards: Shards[GroupShard],
        before_deletion: Callable[[Group], Deferred[ErrorCode]],
        deleted: Callable[[Group], None],
    ) -> None:
        """`before_deletion(group)` removes what an empty group has elsewhere, or says why it has to stay;
        `deleted(group)` is told when the group is out of the state."""
        self._context = context
        self._shards = shards
        self._before_deletion = before_deletion
        self._deleted = deleted

    # -- ListGroups -------------------------------------------------------------------------------------------------

    def list_groups(self, request: ListGroupsRequest) -> ListGroupsResponse:
        """ListGroups: filters are Kafka's names in any case; one that names nothing matches nothing."""
        if self._shards.is_loading:
            return ListGroupsResponse(error_code=ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        states = {state.strip().lower() for state in request.states_filter}
        types = {type_.lower() for type_ in request.types_filter}
        return ListGroupsResponse(
            groups=[
                ListGroupsResponse.ListedGroup(
                    group_id=group.group_id,
                    protocol_type=group.protocol_type or "",
                    group_state=group.state_name,
                    group_type=group.type.value,
                )
                for _, shard in self._shards.active()
                for group in shard.all_groups()
                if (not states or group.state_name.lower() in states)
                and (not types or group.type.value in types)
            ]
        )

    # -- DescribeGroups ---------------------------------------------------------------------------------------------

    def describe_groups(self, group_ids: Iterable[str], version: int) -> list[DescribedGroup]:
        """DescribeGroups: classic groups; one of another type is not found. The empty id is an id like any other."""
        return [self._describe(group_id, version) for group_id in group_ids]

    def _describe(self, group_id: str, version: int) -> DescribedGroup:
        try:
            group = self._shards.shard_for(group_id).find(GroupId(group_id))
        except KafkaError as error:
            return DescribedGroup(group_id=group_id, error_code=error.code)
        if isinstance(group, ClassicGroup):
            return describe_classic(group)
        dead = DescribedGroup(group_id=group_id, group_state=GroupState.DEAD.value)
        if version >= _GROUP_ID_NOT_FOUND_VERSION:
            dead.error_code = ErrorCode.GROUP_ID_NOT_FOUND
            dead.error_message = (
                not_found(group_id) if group is None else not_of_type(group_id, GroupType.CLASSIC)
            )
        return dead

    # -- DeleteGroups -----------------------------------------------------------------------------------------------

    def delete_groups(
        self, group_ids: Iterable[str]
    ) -> DeleteGroupsResponse | Deferred[DeleteGroupsResponse]:
        """DeleteGroups: groups without members, with all they have committed; each id is answered once."""
        ids = list(dict.fromkeys(group_ids))

        def answer(codes: list[ErrorCode]) -> DeleteGroupsResponse:
            return DeleteGroupsResponse(
                results=[
                    DeletedGroup(group_id=group_id, error_code=code)
                    for group_id, code in zip(ids, codes, strict=True)
                ]
            )

        out = gather([self._delete(GroupId(group_id)) for group_id in ids]).then(answer)
        return out.result() if out.done else out

    def _delete(self, group_id: GroupId) -> Deferred[ErrorCode]:
        try:
            group = self._find(group_id)
            if not group.is_empty:
                raise KafkaError(ErrorCode.NON_EMPTY_GROUP)
        except KafkaError as error:
            return resolved(error.code)
        out: Deferred[ErrorCode] = Deferred()

        def cleared(done: Deferred[ErrorCode]) -> None:
            code = done.result()
            if code is not ErrorCode.NONE:
                out.resolve(code)
                return
            self._remove(group_id).on_done(lambda removed: out.resolve(removed.result()))

        self._before_deletion(group).on_done(cleared)
        return out

    def _remove(self, group_id: GroupId) -> Deferred[ErrorCode]:
        """Write the group's tombstones. Asked again whether it may go: clearing away may have taken a while."""
        try:
            group = self._find(group_id)
            if not group.is_empty:
                raise KafkaError(ErrorCode.NON_EMPTY_GROUP)
        except KafkaError as error:
            return resolved(error.code)
        shard = self._shards.shard_for(group_id)
        due = {
            **shard.offsets.of_group(group_id),
            **dict.fromkeys(shard.offsets.pending_of_group(group_id)),
        }
        records = [offset_records.offset_tombstone(group_id, tp) for tp in due]
        return self.write_tombstones(group, [*records, *group.tombstones()])

    def write_tombstones(self, group: Group, records: list[KeyValue]) -> Deferred[ErrorCode]:
        """Write these, and let go of the group if they have taken it out."""
        out = self._write(group.group_id, records)
        shard = self._shards.shard_for(group.group_id)
        if (not out.done or out.result() is ErrorCode.NONE) and shard.find(group.group_id) is None:
            self._deleted(group)
        return out

    def _write(self, group_id: GroupId, records: list[KeyValue]) -> Deferred[ErrorCode]:
        """In batches that fit; appends are answered in order, so that the last one's answer tells of all."""
        answer: ErrorCode | Deferred[ErrorCode] = ErrorCode.NONE
        for start in range(0, len(records), offset_records.TOMBSTONES_PER_BATCH_MAX):
            piece = records[start : start + offset_records.TOMBSTONES_PER_BATCH_MAX]
            answer = self._context.write(group_id, piece, ErrorCode.NONE, lambda code: code)
            if not isinstance(answer, Deferred) and answer is not ErrorCode.NONE:
                break
        return answer if isinstance(answer, Deferred) else resolved(answer)

    # -- OffsetDelete -----------------------------------------------------------------------------------------------

    def delete_offsets(
        self, request: OffsetDeleteRequest
    ) -> OffsetDeleteResponse | Deferred[OffsetDeleteResponse]:
        """OffsetDelete: what the group has committed for topics that none of its members reads."""
        try:
            if not request.group_id:
                raise KafkaError(ErrorCode.INVALID_GROUP_ID)
            group = self._find(GroupId(request.group_id))
            _check_offset_delete(group)
        except KafkaError as error:
            return OffsetDeleteResponse(error_code=error.code)
        shard = self._shards.shard_for(group.group_id)
        committed = shard.offsets.of_group(group.group_id)
        pending = shard.offsets.pending_of_group(group.group_id)
        response = OffsetDeleteResponse()
        due: dict[TopicPartition, None] = {}
        for topic in request.topics:
            subscribed = group.is_subscribed_to(topic.name)
            answers = []
            for each in topic.partitions:
                tp = TopicPartition(topic.name, each.partition_index)
                code = ErrorCode.NONE
                if not self._context.topics.partition_exists(tp):
                    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                elif subscribed:
                    code = ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC
                elif tp in committed or tp in pending:
                    due[tp] = None
                answers.append(
                    OffsetDeleteResponse.OffsetDeleteResponsePartition(
                        partition_index=each.partition_index, error_code=code
                    )
                )
            if answers:
                response.topics.append(
                    OffsetDeleteResponse.OffsetDeleteResponseTopic(
                        name=topic.name, partitions=answers
                    )
                )
        records = [offset_records.offset_tombstone(group.group_id, tp) for tp in due]

        def answer(code: ErrorCode) -> OffsetDeleteResponse:
            return response if code is ErrorCode.NONE else OffsetDeleteResponse(error_code=code)

        out = self._write(group.group_id, records).then(answer)
        return out.result() if out.done else out

    def _find(self, group_id: GroupId) -> Group:
        """KafkaError GROUP_ID_NOT_FOUND, and the coordinator's own."""
        group = self._shards.shard_for(group_id).find(group_id)
        if group is None:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, not_found(group_id))
        return group


def describe_classic(group: ClassicGroup) -> DescribedGroup:
    """The protocol and what members told each other are settled in a Stable group alone."""
    stable = group.state is GroupState.STABLE
    return DescribedGroup(
        group_id=group.group_id,
        group_state=group.state_name,
        protocol_type=group.protocol_type or "",
        protocol_data=group.protocol_name or "" if stable else "",
        members=[
            DescribedMember(
                member_id=member.member_id,
                group_instance_id=member.instance_id,
                client_id=member.client_id,
                client_host=member.client_host,
                member_metadata=member.metadata_for(group.protocol_name) if stable else b"",
                member_assignment=member.assignment,
            )
            for member in group.members.values()
        ],
    )


def not_found(group_id: str) -> str:
    """Said with GROUP_ID_NOT_FOUND."""
    return f"there is no group {group_id}"


def not_of_type(group_id: str, wanted: GroupType) -> str:
    """Said with GROUP_ID_NOT_FOUND where the id is that of a group of another type."""
    return f"group {group_id} is not a {wanted.value} group"


def _check_offset_delete(group: Group) -> None:
    """May offsets be deleted at all? Of a classic group with members only when it is known what they read."""
    if group.type is GroupType.SHARE:
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND)
    if (
        group.type is GroupType.CLASSIC
        and not group.is_empty
        and group.protocol_type != CONSUMER_PROTOCOL_TYPE
    ):
        raise KafkaError(ErrorCode.NON_EMPTY_GROUP)
