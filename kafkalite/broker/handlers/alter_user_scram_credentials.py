"""AlterUserScramCredentials: v0. Makes, changes and removes passwords for SASL/SCRAM (KIP-554).

They are kept and listed. Nobody can log in with them yet, for want of a SASL listener.
"""

from __future__ import annotations

from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
)

from kafkalite.broker.handlers.outcome import answer_either, message_of
from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.metadata.events import AlteredUser, ScramDeletion, ScramUpsertion

API_KEY = ApiKey.ALTER_USER_SCRAM_CREDENTIALS

Result = AlterUserScramCredentialsResponse.AlterUserScramCredentialsResult


def handle(
    context: RequestContext, request: AlterUserScramCredentialsRequest
) -> Deferred[AlterUserScramCredentialsResponse]:
    deletions = [ScramDeletion(one.name, one.mechanism) for one in request.deletions]
    upsertions = [
        ScramUpsertion(one.name, one.mechanism, one.iterations, one.salt, one.salted_password)
        for one in request.upsertions
    ]
    names = dict.fromkeys(one.name for one in request.deletions)
    names.update(dict.fromkeys(one.name for one in request.upsertions))
    return answer_either(
        context.broker.control_plane.alter_scram_credentials(deletions, upsertions),
        _answer,
        lambda error: _answer([AlteredUser(name, error) for name in names]),
    )


def _answer(altered: list[AlteredUser]) -> AlterUserScramCredentialsResponse:
    return AlterUserScramCredentialsResponse(
        results=[
            Result(one.name, one.error.code if one.error is not None else 0, message_of(one.error))
            for one in altered
        ]
    )
