"""Requests made from their types alone: empty ones, ones whose every field says something, and those with a null in them."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Final

from kafkalite_protocol.primitives import ZERO_UUID, Message, Struct

UNKNOWN_ID: Final = bytes(range(16, 32))
NOBODY: Final = 999
SOON_MS: Final = 100

_NUMBERS: Final = {
    "acks": -1,  # with 0 there would be no answer
    "replica_id": -1,  # what clients say
    "broker_id": NOBODY,  # never the broker's own: it must not be unregistered
    "broker_ids": NOBODY,
    "voter_id": NOBODY,
    "min_bytes": 0,
    "max_bytes": 1024,
}
"""Numbers that must not be 0."""

Change = Callable[[Any], None]


def empty(kind: type[Message]) -> Message:
    """The request with nothing in it: its defaults, no lists, no names; it asks for an answer and does not wait."""
    request = kind()
    _set_numbers(request)
    return request


def filled(kind: type[Message], name: Callable[[str], str]) -> Message:
    """The request with one entry in each list and something in each field; texts are `name(field)`."""
    request = _filled_struct(kind, name)
    assert isinstance(request, Message)
    return request


def with_a_null(request: Message) -> Iterator[tuple[str, Message]]:
    """Copies of a filled request, in each of which one field that may be null is null, by the path of that field.

    Which versions know the null is not told by the type: encoding fails in the others.
    """
    for path, clear in _nullable(request, ""):
        del clear  # it belongs to the original
        copy = deepcopy(request)
        for other, clear_copy in _nullable(copy, ""):
            if other == path:
                clear_copy(copy)
                break
        yield path, copy


def _nullable(value: Struct, path: str) -> Iterator[tuple[str, Change]]:
    hints = _hints(type(value))
    for field in value.__slots__:
        here = f"{path}.{field}" if path else field
        if _may_be_null(hints[field]):
            yield here, lambda _, field=field: setattr(value, field, None)  # type: ignore[misc]
        inner = getattr(value, field)
        if isinstance(inner, list) and inner and isinstance(inner[0], Struct):
            inner = inner[0]
        if isinstance(inner, Struct):
            yield from _nullable(inner, here)


def _filled_struct(kind: type[Struct], name: Callable[[str], str]) -> Struct:
    value = kind()
    for field, hint in _hints(kind).items():
        default = getattr(value, field)
        setattr(value, field, _filled(field, hint, default, name))
    return value


def _filled(field: str, hint: Any, default: Any, name: Callable[[str], str]) -> Any:
    kind = _without_null(hint)
    if typing.get_origin(kind) is list:
        (item,) = typing.get_args(kind)
        return [_filled(field, item, _item_default(item), name)]
    if issubclass(kind, Struct):
        return _filled_struct(kind, name)
    if kind is str:
        return name(field)
    if kind is int:
        return _number(field, default or 0)
    if issubclass(kind, bytes | memoryview):
        return UNKNOWN_ID if default == ZERO_UUID else b"sweep"
    return default if default is not None else kind()


def _item_default(item: Any) -> Any:
    """Kafka has no lists of bytes but those of ids."""
    return ZERO_UUID if item is bytes else None


def _set_numbers(value: Struct) -> None:
    for field in value.__slots__:
        inner = getattr(value, field)
        if isinstance(inner, int) and not isinstance(inner, bool):
            setattr(value, field, _number(field, inner))


def _number(field: str, default: int) -> int:
    if field.endswith(("timeout_ms", "wait_ms")):
        return SOON_MS
    return _NUMBERS.get(field, default)


def _hints(kind: type[Struct]) -> dict[str, Any]:
    """The types of the fields, in their order."""
    module = vars(sys.modules[kind.__module__])
    hints = {}
    for base in reversed(kind.__mro__):
        for field, text in vars(base).get("__annotations__", {}).items():
            if field in kind.__slots__:
                hints[field] = eval(text, {**module, "Buffer": memoryview})
    return {field: hints[field] for field in kind.__slots__}


def _may_be_null(hint: Any) -> bool:
    return isinstance(hint, types.UnionType) and type(None) in typing.get_args(hint)


def _without_null(hint: Any) -> Any:
    if not isinstance(hint, types.UnionType):
        return hint
    return next(one for one in typing.get_args(hint) if one is not type(None))
