"""The report as a page: what is in it, and what a browser makes of it."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import pytest
from kafkalite_compat.report.html import render
from kafkalite_compat.results import BrokerInfo, Results
from sample_results import KAFKA, KAFKALITE, sample

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--dump-dom",
]
chromium = [
    pytest.mark.chromium,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
]


class Page(HTMLParser):
    """Reads what a test asks about: open tags with attributes, and the text within ids."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._within: list[str | None] = []
        self.texts: dict[str, str] = {}
        self.feed(source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in {"meta", "input", "link", "br"}:
            self._within.append(dict(attributes).get("id"))

    def handle_endtag(self, tag: str) -> None:
        self._within.pop()

    def handle_data(self, data: str) -> None:
        for name in filter(None, self._within):
            self.texts[name] = self.texts.get(name, "") + data

    def with_attribute(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for _, attributes in self.tags if name in attributes]

    def seen(self, name: str) -> list[dict[str, str | None]]:
        return [one for one in self.with_attribute(name) if "hidden" not in one]


def page_of(results: Results) -> Page:
    return Page(render(results))


def with_script(results: Results, script: str, *, policed: bool) -> str:
    """The page with a script put into it, and with or without the policy that keeps it from running."""
    source = render(results).replace("</body>", f"<script>{script}</script></body>")
    return source if policed else re.sub(r"<meta http-equiv=[^>]*>", "", source)


def opened(source: str, folder: Path, **address: str) -> Page:
    """The page as it is once its script has run, with these filters in its address."""
    assert CHROMIUM is not None
    path = folder / "report.html"
    path.write_text(source, encoding="utf-8")
    url = f"{path.as_uri()}#{urlencode(address)}"
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", url],
        capture_output=True, text=True, timeout=50, check=True,
    )  # fmt: skip
    page = Page(done.stdout)
    html = dict(page.tags)["html"]
    assert html.get("data-error") is None
    assert html.get("data-ready") == "yes"
    return page


def test_page_has_a_place_for_every_cell() -> None:
    results = sample()
    page = page_of(results)
    assert len(page.with_attribute("data-scenario")) == 60
    assert len(page.with_attribute("data-client")) == 48
    places = [
        attributes for tag, attributes in page.tags if tag == "td" and "tabindex" in attributes
    ]
    assert len(places) == 60 * 48


def test_page_asks_for_nothing_from_elsewhere() -> None:
    source = render(sample(versions=1))
    page = Page(source)
    assert not page.with_attribute("src")
    assert not page.with_attribute("href")
    assert "url(" not in source
    assert "@import" not in source
    [policy] = [one["content"] for one in page.with_attribute("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none';")


def test_what_a_client_says_becomes_no_markup() -> None:
    source = render(sample(versions=1))
    assert "window.broken" in source
    assert not re.search(r"<script>\s*window", source)
    assert source.count("<script") == source.count("</script>") == 2
    assert "{{ 7 * 7 }}" in source


def test_page_of_one_broker_needs_no_reference() -> None:
    page = page_of(sample((BrokerInfo("127.0.0.1:9093", None, reference=False),), versions=1))
    assert "broker" not in [one["name"] for one in page.with_attribute("name")]


def test_page_of_an_empty_run_is_a_page() -> None:
    assert page_of(Results("2026-11-21T13:00:00+00:00", 0.0, {}, [KAFKALITE, KAFKA], [], []))


class TestInChromium:
    pytestmark = chromium

    def test_page_opens_without_an_error_and_shows_all(self, tmp_path: Path) -> None:
        page = opened(render(sample()), tmp_path)
        assert page.texts["shown"] == "48 of 48 client versions, 60 of 60 scenarios"
        assert len(page.seen("data-scenario")) == 60

    def test_filters_leave_what_they_name(self, tmp_path: Path) -> None:
        page = opened(render(sample()), tmp_path, language="Go", newest="1", scenario="t")
        assert page.texts["shown"] == "4 of 48 client versions, 6 of 60 scenarios"
        assert len(page.seen("data-scenario")) == 6

    def test_outcome_leaves_the_scenarios_that_have_it(self, tmp_path: Path) -> None:
        results = sample()
        page = opened(render(results), tmp_path, outcome="fail", broker="0")
        failures = [one for one in results.failures() if one.broker == KAFKALITE.name]
        clients = {(one.client, one.version) for one in failures}
        scenarios = {one.scenario for one in failures}
        assert (
            page.texts["shown"]
            == f"{len(clients)} of 48 client versions, {len(scenarios)} of 60 scenarios"
        )

    def test_panel_shows_what_a_client_says_as_text(self, tmp_path: Path) -> None:
        page = opened(render(sample()), tmp_path, cell="P03/kafka-python 3.2.0")
        assert "<script>window.broken = 1</script>" in page.texts["panel"]
        assert "Apache Kafka 4.3.0 pass" in page.texts["panel"]

    @pytest.mark.parametrize("policed", [True, False])
    def test_policy_keeps_other_scripts_from_running(self, tmp_path: Path, policed: bool) -> None:
        source = with_script(sample(versions=1), "document.body.id = 'stranger'", policed=policed)
        page = opened(source, tmp_path)
        assert (dict(page.tags)["body"].get("id") == "stranger") is not policed

    def test_keys_walk_the_matrix_and_open_and_close_the_panel(self, tmp_path: Path) -> None:
        steps = """
          const key = (name) => document.activeElement.dispatchEvent(
            new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
          const told = document.body.appendChild(document.createElement("p"));
          told.id = "told";
          const tell = (what) => { told.textContent += what + ";"; };
          document.querySelector("td[tabindex='0']").focus();
          key("ArrowRight"); key("ArrowDown"); key("Enter");
          tell(document.querySelector("#panel h2").textContent.slice(0, 3));
          tell(document.querySelector("#panel .dim b").textContent);
          key("Escape");
          tell(document.getElementById("panel").hidden);
          const group = document.querySelector(".group button");
          group.click(); tell(group.getAttribute("aria-expanded"));
          document.querySelector("thead [data-client='47']").click();
          tell(document.querySelector("#panel pre").textContent.slice(0, 22));
          document.querySelector("tr[data-scenario='5'] > th button").click();
          tell(document.querySelector("#panel h2").textContent.slice(0, 3));
        """
        page = opened(with_script(sample(), steps, policed=False), tmp_path)
        assert page.texts["told"] == "C02;kcat 2.9.1;true;false;could not be installed;M02;"
