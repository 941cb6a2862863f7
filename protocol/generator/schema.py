"""Definitions as the generator sees them: messages, structs, fields, and in which versions they exist."""

from __future__ import annotations

import json
import keyword
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIXED: Final = {
    "bool": ("?", "bool"),
    "int8": ("b", "int"),
    "int16": ("h", "int"),
    "uint16": ("H", "int"),
    "int32": ("i", "int"),
    "uint32": ("I", "int"),
    "int64": ("q", "int"),
    "float64": ("d", "float"),
    "uuid": ("16s", "bytes"),
}
"""Type of fixed width -> its `struct` format and its Python type."""

VARIABLE: Final = {"string": "str", "bytes": "bytes", "records": "Buffer"}
"""Type that is written behind its length -> its Python type."""


@dataclass(frozen=True)
class Versions:
    """A range of versions, both ends included: "4-18", "12+", "3", or "none" which is empty."""

    low: int
    high: int

    FOREVER = 32767

    @classmethod
    def parse(cls, text: str) -> Versions:
        if text == "none":
            return cls(0, -1)
        low, _, high = text.removesuffix("+").partition("-")
        if text.endswith("+"):
            return cls(int(low), cls.FOREVER)
        return cls(int(low), int(high or low))

    def __contains__(self, version: object) -> bool:
        return isinstance(version, int) and self.low <= version <= self.high

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.low, self.high + 1))

    def meets(self, other: Versions) -> bool:
        """Whether some version is in both ranges."""
        return max(self.low, other.low) <= min(self.high, other.high)

    def __str__(self) -> str:
        if self.high == self.FOREVER:
            return f"{self.low}+"
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


@dataclass
class Field:
    """One field. `type` is the element's type when `is_array`; `struct` is set for struct types."""

    name: str
    kafka_name: str
    type: str
    is_array: bool
    versions: Versions
    nullable: Versions
    tag: int | None
    default: str
    never_compact: bool
    struct: Struct | None = None

    @property
    def is_nullable(self) -> bool:
        """Whether null is a value of its own in any version."""
        return self.nullable.low <= self.nullable.high

    @property
    def may_be_none(self) -> bool:
        return self.is_nullable or self.default == "None"

    @property
    def element_annotation(self) -> str:
        if self.struct is not None:
            return self.struct.path
        return FIXED[self.type][1] if self.type in FIXED else VARIABLE[self.type]

    @property
    def annotation(self) -> str:
        """The Python type of the attribute."""
        text = f"list[{self.element_annotation}]" if self.is_array else self.element_annotation
        return f"{text} | None" if self.may_be_none else text


@dataclass
class Struct:
    """A struct by Kafka's name; `path` is how its class is reached: `FetchRequest.FetchTopic`."""

    name: str
    path: str
    fields: list[Field] = field(default_factory=list)

    def plain(self, version: int) -> list[Field]:
        return [f for f in self.fields if f.tag is None and version in f.versions]

    def tagged(self, version: int) -> list[Field]:
        found = [f for f in self.fields if f.tag is not None and version in f.versions]
        return sorted(found, key=lambda f: f.tag or 0)

    def absent(self, version: int) -> list[Field]:
        return [f for f in self.fields if version not in f.versions]


@dataclass
class Message:
    """One message: a request, a response, a header, a record's key or value."""

    name: str
    kind: str
    key: int | None
    versions: Versions
    flexible: Versions
    latest_version_unstable: bool
    root: Struct
    structs: list[Struct]

    @property
    def snake_name(self) -> str:
        return snake_case(self.name)

    @property
    def module(self) -> str:
        """Requests and responses share the module of their API."""
        name = self.name
        if self.kind in {"request", "response"}:
            name = name.removesuffix("Request").removesuffix("Response")
        return snake_case(name)

    @property
    def has_records(self) -> bool:
        structs = [self.root, *self.structs]
        return any(f.type == "records" for struct in structs for f in struct.fields)


def load_messages(definitions: Path) -> list[Message]:
    """Every definition in the folder, sorted by file name."""
    return [_message(json.loads(path.read_text())) for path in sorted(definitions.glob("*.json"))]


def snake_case(name: str) -> str:
    """`FetchRequest` -> `fetch_request`, `KRaftVersion` -> `kraft_version`."""
    name = name.replace("KRaft", "Kraft")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _message(facts: dict[str, Any]) -> Message:
    versions = Versions.parse(facts["versions"])
    root = Struct(facts["name"], facts["name"])
    structs: dict[str, Struct] = {}
    builder = _Builder(root.name, versions, structs)
    for common in facts.get("structs", []):
        builder.declare(common["name"])
    for common in facts.get("structs", []):
        structs[common["name"]].fields = builder.fields(common["fields"])
    root.fields = builder.fields(facts["fields"])
    return Message(
        name=facts["name"],
        kind=facts["type"],
        key=facts.get("apiKey"),
        versions=versions,
        flexible=Versions.parse(facts["flexible"]),
        latest_version_unstable=facts.get("latestVersionUnstable", False),
        root=root,
        structs=list(structs.values()),
    )


@dataclass
class _Builder:
    message_name: str
    message_versions: Versions
    structs: dict[str, Struct]

    def declare(self, name: str) -> Struct:
        assert name not in self.structs, name
        self.structs[name] = Struct(name, f"{self.message_name}.{name}")
        return self.structs[name]

    def fields(self, facts: list[dict[str, Any]]) -> list[Field]:
        """Fields that live in at least one of the message's versions."""
        built = [self.field(one) for one in facts]
        return [one for one in built if one.versions.meets(self.message_versions)]

    def field(self, facts: dict[str, Any]) -> Field:
        type_name = facts["type"].removeprefix("[]")
        struct = None
        if "fields" in facts:
            struct = self.declare(type_name)
            struct.fields = self.fields(facts["fields"])
        elif type_name[0].isupper():
            struct = self.structs[type_name]
        name = snake_case(facts["name"])
        result = Field(
            name=f"{name}_" if keyword.iskeyword(name) else name,
            kafka_name=facts["name"],
            type=type_name,
            is_array=facts["type"].startswith("[]"),
            versions=Versions.parse(facts["versions"]),
            nullable=Versions.parse(facts.get("nullable", "none")),
            tag=facts.get("tag"),
            default="",
            never_compact=facts.get("flexible") == "none",
            struct=struct,
        )
        assert not (result.is_array and type_name in {"bool", "float64", "bytes", "records"}), facts
        result.default = _default(result, facts.get("default", ""))
        return result


def _default(field_: Field, default: str | int | bool) -> str:
    """The default as a Python expression.

    A struct behind a tag is None when it is absent, unless null is a value of its own there.
    """
    if default == "null":
        return "None"
    if field_.is_array:
        assert default == "", field_
        return "[]"
    if field_.struct is not None:
        assert default == "", field_
        absent_is_none = field_.tag is not None and not field_.is_nullable
        return "None" if absent_is_none else f"{field_.struct.path}()"
    if field_.type == "string":
        return json.dumps(default)
    if field_.type == "bytes":
        return 'b""'
    if field_.type == "records":
        return "None"
    if field_.type == "uuid":
        return "ZERO_UUID"
    if field_.type == "bool":
        return str(str(default).lower() == "true")
    if field_.type == "float64":
        return repr(float(default or 0))
    return str(int(str(default or 0), 0))
