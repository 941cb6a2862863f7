"""The configuration with which Apache Kafka goes on where kafkalite stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kafkalite.config import BrokerConfig
from kafkalite.config.our_defaults import OUR_DEFAULTS
from kafkalite.types import BrokerId

_CONTROLLER: Final = "CONTROLLER"
_PROTOCOL_MAP: Final = "listener.security.protocol.map"
_QUORUM_SERVERS: Final = "controller.quorum.bootstrap.servers"
_LEFT_OUT: Final = frozenset({"broker.id", "log.dir", "metadata.log.dir", _QUORUM_SERVERS})
"""Other names of what is written, and what does not go with a fixed list of voters."""


def server_properties(config: BrokerConfig, node_id: BrokerId, data: Path) -> str:
    """The text of a server.properties: one process that is broker and controller, kafkalite's defaults where they are not
    Kafka's, and everything that was set.
    """
    given = config.sources[-1][1]
    controller = given.get(_QUORUM_SERVERS, f"localhost:{config.listeners[0].port + 1}")
    settings = {
        "controller.quorum.voters": f"{node_id}@{controller}",
        "controller.listener.names": _CONTROLLER,
        "inter.broker.listener.name": config.listeners[0].name,
        **{key: value for key, (value, _) in OUR_DEFAULTS.items()},
        **given,
        "process.roles": "broker,controller",
        "node.id": str(node_id),
        "log.dirs": str(data.absolute()),
    }
    if "security.inter.broker.protocol" in given:
        del settings["inter.broker.listener.name"]
    if not _has_controller(given.get("listeners", ""), settings["controller.listener.names"]):
        name = settings["controller.listener.names"].split(",")[0].strip()
        listeners = [*map(str, config.listeners), f"{name}://{controller}"]
        settings["listeners"] = ",".join(listeners)
        if _PROTOCOL_MAP in given and f"{name}:" not in given[_PROTOCOL_MAP]:
            settings[_PROTOCOL_MAP] += f",{name}:PLAINTEXT"
    lines = [
        f"{key}={_escape(value)}" for key, value in sorted(settings.items()) if key not in _LEFT_OUT
    ]
    return "\n".join(["# For Apache Kafka, on the directory that kafkalite served.", *lines, ""])


def _has_controller(listeners: str, controller_names: str) -> bool:
    wanted = {name.strip().upper() for name in controller_names.split(",")}
    return any(each.partition("://")[0].strip().upper() in wanted for each in listeners.split(","))


def _escape(value: str) -> str:
    """As Java reads properties: a backslash begins an escape."""
    return value.replace("\\", "\\\\").replace("\n", "\\n")
