"""Writes the body of a decode function: one message, one version, every nested loop inlined.

Neighbouring fields of fixed width are read by one `struct` call, together with the length that
follows them. `pos` only ever grows, and a slice past the end comes out short, so a cut-off buffer
shows either as an exception of the next read or as `pos` beyond the end when the function returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.code import Code, Formats, size_of
from generator.schema import FIXED

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.schema import Field, Message, Struct


def decoder_body(message: Message, version: int, formats: Formats, *, tuples: bool) -> str:
    """The body, for `def f(buf, pos): ...`. `tuples`: build plain tuples, not objects."""
    return _Decoder(message, version, formats, tuples=tuples).body()


class _Decoder:
    def __init__(self, message: Message, version: int, formats: Formats, *, tuples: bool) -> None:
        self.message = message
        self.version = version
        self.flexible = version in message.flexible
        self.tuples = tuples
        self.is_view = message.has_records
        self.code = Code(formats)
        self.code.reserve(
            "buf", "pos", "n", "limit", "_", "i", "new", "str", "bytes", "list", "range"
        )
        self.code.reserve("read_uvarint", "read_string_length", "read_tag", "skip_tags", "len")
        self.pending: list[tuple[str, str]] = []
        self.classes: dict[str, str] = {}

    def body(self) -> str:
        value = self.struct(self.message.root, "message")
        self.flush()
        self.code.line(f"return {value}, pos")
        text = self.code.text()
        head = [f"    {alias} = {path}" for path, alias in self.classes.items()]
        if "limit" in text:
            head.insert(0, "    limit = len(buf)")
        return "\n".join([*head, text])

    # Fused reads

    def read(self, code: str, target: str) -> None:
        """Read one fixed-width value later, together with its neighbours."""
        self.pending.append((code, target))

    def flush(self) -> None:
        if not self.pending:
            return
        codes = [code for code, _ in self.pending]
        targets = [target for _, target in self.pending]
        self.pending = []
        size = size_of(codes)
        if codes in (["B"], ["?"]):
            compare = " != 0" if codes == ["?"] else ""
            self.code.line(f"{targets[0]} = buf[pos]{compare}")
        elif len(codes) == 1:
            constant = self.code.formats.use("unpack", codes)
            self.code.line(f"{targets[0]} = {constant}(buf, pos)[0]")
        else:
            constant = self.code.formats.use("unpack", codes)
            self.code.line(f"{', '.join(targets)} = {constant}(buf, pos)")
        self.code.line(f"pos += {size}")

    def read_length(self, code: str, reader: str = "read_uvarint") -> None:
        """Into `n`: a length of type `code`, or the compact form, which is one more (0 is null)."""
        self.read("B" if code == "B" else code, "n")
        self.flush()
        if code == "B":
            with self.code.block("if n > 127:"):
                self.code.line(f"n, pos = {reader}(buf, pos - 1)")
            self.code.line("n -= 1")

    # Structs

    def struct(self, struct: Struct, hint: str) -> str:
        """Read a struct; the expression of its value."""
        if self.tuples:
            return self._tuple(struct)
        var = self.code.unique(hint)
        self.code.line(f"{var} = new({self.class_of(struct)})")
        for field in struct.absent(self.version):
            self.code.line(f"{var}.{field.name} = {field.default}")
        self.fields(struct, lambda field: f"{var}.{field.name}")
        return var

    def class_of(self, struct: Struct) -> str:
        """The class of a struct; a nested one is looked up once, into a local name."""
        if struct is self.message.root:
            return struct.name
        if struct.path not in self.classes:
            self.classes[struct.path] = self.code.unique(struct.name)
        return self.classes[struct.path]

    def _tuple(self, struct: Struct) -> str:
        values = {
            field.name: field.default
            if self.version not in field.versions
            else self.code.unique(field.name)
            for field in struct.fields
        }
        self.fields(struct, lambda field: values[field.name])
        comma = "," if len(values) == 1 else ""
        return f"({', '.join(values.values())}{comma})"

    def fields(self, struct: Struct, target: Callable[[Field], str]) -> None:
        for field in struct.plain(self.version):
            self.field(field, target(field), in_tag=False)
        if not self.flexible:
            return
        tagged = struct.tagged(self.version)
        for field in tagged:
            annotation = f": {tuple_annotation(field)}" if self.tuples else ""
            self.code.line(f"{target(field)}{annotation} = {field.default}")
        self.read("B", "n")
        self.flush()
        with self.code.block("if n:"):
            if tagged:
                self.tags(tagged, target)
            else:
                self.code.line("pos = skip_tags(buf, pos - 1)")

    def tags(self, tagged: list[Field], target: Callable[[Field], str]) -> None:
        tag, end = self.code.unique("tag"), self.code.unique("end")
        with self.code.block("if n > 127:"):
            self.code.line("n, pos = read_uvarint(buf, pos - 1)")
        with self.code.block("for _ in range(n):"):
            self.code.line(f"{tag}, n, pos = read_tag(buf, pos)")
            self.code.line(f"{end} = pos + n")
            for index, field in enumerate(tagged):
                with self.code.block(f"{'el' if index else ''}if {tag} == {field.tag}:"):
                    self.field(field, target(field), in_tag=True)
                    self.flush()
            with self.code.block("else:"):
                self.code.line(f"pos = {end}")
            with self.code.block(f"if pos != {end}:"):
                self.code.line(f"raise bad_tag({tag})")

    # Fields

    def field(self, field: Field, target: str, *, in_tag: bool) -> None:
        compact = self.flexible and not field.never_compact
        nullable = self.version in field.nullable
        if field.is_array:
            self.array(field, target, compact=compact, nullable=nullable)
        elif field.type in FIXED:
            self.read(FIXED[field.type][0], target)
        elif field.struct is None:
            self.variable(field, target, compact=compact, nullable=nullable)
        elif nullable:
            self.nullable_struct(field, target, in_tag=in_tag)
        else:
            # A tuple is built at once, so all its parts must have been read by then.
            value = self.struct(field.struct, field.name)
            if self.tuples:
                self.flush()
            self.code.line(f"{target} = {value}")

    def nullable_struct(self, field: Field, target: str, *, in_tag: bool) -> None:
        assert field.struct is not None
        self.read("B" if in_tag else "b", "n")
        self.flush()
        with self.code.block("if n == 0:" if in_tag else "if n < 0:"):
            self.code.line(f"{target} = None")
        with self.code.block("else:"):
            value = self.struct(field.struct, field.name)
            self.flush()
            self.code.line(f"{target} = {value}")

    def variable(self, field: Field, target: str, *, compact: bool, nullable: bool) -> None:
        if field.type == "string":
            self.read_length("B" if compact else "h", "read_string_length")
        else:
            self.read_length("B" if compact else "i")
        piece = "buf[pos : (pos := pos + n)]"
        if field.type == "string" and self.is_view:
            value = f'str({piece}, "utf-8", "replace")'
        elif field.type == "string":
            value = f'{piece}.decode("utf-8", "replace")'
        else:
            value = f"bytes({piece})" if field.type == "bytes" and self.is_view else piece
        if nullable:
            with self.code.block("if n < 0:"):
                self.code.line(f"{target} = None")
            with self.code.block("else:"):
                self.code.line(f"{target} = {value}")
        else:
            with self.code.block("if n < 0:"):
                self.code.line(f'raise unexpected_null("{field.name}")')
            self.code.line(f"{target} = {value}")

    def array(self, field: Field, target: str, *, compact: bool, nullable: bool) -> None:
        self.read_length("B" if compact else "i")
        if nullable:
            with self.code.block("if n < 0:"):
                self.code.line(f"{target} = None")
            with self.code.block("else:"):
                with self.code.block("if n > limit - pos:"):
                    self.code.line(f'raise bad_count("{field.name}", n, limit - pos)')
                self.elements(field, target)
        else:
            with self.code.block("if not 0 <= n <= limit - pos:"):
                self.code.line(f'raise bad_count("{field.name}", n, limit - pos)')
            self.elements(field, target)

    def elements(self, field: Field, target: str) -> None:
        if field.type == "uuid":
            pieces = "buf[i : i + 16]" if not self.is_view else "bytes(buf[i : i + 16])"
            self.code.line(f"{target} = [{pieces} for i in range(pos, pos + 16 * n, 16)]")
            self.code.line("pos += 16 * n")
            return
        if field.type in FIXED:
            code = FIXED[field.type][0]
            self.code.line(f'{target} = list(unpack_from(f">{{n}}{code}", buf, pos)) if n else []')
            self.code.line(f"pos += {size_of([code])} * n".replace("1 * ", ""))
            return
        items = self.code.unique(f"{field.name}_list")
        self.code.line(f"{items}: list[{self.element_annotation(field)}] = []")
        with self.code.block("for _ in range(n):"):
            if field.struct is not None:
                value = self.struct(field.struct, f"{field.name}_item")
            else:
                value = self.code.unique(f"{field.name}_item")
                compact = self.flexible and not field.never_compact
                self.variable(field, value, compact=compact, nullable=False)
            self.flush()
            self.code.line(f"{items}.append({value})")
        self.code.line(f"{target} = {items}")

    def element_annotation(self, field: Field) -> str:
        if self.tuples and field.struct is not None:
            return tuple_alias(field.struct)
        return field.element_annotation


def tuple_alias(struct: Struct) -> str:
    """The name of the alias for a struct as a plain tuple: `FetchTopic` -> `FetchTopicTuple`."""
    return f"{struct.name}Tuple"


def tuple_annotation(field: Field, records: str = "memoryview") -> str:
    """The type of a field inside a plain tuple; `records` is the one for records."""
    text = tuple_alias(field.struct) if field.struct is not None else field.element_annotation
    text = records if field.type == "records" else text
    text = f"list[{text}]" if field.is_array else text
    return f"{text} | None" if field.may_be_none else text
