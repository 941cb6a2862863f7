"""Writes whole modules: classes, decode and encode functions, the tables that find them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from generator.classes import message_class
from generator.code import Formats
from generator.decoders import decoder_body, tuple_alias, tuple_annotation
from generator.encoders import encoder_body

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.schema import Message

_PRIMITIVES: Final = Path(__file__).parents[1] / "kafkalite_protocol" / "primitives.py"

HEADER: Final = (
    "# Written by protocol/generate.py from protocol/definitions. Changes here are lost."
)

# Messages that are also read or written as plain tuples, on the way of every record batch.
_READ_AS_TUPLES = {"ProduceRequest", "FetchRequest"}
_WRITTEN_AS_TUPLES = {"ProduceResponse"}
_WRITTEN_SCATTERED = {"FetchResponse", "ShareFetchResponse"}


@dataclass
class _Functions:
    """Functions of one purpose; versions with the same layout share one."""

    name: str
    signature: str
    by_version: dict[int, str] = field(default_factory=dict)
    bodies: dict[str, str] = field(default_factory=dict)

    def add(self, version: int, body: str) -> None:
        self.by_version[version] = self.bodies.setdefault(body, f"{self.name}_v{version}")

    def lines(self) -> Iterator[str]:
        for body, name in self.bodies.items():
            yield from ("", "", f"def {name}{self.signature}:", body)

    def table(self) -> str:
        return "{" + ", ".join(f"{v}: {name}" for v, name in self.by_version.items()) + "}"


def api_module(messages: list[Message]) -> str:
    """The text of one module: a request and its response, or a single record."""
    formats = Formats()
    body = [line for message in messages for line in _message(message, formats)]
    text = "\n".join(body)
    imports = [name for name in _primitives() if re.search(rf"\b{name}\b", text)]
    names = " and ".join(message.name for message in messages)
    head = [HEADER, f'"""{names}."""', "", "from __future__ import annotations", ""]
    head.append("from dataclasses import dataclass")
    head.append("from struct import Struct as Format")
    for name in ("pack", "unpack_from"):
        if re.search(rf"(?<![.\w]){name}\(", text):
            head += [f"from struct import {name}"]
    any_import = ", Any" if re.search(r"\bAny\b", text) else ""
    head.append(f"from typing import TYPE_CHECKING{any_import}, ClassVar, TypeAlias")
    head += ["", f"from kafkalite_protocol.primitives import {', '.join(imports)}", ""]
    head += ["if TYPE_CHECKING:", "    from collections.abc import Sized", ""]
    head += ["    from kafkalite_protocol.buffers import Buffer", ""]
    head += [line.replace("= Struct(", "= Format(") for line in formats.lines()]
    return "\n".join([*head, "", "", text]) + "\n"


def _primitives() -> list[str]:
    """The public names of `kafkalite_protocol/primitives.py`."""
    tree = ast.parse(_PRIMITIVES.read_text())
    names = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
    return sorted(name for name in names if not name.startswith("_"))


def _message(message: Message, formats: Formats) -> Iterator[str]:
    yield from message_class(message)
    buffer = "memoryview" if message.has_records else "bytes"
    snake = message.snake_name
    decoders = _Functions(
        f"_decode_{snake}", f"(buf: {buffer}, pos: int) -> tuple[{message.name}, int]"
    )
    encoders = _Functions(f"_encode_{snake}", f"(message: {message.name}, out: bytearray) -> None")
    for version in message.versions:
        decoders.add(version, decoder_body(message, version, formats, tuples=False))
        encoders.add(version, encoder_body(message, version, formats, tuples=False))
    yield from decoders.lines()
    yield from encoders.lines()
    yield from ("", "", f"{message.name}.DECODERS = {decoders.table()}")
    yield f"{message.name}.ENCODERS = {encoders.table()}"
    yield from _tuple_path(message, formats)
    yield from ("", "")


def _tuple_path(message: Message, formats: Formats) -> Iterator[str]:
    if message.name in _READ_AS_TUPLES:
        yield from _aliases(message, "memoryview")
        yield from _tuple_reader(message, formats)
    elif message.name in _WRITTEN_AS_TUPLES:
        yield from _aliases(message, "bytes")
        yield from _tuple_writer(message, formats, scatter=False)
    elif message.name in _WRITTEN_SCATTERED:
        yield from _aliases(message, "Sized")
        yield from _tuple_writer(message, formats, scatter=True)


def _aliases(message: Message, records: str) -> Iterator[str]:
    yield ""
    for struct in [*reversed(message.structs), message.root]:
        types = ", ".join(tuple_annotation(each, records) for each in struct.fields)
        yield f'{tuple_alias(struct)}: TypeAlias = "tuple[{types}]"'


def _tuple_reader(message: Message, formats: Formats) -> Iterator[str]:
    snake = message.snake_name
    alias = tuple_alias(message.root)
    buffer = "memoryview" if message.has_records else "bytes"
    readers = _Functions(f"_read_{snake}", f"(buf: {buffer}, pos: int) -> tuple[{alias}, int]")
    for version in message.versions:
        readers.add(version, decoder_body(message, version, formats, tuples=True))
    yield from readers.lines()
    convert = "byte_view" if message.has_records else "bytes"
    yield f"""

_READ_{snake.upper()} = {readers.table()}


def read_{snake}(version: int, buffer: Buffer, position: int) -> {alias}:
    \"\"\"The message as plain tuples of all fields in schema order. Raises ProtocolError.\"\"\"
    reader = _READ_{snake.upper()}[version]
    return run_decoder(reader, "{message.name}", version, {convert}(buffer), position)[0]"""


def _tuple_writer(message: Message, formats: Formats, *, scatter: bool) -> Iterator[str]:
    snake = message.snake_name
    alias = tuple_alias(message.root)
    out = "list[Buffer | Sized]" if scatter else "bytearray"
    writers = _Functions(f"_write_{snake}", f"(message: {alias}, out: {out}) -> None")
    for version in message.versions:
        body = encoder_body(message, version, formats, tuples=True, scatter=scatter)
        writers.add(version, body)
    yield from writers.lines()
    doc = "Append the message, given as plain tuples of all fields in schema order."
    if scatter:
        doc = "As write_produce_response, to a list of buffers; records are put there untouched."
    yield f"""

_WRITE_{snake.upper()} = {writers.table()}


def write_{snake}(version: int, message: {alias}, out: {out}) -> None:
    \"\"\"{doc}\"\"\"
    _WRITE_{snake.upper()}[version](message, out)"""


def index_module(modules: dict[str, list[Message]]) -> str:
    """`messages/__init__.py`: what there is, found by number and imported on first use."""
    apis = {}
    records = {}
    for name, messages in modules.items():
        for message in messages:
            if message.kind == "request":
                apis[message.key or 0] = (name, message)
            elif message.kind == "metadata":
                records[message.key or 0] = (name, message)
    lines = [_api_line(key, *apis[key]) for key in sorted(apis)]
    lines += ["}", '"""Every API of which versions exist, by its key."""', ""]
    lines += ["METADATA_RECORDS: Final[dict[int, tuple[str, str]]] = {"]
    lines += [f'    {key}: ("{n}", "{m.name}"),' for key, (n, m) in sorted(records.items())]
    lines += ["}", '"""Metadata record by its key: module and class."""', ""]
    return HEADER + "\n" + _INDEX_HEAD + "\n".join(lines) + _INDEX_TAIL


def _api_line(key: int, module: str, message: Message) -> str:
    name = message.name.removesuffix("Request")
    low, high = message.versions.low, message.versions.high
    flexible = max(message.flexible.low, low) if message.flexible.meets(message.versions) else None
    unstable = message.latest_version_unstable
    return (
        f'    {key}: ApiInfo({key}, "{name}", "{module}", {low}, {high}, {flexible}, {unstable}),'
    )


def modules_by_name(messages: list[Message]) -> dict[str, list[Message]]:
    """Module name -> its messages, the request before the response."""
    modules: dict[str, list[Message]] = {}
    for message in messages:
        modules.setdefault(message.module, []).append(message)
    return dict(sorted(modules.items()))


_INDEX_HEAD = '''"""Every message of Kafka's protocol and every record of its internal topics.

One module per API and per record, imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple, cast

if TYPE_CHECKING:
    from kafkalite_protocol.primitives import Message


class ApiInfo(NamedTuple):
    """An API: CamelCase `name`, `module` here, versions both ends included."""

    key: int
    name: str
    module: str
    min_version: int
    max_version: int
    flexible_from: int | None
    latest_version_unstable: bool


APIS: Final[dict[int, ApiInfo]] = {
'''

_INDEX_TAIL = '''

def request_class(api_key: int) -> type[Message]:
    """`request_class(0)` is `produce.ProduceRequest`. Raises KeyError for an unknown key."""
    info = APIS[api_key]
    return _class(info.module, info.name + "Request")


def response_class(api_key: int) -> type[Message]:
    """`response_class(0)` is `produce.ProduceResponse`. Raises KeyError for an unknown key."""
    info = APIS[api_key]
    return _class(info.module, info.name + "Response")


def metadata_record_class(record_key: int) -> type[Message]:
    """`metadata_record_class(2)` is `topic_record.TopicRecord`. Raises KeyError if unknown."""
    return _class(*METADATA_RECORDS[record_key])


def _class(module: str, name: str) -> type[Message]:
    return cast("type[Message]", getattr(import_module(f"{__name__}.{module}"), name))
'''
