"""A run with a client of our own making, whose misbehaviour the runner has to survive and to tell."""

import sys
import textwrap

import pytest
from kafkalite_compat import runner as runner_module
from kafkalite_compat.brokers import CannotRestart
from kafkalite_compat.catalogue import Client, ClientVersion, Limit, Version
from kafkalite_compat.driver import NotSupported
from kafkalite_compat.results import Outcome
from kafkalite_compat.runner import Plan, Runner
from kafkalite_compat.runtimes import Command, InstallFailed
from kafkalite_compat.scenario import Scenario

DRIVER = textwrap.dedent(
    """
    import json, os, sys
    for line in sys.stdin:
        request = json.loads(line)
        op = request["op"]
        if op == "start":
            answer = {"ok": {"client": "toy", "version": "1", "runtime": "toy 1"}}
        elif op == "metadata":
            answer = {"ok": {"brokers": [], "topics": {}}}
        elif op == "describe_cluster":
            answer = {"unsupported": "a toy has no admin API"}
        elif op == "create_topic":
            answer = {"error": {"code": 36, "name": "TOPIC_ALREADY_EXISTS", "text": "there"}}
        elif op == "list_topics":
            print("last words", file=sys.stderr, flush=True)
            os._exit(3)
        else:
            print("this is no answer", flush=True)
            continue
        print(json.dumps({"id": request["id"], **answer}), flush=True)
    """
)


class Broker:
    version = "1"
    bootstrap = "127.0.0.1:1"

    def __init__(self, name):
        self.name = name
        self.restarts = []

    def restart(self, *, kill):
        self.restarts.append(kill)

    def close(self):
        pass


class Listener:
    def __init__(self):
        self.cells = []

    def cell_finished(self, cell):
        self.cells.append(cell)

    def __getattr__(self, name):
        return lambda *arguments: None


class ToyRuntime:
    def __init__(self, lacking=None):
        self.lacking = lacking

    def missing(self):
        return self.lacking


@pytest.fixture
def outcomes(tmp_path, monkeypatch):
    """Runs bodies as scenarios with the toy client; gives the results."""

    def run(*bodies, brokers=None, versions=("1",), limits=(), lacking=None, broken=None, **plan):
        def prepare(one, cache):
            if broken:
                raise InstallFailed(broken)
            return Command((sys.executable, "-c", DRIVER))

        monkeypatch.setattr(runner_module, "runtime_of", lambda client: ToyRuntime(lacking))
        monkeypatch.setattr(runner_module, "prepare", prepare)
        toy = Client(
            "toy",
            "Toyish",
            "toy",
            "toy.py",
            False,
            tuple(Version(v, (), {}) for v in versions),
            limits,
        )
        scenarios = [
            Scenario(
                f"Z{number:02}",
                "toys",
                body.__name__,
                body,
                restarts_broker="restart" in body.__name__,
            )
            for number, body in enumerate(bodies, 1)
        ]
        clients = [ClientVersion(toy, version) for version in toy.versions]
        brokers = brokers or [Broker("tested")]
        given = Plan(
            clients, scenarios, brokers, None, 2, tmp_path, tmp_path, **{"tries": 1, **plan}
        )
        return Runner(given, Listener()).run()

    return run


def passes(world):
    world.client.call("metadata")


def test_scenario_that_ends_without_an_exception_has_passed(outcomes):
    results = outcomes(passes)
    assert [cell.outcome for cell in results.cells] == [Outcome.PASS]
    assert results.clients[0].runtime == "toy 1"


def test_step_the_client_lacks_makes_the_scenario_unsupported_with_the_reason(outcomes):
    def cluster(world):
        world.client.call("describe_cluster")

    (cell,) = outcomes(cluster).cells
    assert (cell.outcome, cell.detail) == (Outcome.UNSUPPORTED, "a toy has no admin API")


def test_failed_step_and_failed_expectation_fail_with_what_was_said(outcomes):
    def step(world):
        world.client.call("create_topic", topic="t", partitions=1)

    def expectation(world):
        raise AssertionError("offset of the third record: expected 2, got 3")

    step_cell, expectation_cell = outcomes(step, expectation).cells
    assert step_cell.outcome is expectation_cell.outcome is Outcome.FAIL
    assert "TOPIC_ALREADY_EXISTS" in step_cell.detail
    assert expectation_cell.detail == "offset of the third record: expected 2, got 3"


def test_driver_that_ends_fails_its_scenario_with_its_last_words_and_the_next_gets_a_new_one(
    outcomes,
):
    def ends(world):
        world.client.call("list_topics")

    ended, next_one = outcomes(ends, passes).cells
    assert ended.outcome is Outcome.FAIL
    assert "ended with 3" in ended.detail
    assert "last words" in ended.detail
    assert next_one.outcome is Outcome.PASS


def test_driver_that_prints_something_else_fails_its_scenario(outcomes):
    def talks(world):
        world.client.call("describe_topic", topic="t")

    (cell,) = outcomes(talks).cells
    assert cell.outcome is Outcome.FAIL
    assert "this is no answer" in cell.detail


def test_mistake_in_a_scenario_is_a_failure_and_not_the_end_of_the_run(outcomes):
    def mistaken(world):
        raise KeyError("partition")

    first, second = outcomes(mistaken, passes).cells
    assert (first.outcome, first.detail) == (Outcome.FAIL, "KeyError: 'partition'")
    assert second.outcome is Outcome.PASS


def test_known_limit_of_a_version_is_told_without_running_it(outcomes):
    def never(world):
        raise AssertionError("this was run")

    limits = (Limit(("1",), ("Z01",), "toy 1 has no wheels"),)
    with_limit, without = outcomes(never, versions=("1", "2"), limits=limits).cells
    assert (with_limit.outcome, with_limit.detail) == (Outcome.UNSUPPORTED, "toy 1 has no wheels")
    assert without.outcome is Outcome.FAIL


def test_client_whose_runtime_is_missing_is_skipped_with_the_reason(outcomes):
    results = outcomes(passes, lacking="toy is not on PATH")
    assert [(cell.outcome, cell.detail) for cell in results.cells] == [
        (Outcome.SKIPPED, "toy is not on PATH")
    ]
    assert results.clients[0].reason == "toy is not on PATH"


def test_client_that_cannot_be_installed_is_skipped_with_the_end_of_the_output(outcomes):
    (cell,) = outcomes(passes, broken="pip ended with 1: no such version").cells
    assert cell.outcome is Outcome.SKIPPED
    assert "no such version" in cell.detail


def test_scenario_that_fails_is_tried_again_and_says_what_failed_before(outcomes):
    tries = []

    def second_time(world):
        tries.append(world.prefix)
        assert len(tries) > 1, "the first time"

    (cell,) = outcomes(second_time, tries=2).cells
    assert cell.outcome is Outcome.PASS
    assert "the first time" in cell.detail
    assert len(set(tries)) == 2  # under other names


def test_broker_is_restarted_once_for_all_versions(outcomes):
    broker = Broker("tested")

    def restart(world):
        world.restart_broker(True)

    results = outcomes(restart, brokers=[broker], versions=("1", "2", "3"))
    assert [cell.outcome for cell in results.cells] == [Outcome.PASS] * 3
    assert broker.restarts == [True]


def test_version_that_cannot_do_a_restart_scenario_does_not_hold_up_the_others(outcomes):
    broker = Broker("tested")
    asked = []

    def restart(world):
        asked.append(world)
        if len(asked) == 1:
            raise NotSupported("not me")
        world.restart_broker(False)

    results = outcomes(restart, brokers=[broker], versions=("1", "2"))
    assert sorted(cell.outcome for cell in results.cells) == [Outcome.PASS, Outcome.UNSUPPORTED]
    assert broker.restarts == [False]


def test_broker_that_is_not_ours_to_restart_makes_the_scenario_skipped(outcomes):
    class Given(Broker):
        def restart(self, *, kill):
            raise CannotRestart("it is somebody else's")

    def restart(world):
        world.restart_broker(False)

    (cell,) = outcomes(restart, brokers=[Given("given")]).cells
    assert (cell.outcome, cell.detail) == (Outcome.SKIPPED, "it is somebody else's")
