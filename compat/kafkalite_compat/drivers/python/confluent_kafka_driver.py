"""Driver of confluent-kafka, Confluent's Python binding of librdkafka."""

from __future__ import annotations

import platform
from typing import Any

import confluent_kafka

from .confluent_admin import Admin
from .confluent_common import Connection, explain
from .confluent_consumers import Consumers
from .confluent_groups import Groups
from .confluent_offsets import Offsets
from .confluent_producers import Producers
from .serving import op, serve

MISSING = {
    "delete_group_offsets": "confluent-kafka does not offer DeleteOffsets of a group",
    "describe_log_dirs": "confluent-kafka's AdminClient has no describe_log_dirs",
    "list_transactions": "confluent-kafka's AdminClient has no list_transactions",
}


class Start:
    """The first step."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @op
    def start(self, bootstrap: str) -> dict[str, Any]:
        self._connection.bootstrap = bootstrap
        version = confluent_kafka.version()
        return {
            "client": "confluent-kafka",
            "version": version if isinstance(version, str) else version[0],
            "runtime": f"{platform.python_implementation()} {platform.python_version()}, "
            f"librdkafka {confluent_kafka.libversion()[0]}",
        }


def main() -> None:
    connection = Connection()
    consumers = Consumers(connection)
    parts = [
        Start(connection),
        Producers(connection, consumers),
        consumers,
        Offsets(connection),
        Admin(connection),
        Groups(connection),
    ]
    serve(parts, explain, MISSING)


if __name__ == "__main__":
    main()
