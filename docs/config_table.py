"""Writes the generated parts of docs/configuration.md: which keys act, and where defaults are not Kafka's.

    python docs/config_table.py            rewrites them; --check fails if they are not current

The lists are those of the code: `kafkalite/config/definitions/documentation.json` and `OUR_DEFAULTS`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from kafkalite.config.definitions import (
    Definition,
    broker_definitions,
    documentation,
    topic_definitions,
)
from kafkalite.config.our_defaults import OUR_DEFAULTS, default_text

PAGE = Path(__file__).parent / "configuration.md"


def replace_block(page: str, name: str, lines: Iterable[str]) -> str:
    """`page` with the lines between `<!-- name -->` and `<!-- /name -->` replaced."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found, rest = page.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no block {name}")
    return f"{before}{start}" + "\n".join(lines) + f"\n{end}{after}"


def render(page: str) -> str:
    """The page with its generated blocks current."""
    page = replace_block(page, "differences", _differences())
    page = replace_block(page, "topic keys that act", _acting(topic_definitions()))
    page = replace_block(page, "broker keys that act", _acting(broker_definitions()))
    page = replace_block(page, "topic keys without effect", _idle(topic_definitions()))
    return replace_block(page, "broker keys without effect", _idle(broker_definitions()))


def _differences() -> list[str]:
    definitions = broker_definitions()
    rows = [
        f"| `{key}` | {_code(ours)} | {_code(definitions[key].default)} | {why} |"
        for key, (ours, why) in sorted(OUR_DEFAULTS.items())
    ]
    return ["| key | kafkalite | Kafka 4.3 | why |", "|---|---|---|---|", *rows]


def _acting(definitions: Mapping[str, Definition]) -> list[str]:
    sentences = documentation()
    rows = [
        f"| `{name}` | {_code(_default(definition))} | {sentences[name]} |"
        for name, definition in sorted(definitions.items())
        if name in sentences
    ]
    return ["| key | default | what it does |", "|---|---|---|", *rows]


def _idle(definitions: Mapping[str, Definition]) -> list[str]:
    names = sorted(
        name
        for name, entry in definitions.items()
        if name not in documentation() and not entry.internal
    )
    return [f"{len(names)} keys: " + ", ".join(f"`{name}`" for name in names) + "."]


def _default(definition: Definition) -> str | None:
    return definition.default if definition.broker else default_text(definition)


def _code(value: str | None) -> str:
    return f"`{value}`" if value else "none"


def main() -> None:
    page = PAGE.read_text()
    current = render(page)
    if "--check" not in sys.argv:
        PAGE.write_text(current)
    elif current != page:
        sys.exit("docs/configuration.md is not current: run python docs/config_table.py")


if __name__ == "__main__":
    main()
