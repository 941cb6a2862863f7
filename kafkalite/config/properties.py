r"""Java's properties files, which is what a `server.properties` is (`java.util.Properties.load`).

    # a comment, as is a line that begins with !
    num.partitions=3              key and value are parted by =, : or white space
    listeners = PLAINTEXT://:9092,\
                CONTROLLER://:9093          a line that ends in \ goes on, without the blanks that open the next
    broker.rack = \u0041\t1                 escapes: \t \n \r \f \uXXXX; any other \x is x
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_BLANKS = " \t\f"
_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.?)", re.DOTALL)
_KEY = re.compile(r"(?:\\.|[^\\=: \t\f])*", re.DOTALL)
_SEPARATOR = re.compile(r"[ \t\f]*[=:]?[ \t\f]*")


def parse_properties(text: str) -> dict[str, str]:
    """Keys and values of a properties file; the last of two equal keys wins.

    Raises ValueError for a broken \\u escape, naming its line's beginning.
    """
    settings: dict[str, str] = {}
    for line in _logical_lines(text):
        key = _KEY.match(line)
        assert key is not None, "the pattern matches nothing too"
        separator = _SEPARATOR.match(line, key.end())
        assert separator is not None
        settings[_unescape(key[0])] = _unescape(line[separator.end() :])
    return settings


def _logical_lines(text: str) -> Iterator[str]:
    """Lines with their continuations, without comments and blank ones."""
    pending, continued = "", False
    for raw in re.split(r"\r\n|\r|\n", text):
        line = raw.lstrip(_BLANKS)
        if not pending and (not line or line[0] in "#!"):
            continued = False
            continue
        continued = _goes_on(line)
        pending += line[:-1] if continued else line
        if pending and not continued:
            yield pending
            pending = ""
    if pending or continued:
        yield pending


def _goes_on(line: str) -> bool:
    """Whether the line ends in an odd number of backslashes."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    if re.search(r"(?<!\\)(?:\\\\)*\\u(?![0-9a-fA-F]{4})", text):
        raise ValueError(f"a \\u escape needs four hexadecimal digits: {text[:60]}")
    return _ESCAPE.sub(lambda match: _character(match[1]), text)


def _character(escaped: str) -> str:
    if escaped[:1] == "u":
        return chr(int(escaped[1:], 16))
    return _LETTERS.get(escaped, escaped)
