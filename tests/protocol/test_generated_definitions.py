"""The definitions against the jars they were taken from, and what they must not carry along."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import extract
import pytest
from generator.schema import Versions, snake_case

from tests.java_kafka import kafka_libs
from tests.protocol.random_values import DEFINITIONS, all_messages

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.java
def test_definitions_are_what_kafkas_jars_say(tmp_path: Path):
    extract.main(kafka_libs(), tmp_path)
    fresh = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert fresh == {path.name: path.read_text() for path in DEFINITIONS.iterdir()}


def test_definitions_hold_facts_only():
    kept = set(extract.KEPT["message"].values()) | set(extract.KEPT["field"].values())
    for path in DEFINITIONS.iterdir():
        names: set[str] = set()
        json.loads(path.read_text(), object_hook=lambda facts, names=names: names.update(facts))
        assert names <= kept | {"fields", "structs"}, path


def test_all_live_messages_of_kafka_4_3_are_there():
    messages = all_messages()
    assert len(messages) == 272
    assert sum(len(list(message.versions)) for message in messages) == 728


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("4-18", [4, 18], [3, 19]),
        ("12+", [12, 32767], [11]),
        ("3", [3], [2, 4]),
        ("none", [], [-1, 0, 1]),
    ],
)
def test_version_ranges_include_both_ends(text, inside, outside):
    versions = Versions.parse(text)
    assert all(version in versions for version in inside)
    assert not any(version in versions for version in outside)


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("FetchRequest", "fetch_request"),
        ("KRaftVersionRecord", "kraft_version_record"),
        ("V3AndBelowTopics", "v3_and_below_topics"),
        ("IsKRaftBroker", "is_kraft_broker"),
    ],
)
def test_names_become_snake_case(name, snake):
    assert snake_case(name) == snake
