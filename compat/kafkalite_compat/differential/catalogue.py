"""The scripts that are put to both brokers, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Final

from kafkalite_compat.differential.scenarios import (
    acls,
    administration,
    configs,
    connections,
    consumer_groups,
    fetch,
    group_protocols,
    groups,
    logs,
    produce,
    recompression,
    share_groups,
    shares,
    streams,
    transactional_partitions,
    transactions,
)
from kafkalite_compat.differential.side import Side

SWEEP: Final = "sweep"
WITHOUT_AUTHORIZER: Final = "acls_without_authorizer"

# Those of connections and fetches first: they list every topic, and read an internal one.
_MODULES: Final[tuple[ModuleType, ...]] = (
    connections,
    produce,
    fetch,
    logs,
    recompression,
    administration,
    configs,
    groups,
    consumer_groups,
    group_protocols,
    share_groups,
    shares,
    streams,
    transactions,
    transactional_partitions,
    acls,
)


@dataclass(frozen=True)
class Script:
    """A scenario of the differential mode.

    Attributes:
        group: The name of its module.
        authorizer: Whether both brokers must have one (True), must not have one (False), or it does not matter (None).
    """

    name: str
    group: str
    run: Callable[[Side], None]
    authorizer: bool | None = None


@dataclass(frozen=True)
class Setup:
    """Settings with which both brokers are to be started, and the groups of scripts that are worth running then."""

    name: str
    settings: Mapping[str, str]
    groups: frozenset[str]

    def has_any_of(self, only: Sequence[str]) -> bool:
        """Whether any of the names or groups is run in this setup; true, too, where all are asked for."""
        sweep = SWEEP in self.groups and any(name.startswith(SWEEP) for name in only)
        written = [one for one in written_scripts() if one.group in self.groups]
        return sweep or bool(chosen(written, only))


def written_scripts() -> list[Script]:
    """Those that are written by hand; they name their topics the same on both brokers, which have to be fresh."""
    return [
        Script(one.__name__, group, one, _needs_authorizer(group, one.__name__))
        for module in _MODULES
        for group in [module.__name__.rpartition(".")[2]]
        for one in module.SCENARIOS
    ]


def _needs_authorizer(group: str, name: str) -> bool | None:
    if group == "acls":
        return True
    return False if name == WITHOUT_AUTHORIZER else None


def chosen(scripts: Iterable[Script], only: Sequence[str]) -> list[Script]:
    """Those whose name or group is among `only`; all, if that is empty."""
    return [one for one in scripts if not only or one.name in only or one.group in only]


_SETTINGS: Final = {
    # Records of the scripts are as old as they like: neither broker may delete them, at its own moment.
    "log.initial.task.delay.ms": "3600000",
    "log.cleaner.backoff.ms": "3600000",
    # Kafka's defaults, whose limits the scripts ask for.
    "group.min.session.timeout.ms": "6000",
    "group.consumer.min.session.timeout.ms": "45000",
    "group.consumer.min.heartbeat.interval.ms": "5000",
    "group.consumer.heartbeat.interval.ms": "5000",
    "group.share.min.heartbeat.interval.ms": "5000",
    "group.share.heartbeat.interval.ms": "5000",
    "group.share.min.record.lock.duration.ms": "15000",
}

AUTHORIZER: Final = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"

_ALL_BUT_ACLS: Final = frozenset(
    {SWEEP, *(one.group for one in written_scripts() if one.group != "acls")}
)

SETUPS: Final = (
    Setup("plain", _SETTINGS, _ALL_BUT_ACLS),
    Setup("authorizer", {**_SETTINGS, "authorizer.class.name": AUTHORIZER}, frozenset({"acls"})),
)
