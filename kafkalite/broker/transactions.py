"""The words that several handlers of transactions share."""

from __future__ import annotations

from kafkalite_protocol.error_codes import ErrorCode

TRANSACTION_VERSION = "transaction.version"

_FENCED_VERSION = 2


def code_for(code: ErrorCode, api_version: int, fenced_version: int = _FENCED_VERSION) -> ErrorCode:
    """PRODUCER_FENCED is known to clients from `fenced_version` of an API on; before, it is INVALID_PRODUCER_EPOCH."""
    if code == ErrorCode.PRODUCER_FENCED and api_version < fenced_version:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    return code
