"""DescribeCluster: v0-v2. Brokers as this client's listener reaches them, the controller, the cluster id.

v1: endpoint type; controllers (type 2) have no listener for clients here. v2: fenced brokers, when asked for.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.describe_cluster import (
    DescribeClusterRequest,
    DescribeClusterResponse,
)

from kafkalite.broker.handlers.authorized_operations import CLUSTER_OPERATIONS, NOT_ASKED
from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.DESCRIBE_CLUSTER

_BROKERS = 1
_CONTROLLERS = 2


def handle(context: RequestContext, request: DescribeClusterRequest) -> DescribeClusterResponse:
    if request.endpoint_type == _CONTROLLERS:
        return DescribeClusterResponse(
            error_code=ErrorCode.MISMATCHED_ENDPOINT_TYPE,
            error_message="This is a listener of brokers; the request is for one of controllers.",
        )
    if request.endpoint_type != _BROKERS:
        return DescribeClusterResponse(
            error_code=ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
            error_message=f"There is no endpoint type {request.endpoint_type}.",
        )
    image = context.broker.control_plane.image
    asked = request.include_cluster_authorized_operations
    return DescribeClusterResponse(
        cluster_id=image.cluster_id,
        controller_id=image.controller_id,
        brokers=_brokers(context, include_fenced=request.include_fenced_brokers),
        cluster_authorized_operations=CLUSTER_OPERATIONS if asked else NOT_ASKED,
    )


def _brokers(
    context: RequestContext, *, include_fenced: bool
) -> list[DescribeClusterResponse.DescribeClusterBroker]:
    brokers = []
    for broker_id, broker in sorted(context.broker.control_plane.image.brokers.items()):
        host, port = context.broker.endpoint(broker_id, context.connection)
        if port >= 0 and (include_fenced or not broker.fenced):
            brokers.append(
                DescribeClusterResponse.DescribeClusterBroker(
                    broker_id=broker_id,
                    host=host,
                    port=port,
                    rack=broker.rack,
                    is_fenced=broker.fenced,
                )
            )
    return brokers
