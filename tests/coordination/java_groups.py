"""Kafka's own assignors and regular expressions, asked line by line: see java/GroupClasses.java."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.java_kafka import class_path

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = Path(__file__).parent / "java" / "GroupClasses.java"


def ask_kafka(questions: Sequence[Sequence[str]]) -> list[str]:
    """One answer to each question, whose fields must not hold tabs or line ends."""
    lines = "".join("\t".join(fields) + "\n" for fields in questions)
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
    command = ["java", "-Xmx512M", quiet, "-cp", class_path(), str(SOURCE)]
    done = subprocess.run(
        command, input=lines, stdout=subprocess.PIPE, check=True, encoding="utf-8"
    )
    answers = done.stdout.splitlines()
    assert len(answers) == len(questions)
    return answers
