"""DescribeUserScramCredentials: v0. Which users have passwords for SASL/SCRAM, by mechanism (KIP-554).

Null or no users means all. A user that is asked for twice is refused.
"""

from __future__ import annotations

from collections import Counter

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.describe_user_scram_credentials import (
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
)

from kafkalite.broker.request import RequestContext

API_KEY = ApiKey.DESCRIBE_USER_SCRAM_CREDENTIALS

Result = DescribeUserScramCredentialsResponse.DescribeUserScramCredentialsResult
Info = DescribeUserScramCredentialsResponse.CredentialInfo


def handle(
    context: RequestContext, request: DescribeUserScramCredentialsRequest
) -> DescribeUserScramCredentialsResponse:
    infos: dict[str, list[Info]] = {}
    for (name, mechanism), credential in context.broker.image.users.scram_credentials.items():
        info = Info(mechanism, credential.iterations)
        infos.setdefault(name, []).append(info)
    counts = Counter(one.name for one in request.users or ()) or dict.fromkeys(infos, 1)
    return DescribeUserScramCredentialsResponse(
        error_message="",
        results=[
            _twice(name) if count > 1 else _result(name, infos.get(name))
            for name, count in counts.items()
        ],
    )


def _result(name: str, infos: list[Info] | None) -> Result:
    if infos is None:
        return Result(name, ErrorCode.RESOURCE_NOT_FOUND, f"User {name} has no credentials.")
    return Result(
        name, error_message="", credential_infos=sorted(infos, key=lambda one: one.mechanism)
    )


def _twice(name: str) -> Result:
    return Result(name, ErrorCode.DUPLICATE_RESOURCE, f"User {name} is in the request twice.")
