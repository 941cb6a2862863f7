"""Driver of aiokafka. Its steps are coroutines, run one by one in a loop that never stops."""

from __future__ import annotations

import platform
from typing import Any, Final

from .aiokafka_admin import Admin
from .aiokafka_common import VERSION, Connection, Loop, explain
from .aiokafka_consumers import Consumers
from .aiokafka_producers import Producers
from .serving import op, serve

MISSING: Final = {
    **dict.fromkeys(
        ("open_share_consumer", "acknowledge", "commit_share"), "aiokafka has no share consumer"
    ),
    **dict.fromkeys(
        ("create_acl", "describe_acls", "delete_acls"), "aiokafka's admin client knows no ACLs"
    ),
    "delete_group": "aiokafka's admin client cannot delete groups",
    "alter_group_offsets": "aiokafka's admin client cannot commit offsets",
    "delete_group_offsets": "aiokafka's admin client cannot delete offsets",
    "describe_log_dirs": "aiokafka's admin client has no describe_log_dirs",
    "list_transactions": "aiokafka's admin client has no list_transactions",
}


class Start:
    """The first step."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @op
    async def start(self, bootstrap: str) -> dict[str, Any]:
        self._connection.bootstrap = bootstrap.split(",")
        runtime = f"{platform.python_implementation()} {platform.python_version()}"
        return {"client": "aiokafka", "version": VERSION, "runtime": runtime}


def main() -> None:
    connection = Connection()
    parts = [
        Start(connection),
        Producers(connection),
        Consumers(connection),
        Admin(connection),
    ]
    serve(parts, explain, MISSING, Loop().finish)


if __name__ == "__main__":
    main()
