"""`definitions/*.json` -> `kafkalite_protocol/messages/*.py`. Needs the standard library only.

    python protocol/generate.py            write what is missing or stale, delete what is left over
    python protocol/generate.py --check    write nothing; name the stale files and exit 1

Runs at build time (`hatch_build.py`), never at run time. The same definitions give the same bytes.
"""

from __future__ import annotations

import argparse
import compileall
import sys
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE))

from generator.modules import api_module, index_module, modules_by_name  # noqa: E402
from generator.schema import load_messages  # noqa: E402

TARGET: Final = _HERE / "kafkalite_protocol" / "messages"


def generated_files() -> dict[str, str]:
    """File name -> text, for every module of `messages/`."""
    modules = modules_by_name(load_messages(_HERE / "definitions"))
    files = {f"{name}.py": api_module(messages) for name, messages in modules.items()}
    files["__init__.py"] = index_module(modules)
    return files


def stale_files(files: dict[str, str]) -> list[Path]:
    """Files that are missing, differ, or should not be there."""
    there = set(TARGET.glob("*.py"))
    wanted = {TARGET / name: text for name, text in files.items()}
    different = {p for p, text in wanted.items() if p not in there or p.read_text() != text}
    return sorted(different | (there - wanted.keys()))


def write(files: dict[str, str], stale: list[Path]) -> None:
    """Bring the stale files up to date."""
    TARGET.mkdir(exist_ok=True)
    for path in stale:
        if path.name in files:
            path.write_text(files[path.name])
        else:
            path.unlink()
    # Half a second now, so that a broker's first start need not spend it.
    compileall.compile_dir(TARGET, quiet=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only tell what is stale")
    check = parser.parse_args().check
    files = generated_files()
    stale = stale_files(files)
    if not check:
        write(files, stale)
        print(f"{len(files)} modules in {TARGET}, {len(stale)} of them rewritten")
    elif stale:
        sys.exit("stale, run protocol/generate.py:\n" + "\n".join(f"  {path}" for path in stale))


if __name__ == "__main__":
    main()
