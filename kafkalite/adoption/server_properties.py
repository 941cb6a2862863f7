"""The configuration with which Apache Kafka goes on where kafkalite stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kafkalite.config import BrokerConfig
from kafkalite.config.broker_config import OUR_DEFAULTS
from kafkalite.types import BrokerId

_CONTROLLER: Final = "CONTROLLER"
_PROTOCOL_MAP: Final = "listener.security.protocol.map"
_LEFT_OUT: Final = frozenset(
    {"broker.id", "log.dir", "metadata.log.dir", "controller.quorum.bootstrap.servers"}
)
"""Other names of what is written, and what does not go with a fixed list of voters."""


def server_properties(config: BrokerConfig, node_id: BrokerId, data: Path) -> str:
    """The text of a server.properties: one process that is broker and controller, kafkalite's defaults where they are not
    Kafka's, and everything that was set.
    """
    static = {key: value for key, value in config.sources[-1][1].items() if key not in _LEFT_OUT}
    defaults = {key: value for key, (value, _) in OUR_DEFAULTS.items() if key not in _LEFT_OUT}
    first = config.listeners[0]
    controller = f"localhost:{first.port + 1}"
    settings = {
        "controller.quorum.voters": f"{node_id}@{controller}",
        "controller.listener.names": _CONTROLLER,
        "inter.broker.listener.name": first.name,
        **defaults,
        **static,
        "process.roles": "broker,controller",
        "node.id": str(node_id),
        "log.dirs": str(data.absolute()),
    }
    if "security.inter.broker.protocol" in static:
        del settings["inter.broker.listener.name"]
    if "controller.listener.names" not in static:
        listeners = [*map(str, config.listeners), f"{_CONTROLLER}://{controller}"]
        settings["listeners"] = ",".join(listeners)
        if _PROTOCOL_MAP in static:
            settings[_PROTOCOL_MAP] += f",{_CONTROLLER}:PLAINTEXT"
    lines = [f"{key}={_escape(value)}" for key, value in sorted(settings.items())]
    return "\n".join(["# For Apache Kafka, on the directory that kafkalite served.", *lines, ""])


def _escape(value: str) -> str:
    """As Java reads properties: a backslash begins an escape."""
    return value.replace("\\", "\\\\").replace("\n", "\\n")
