"""Levels of the log as configs (KIP-412): `root`, and each logger of kafkalite that has been used, under Kafka's level names.

Python's loggers belong to the process, not to one broker in it. A change lasts until the process ends, as in Kafka.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.errors import KafkaError
from kafkalite.metadata.events import ConfigChange, ConfigOperation

ROOT: Final = "root"
_OURS: Final = "kafkalite"

_LEVELS: Final = {
    "TRACE": 5,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
}
"""Kafka's names, from the most that is logged to the least."""


def check_broker(name: str, node_id: int) -> None:
    """Raises `KafkaError` unless `name` is the id of this broker: it tells of its own loggers only."""
    if not name:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Whose loggers: a broker id is missing.")
    if not name.isascii() or not name.lstrip("+-").isdigit():
        raise KafkaError(ErrorCode.INVALID_REQUEST, f'A broker id is a number, not "{name}".')
    if int(name) != node_id:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"This is broker {node_id}; ask broker {name} for its own."
        )


def levels() -> dict[str, str]:
    """Logger -> level, what it has of its own or from above."""
    names = [ROOT, *sorted(filter(_is_ours, logging.root.manager.loggerDict))]
    return {name: _level_name(_logger(name).getEffectiveLevel()) for name in names}


def change_levels(changes: Sequence[ConfigChange], *, validate_only: bool) -> None:
    """All of `changes` or none. Raises `KafkaError`."""
    known = levels()
    for name, operation, value in changes:
        _check(name, operation, value, known)
    if validate_only:
        return
    for name, _, value in changes:
        _logger(name).setLevel(logging.NOTSET if value is None else _LEVELS[value])


def _check(name: str, operation: ConfigOperation, value: str | None, known: dict[str, str]) -> None:
    if operation in (ConfigOperation.APPEND, ConfigOperation.SUBTRACT):
        raise KafkaError(ErrorCode.INVALID_REQUEST, "A level is not a list.")
    if name not in known:
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"There is no logger {name}.")
    if operation == ConfigOperation.DELETE:
        if name == ROOT:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "The root logger has a level always.")
    elif value not in _LEVELS:
        words = ", ".join(_LEVELS)
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"There is no level {value}; there are {words}.")


def _is_ours(name: str) -> bool:
    return name == _OURS or name.startswith(f"{_OURS}.")


def _logger(name: str) -> logging.Logger:
    return logging.getLogger(None if name == ROOT else name)


def _level_name(level: int) -> str:
    return next((name for name, most in _LEVELS.items() if level <= most), "FATAL")
