"""Verdicts, and results in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kafkalite_compat.results import BrokerInfo, Cell, Outcome, Results, Verdict
from kafkalite_compat.results_file import load, save
from sample_results import KAFKA, KAFKALITE, sample


def run_of(*cells: Cell, reference: bool = True) -> Results:
    brokers = [KAFKALITE, BrokerInfo(KAFKA.name, KAFKA.version, reference)]
    return Results("2026-11-21T13:00:00+00:00", 1.0, {}, brokers, [], [], list(cells))


def cell(broker: BrokerInfo, outcome: Outcome, version: str = "1.0") -> Cell:
    return Cell("kcat", version, "T01", broker.name, outcome)


def verdict_beside(here: Outcome, there: Outcome) -> Verdict:
    judged = run_of(cell(KAFKALITE, here), cell(KAFKA, there)).judged()
    return judged[0][1]


@pytest.mark.parametrize(
    ("here", "there", "verdict"),
    [
        (Outcome.PASS, Outcome.FAIL, Verdict.PASS),
        (Outcome.FAIL, Outcome.PASS, Verdict.FAIL),
        (Outcome.FAIL, Outcome.FAIL, Verdict.FAIL_ON_REFERENCE_TOO),
        (Outcome.FAIL, Outcome.UNSUPPORTED, Verdict.FAIL),
        (Outcome.FAIL, Outcome.SKIPPED, Verdict.FAIL),
        (Outcome.UNSUPPORTED, Outcome.UNSUPPORTED, Verdict.UNSUPPORTED),
        (Outcome.UNSUPPORTED, Outcome.SKIPPED, Verdict.UNSUPPORTED),
        (Outcome.SKIPPED, Outcome.PASS, Verdict.SKIPPED),
    ],
)
def test_verdict_takes_the_reference_into_account(
    here: Outcome, there: Outcome, verdict: Verdict
) -> None:
    assert verdict_beside(here, there) is verdict


def test_what_the_client_can_do_on_the_reference_it_is_not_excused_from_elsewhere() -> None:
    assert verdict_beside(Outcome.UNSUPPORTED, Outcome.PASS) is Verdict.FAIL


def test_failure_on_the_reference_is_no_broker_s_fault_but_a_doubt() -> None:
    results = run_of(cell(KAFKALITE, Outcome.FAIL), cell(KAFKA, Outcome.FAIL))
    assert results.failures() == []
    assert [one.broker for one in results.doubts()] == [KAFKA.name]


def test_failure_of_another_version_on_the_reference_excuses_nothing() -> None:
    results = run_of(cell(KAFKALITE, Outcome.FAIL), cell(KAFKA, Outcome.FAIL, version="2.0"))
    assert [one.broker for one in results.failures()] == [KAFKALITE.name]
    assert [one.broker for one in results.doubts()] == [KAFKA.name]


def test_failure_without_a_reference_is_a_failure() -> None:
    results = run_of(cell(KAFKALITE, Outcome.FAIL), cell(KAFKA, Outcome.FAIL), reference=False)
    assert len(results.failures()) == 2


def test_saved_results_are_loaded_as_they_were(tmp_path: Path) -> None:
    results = sample()
    save(results, tmp_path / "results.json")
    assert load(tmp_path / "results.json") == results


def test_scenario_that_a_session_did_not_come_to_stays_out(tmp_path: Path) -> None:
    results = sample()
    del results.cells[7:9], results.cells[100]
    save(results, tmp_path / "results.json")
    assert load(tmp_path / "results.json") == results


def test_details_are_saved_once(tmp_path: Path) -> None:
    save(sample(), tmp_path / "results.json")
    assert (tmp_path / "results.json").read_text().count("the library has no admin API") == 1


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{}",
        '{"schema": 2}',
        '{"schema": 1}',
        "no json",
        '{"schema": 1, "started": "", "seconds": 0, "machine": {}, "brokers": [{"odd": 1}]}',
    ],
)
def test_file_that_holds_no_results_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(ValueError):
        load(tmp_path / "results.json")


def test_detail_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    save(sample(), path)
    table = json.loads(path.read_text())
    path.write_text(json.dumps({**table, "details": []}))
    with pytest.raises(ValueError, match="not a result file"):
        load(path)
