"""The one exception that bytes from a peer can cause."""

from __future__ import annotations


class ProtocolError(ValueError):
    """Bytes that are not what the protocol says they are: truncated, oversized, malformed. The peer's mistake."""
