"""UnregisterBroker: v0. Forgets a broker that is gone for good (KIP-631). The one that answers cannot be forgotten."""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.unregister_broker import (
    UnregisterBrokerRequest,
    UnregisterBrokerResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred

API_KEY = ApiKey.UNREGISTER_BROKER


def handle(
    context: RequestContext, request: UnregisterBrokerRequest
) -> Deferred[UnregisterBrokerResponse]:
    done = context.broker.control_plane.unregister_broker(request.broker_id)
    return done.then(lambda _: UnregisterBrokerResponse())
