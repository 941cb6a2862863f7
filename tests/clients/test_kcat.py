"""kcat carries a text file, line by line, into a zstd topic and back: the same bytes come out."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.clients,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("kcat") is None, reason="kcat is not installed"),
]

FILE_BYTES = 100 << 20
LONGEST_LINE_BYTES = 900_000
"""Below message.max.bytes, 1 048 588, with room for the batch around it."""


def test_a_100_mib_text_file_comes_back_with_the_same_sha256(
    bootstrap: str, create_topic: Callable[[str, int], str], tmp_path: Path
) -> None:
    topic = create_topic(bootstrap, 1)
    given, got = tmp_path / "given.txt", tmp_path / "got.txt"
    write_text(given)
    where = ["-b", bootstrap, "-t", topic, "-p", "0"]
    subprocess.run(["kcat", "-P", *where, "-z", "zstd", "-l", str(given)], check=True)
    with got.open("wb") as output:
        to_the_end = ["-C", *where, "-o", "beginning", "-e", "-q"]
        subprocess.run(["kcat", *to_the_end], check=True, stdout=output)
    assert given.stat().st_size >= FILE_BYTES
    assert sha256(got) == sha256(given)


def write_text(path: Path) -> None:
    """Log lines, mostly short and some very long. None is empty: kcat passes over empty lines."""
    written = 0
    with path.open("wb") as file:
        for line in log_lines():
            written += file.write(line)
            if written >= FILE_BYTES:
                return


def log_lines() -> Iterator[bytes]:
    chance = random.Random(20)
    words = ["order", "user", "timeout", "größe", "日本", "checkout", "GET", "/api/v1/items", "200"]
    for number in range(1 << 30):
        event = {
            "ts": 1_700_000_000_000 + number * 7,
            "level": chance.choice(["INFO", "WARN", "DEBUG"]),
            "trace": f"{chance.getrandbits(64):016x}",
            "message": " ".join(chance.choices(words, k=chance.randint(1, 60))),
        }
        if number % 20_000 == 0:
            event["dump"] = "x" * chance.randint(100_000, LONGEST_LINE_BYTES)
        yield json.dumps(event, ensure_ascii=False).encode() + b"\n"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
