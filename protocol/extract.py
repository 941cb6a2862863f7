"""Apache Kafka's jars -> `definitions/*.json`. For maintainers, when a new Kafka comes out.

    python protocol/extract.py ~/kafka_2.13-4.3.0/libs

The jars hold the JSON from which Kafka generates its own message classes. Taken over are facts
only: names, types, versions, tags and defaults. Every attribute that `KEPT` does not name, and
every comment, is left out. An attribute never seen before stops the run, because it may change
what is on the wire.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any, Final

from generator.schema import snake_case

KAFKA_VERSION: Final = "4.3.0"

JARS: Final = {
    "kafka-clients": "97a5b492d4ad658fd2dfba969fa0e403c2e38c971fb1e083da4e391471925fc1",
    "kafka-group-coordinator": "98bf277fca9facf134a7599a5c13dc146b9fbaf5ce961dd412914d3ff9b44356",
    "kafka-metadata": "4cf62c7bea64ff57ccd150ac457b02216e28801472caefd436377cbedd29a1c5",
    "kafka-raft": "7517424a299da3e9fcdeccd52058b3ca6e95a1ed7feb9a32c3e12836d02cff8d",
    "kafka-share-coordinator": "3848748f35dfe8b3b8e39cc546d129e586b5e039f0d10459d4b0bf05cefdecaa",
    "kafka-storage": "9e13c0cd8de0bf1fc24cad5d498b21c6683815e771a7148c43fac79b6a515c79",
    "kafka-transaction-coordinator": (
        "1f6cb1ebf449a6772ca22f7470b206a1845bd172fe64131848c80be7c13aa096"
    ),
}
"""Artifact of group `org.apache.kafka` on Maven Central -> sha256 of its jar."""

_MESSAGE_FILE: Final = re.compile(r"(common/message|common/metadata|message)/\w+\.json")

KEPT: Final = {
    "message": {
        "name": "name",
        "type": "type",
        "apiKey": "apiKey",
        "listeners": "listeners",
        "validVersions": "versions",
        "flexibleVersions": "flexible",
        "latestVersionUnstable": "latestVersionUnstable",
    },
    "field": {
        "name": "name",
        "type": "type",
        "versions": "versions",
        "nullableVersions": "nullable",
        "flexibleVersions": "flexible",
        "tag": "tag",
        "default": "default",
        "ignorable": "ignorable",
        "mapKey": "mapKey",
        "zeroCopy": "zeroCopy",
    },
}
"""Kafka's attribute -> ours. `versions` of a tagged field without them are its `taggedVersions`."""

_HANDLED: Final = {"about", "entityType", "taggedVersions", "fields", "commonStructs"}


def main(libs: Path, target: Path) -> None:
    """Rewrite the folder `target` from the seven jars in `libs`."""
    target.mkdir(exist_ok=True)
    written = set()
    for artifact, digest in JARS.items():
        jar = libs / f"{artifact}-{KAFKA_VERSION}.jar"
        if hashlib.sha256(jar.read_bytes()).hexdigest() != digest:
            sys.exit(f"{jar} is not the jar of Apache Kafka {KAFKA_VERSION}: its sha256 differs")
        for source in read_messages(jar):
            if source["validVersions"] == "none":
                continue
            path = target / f"{snake_case(source['name'])}.json"
            if path in written:
                sys.exit(f"two messages are called {source['name']}")
            path.write_text(render(message_facts(source)))
            written.add(path)
    for path in set(target.glob("*.json")) - written:
        path.unlink()
    print(f"{len(written)} definitions in {target}")


def read_messages(jar: Path) -> list[dict[str, Any]]:
    """Every message description in a jar, as Kafka wrote it; lines of `//` are comments."""
    with zipfile.ZipFile(jar) as archive:
        names = [name for name in archive.namelist() if _MESSAGE_FILE.fullmatch(name)]
        texts = [archive.read(name).decode() for name in sorted(names)]
    return [json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)) for text in texts]


def message_facts(source: dict[str, Any]) -> dict[str, Any]:
    """The facts of one message, under our attribute names."""
    facts = _keep(source, KEPT["message"])
    facts["fields"] = [field_facts(field) for field in source["fields"]]
    if structs := source.get("commonStructs"):
        facts["structs"] = [
            {"name": struct["name"], "fields": [field_facts(field) for field in struct["fields"]]}
            for struct in structs
        ]
    return facts


def field_facts(source: dict[str, Any]) -> dict[str, Any]:
    """The facts of one field and of those inside it."""
    if "taggedVersions" in source:
        tagged = source["taggedVersions"]
        assert source.setdefault("versions", tagged) == tagged, source
    facts = _keep(source, KEPT["field"])
    if facts.get("default", "") is None:
        # JSON null is not the string "null": Kafka reads it as "no default given".
        del facts["default"]
    if "fields" in source:
        facts["fields"] = [field_facts(field) for field in source["fields"]]
    return facts


def _keep(source: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    unknown = source.keys() - names.keys() - _HANDLED
    if unknown:
        sys.exit(f"{source['name']} has attributes never seen before: {', '.join(unknown)}")
    return {ours: source[theirs] for theirs, ours in names.items() if theirs in source}


def render(facts: dict[str, Any]) -> str:
    """JSON with one field per line, nested fields indented below their parent."""
    head = {name: value for name, value in facts.items() if name not in {"fields", "structs"}}
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    lines.append(f'  "fields": {_render_fields(facts["fields"], "  ")}')
    if "structs" in facts:
        structs = [
            f'    {{"name": "{struct["name"]}", "fields": {_render_fields(struct["fields"], "    ")}}}'
            for struct in facts["structs"]
        ]
        lines.append('  "structs": [\n' + ",\n".join(structs) + "\n  ]")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _render_fields(fields: list[dict[str, Any]], indent: str) -> str:
    if not fields:
        return "[]"
    lines = []
    for field in fields:
        inner = field.get("fields")
        flat = {name: value for name, value in field.items() if name != "fields"}
        line = json.dumps(flat)
        if inner is not None:
            line = f'{line[:-1]}, "fields": {_render_fields(inner, indent + "  ")}}}'
        lines.append(f"{indent}  {line}")
    return "[\n" + ",\n".join(lines) + f"\n{indent}]"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent / "definitions")
