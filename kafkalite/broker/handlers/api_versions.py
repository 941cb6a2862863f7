"""ApiVersions: v0-v4. What this broker serves, from the one table in `broker/apis.py`.

Any unknown version is answered with UNSUPPORTED_VERSION in v0's format, listing ApiVersions alone, and the connection
goes on. v3: client software name and version, kept for the log. v4: features whose minimum is 0 may be listed; v3
leaves them out because old Java clients refuse a 0.
"""

from __future__ import annotations

import re

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse

from kafkalite.broker.apis import SERVED
from kafkalite.broker.request import RequestContext
from kafkalite.metadata.features import SUPPORTED_FEATURES

API_KEY = ApiKey.API_VERSIONS

_SOFTWARE = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")


def handle(context: RequestContext, request: ApiVersionsRequest) -> ApiVersionsResponse:
    if context.api_version >= 3:
        name, version = request.client_software_name, request.client_software_version
        if not (_SOFTWARE.fullmatch(name) and _SOFTWARE.fullmatch(version)):
            return ApiVersionsResponse(error_code=ErrorCode.INVALID_REQUEST)
        context.connection.client_software_name = name
        context.connection.client_software_version = version
    image = context.broker.control_plane.image
    return ApiVersionsResponse(
        api_keys=_served(),
        supported_features=[
            ApiVersionsResponse.SupportedFeatureKey(name=name, min_version=low, max_version=high)
            for name, (low, high) in SUPPORTED_FEATURES.items()
            if low > 0 or context.api_version >= 4
        ],
        finalized_features_epoch=max(0, image.next_offset - 1),
        finalized_features=[
            ApiVersionsResponse.FinalizedFeatureKey(
                name=name, min_version_level=level, max_version_level=level
            )
            for name, level in image.features.items()
            if level > 0 and name in SUPPORTED_FEATURES
        ],
    )


def unsupported_version() -> ApiVersionsResponse:
    """The answer to a version of ApiVersions that is not served, to be encoded as v0."""
    served = SERVED[ApiKey.API_VERSIONS]
    return ApiVersionsResponse(
        error_code=ErrorCode.UNSUPPORTED_VERSION,
        api_keys=[
            ApiVersionsResponse.ApiVersion(
                api_key=ApiKey.API_VERSIONS,
                min_version=served.min_version,
                max_version=served.max_version,
            )
        ],
    )


def _served() -> list[ApiVersionsResponse.ApiVersion]:
    return [
        ApiVersionsResponse.ApiVersion(
            api_key=key,
            min_version=api.min_version
            if api.advertised_min_version is None
            else api.advertised_min_version,
            max_version=api.max_version,
        )
        for key, api in SERVED.items()
        if api.advertised
    ]
