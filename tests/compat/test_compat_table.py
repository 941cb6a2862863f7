"""The pages that are written from the results of a run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kafkalite_compat.results_file import save
from sample_results import sample

SCRIPT = Path(__file__).parents[2] / "docs" / "compat_table.py"
README = "# It\n\n<!-- compat -->\nold\n<!-- /compat -->\nend\n"


def project(folder: Path) -> Path:
    """A project with the script, results and a README whose block is old."""
    for name in ("compat_table.py", "config_table.py"):
        (folder / "docs").mkdir(exist_ok=True)
        (folder / "docs" / name).write_text((SCRIPT.parent / name).read_text())
    (folder / "compat").mkdir()
    save(sample(versions=1), folder / "compat" / "results.json")
    (folder / "README.md").write_text(README)
    return folder


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, folder / "docs" / "compat_table.py", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_pages_that_are_not_current_are_named_and_left(tmp_path: Path) -> None:
    done = run(project(tmp_path), "--check")
    assert done.returncode == 1
    assert done.stderr == "README.md is not current: run python docs/compat_table.py\n"
    assert (tmp_path / "README.md").read_text() == README


def test_pages_are_current_once_written(tmp_path: Path) -> None:
    folder = project(tmp_path)
    assert run(folder).returncode == 0
    assert run(folder, "--check").returncode == 0
    page = (folder / "README.md").read_text()
    assert page.startswith("# It\n\n<!-- compat -->\nkafkalite 0.1.0: ")
    assert page.endswith(" |\n<!-- /compat -->\nend\n")
    assert (folder / "compat" / "RESULTS.md").read_text().startswith("# Compatibility\n")


def test_report_that_is_not_current_is_named(tmp_path: Path) -> None:
    folder = project(tmp_path)
    run(folder)
    (folder / "compat" / "RESULTS.md").write_text("changed")
    assert run(folder, "--check").stderr.startswith("RESULTS.md is not current")
