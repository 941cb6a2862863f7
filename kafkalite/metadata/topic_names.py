"""Which names a topic may have, and which two cannot live side by side (Kafka's `Topic` class)."""

from __future__ import annotations

import re
from typing import Final

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.errors import KafkaError

TOPIC_NAME_CHARS_MAX: Final = 249
"""A partition's directory is `name-number`, and one with a suffix such as `.<uuid>-delete` must fit in 255 bytes."""

_LEGAL: Final = re.compile(r"[a-zA-Z0-9._-]+")


def check_topic_name(name: str) -> None:
    """Raises `KafkaError(INVALID_TOPIC_EXCEPTION)` for a name that cannot be a topic's."""
    reason = _what_is_wrong_with(name)
    if reason is not None:
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"The topic name {reason}.")


def is_topic_name(name: str) -> bool:
    """Whether a topic could have this name."""
    return _what_is_wrong_with(name) is None


def _what_is_wrong_with(name: str) -> str | None:
    if not name:
        return "is empty"
    if name in {".", ".."}:
        return f'may not be "{name}"'
    if len(name) > TOPIC_NAME_CHARS_MAX:
        return f"has {len(name)} characters, more than {TOPIC_NAME_CHARS_MAX}"
    if not _LEGAL.fullmatch(name):
        return f'"{name}" has characters other than letters, digits, ".", "_" and "-"'
    return None


def collision_key(name: str) -> str | None:
    """Names with one key would have metrics of one name, where `.` becomes `_`. None: cannot collide."""
    return name.replace(".", "_") if "." in name or "_" in name else None
