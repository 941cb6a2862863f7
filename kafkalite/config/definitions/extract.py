"""Kafka's jars -> kafkalite/config/definitions/{broker,topic,group,client_metrics}.json. For maintainers, when a new Kafka comes out.

    python kafkalite/config/definitions/extract.py DIRECTORY_WITH_THE_JARS [DIRECTORY_TO_WRITE]

Facts only: names, types, defaults, valid values, how a key may be updated. Kafka's documentation texts are not taken.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
TARGET = HERE
NULL = "\\N"


def facts(jars: str) -> list[list[str]]:
    """The lines `ConfigFacts` prints, split into their fields."""
    with tempfile.TemporaryDirectory() as classes:
        subprocess.run(
            ["javac", "-cp", f"{jars}/*", "-d", classes, str(HERE / "ConfigFacts.java")], check=True
        )
        done = subprocess.run(
            ["java", "-cp", f"{jars}/*:{classes}", "ConfigFacts"],
            check=True,
            capture_output=True,
            text=True,
        )
    return [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]


def valid(name: str, validator: str, fields: str) -> dict[str, object]:
    """What a validator accepts, in the words of the definition files."""
    values = dict(re.findall(r"(\w+)=(\[[^\]]*\]|[^,}]*)", fields))
    if validator == "Range":
        return {side: json.loads(values[side]) for side in ("min", "max") if values[side] != "null"}
    if validator in ("ValidString", "CaseInsensitiveValidString"):
        out: dict[str, object] = {"values": re.findall(r"[\w]+", values["validStrings"])}
        return out | ({"ignore_case": True} if validator.startswith("Case") else {})
    if validator == "ValidList":
        out = {"values": v} if (v := re.findall(r"[\w]+", values["validString"])) else {}
        return out | ({} if values["isEmptyAllowed"] == "true" else {"non_empty": True})
    if validator == "NonEmptyString":
        return {"non_empty": True}
    if name == "compression.gzip.level":  # a lambda in Kafka: 1 to 9, or -1 for zlib's own choice
        return {"min": 1, "max": 9, "also": -1}
    if validator == "ThrottledReplicaListValidator":
        return {"throttled_replicas": True}
    return {}


def definition(row: list[str], synonyms: dict[str, list[str]]) -> dict[str, object]:
    scope, name, kind, default, validator, fields, internal, update = row
    out: dict[str, object] = {"type": kind, "default": None if default == NULL else default}
    out |= valid(name, validator, fields)
    if update != NULL:
        out["update"] = update
    if internal == "true":
        out["internal"] = True
    if scope in ("topic", "group") and name in synonyms:
        out["broker"] = synonyms[name]
    return out


def main() -> None:
    rows = facts(sys.argv[1])
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else TARGET
    synonyms = {row[1]: row[2].split(",") for row in rows if row[0] == "synonyms"}
    for scope in ("broker", "topic", "group", "client_metrics"):
        entries = {row[1]: definition(row, synonyms) for row in rows if row[0] == scope}
        lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items()]
        (target / f"{scope}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
