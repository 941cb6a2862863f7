"""What is going to be done to a directory: said first, then done step by step.

Whatever the step at which the process is killed, both brokers can go on with what is left, and doing it all again ends
where it would have ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kafkalite.adoption.survey import Survey


class Step(NamedTuple):
    """One change. `what` is for a person, without subject: `put ... aside`."""

    what: str
    do: Callable[[], None]


class Plan(NamedTuple):
    """Nothing has been changed by making it."""

    found: str
    """Whose the directory is, in a sentence."""
    survey: Survey
    steps: list[Step]
    then: list[str]
    """What the user does when the steps are done; lines."""
