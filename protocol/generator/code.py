"""Lines of Python with indentation, names that do not collide, and `struct` formats that are fused."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Formats:
    """The `struct` formats a module uses; each becomes one precompiled constant."""

    def __init__(self) -> None:
        self._used: dict[str, None] = {}

    def use(self, verb: str, codes: list[str]) -> str:
        """The name of the constant that packs or unpacks these codes, in big endian."""
        constant = f"_{verb}_" + "".join(codes).replace("?", "t")
        method = "unpack_from" if verb == "unpack" else "pack"
        self._used[f'{constant} = Struct(">{"".join(codes)}").{method}'] = None
        return constant

    def lines(self) -> list[str]:
        return sorted(self._used)


class Code:
    """The body of one function being written."""

    def __init__(self, formats: Formats) -> None:
        self.formats = formats
        self.lines: list[str] = []
        self._depth = 1
        self._names: dict[str, int] = {}

    def line(self, text: str) -> None:
        self.lines.append("    " * self._depth + text)

    @contextmanager
    def block(self, opening: str) -> Iterator[None]:
        self.line(opening)
        self._depth += 1
        yield
        self._depth -= 1

    def unique(self, name: str) -> str:
        """`name`, with a number from the second time on."""
        self._names[name] = count = self._names.get(name, 0) + 1
        return name if count == 1 else f"{name}_{count}"

    def reserve(self, *names: str) -> None:
        for name in names:
            self.unique(name)

    def text(self) -> str:
        return "\n".join(self.lines)


def size_of(codes: list[str]) -> int:
    return struct.calcsize(">" + "".join(codes))
