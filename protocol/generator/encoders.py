"""Writes the body of an encode function: one message, one version, every nested loop inlined.

Neighbouring fields of fixed width are packed by one `struct` call, together with the length that
follows them. A compact length is nearly always one byte; where it is not, it is written apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.code import Code, Formats
from generator.schema import FIXED

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.schema import Field, Message, Struct


def encoder_body(
    message: Message, version: int, formats: Formats, *, tuples: bool, scatter: bool = False
) -> str:
    """The body, for `def f(message, out): ...`.

    `tuples`: the message is nested plain tuples. `scatter`: `out` is a list of buffers and the
    records are put there untouched.
    """
    return _Encoder(message, version, formats, tuples=tuples, scatter=scatter).body()


class _Encoder:
    def __init__(
        self, message: Message, version: int, formats: Formats, *, tuples: bool, scatter: bool
    ) -> None:
        self.message = message
        self.version = version
        self.flexible = version in message.flexible
        self.tuples = tuples
        self.scatter = scatter
        self.out = "head" if scatter else "out"
        self.code = Code(formats)
        self.code.reserve("out", "head", "n", "s", "message", "len", "int", "bool", "bytearray")
        self.code.reserve("pack", "uvarint", "string_length", "write_tag")
        self.pending: list[tuple[str, str]] = []

    def body(self) -> str:
        if self.scatter:
            self.code.line("head = bytearray()")
        self.struct(self.message.root, "message")
        self.flush()
        if self.scatter:
            with self.code.block("if head:"):
                self.code.line("out.append(head)")
        return self.code.text() or "    pass"

    # Fused writes

    def write(self, code: str, value: str = "") -> None:
        """Write one fixed-width value later, together with its neighbours."""
        self.pending.append((code, value))

    def flush(self) -> None:
        if self.pending == [("x", "")]:
            self.code.line(f"{self.out}.append(0)")
        elif self.pending:
            self.code.line(f"{self.out} += {self.packed()}")
        self.pending = []

    def packed(self) -> str:
        constant = self.code.formats.use("pack", [code for code, _ in self.pending])
        return f"{constant}({', '.join(value for _, value in self.pending if value)})"

    def write_length(self, code: str, writer: str = "uvarint") -> None:
        """`n` as type `code`, or in the compact form (`n` is one more there, 0 is null)."""
        if code != "B":
            self.write(code, "n")
            self.flush()
            return
        if not self.pending:
            with self.code.block("if n < 128:"):
                self.code.line(f"{self.out}.append(n)")
            with self.code.block("else:"):
                self.code.line(f"{self.out} += {writer}(n)")
            return
        apart = self.packed()
        self.write("B", "n")
        self.code.line(f"{self.out} += {self.packed()} if n < 128 else {apart} + {writer}(n)")
        self.pending = []

    # Structs

    def struct(self, struct: Struct, var: str) -> None:
        access = self.access(struct, var)
        for field in struct.plain(self.version):
            self.field(field, access(field), in_tag=False)
        if not self.flexible:
            return
        tagged = struct.tagged(self.version)
        if tagged:
            self.tags(tagged, access)
        else:
            self.write("x")

    def access(self, struct: Struct, var: str) -> Callable[[Field], str]:
        """How the fields of the struct in `var` are read."""
        if not self.tuples:
            return lambda field: f"{var}.{field.name}"
        names = {
            field.name: self.code.unique(
                field.name if self.version in field.versions else f"_{field.name}"
            )
            for field in struct.fields
        }
        comma = "," if len(names) == 1 else ""
        self.code.line(f"{', '.join(names.values())}{comma} = {var}")
        return lambda field: names[field.name]

    def tags(self, tagged: list[Field], access: Callable[[Field], str]) -> None:
        present = {}
        for field in tagged:
            present[field.name] = self.code.unique(f"has_{field.name}")
            self.code.line(f"{present[field.name]} = {self.differs(field, access(field))}")
        total = " + ".join(present.values())
        self.code.line(f"n = {total if len(present) > 1 else f'int({total})'}")
        self.write("B", "n")
        self.flush()
        with self.code.block("if n:"):
            for field in tagged:
                with self.code.block(f"if {present[field.name]}:"):
                    self.tag(field, access(field))

    def tag(self, field: Field, value: str) -> None:
        outer = self.out
        self.out = self.code.unique("tagged")
        self.code.line(f"{self.out} = bytearray()")
        if field.may_be_none and not field.is_nullable:
            self.code.line(f"assert {value} is not None")
        self.field(field, value, in_tag=True)
        self.flush()
        self.code.line(f"write_tag({outer}, {field.tag}, {self.out})")
        self.out = outer

    def differs(self, field: Field, value: str) -> str:
        """An expression: the value is not the default, so its tag must be written."""
        if field.default == "None":
            condition = f"{value} is not None"
            if field.struct is not None and not field.is_array and not field.is_nullable:
                inner = " or ".join(
                    self.differs(each, self.inside(field.struct, each, value))
                    for each in field.struct.fields
                )
                condition += f" and ({inner})"
            return condition
        if field.is_array or field.type in {"string", "bytes"}:
            condition = f"bool({value})" if field.default in {"[]", '""', 'b""'} else ""
            condition = condition or f"{value} != {field.default}"
            return f"{value} is None or {condition}" if field.is_nullable else condition
        if field.type == "bool":
            return f"not {value}" if field.default == "True" else value
        return f"{value} != {field.default}"

    def inside(self, struct: Struct, field: Field, value: str) -> str:
        if self.tuples:
            return f"{value}[{struct.fields.index(field)}]"
        return f"{value}.{field.name}"

    # Fields

    def field(self, field: Field, value: str, *, in_tag: bool) -> None:
        compact = self.flexible and not field.never_compact
        nullable = self.version in field.nullable
        if field.is_array:
            self.array(field, value, compact=compact, nullable=nullable)
        elif field.type in FIXED:
            self.write(FIXED[field.type][0], value)
        elif field.struct is None:
            self.variable(field, value, compact=compact, nullable=nullable)
        elif nullable:
            self.nullable_struct(field.struct, value, in_tag=in_tag)
        else:
            self.struct(field.struct, value)

    def nullable_struct(self, struct: Struct, value: str, *, in_tag: bool) -> None:
        # The marker of a null struct is -1, but inside a tag it is a varint 0.
        self.flush()
        with self.code.block(f"if {value} is None:"):
            self.code.line(f"{self.out}.append({0 if in_tag else 255})")
        with self.code.block("else:"):
            self.code.line(f"{self.out}.append(1)")
            self.struct(struct, value)
            self.flush()

    def variable(self, field: Field, value: str, *, compact: bool, nullable: bool) -> None:
        is_string = field.type == "string"
        encoded = f"{value}.encode()" if is_string else value
        extra = " + 1" if compact else ""
        if field.type == "records" or (not is_string and not nullable):
            # Written as it is: nothing to encode and perhaps nothing but its length to know.
            self.opaque(field, value, compact=compact, nullable=nullable)
            return
        if field.may_be_none and not nullable:
            self.code.line(f"assert {value} is not None")
        if nullable:
            with self.code.block(f"if {value} is None:"):
                self.code.line(f's, n = b"", {0 if compact else -1}')
            with self.code.block("else:"):
                self.code.line(f"s = {encoded}")
                self.code.line(f"n = len(s){extra}")
        else:
            self.code.line(f"s = {encoded}")
            self.code.line(f"n = len(s){extra}")
        if is_string:
            self.write_length("B" if compact else "h", "string_length")
        else:
            self.write_length("B" if compact else "i")
        self.code.line(f"{self.out} += s")

    def opaque(self, field: Field, value: str, *, compact: bool, nullable: bool) -> None:
        length = f"len({value}){' + 1' if compact else ''}"
        if field.may_be_none:
            # Null where the version knows no null is sent as empty, so that a reader sees no records.
            null = (0 if compact else -1) if nullable else int(compact)
            length = f"{null} if {value} is None else {length}"
        self.code.line(f"n = {length}")
        self.write_length("B" if compact else "i")
        if self.scatter and field.type == "records":
            with self.code.block(f"if {value}:"):
                self.code.line("out += (head, " + value + ")")
                self.code.line("head = bytearray()")
        elif field.may_be_none:
            with self.code.block(f"if {value} is not None:"):
                self.code.line(f"{self.out} += {value}")
        else:
            self.code.line(f"{self.out} += {value}")

    def array(self, field: Field, value: str, *, compact: bool, nullable: bool) -> None:
        length = f"len({value}){' + 1' if compact else ''}"
        if nullable:
            length = f"{0 if compact else -1} if {value} is None else {length}"
        elif field.may_be_none:
            self.code.line(f"assert {value} is not None")
        self.code.line(f"n = {length}")
        self.write_length("B" if compact else "i")
        if nullable:
            with self.code.block(f"if {value}:"):
                self.elements(field, value)
        else:
            self.elements(field, value)

    def elements(self, field: Field, value: str) -> None:
        if field.type == "uuid":
            self.code.line(f'{self.out} += b"".join({value})')
            return
        if field.type in FIXED:
            code = FIXED[field.type][0]
            self.code.line(f'{self.out} += pack(f">{{len({value})}}{code}", *{value})')
            return
        item = self.code.unique(f"{field.name}_item")
        with self.code.block(f"for {item} in {value}:"):
            if field.struct is not None:
                self.struct(field.struct, item)
            else:
                compact = self.flexible and not field.never_compact
                self.variable(field, item, compact=compact, nullable=False)
            self.flush()
