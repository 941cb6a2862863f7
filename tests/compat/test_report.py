"""What the reports tell, in the terminal, in Markdown, as JUnit XML and in a README."""

from __future__ import annotations

import io
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from kafkalite_compat.report import markdown, writers
from kafkalite_compat.report.progress import Terminal
from kafkalite_compat.report.readme import support_table
from kafkalite_compat.report.summary import Summary, reasons
from kafkalite_compat.report.terminal import show
from kafkalite_compat.results import BrokerInfo, Outcome, Results, Verdict
from rich.console import Console
from sample_results import HOSTILE, KAFKA, KAFKALITE, sample

THIRD = BrokerInfo("127.0.0.1:9093", None, reference=False)


def shown(results: Results, width: int = 100) -> str:
    out = io.StringIO()
    show(results, Console(file=out, width=width))
    return out.getvalue()


def progress(results: Results) -> str:
    out = io.StringIO()
    terminal = Terminal(Console(file=out, width=100))
    terminal.run_started([one.label for one in results.clients], results.scenarios, results.brokers)
    for one in results.clients:
        terminal.preparing(one.label)
    for cell in results.cells:
        terminal.cell_finished(cell)
    for one in results.clients:
        terminal.client_finished(one.label, KAFKALITE.name)
    terminal.run_finished(results)
    return out.getvalue()


def small() -> Results:
    return sample(versions=1)


# Counts


def test_cells_that_fail_on_the_reference_too_are_not_due_elsewhere() -> None:
    results = sample()
    summary = Summary(results)
    passed, due = summary.measured(KAFKALITE, KAFKA)
    failed = len([one for one in results.failures() if one.broker == KAFKALITE.name])
    assert due - passed == failed > 0
    assert due == summary.tally(KAFKA).passed


def test_headlines_say_how_much_passes_the_measure_last() -> None:
    other, kafka = Summary(small()).headlines()
    assert re.fullmatch(
        r"kafkalite 0\.1\.0: \d+ of \d+ cells pass where Apache Kafka 4\.3\.0 passes", other
    )
    assert re.fullmatch(
        r"Apache Kafka 4\.3\.0: \d+ of \d+ cells pass that the clients can do", kafka
    )


def test_broker_without_a_measure_is_counted_alone() -> None:
    [line] = Summary(sample((THIRD,), versions=1)).headlines()
    assert line.startswith("127.0.0.1:9093: ")
    assert line.endswith("that the clients can do")


def test_reasons_cover_their_cells_exactly_once() -> None:
    summary = Summary(sample((KAFKALITE, THIRD, KAFKA)))
    for verdict in Verdict:
        cells = summary.with_verdict(verdict)
        told = [
            (client, version, scenario, broker, reason.text)
            for reason in reasons(cells)
            for client, versions in reason.clients.items()
            for version in versions
            for scenario in reason.scenarios
            for broker in reason.brokers
        ]
        assert sorted(told) == sorted(
            (c.client, c.version, c.scenario, c.broker, c.detail)
            for c in (one.cell for one in cells)
        )


def test_spans_break_where_another_letter_begins() -> None:
    summary = Summary(small())
    assert summary.spans(["C04", "M01", "M02", "M04", "C03"]) == "C03-C04, M01-M02, M04"


# Terminal


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, shown(sample(), width).splitlines())) <= width


def test_table_says_of_how_many_where_there_is_room() -> None:
    assert re.search(r"sarama 3\.2\.0 +4/4 +4/4 +8/8", shown(sample(), 120))
    assert re.search(r"sarama 3\.2\.0 +4 +4 +8 ", shown(sample(), 80))


def test_reason_of_a_version_that_was_not_run_is_shown() -> None:
    assert "error: no such crate" in shown(sample())


def test_control_characters_of_a_client_do_not_reach_the_terminal() -> None:
    for out in (shown(small()), progress(small())):
        assert "\x1b" not in out
        assert "\x00" not in out
        assert r"\x1b[31m" in out


def test_progress_prints_a_line_for_each_client_version_that_is_through() -> None:
    lines = progress(small()).splitlines()
    assert (
        len(
            [line for line in lines if re.match(r"[✓✗] \S+ 3\.2\.0 on kafkalite: \d+ passed", line)]
        )
        == 16
    )


def test_progress_names_a_failure_at_once_and_only_once() -> None:
    results = small()
    failures = [cell for cell in results.cells if cell.outcome is Outcome.FAIL]
    results.cells += failures
    told = [line for line in progress(results).splitlines() if re.match(r"✗ \w\d\d ", line)]
    assert len(told) == len(failures) > 0


def test_bars_are_for_terminals_only() -> None:
    assert "━" not in progress(small())


def test_bar_of_a_client_goes_with_the_client() -> None:
    results = small()
    out = io.StringIO()
    terminal = Terminal(Console(file=out, width=100, force_terminal=True, color_system=None))
    terminal.run_started([one.label for one in results.clients], results.scenarios, results.brokers)
    for cell in results.cells[:59]:
        terminal.cell_finished(cell)
    assert re.search("kcat 3.2.0 on kafkalite +━+. +59/60", _bars(terminal))
    terminal.client_finished("kcat 3.2.0", KAFKALITE.name)
    terminal.cell_finished(
        results.cells[59]
    )  # of a scenario that restarts the broker: it comes last
    assert "kcat" not in _bars(terminal)
    assert "60/1920" in _bars(terminal)
    terminal.run_finished(results)


def _bars(terminal: Terminal) -> str:
    out = io.StringIO()
    Console(file=out, width=100).print(terminal._bars.get_renderable())
    return out.getvalue()


# Markdown


def test_markdown_has_every_scenario_and_client_in_its_matrix() -> None:
    results = sample()
    page = markdown.render(results)
    for scenario in results.scenarios:
        assert f"- **{scenario.number}** {scenario.title}" in page
    for client in results.clients:
        assert page.count(f"\n| {client.label} |") == len(Summary(results).groups)


def test_markdown_marks_each_broker_where_they_differ() -> None:
    page = markdown.render(small())
    assert "| ✗✓ |" in page
    assert "| ✓✓ |" not in page


def test_detail_cannot_leave_its_block_or_cell() -> None:
    page = markdown.render(small())
    fenced = [line.strip() for line in page.splitlines() if "window.broken" in line]
    assert len(fenced) == 1
    assert markdown.text("a|b\n`<i>`*x*") == r"a\|b \`&lt;i&gt;\`\*x\*"


def test_fence_is_longer_than_any_in_the_detail() -> None:
    results = small()
    failed = next(at for at, one in enumerate(results.cells) if one.detail == HOSTILE)
    results.cells[failed] = results.cells[failed].__class__(
        **{**vars(results.cells[failed]), "detail": "```\n# not a heading"}
    )
    assert "  ````\n  ```\n  # not a heading\n  ````" in markdown.render(results)


def test_readme_table_has_a_row_for_each_client() -> None:
    lines = support_table(sample())
    assert lines[0].startswith("kafkalite 0.1.0: ")
    assert "| rskafka | Rust | 3.2.0, 2.9.1, 1.12.0 | all 100 | all 100 |" in lines
    assert len([line for line in lines if line.startswith("| ")]) == 17


def test_client_that_was_not_run_at_all_is_named() -> None:
    results = small()
    results.cells = [
        one.__class__(**{**vars(one), "outcome": Outcome.SKIPPED}) if one.client == "kcat" else one
        for one in results.cells
    ]
    assert "| kcat | C | 3.2.0 | not run | not run |" in support_table(results)


# JUnit


def junit(results: Results, folder: Path) -> ET.Element:
    writers()["junit"](results, folder / "junit.xml")
    return ET.parse(folder / "junit.xml").getroot()


def test_junit_has_a_suite_for_each_client_version_and_broker(tmp_path: Path) -> None:
    results = small()
    root = junit(results, tmp_path)
    assert len(root) == len(results.clients) * len(results.brokers)
    for suite in root:
        assert (
            int(suite.get("tests", "")) == len(suite.findall("testcase")) == len(results.scenarios)
        )
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("skipped", "")) == len(suite.findall("testcase/skipped"))


def test_junit_fails_where_the_run_fails_and_nowhere_else(tmp_path: Path) -> None:
    results = sample()
    root = junit(results, tmp_path)
    assert (
        len(root.findall(".//failure"))
        == len(results.failures() + results.doubts())
        == int(root.get("failures", ""))
    )
    assert {one.get("type") for one in root.findall(".//skipped")} == {
        "fails on Apache Kafka too", "not supported by the client", "skipped"
    }  # fmt: skip


def test_junit_keeps_a_detail_but_for_what_xml_cannot_hold(tmp_path: Path) -> None:
    told = [one.text for one in junit(small(), tmp_path).findall(".//failure")]
    assert HOSTILE.replace("\x1b", "\ufffd").replace("\x00", "\ufffd") in told
