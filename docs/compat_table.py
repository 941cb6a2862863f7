"""Writes what compat/results.json tells: the block `compat` of README.md, and compat/RESULTS.md.

    python docs/compat_table.py           rewrites them; --check fails if they are not current

The results come from `make compat`, which leaves them in .cache/compat-report/results.json.
"""

from __future__ import annotations

import sys
from pathlib import Path

from config_table import replace_block
from kafkalite_compat.report import markdown
from kafkalite_compat.report.readme import support_table
from kafkalite_compat.results import Results
from kafkalite_compat.results_file import load

ROOT = Path(__file__).parent.parent


def pages(root: Path, results: Results) -> dict[Path, str]:
    """Each page, as it should be."""
    readme = root / "README.md"
    return {
        readme: replace_block(readme.read_text(), "compat", support_table(results)),
        root / "compat" / "RESULTS.md": markdown.render(results),
    }


def main() -> None:
    for path, current in pages(ROOT, load(ROOT / "compat" / "results.json")).items():
        if "--check" not in sys.argv:
            path.write_text(current)
        elif not path.exists() or path.read_text() != current:
            sys.exit(f"{path.name} is not current: run python docs/compat_table.py")


if __name__ == "__main__":
    main()
