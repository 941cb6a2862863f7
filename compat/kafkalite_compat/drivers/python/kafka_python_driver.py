"""Driver of kafka-python, in versions 2 and 3."""

from __future__ import annotations

import platform
from typing import Any, Final

from .kafka_python_acls import Acls
from .kafka_python_common import IS_OLD, VERSION, Connection, explain
from .kafka_python_consumers import Consumers
from .kafka_python_producers import Producers
from .serving import op, serve

NO_SHARE: Final = dict.fromkeys(
    ("open_share_consumer", "acknowledge", "commit_share"), "kafka-python has no share consumer"
)
OLD_MISSING: Final = {
    "alter_group_offsets": f"the admin client of kafka-python {VERSION} cannot commit offsets",
    "delete_group_offsets": f"the admin client of kafka-python {VERSION} cannot delete offsets",
    "list_transactions": f"the admin client of kafka-python {VERSION} has no list_transactions",
    "describe_log_dirs": f"kafka-python {VERSION} speaks DescribeLogDirs in no version, or in version 0 "
    "alone, which brokers since 4.0 have dropped",
}


class Start:
    """The first step."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @op
    def start(self, bootstrap: str) -> dict[str, Any]:
        self._connection.bootstrap = bootstrap.split(",")
        runtime = f"{platform.python_implementation()} {platform.python_version()}"
        return {"client": "kafka-python", "version": VERSION, "runtime": runtime}


def _admin(connection: Connection) -> object:
    if IS_OLD:
        from .kafka_python_admin_2 import Admin as OldAdmin

        return OldAdmin(connection)
    from .kafka_python_admin import Admin

    return Admin(connection)


def main() -> None:
    connection = Connection()
    consumers = Consumers(connection)
    parts = [
        Start(connection),
        Producers(connection, consumers),
        consumers,
        _admin(connection),
        Acls(connection),
    ]
    serve(parts, explain, {**NO_SHARE, **(OLD_MISSING if IS_OLD else {})})


if __name__ == "__main__":
    main()
