"""SCRAM credentials (KIP-554): Kafka's checks (`ScramControlManager`). Pure functions of an image.

Clients send the salted password; what is kept are two keys made of it (RFC 5802):

    StoredKey = H(HMAC(salted password, "Client Key"))        ServerKey = HMAC(salted password, "Server Key")
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.remove_user_scram_credential_record import (
    RemoveUserScramCredentialRecord,
)
from kafkalite_protocol.messages.user_scram_credential_record import UserScramCredentialRecord

from kafkalite.errors import KafkaError
from kafkalite.metadata.events import (
    AlteredUser,
    AlterScramCredentials,
    ScramDeletion,
    ScramUpsertion,
)
from kafkalite.metadata.image import MetadataImage

if TYPE_CHECKING:
    from kafkalite.metadata.records import MetadataRecord

MECHANISMS: Final = {1: "sha256", 2: "sha512"}
"""Kafka's number of a mechanism -> its hash function."""

ITERATIONS_MIN: Final = 4096
ITERATIONS_MAX: Final = 16384


def alter_scram_credentials(
    image: MetadataImage, event: AlterScramCredentials
) -> tuple[list[MetadataRecord], list[AlteredUser]]:
    """Records and answers, one for each user, refusals last. A user that comes twice is refused."""
    records: dict[str, MetadataRecord] = {}
    errors: dict[str, KafkaError] = {}
    changes: list[ScramDeletion | ScramUpsertion] = [*event.deletions, *event.upsertions]
    for change in changes:
        name = change.name
        if name in errors:
            continue
        try:
            if records.pop(name, None) is not None:
                raise KafkaError(
                    ErrorCode.DUPLICATE_RESOURCE, "A user can be changed once in a request."
                )
            records[name] = _record(image, change)
        except KafkaError as error:
            errors[name] = error
    good = [AlteredUser(name) for name in records]
    return list(records.values()), good + [AlteredUser(*pair) for pair in errors.items()]


def _record(image: MetadataImage, change: ScramDeletion | ScramUpsertion) -> MetadataRecord:
    if not change.name:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "The user has no name.")
    if change.mechanism not in MECHANISMS:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_SASL_MECHANISM, f"There is no SCRAM mechanism {change.mechanism}."
        )
    if isinstance(change, ScramUpsertion):
        return _upsertion(change)
    if (change.name, change.mechanism) not in image.users.scram_credentials:
        raise KafkaError(ErrorCode.RESOURCE_NOT_FOUND, "The user has no such credential.")
    return RemoveUserScramCredentialRecord(change.name, change.mechanism)


def _upsertion(change: ScramUpsertion) -> UserScramCredentialRecord:
    if not ITERATIONS_MIN <= change.iterations <= ITERATIONS_MAX:
        raise KafkaError(
            ErrorCode.UNACCEPTABLE_CREDENTIAL,
            f"There must be from {ITERATIONS_MIN} to {ITERATIONS_MAX} iterations.",
        )
    if not change.salted_password:
        raise KafkaError(ErrorCode.UNACCEPTABLE_CREDENTIAL, "The password is empty.")
    function = MECHANISMS[change.mechanism]
    client_key = hmac.digest(change.salted_password, b"Client Key", function)
    return UserScramCredentialRecord(
        change.name,
        change.mechanism,
        change.salt,
        hashlib.new(function, client_key).digest(),
        hmac.digest(change.salted_password, b"Server Key", function),
        change.iterations,
    )
