"""What readers take and writers produce: bytes that can be sliced, and have a length."""

from __future__ import annotations

Buffer = bytes | bytearray | memoryview
