"""What the four APIs of delegation tokens (KIP-48) answer to a client that is not authenticated: none may have a token.

So does Kafka on a PLAINTEXT listener, and there is no other here.
"""

from __future__ import annotations

from typing import Final

from kafkalite_protocol.error_codes import ErrorCode

NOT_ALLOWED: Final = ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED

ANONYMOUS: Final = ("User", "ANONYMOUS")
"""Type and name of whoever has not said who they are."""
