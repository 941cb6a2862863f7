"""`python -m bench`: the same work on kafkalite and on Apache Kafka, by turns, on this machine.

python -m bench                                   everything, three rounds; rewrites bench/RESULTS.md
python -m bench --only start,produce1 --rounds 1  a quick look; writes nothing
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bench.brokers import BROKERS
from bench.figures import Measure
from bench.measures import MEASURES
from bench.report import results, table

RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    names = list(dict.fromkeys(measure.name for measure in MEASURES))
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", help=f"some of {','.join(names)}, with commas between")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--broker", choices=list(BROKERS), help="measure this one alone")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",") if arguments.only else names
    if unknown := set(chosen) - set(names):
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")

    measures = [measure for measure in MEASURES if measure.name in chosen]
    brokers = [arguments.broker] if arguments.broker else list(BROKERS)
    load_before = os.getloadavg()[0]
    figures = run_by_turns(measures, brokers, arguments.rounds)
    if len(brokers) == 1:
        return
    the_table = table([figure for measure in measures for figure in measure.figures], figures)
    print(the_table)
    if not arguments.only:
        RESULTS.write_text(results(arguments.rounds, load_before, the_table))


def run_by_turns(
    measures: list[Measure], brokers: list[str], rounds: int
) -> dict[str, dict[str, list[float]]]:
    """All values of each figure, by broker and by the figure's key."""
    figures: dict[str, dict[str, list[float]]] = {broker: defaultdict(list) for broker in brokers}
    together = [measure for measure in measures if not measure.fresh_broker]
    groups = [together] if together else []
    groups += [[measure] for measure in measures if measure.fresh_broker]
    for round_number in range(1, rounds + 1):
        for group in groups:
            for broker in brokers:
                for key, value in run_on_new_broker(group, broker, round_number):
                    figures[broker][key].append(value)
    return figures


def run_on_new_broker(
    measures: list[Measure], broker: str, round_number: int
) -> Iterator[tuple[str, float]]:
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        BROKERS[broker](Path(directory)) as running,
    ):
        for measure in measures:
            taken = measure.run(running)
            yield from taken.items()
            numbers = " ".join(f"{key}={value:.6g}" for key, value in taken.items())
            print(f"round {round_number} {broker}: {numbers}", file=sys.stderr)


if __name__ == "__main__":
    main()
