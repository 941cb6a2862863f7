"""Random values for any message and version, in the JSON that Kafka's converters speak.

Field names are camelCase; bytes and records are base64, a uuid is base64url without padding; a
tagged field that is left out has its default.
"""

from __future__ import annotations

import base64
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from generator.schema import load_messages

if TYPE_CHECKING:
    import random

    from generator.schema import Field, Message, Struct
    from kafkalite_protocol import primitives

DEFINITIONS = Path(__file__).parents[2] / "protocol" / "definitions"

INT_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
UNSIGNED_BITS = {"uint16": 16, "uint32": 32}
TEXTS = ["", "a", "orders", "grüße-日本-🚀", "x" * 126, "y" * 127, "z" * 128, "ß" * 70, "w" * 300]
SHORT_TEXTS = ["a", "orders", "grüße"]


def all_messages() -> list[Message]:
    return load_messages(DEFINITIONS)


def message_type(message: Message) -> type[primitives.Message]:
    module = importlib.import_module(f"kafkalite_protocol.messages.{message.module}")
    return getattr(module, message.name)


class RandomValues:
    """Makes JSON values.

    `small` values are for people to read: "bare" ones have no tags, nulls where they may, and no
    array elements; "full" ones have every tag, no null, and one element in every array.
    """

    def __init__(self, random: random.Random, *, small: Literal["", "bare", "full"] = "") -> None:
        self.random = random
        self.small = small

    def message(self, message: Message, version: int) -> dict[str, Any]:
        return self.struct(message.root, version)

    def struct(self, struct: Struct, version: int) -> dict[str, Any]:
        value = {f.kafka_name: self.field(f, version) for f in struct.plain(version)}
        present = [f for f in struct.tagged(version) if self.choose(0.5)]
        value |= {f.kafka_name: self.field(f, version) for f in present}
        return {name[0].lower() + name[1:]: each for name, each in value.items()}

    def field(self, field: Field, version: int) -> Any:
        if version in field.nullable and not self.choose(0.75):
            return None
        if not field.is_array:
            return self.single(field, version)
        return [self.single(field, version) for _ in range(self.array_length(field))]

    def choose(self, chance: float) -> bool:
        """Whether to have something that need not be there."""
        return self.small == "full" or (not self.small and self.random.random() < chance)

    def array_length(self, field: Field) -> int:
        if self.small:
            return int(self.small == "full")
        long = [127, 128] if field.struct is None and self.random.random() < 0.1 else [3]
        return self.random.choice([0, 1, 2, *long])

    def single(self, field: Field, version: int) -> Any:
        if field.struct is not None:
            return self.struct(field.struct, version)
        kind = field.type
        if kind == "string":
            return self.random.choice(SHORT_TEXTS if self.small else TEXTS)
        if kind == "bool":
            return self.random.random() < 0.5
        if kind == "float64":
            return self.random.choice([0.0, -1.5, 1e300, self.random.random()])
        if kind == "uuid":
            raw = self.random.choice([bytes(16), self.random.randbytes(16)])
            return base64.urlsafe_b64encode(raw).decode().rstrip("=")
        if kind in INT_BITS:
            limit = 1 << (INT_BITS[kind] - 1)
            return self.integer(-limit, limit - 1)
        if kind in UNSIGNED_BITS:
            return self.integer(0, (1 << UNSIGNED_BITS[kind]) - 1)
        size = 3 if self.small else self.random.choice([0, 1, 126, 127, 128, 1000])
        return base64.b64encode(self.random.randbytes(size)).decode()

    def integer(self, low: int, high: int) -> int:
        edges = [low, high, 0, 1, max(low, -1)]
        return self.random.choice([*edges, self.random.randint(low, high)])


def to_object(
    message: Message, version: int, value: dict[str, Any], *, with_records: bool = True
) -> primitives.Message:
    """The message object that a JSON value stands for. Without records: they are left at null."""
    return _Reader(message_type(message), version, with_records).struct(message.root, value)


class _Reader:
    def __init__(self, root: Any, version: int, with_records: bool) -> None:
        self.root = root
        self.version = version
        self.with_records = with_records

    def struct(self, struct: Struct, value: dict[str, Any]) -> Any:
        fields = {f.kafka_name[0].lower() + f.kafka_name[1:]: f for f in struct.fields}
        _, _, nested = struct.path.partition(".")
        result = getattr(self.root, nested)() if nested else self.root()
        for name, each in value.items():
            if self.version in fields[name].versions:
                setattr(result, fields[name].name, self.field(fields[name], each))
        return result

    def field(self, field: Field, value: Any) -> Any:
        if value is None:
            return None
        if field.is_array:
            return [self.single(field, each) for each in value]
        made = self.single(field, value)
        if field.struct is not None and field.default == "None" and not field.is_nullable:
            return None if made == type(made)() else made  # a tagged struct of defaults is absent
        return made

    def single(self, field: Field, value: Any) -> Any:
        if field.struct is not None:
            return self.struct(field.struct, value)
        if field.type == "uuid":
            return base64.urlsafe_b64decode(value + "==")
        if field.type == "records":
            if not self.with_records:
                return None
            return memoryview(base64.b64decode(value))
        if field.type == "bytes":
            return base64.b64decode(value)
        return value
