"""Every version of every message, random values, against Kafka's own Java classes: both directions."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.protocol.java_codec import JavaCodec
from tests.protocol.random_values import RandomValues, all_messages, message_type, to_object

if TYPE_CHECKING:
    from pathlib import Path

CASES_PER_VERSION = int(os.environ.get("KAFKALITE_TEST_CASES", "25"))


@pytest.mark.java
@pytest.mark.timeout(600)
def test_every_message_version_reads_and_writes_what_kafka_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    seed = int(os.environ.get("KAFKALITE_TEST_SEED") or random.randrange(1 << 32))
    again = f"KAFKALITE_TEST_SEED={seed} pytest -m java tests/protocol/test_differential.py"
    with capsys.disabled():
        print(f"\nseed {seed}; the same cases again: {again}")
    values = RandomValues(random.Random(seed))
    cases = [
        (message, version, values.message(message, version))
        for message in all_messages()
        for version in message.versions
        for _ in range(CASES_PER_VERSION)
    ]
    java = JavaCodec(tmp_path)

    written = java.write((message.name, version, value) for message, version, value in cases)
    wrong = []
    ours = []
    for (message, version, value), theirs in zip(cases, written, strict=True):
        made = to_object(message, version, value)
        encoded = made.encode(version)
        ours.append((message.name, version, encoded))
        if encoded != theirs:
            wrong.append(f"{message.name} v{version} written: {value} {encoded!r} {theirs!r}")
        elif message_type(message).decode_from(version, encoded) != (made, len(encoded)):
            wrong.append(f"{message.name} v{version} decoded here: {value} {encoded!r}")

    for (message, version, value), read in zip(cases, java.read(ours), strict=True):
        made = to_object(message, version, value, with_records=False)
        if isinstance(read, str) or to_object(message, version, read, with_records=False) != made:
            wrong.append(f"{message.name} v{version} read by Kafka: {value} {read}")
    shown = "\n".join(each[:600] for each in wrong[:20])
    assert not wrong, f"{len(wrong)} of {len(cases)} cases differ; {again}\n{shown}"
    with capsys.disabled():
        print(f"{len(cases)} cases of {len({c[:2] for c in ours})} message versions are alike")
