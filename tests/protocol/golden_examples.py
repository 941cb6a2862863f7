"""The examples of `protocol/golden/`: bytes that Kafka's own classes wrote."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.protocol.random_values import all_messages, message_type, to_object

if TYPE_CHECKING:
    from generator.schema import Message
    from kafkalite_protocol import primitives

GOLDEN = Path(__file__).parents[2] / "protocol" / "golden"


class Example(NamedTuple):
    """One message: what it says (JSON) and how Kafka encodes it."""

    message: Message
    version: int
    value: dict[str, Any]
    data: bytes

    @property
    def type(self) -> type[primitives.Message]:
        return message_type(self.message)

    @property
    def object(self) -> primitives.Message:
        return to_object(self.message, self.version, self.value)

    def __str__(self) -> str:
        return f"{self.message.name} v{self.version} {self.data.hex()}"


@cache
def golden_examples() -> tuple[Example, ...]:
    """All of them; two per message version."""
    return tuple(example for message in all_messages() for example in _examples(message))


def _examples(message: Message) -> list[Example]:
    lines = (GOLDEN / f"{message.snake_name}.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines]
    return [Example(message, int(v), json.loads(j), bytes.fromhex(h)) for v, j, h in rows]
