"""Ids that the coordinator makes for members that come without one."""

from __future__ import annotations

import base64
from random import Random

from kafkalite.types import MemberId


def new_member_id(random: Random) -> MemberId:
    """A random uuid as Kafka prints them: 22 characters of base64url, the first no `-`, for the sake of command lines."""
    while True:
        text = base64.urlsafe_b64encode(random.randbytes(16)).decode().rstrip("=")
        if not text.startswith("-"):
            return MemberId(text)
