"""Puts scripts to two brokers at once and compares what they answered."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final, Protocol

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.describe_acls import DescribeAclsRequest

from kafkalite_compat.differential.catalogue import SWEEP, Script, chosen, written_scripts
from kafkalite_compat.differential.comparing import (
    Accepted,
    Difference,
    differences,
    not_seen,
    reason_to_keep,
)
from kafkalite_compat.differential.outcome import Report, ScriptResult, Tally
from kafkalite_compat.differential.side import Side
from kafkalite_compat.differential.sweep import sweep_scripts
from kafkalite_compat.wire.cluster import Cluster
from kafkalite_compat.wire.connection import WireError

ENDED_EARLY: Final = "the script ended early"
_ANY: Final = 1


class Listener(Protocol):
    """What is told while a comparison runs."""

    def started(self, script: Script, number: int, count: int) -> None:
        """The script of this number, from 1, of so many begins."""

    def finished(self, result: ScriptResult) -> None:
        """It is done."""


def compare(
    reference: str,
    other: str,
    only: Sequence[str] = (),
    listener: Listener | None = None,
    *,
    groups: Collection[str] | None = None,
    accepted: Sequence[Accepted] = (),
    names: tuple[str, str] | None = None,
    run: str | None = None,
) -> Report:
    """Put every script to both brokers and compare the answers field by field.

    Scripts that are written by hand need brokers without topics, and are skipped where there are some; the sweep does not
    mind. Whatever a broker does, closing, silence or nonsense, is a difference, not an error.

    Args:
        reference, other: host:port of each broker.
        only: Names of scripts or of their groups; empty: all.
        groups: Groups to which the choice is limited (see `catalogue.SETUPS`).
        accepted: Differences that are kept, with the reasons.
        names: What the brokers are called in the report, if not by their addresses.
        run: Begins the names that the sweep uses; random if None.

    Raises:
        WireError, OSError: A broker cannot be reached or does not tell its versions.
    """
    return _Comparison(reference, other, accepted, listener).run(
        only, groups, names or (reference, other), run or f"sweep-{uuid.uuid4().hex[:8]}"
    )


class _Comparison:
    def __init__(
        self,
        reference: str,
        other: str,
        accepted: Sequence[Accepted],
        listener: Listener | None,
    ) -> None:
        self._addresses = (reference, other)
        self._accepted = accepted
        self._listener = listener
        self._versions = [_versions(address) for address in self._addresses]
        self._tally = Tally()
        self._decoded = 0
        self._whole = 0

    def run(
        self,
        only: Sequence[str],
        groups: Collection[str] | None,
        names: tuple[str, str],
        run: str,
    ) -> Report:
        every = [
            one
            for one in (*written_scripts(), *sweep_scripts(self._versions[0], run))
            if groups is None or one.group in groups
        ]
        scripts = chosen(every, only)
        reasons = self._reasons_to_skip(scripts)
        results = [
            self._result(script, number, len(scripts), reasons(script))
            for number, script in enumerate(scripts, 1)
        ]
        found = [one for result in results for one, _ in result.kept]
        return Report(
            *names,
            results=tuple(results),
            coverage=self._tally.coverage(*self._versions),
            decoded=self._decoded,
            whole=self._whole,
            unneeded=() if only else tuple(not_seen(found, self._accepted)),
        )

    def _reasons_to_skip(self, scripts: Sequence[Script]) -> Callable[[Script], str | None]:
        """Asked before anything is done: the scripts themselves make topics."""
        has_topics = next((one for one in self._addresses if _topics(one)), None)
        authorizers = [_has_authorizer(one) for one in self._addresses]

        def reason(script: Script) -> str | None:
            if script.group != SWEEP and has_topics is not None:
                return f"{has_topics} has topics already, and this script needs fresh brokers"
            if script.authorizer is True and not all(authorizers):
                return "needs brokers with an authorizer"
            if script.authorizer is False and any(authorizers):
                return "needs brokers without an authorizer"
            return None

        return reason

    def _result(self, script: Script, number: int, count: int, skipped: str | None) -> ScriptResult:
        if self._listener is not None:
            self._listener.started(script, number, count)
        result = (
            self._compared(script)
            if skipped is None
            else ScriptResult(script.name, script.group, skipped=skipped)
        )
        if self._listener is not None:
            self._listener.finished(result)
        return result

    def _compared(self, script: Script) -> ScriptResult:
        began = time.monotonic()
        sides = [Side(address, self._versions[0]) for address in self._addresses]
        with closing(sides[0]), closing(sides[1]), ThreadPoolExecutor(len(sides)) as pool:
            broken, _ = pool.map(lambda side: _played(script, side), sides)
        found = differences(script.name, sides[0].transcript, sides[1].transcript)
        self._count(sides, found)
        reasons = [(one, reason_to_keep(one, self._accepted)) for one in found]
        return ScriptResult(
            script.name,
            script.group,
            tuple(one for one, reason in reasons if reason is None),
            tuple((one, reason) for one, reason in reasons if reason is not None),
            sides[0].count,
            time.monotonic() - began,
            broken=broken,
        )

    def _count(self, sides: Sequence[Side], found: Sequence[Difference]) -> None:
        self._tally.good += sides[0].good
        self._tally.bad += sides[0].bad
        self._tally.differences.update(one.api for one in found if one.api is not None)
        self._decoded += sum(side.decoded for side in sides)
        self._whole += sum(side.whole for side in sides)


def _played(script: Script, side: Side) -> str | None:
    """Run a script; how it ended early, or None. A script may trip over an answer that no Kafka gives: that is an answer, too."""
    try:
        script.run(side)
    except Exception as failure:
        text = f"{type(failure).__name__}: {failure}"[:300]
        side.note(ENDED_EARLY, text)
        return text
    return None


def _versions(address: str) -> dict[int, tuple[int, int]]:
    with closing(Cluster(address)) as cluster:
        return dict(cluster.any_broker().versions)


def _topics(address: str) -> list[str]:
    with closing(Cluster(address)) as cluster:
        topics = cluster.metadata(None).topics
    return [topic.name for topic in topics if not topic.is_internal]


def _has_authorizer(address: str) -> bool:
    every = DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY)
    with closing(Cluster(address)) as cluster:
        try:
            answer = cluster.any_broker().ask(every)
        except (WireError, OSError):
            return False
    return bool(answer.error_code != ErrorCode.SECURITY_DISABLED)
