"""`kafkalite graduate` and `kafkalite adopt` as commands: what they say, and how they end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.adoption.data_world import copy, fill, make_kafkas
from tests.broker_process import REPOSITORY, clean_environment


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("filled") / "data"
    fill(data)
    return data


@pytest.fixture
def data(filled: Path, tmp_path: Path) -> Path:
    return copy(filled, tmp_path / "data")


def run(*words: str | Path, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kafkalite", *words],
        cwd=REPOSITORY,
        env=clean_environment(),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_there_and_back_tells_what_is_done_and_what_comes_next(data: Path) -> None:
    dry = run("graduate", "--data", data, "--dry-run").stdout
    assert "3 topics with 6 partitions, 16 records in" in dry
    assert (
        "  would put __cluster_metadata-0 aside, as __cluster_metadata-0.kafkalite-1-stray" in dry
    )
    assert "Nothing was changed." in dry
    done = run("graduate", "--data", data)
    assert done.returncode == 0
    assert "  done: put __cluster_metadata-0 aside" in done.stdout
    assert f"bin/kafka-server-start.sh {data / 'server.properties'}" in done.stdout
    again = run("graduate", "--data", data)
    assert (again.returncode, "There is nothing to do." in again.stdout) == (0, True)
    back = run("adopt", "--data", data)
    assert (back.returncode, f"kafkalite serve --data {data}" in back.stdout) == (0, True)


def test_a_refusal_is_one_line_and_status_1(data: Path) -> None:
    make_kafkas(data)
    refused = run("graduate", "--data", data)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("kafkalite: ")
    assert refused.stderr.count("\n") == 1


def test_several_directories_cannot_be_graduated(tmp_path: Path) -> None:
    refused = run("graduate", "--data", f"{tmp_path}/a,{tmp_path}/b")
    assert (refused.returncode, "several directories" in refused.stderr) == (1, True)


def test_a_directory_that_cannot_be_written_is_told_without_a_stack_trace(data: Path) -> None:
    (data / "bootstrap.checkpoint").unlink()
    (data / "bootstrap.checkpoint").mkdir()
    failed = run("graduate", "--data", data)
    assert failed.returncode == 1
    assert "cannot be read or written" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_the_work_is_done_also_when_nobody_reads_what_is_said(data: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "kafkalite", "graduate", "--data", data],
        cwd=REPOSITORY,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    process.stdout.close()
    process.wait(30)
    assert not (data / "__cluster_metadata-0").exists()
