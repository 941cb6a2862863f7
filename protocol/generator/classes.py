"""Writes the classes of a module: signatures with Kafka's defaults, and slots."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.schema import Field, Message, Struct

DECORATOR = "@dataclass(init=False, repr=False, eq=False)"
"""Fields only: what `dataclass` would generate at import is written out here, or inherited from `Struct`."""

_RESERVED = {"decode", "decode_from", "encode", "encode_into", "self"}


def message_class(message: Message) -> Iterator[str]:
    """The class of a message with its structs inside."""
    yield DECORATOR
    yield f"class {message.name}(Message):"
    yield f'    """{_docstring(message)}"""'
    yield ""
    yield f"    __slots__ = {_slots(message.root)}"
    yield ""
    if message.key is not None:
        constant = "API_KEY" if message.kind in {"request", "response"} else "RECORD_KEY"
        yield f"    {constant}: ClassVar[int] = {message.key}"
    yield f"    MIN_VERSION: ClassVar[int] = {message.versions.low}"
    yield f"    MAX_VERSION: ClassVar[int] = {message.versions.high}"
    if message.has_records:
        yield "    HAS_RECORDS: ClassVar[bool] = True"
    for struct in message.structs:
        yield ""
        yield f"    {DECORATOR}"
        yield f"    class {struct.name}(Struct):"
        yield f"        __slots__ = {_slots(struct)}"
        yield from _fields(struct, "        ")
        yield from _init(struct, "        ")
    yield from _fields(message.root, "    ")
    yield from _init(message.root, "    ")


def _fields(struct: Struct, indent: str) -> Iterator[str]:
    if struct.fields:
        yield ""
    for field in struct.fields:
        tag = "" if field.tag is None else f", tag {field.tag}"
        yield f"{indent}{field.name}: {field.annotation}  # {field.versions}{tag}"


def _docstring(message: Message) -> str:
    what = {"coordinator-key": "key of a coordinator's record", "header": "header"}
    what |= {"coordinator-value": "value of a coordinator's record", "metadata": "metadata record"}
    kind = what.get(message.kind, message.kind).capitalize()
    flexible = message.flexible
    if not flexible.meets(message.versions):
        note = "none is flexible"
    elif flexible.low <= message.versions.low:
        note = "flexible"
    else:
        note = f"flexible from {flexible.low}"
    return f"{kind}, versions {message.versions}, {note}."


def _slots(struct: Struct) -> str:
    names = [f'"{field.name}"' for field in struct.fields]
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def _init(struct: Struct, indent: str) -> Iterator[str]:
    if not struct.fields:
        return
    yield ""
    yield f"{indent}def __init__("
    yield f"{indent}    self,"
    for field in struct.fields:
        assert field.name not in _RESERVED, field
        annotation, default = _parameter(field)
        yield f"{indent}    {field.name}: {annotation} = {default},"
    yield f"{indent}) -> None:"
    for field in struct.fields:
        yield f"{indent}    self.{field.name} = {_initial(field)}"


def _parameter(field: Field) -> tuple[str, str]:
    if field.default == "[]":
        return (field.annotation, "EMPTY") if field.is_nullable else (_optional(field), "None")
    if field.default.endswith("()"):
        return _optional(field), "None"
    return field.annotation, field.default


def _optional(field: Field) -> str:
    return field.annotation if field.may_be_none else f"{field.annotation} | None"


def _initial(field: Field) -> str:
    if field.default == "[]":
        absent = "EMPTY" if field.is_nullable else "None"
        return f"[] if {field.name} is {absent} else {field.name}"
    if field.default.endswith("()"):
        return f"{field.default} if {field.name} is None else {field.name}"
    return field.name
