"""The report as JUnit XML, for CI systems: one testsuite per client version and broker, one testcase per scenario.

Only what makes a run fail is a <failure>. What fails on the reference broker too, what the client does not support and what was not run
are <skipped>, with the verdict as their type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from kafkalite_compat.report.summary import Judged, Summary
from kafkalite_compat.results import BrokerInfo, ClientInfo, Results, ScenarioInfo, Verdict

NOT_IN_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write, not even escaped."""


def write(results: Results, path: Path) -> None:
    summary = Summary(results)
    tallies = [summary.tally(broker) for broker in results.brokers]
    root = ET.Element(
        "testsuites",
        name="kafkalite-compat",
        tests=str(sum(tally.all for tally in tallies)),
        failures=str(sum(tally.failed for tally in tallies)),
        errors="0",
        time=f"{results.seconds:.3f}",
    )
    for broker in results.brokers:
        for client in results.clients:
            root.append(_suite(summary, client, broker))
    ET.indent(root, " ")
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _suite(summary: Summary, client: ClientInfo, broker: BrokerInfo) -> ET.Element:
    found = [
        (scenario, judged)
        for scenario in summary.results.scenarios
        if (judged := summary.at(client, scenario, broker)) is not None
    ]
    tally = summary.tally(broker, [client])
    suite = ET.Element(
        "testsuite",
        name=_allowed(f"{client.label} on {broker.name}"),
        tests=str(tally.all),
        failures=str(tally.failed),
        errors="0",
        skipped=str(tally.all - tally.passed - tally.failed),
        time=f"{sum(judged.cell.seconds for _, judged in found):.3f}",
        # Without the offset: the schema of Ant's reports wants a local time.
        timestamp=summary.results.started[: len("2026-01-01T00:00:00")],
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(client, broker):
        ET.SubElement(properties, "property", name=name, value=_allowed(value))
    suite.extend(_case(summary, client, broker, *one) for one in found)
    return suite


def _properties(client: ClientInfo, broker: BrokerInfo) -> Iterator[tuple[str, str]]:
    yield "client", client.label
    yield "language", client.language
    if client.runtime:
        yield "runtime", client.runtime
    yield "broker", broker.label


def _case(
    summary: Summary,
    client: ClientInfo,
    broker: BrokerInfo,
    scenario: ScenarioInfo,
    judged: Judged,
) -> ET.Element:
    cell, verdict = judged.cell, judged.verdict
    case = ET.Element(
        "testcase",
        name=_allowed(f"{scenario.number} {scenario.title}"),
        # CI systems make a tree of what stands between dots.
        classname=f"{_no_dots(broker.name)}.{_no_dots(client.label)}",
        time=f"{cell.seconds:.3f}",
    )
    if verdict is Verdict.PASS:
        if judged.second_try:
            ET.SubElement(case, "system-out").text = _allowed(cell.detail)
        return case
    kind = "failure" if verdict is Verdict.FAIL else "skipped"
    message = "".join(cell.detail.splitlines()[:1])
    told = ET.SubElement(
        case, kind, type=_allowed(summary.verdict_text(verdict)), message=_allowed(message)
    )
    told.text = _allowed(cell.detail)
    return case


def _no_dots(name: str) -> str:
    return _allowed(name).replace(".", "_")


def _allowed(text: str) -> str:
    return NOT_IN_XML.sub("\ufffd", text)
