"""What the Java runtime hands to javac and Maven."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from kafkalite_compat.runtimes import java


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    for name in ("Main.java", "notes.txt", "since-4.1/New.java", "before-4.1/New.java"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("version", "folder"),
    [
        ("4.1.0", "since-4.1"),
        ("4.10.2", "since-4.1"),
        ("4.0.9", "before-4.1"),
        ("3.9", "before-4.1"),
    ],
)
def test_a_class_is_compiled_once_for_the_version(driver: Path, version: str, folder: str) -> None:
    assert java.sources([driver], version) == [driver / "Main.java", driver / folder / "New.java"]


def test_a_folder_that_names_no_version_is_our_own_mistake(driver: Path) -> None:
    (driver / "extras").mkdir()
    with pytest.raises(AssertionError, match="neither since-V nor before-V"):
        java.sources([driver], "4.1.0")


def test_a_dependency_is_had_without_what_its_line_rules_out() -> None:
    pom = ElementTree.fromstring(java.pom(("a.b:c:1.0 !d !e", "f:g:2")))
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    found = {
        dependency.findtext("m:artifactId", namespaces=space): [
            one.text for one in dependency.findall(".//m:exclusion/m:artifactId", space)
        ]
        for dependency in pom.iterfind(".//m:dependency", space)
    }
    assert found == {"c": ["d", "e"], "g": []}


def test_programs_that_are_not_on_path_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert java.missing() == "not on PATH: java, javac, mvn"
