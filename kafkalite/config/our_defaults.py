"""Where a fresh kafkalite differs from a fresh Kafka on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kafkalite.config.definitions import Definition

OUR_DEFAULTS: Mapping[str, tuple[str, str]] = {
    "group.initial.rebalance.delay.ms": ("0", "a group of one should not wait 3 s for others to join"),
    "group.streams.assignment.interval.ms": ("0", "a second process that starts within 1 s should not make all wait 5 s"),
    "group.streams.initial.rebalance.delay.ms": ("0", "an application of one process should not wait 3 s for others"),
    "listeners": ("PLAINTEXT://127.0.0.1:9092", "a development broker is not offered to the network unasked"),
    "log.dir": ("./kafkalite-data", "as log.dirs"),
    "log.dirs": ("./kafkalite-data", "data stays beside the work and outlives a reboot, unlike /tmp"),
    "node.id": ("1", "so that a broker needs no settings"),
    "offsets.topic.replication.factor": ("1", "there is one broker"),
    "process.roles": ("broker,controller", "one process is both"),
    "share.coordinator.state.topic.min.isr": ("1", "there is one broker"),
    "share.coordinator.state.topic.replication.factor": ("1", "there is one broker"),
    "transaction.state.log.min.isr": ("1", "there is one broker"),
    "transaction.state.log.replication.factor": ("1", "there is one broker"),
}  # fmt: skip
"""Broker key -> (default, why)."""


def default_text(definition: Definition) -> str | None:
    """kafkalite's default for a broker key as text: Kafka's, unless `OUR_DEFAULTS` has another."""
    ours = OUR_DEFAULTS.get(definition.name)
    return ours[0] if ours is not None else definition.default
