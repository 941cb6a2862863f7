"""Not written yet."""

from pathlib import Path

from kafkalite_compat.results import Results


def write(results: Results, path: Path) -> None:
    raise NotImplementedError
