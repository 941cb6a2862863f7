"""A comparison for machines: JSON with everything in it, JUnit XML for CI systems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from kafkalite_compat.differential.comparing import Difference
from kafkalite_compat.differential.outcome import Report, ScriptResult
from kafkalite_compat.report.junit import NOT_IN_XML


def write_json(report: Report, path: Path) -> None:
    path.write_text(json.dumps(as_json(report), indent=1, default=_as_text) + "\n")


def as_json(report: Report) -> dict[str, Any]:
    return {
        "reference": report.reference,
        "other": report.other,
        "requests": report.requests,
        "decoded": report.decoded,
        "whole": report.whole,
        "scripts": [_script(one) for one in report.results],
        "coverage": [
            {
                "api_key": row.api[0],
                "name": row.name,
                "version": row.api[1],
                "reference": row.reference,
                "other": row.other,
                "good": row.good,
                "bad": row.bad,
                "differences": row.differences,
            }
            for row in report.coverage
        ],
        "unneeded": [one.where for one in report.unneeded],
    }


def _script(result: ScriptResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "group": result.group,
        "requests": result.requests,
        "seconds": round(result.seconds, 3),
        "skipped": result.skipped,
        "broken": result.broken,
        "differences": [_difference(one) for one in result.differences],
        "kept": [{**_difference(one), "reason": why.reason} for one, why in result.kept],
    }


def _difference(one: Difference) -> dict[str, Any]:
    return {"where": one.where, "reference": one.reference, "other": one.other}


def _as_text(value: object) -> str:
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else repr(value)


def write_junit(report: Report, path: Path) -> None:
    """One testsuite; a script is a testcase, which fails with its differences."""
    failed = sum(1 for one in report.results if one.differences or one.broken)
    root = ET.Element("testsuites", name="kafkalite-compat differential")
    suite = ET.SubElement(
        root,
        "testsuite",
        name=f"{report.other} beside {report.reference}",
        tests=str(len(report.results)),
        failures=str(failed),
        errors="0",
        skipped=str(sum(1 for one in report.results if one.skipped)),
        time=f"{sum(one.seconds for one in report.results):.3f}",
    )
    for result in report.results:
        suite.append(_case(result))
    ET.indent(root, " ")
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _case(result: ScriptResult) -> ET.Element:
    case = ET.Element(
        "testcase",
        name=result.name,
        classname=f"differential.{result.group}",
        time=f"{result.seconds:.3f}",
    )
    if result.skipped:
        ET.SubElement(case, "skipped", message=_allowed(result.skipped))
    elif result.broken:
        ET.SubElement(case, "failure", message=_allowed(result.broken), type="ended early")
    elif result.differences:
        message = f"{len(result.differences)} differences"
        failure = ET.SubElement(case, "failure", message=message, type="difference")
        failure.text = _allowed("\n".join(map(str, result.differences)))
    return case


def _allowed(text: str) -> str:
    return NOT_IN_XML.sub("\ufffd", text)
