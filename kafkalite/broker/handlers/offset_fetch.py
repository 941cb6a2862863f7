"""OffsetFetch: v1-v10. What groups have committed; -1 where nothing is.

v2: null topics ask for all, and the error of the group is on top. v5: leader epochs. v7: require_stable:
UNSTABLE_OFFSET_COMMIT where a transaction is open. v8: many groups in one request (KIP-709). v9: member id and epoch, which classic groups
do not have. v10: topics by id. Errors: 14 15 16 of the coordinator; 100 per partition.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchResponse

from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.OFFSET_FETCH

_GROUP_ERROR_VERSION = 2
_MANY_GROUPS_VERSION = 8


def handle(context: RequestContext, request: OffsetFetchRequest) -> OffsetFetchResponse:
    version = context.api_version
    coordinator = context.broker.group_coordinator
    if version >= _MANY_GROUPS_VERSION:
        return OffsetFetchResponse(
            groups=[
                coordinator.fetch_offsets(group, version, require_stable=request.require_stable)
                for group in request.groups
            ]
        )
    fetched = coordinator.fetch_offsets(
        _only_group(request), version, require_stable=request.require_stable
    )
    if fetched.error_code and version < _GROUP_ERROR_VERSION:
        return OffsetFetchResponse(topics=_all_failed(request, fetched.error_code))
    return OffsetFetchResponse(
        error_code=fetched.error_code,
        topics=[
            OffsetFetchResponse.OffsetFetchResponseTopic(
                name=topic.name,
                partitions=[
                    OffsetFetchResponse.OffsetFetchResponsePartition(
                        partition_index=partition.partition_index,
                        committed_offset=partition.committed_offset,
                        committed_leader_epoch=partition.committed_leader_epoch,
                        metadata=partition.metadata,
                        error_code=partition.error_code,
                    )
                    for partition in topic.partitions
                ],
            )
            for topic in fetched.topics
        ],
    )


def _only_group(request: OffsetFetchRequest) -> OffsetFetchRequest.OffsetFetchRequestGroup:
    """The single group of v1-v7 in the shape of v8."""
    topics = request.topics
    return OffsetFetchRequest.OffsetFetchRequestGroup(
        group_id=request.group_id,
        topics=None
        if topics is None
        else [
            OffsetFetchRequest.OffsetFetchRequestTopics(
                name=topic.name, partition_indexes=topic.partition_indexes
            )
            for topic in topics
        ],
    )


def _all_failed(
    request: OffsetFetchRequest, code: int
) -> list[OffsetFetchResponse.OffsetFetchResponseTopic]:
    """v1 has no place for the group's error: every partition carries it."""
    return [
        OffsetFetchResponse.OffsetFetchResponseTopic(
            name=topic.name,
            partitions=[
                OffsetFetchResponse.OffsetFetchResponsePartition(
                    partition_index=index, committed_offset=-1, metadata="", error_code=code
                )
                for index in topic.partition_indexes
            ],
        )
        for topic in request.topics or []
    ]
