"""Why a cleaning may end early."""

from __future__ import annotations


class CleaningAbortedError(Exception):
    """The cleaning is of no use any more: the broker stops, or the log was changed under it."""


class UncleanableLogError(Exception):
    """The log holds what the cleaner cannot read. It is left as it is until the broker is started again."""
