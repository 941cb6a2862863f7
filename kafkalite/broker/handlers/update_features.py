"""UpdateFeatures: v0-v2. Finalizes other levels of features; all of the request or nothing (KIP-584, KIP-1022).

v0 has a flag where v1 brought a type of upgrade; Kafka's controller does not look at the flag, so neither do we. Up to v1
a success is told for each feature, a failure is always told once, for all.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.update_features import (
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)

from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.metadata.events import FeatureUpdate

API_KEY = ApiKey.UPDATE_FEATURES


def handle(
    context: RequestContext, request: UpdateFeaturesRequest
) -> Deferred[UpdateFeaturesResponse]:
    updates = {
        one.feature: FeatureUpdate(one.feature, one.max_version_level, one.upgrade_type)
        for one in request.feature_updates
    }
    done = context.broker.control_plane.update_features(
        [*updates.values()], validate_only=request.validate_only
    )
    return done.then(
        lambda _: UpdateFeaturesResponse(
            error_message=None,
            results=[
                UpdateFeaturesResponse.UpdatableFeatureResult(one.feature)
                for one in request.feature_updates
            ],
        )
    )
