"""Build hook: writes `kafkalite_protocol/messages/` before the package is built or linked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class GenerateMessages(BuildHookInterface[Any]):
    """Runs the generator as a program of its own: it needs nothing but the standard library."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        generator = Path(self.root, "protocol", "generate.py")
        subprocess.run([sys.executable, str(generator)], check=True, stdout=subprocess.DEVNULL)
