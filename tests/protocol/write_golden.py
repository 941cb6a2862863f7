"""Writes `protocol/golden/`: two examples of every message version, encoded by Kafka's own classes.

    python -m tests.protocol.write_golden

One line is version, JSON value and hex, separated by tabs; one file holds all versions of a
message. The first example is bare (no tags, nulls, empty arrays), the second has everything filled in.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

from tests.protocol.java_codec import JavaCodec
from tests.protocol.random_values import RandomValues, all_messages

GOLDEN = Path(__file__).parents[2] / "protocol" / "golden"


def main() -> None:
    source = random.Random(4_3_0)
    makers = [RandomValues(source, small="bare"), RandomValues(source, small="full")]
    cases = [
        (message, version, maker.message(message, version))
        for message in all_messages()
        for version in message.versions
        for maker in makers
    ]
    with tempfile.TemporaryDirectory() as folder:
        written = JavaCodec(Path(folder)).write((m.name, v, value) for m, v, value in cases)
    lines: dict[str, list[str]] = {}
    for (message, version, value), data in zip(cases, written, strict=True):
        assert isinstance(data, bytes), (message.name, version, data)
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        lines.setdefault(message.snake_name, []).append(f"{version}\t{text}\t{data.hex()}\n")
    GOLDEN.mkdir(exist_ok=True)
    for path in GOLDEN.glob("*.tsv"):
        path.unlink()
    for name, each in lines.items():
        (GOLDEN / f"{name}.tsv").write_text("".join(each))
    print(f"{len(cases)} examples in {len(lines)} files in {GOLDEN}")


if __name__ == "__main__":
    main()
