"""Kafka's own message classes, asked line by line: see java/MessageCodec.java."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.java_kafka import class_path

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCE = Path(__file__).parent / "java" / "MessageCodec.java"


class JavaCodec:
    """Compiles the Java side into `folder`; each call is one run of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = ["javac", "-cp", class_path(), "-d", str(folder), str(SOURCE)]
        subprocess.run(command, check=True)

    def write(self, cases: Iterable[tuple[str, int, dict[str, Any]]]) -> list[bytes | str]:
        """Name, version, JSON value -> the bytes Kafka writes, or what it said instead."""
        lines = (f"write\t{n}\t{v}\t{json.dumps(value)}" for n, v, value in cases)
        return [a if a.startswith("error") else bytes.fromhex(a) for a in self._ask(lines)]

    def read(self, cases: Iterable[tuple[str, int, bytes]]) -> list[dict[str, Any] | str]:
        """Name, version, bytes -> the JSON value Kafka reads, or what it said instead."""
        lines = (f"read\t{n}\t{v}\t{data.hex()}" for n, v, data in cases)
        return [a if a.startswith("error") else json.loads(a) for a in self._ask(lines)]

    def _ask(self, lines: Iterable[str]) -> list[str]:
        question = "".join(f"{line}\n" for line in lines)
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
        command = ["java", "-Xmx512M", quiet, "-cp", class_path(self.folder), "MessageCodec"]
        done = subprocess.run(
            command, input=question, stdout=subprocess.PIPE, check=True, encoding="utf-8"
        )
        answers = done.stdout.splitlines()
        assert len(answers) == question.count("\n")
        return answers
