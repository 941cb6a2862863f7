"""Differential mode: the same bytes to two brokers, the answers compared field by field.

catalogue  the scripts: scenarios/ written by hand, sweep made from the types of the messages
side       one broker as a script sees it; what it answered is its transcript
masking    answers as plain values, without what may differ between any two brokers
comparing  two transcripts: differences, and which of them are kept (accepted)
running    compare(): all of it, and outcome: what was found
"""

from kafkalite_compat.differential.accepted import ACCEPTED
from kafkalite_compat.differential.catalogue import SETUPS, Setup
from kafkalite_compat.differential.comparing import Accepted, Difference
from kafkalite_compat.differential.outcome import Report, merged
from kafkalite_compat.differential.running import Listener, compare

__all__ = [
    "ACCEPTED",
    "SETUPS",
    "Accepted",
    "Difference",
    "Listener",
    "Report",
    "Setup",
    "compare",
    "merged",
]
