"""ISO 8601 durations as Java writes them: `P1DT2H3M4.5S`."""

from __future__ import annotations

import re
from typing import Final

_DURATION: Final = re.compile(
    r"(?P<sign>[-+]?)P(?:(?P<d>[-+]?\d+)D)?"
    r"(?P<time>T(?:(?P<h>[-+]?\d+)H)?(?:(?P<m>[-+]?\d+)M)?(?:(?P<s>[-+]?\d+)(?:[.,](?P<f>\d{0,9}))?S)?)?",
    re.IGNORECASE | re.ASCII,
)
_UNIT_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000}


def iso_duration_ms(text: str) -> int | None:
    """Milliseconds in a duration, fractions of one cut off; None when it is not one (`java.time.Duration.parse`)."""
    found = _DURATION.fullmatch(text)
    if found is None or (found["time"] or "").upper() == "T":
        return None
    if all(found[unit] is None for unit in _UNIT_MS):
        return None
    total_ms = sum(int(found[unit] or 0) * unit_ms for unit, unit_ms in _UNIT_MS.items())
    fraction_ms = int((found["f"] or "").ljust(3, "0")[:3])
    total_ms += -fraction_ms if (found["s"] or "").startswith("-") else fraction_ms
    return -total_ms if found["sign"] == "-" else total_ms
