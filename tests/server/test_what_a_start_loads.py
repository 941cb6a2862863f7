"""What a broker without groups, transactions and compacted logs need not have in memory is not loaded by its start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.broker_process import REPOSITORY, clean_environment

START = """
import random, sys
from pathlib import Path
import kafkalite.server.run
from kafkalite.broker.blocking import RunInline
from kafkalite.broker.broker import Broker
from kafkalite.clock import SystemClock
from kafkalite.config import BrokerConfig
from kafkalite.storage.real_filesystem import RealFileSystem
from kafkalite.timer import TimerQueue

clock = SystemClock()
timer = TimerQueue(clock)
broker = Broker(
    BrokerConfig({"log.dirs": sys.argv[1]}),
    listeners=[], clock=clock, timer=timer, filesystem=RealFileSystem(), rng=random.Random(1), blocking=RunInline(),
)
broker.open()
broker.start()
timer.run_due()
broker.answer_parked()
broker.close()
print(*sys.modules)
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    data: Path = tmp_path_factory.mktemp("start") / "data"
    done = subprocess.run(
        [sys.executable, "-c", START, str(data)],
        cwd=REPOSITORY,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "package",
    [
        "kafkalite.broker.handlers",
        "kafkalite.broker.share",
        "kafkalite.coordination.group.consumer",
        "kafkalite.coordination.group.modern",
        "kafkalite.coordination.group.share",
        "kafkalite.coordination.group.streams",
        "kafkalite.coordination.share",
        "kafkalite.coordination.transaction",
        "kafkalite.storage.cleaner",
    ],
)
def test_a_start_does_not_load_what_nobody_uses_yet(loaded: set[str], package: str) -> None:
    assert "kafkalite.broker.broker" in loaded
    assert [name for name in loaded if name.startswith(f"{package}.")] == []
