"""franz-go's transactions (version 2, KIP-890): commit, abort, fencing, timeout, consume-transform-produce, many partitions.

Needs `go`, and its module proxy the first time (`make go`).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker_process import BrokerProcess

pytestmark = [pytest.mark.go, pytest.mark.timeout(300)]

HERE = Path(__file__).parent
QUICK = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "200"}

EXPECTED = [
    "open: 0 committed, 6 in all",
    "committed: 6 committed, 6 in all",
    "aborted: 6 committed, 15 in all",
    "fifty in a row: 81 committed, 165 in all",
    "large: 20000 committed, 40000 in all",
    "fenced, committing: PRODUCER_FENCED",
    "fenced: 3 committed, 5 in all",
    "timed out, committing: INVALID_TXN_STATE",
    "timed out: 0 committed, 2 in all",
    "transformed: 300 in, 300 out, offsets 300",
]
"""What Apache Kafka 4.3.0 gives, too."""


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    given = os.environ.get("KAFKALITE_TEST_BOOTSTRAP")
    if given:
        yield given
        return
    with BrokerProcess(tmp_path_factory.mktemp("go") / "data", settings=QUICK) as broker:
        yield broker.bootstrap


def test_transactions_of_franz_go_end_as_on_kafka(bootstrap: str, tmp_path: Path) -> None:
    program = tmp_path / "transactions"
    subprocess.run(["go", "build", "-o", program, "."], cwd=HERE, check=True)
    done = subprocess.run(
        [program, bootstrap], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert done.stdout.splitlines() == EXPECTED
