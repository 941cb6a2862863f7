"""Driver of kcat, the command line client on librdkafka: each step is a run of it, each consumer one in the background."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from .kcat_consumers import Consumers
from .kcat_process import Kcat, command_of
from .kcat_producers import Producers
from .serving import Failed, Unsupported, op, or_none, serve

LISTED_OFFSET: Final = re.compile(r" \[\d+\] offset (-?\d+)")
LISTED_AT: Final = {"latest": -1, "earliest": -2}

NO_TRANSACTIONS: Final = (
    "a run of kcat is one transaction, sent and committed when its input ends: there are no steps"
)
NO_COMMIT: Final = "kcat commits by itself or not at all: there is no command for it"
NO_ADMIN: Final = "kcat lists metadata, and has no other administration"
NO_SHARE: Final = "kcat has no share consumers"

MISSING: Final = {
    **dict.fromkeys(("begin", "commit", "abort", "send_offsets"), NO_TRANSACTIONS),
    **dict.fromkeys(("commit_offsets", "committed"), NO_COMMIT),
    **dict.fromkeys(("pause", "resume"), "kcat cannot be paused"),
    **dict.fromkeys(("open_share_consumer", "acknowledge", "commit_share"), NO_SHARE),
    **dict.fromkeys(
        (
            *("describe_cluster", "create_topic", "delete_topic", "create_partitions"),
            *("describe_configs", "alter_configs", "delete_records"),
            *("list_groups", "describe_group", "delete_group"),
            *("group_offsets", "alter_group_offsets", "delete_group_offsets"),
            *("create_acl", "describe_acls", "delete_acls"),
            *("describe_log_dirs", "list_transactions"),
        ),
        NO_ADMIN,
    ),
}


class Listing:
    """The first step, and what kcat lists: metadata and offsets."""

    def __init__(self, kcat: Kcat) -> None:
        self._kcat = kcat

    @op
    def start(self, bootstrap: str) -> dict[str, Any]:
        self._kcat.bootstrap = bootstrap
        runtime = f"C, librdkafka {self._kcat.library}"
        return {"client": "kcat", "version": self._kcat.version, "runtime": runtime}

    @op
    def metadata(self, topic: str | None = None, allow_auto_create: bool = False) -> dict[str, Any]:
        found = self._list(topic, allow_auto_create)
        return {
            "brokers": [_broker_json(one) for one in found["brokers"]],
            "cluster_id": None,
            "controller": found.get("controllerid"),
            "topics": {one["topic"]: len(one["partitions"]) for one in found["topics"]},
        }

    @op
    def list_topics(self) -> dict[str, Any]:
        return {"topics": [one["topic"] for one in self._list(None, False)["topics"]]}

    @op
    def describe_topic(self, topic: str) -> dict[str, Any]:
        (found,) = self._list(topic, False)["topics"]
        return {"partitions": [_partition_json(one) for one in found["partitions"]]}

    def _list(self, topic: str | None, allow_auto_create: bool) -> dict[str, Any]:
        arguments = ["-L", "-J", *(("-t", topic) if topic is not None else ())]
        settings = {"allow.auto.create.topics": allow_auto_create}
        found: dict[str, Any] = json.loads(self._kcat.run(arguments, settings))
        for one in found["topics"]:
            if topic is not None and "error" in one:
                raise self._kcat.failed(one["error"])
        return found

    @op
    def list_offsets(
        self, topic: str, partition: int, at: str | int, isolation: str = "read_uncommitted"
    ) -> dict[str, Any]:
        if at == "max_timestamp":
            raise Unsupported("kcat can ask for a time, the first and the last offset")
        time_ms = LISTED_AT[at] if isinstance(at, str) else at
        arguments = ["-Q", "-t", f"{topic}:{partition}:{time_ms}"]
        settings = {"isolation.level": isolation, "allow.auto.create.topics": False}
        told = self._kcat.run(arguments, settings).decode()
        offset = LISTED_OFFSET.search(told)
        if offset is None:
            raise Failed(told)
        return {"offset": or_none(int(offset[1])), "timestamp_ms": None}


def _broker_json(broker: dict[str, Any]) -> dict[str, Any]:
    host, _, port = broker["name"].rpartition(":")
    return {"id": broker["id"], "host": host, "port": int(port)}


def _partition_json(partition: dict[str, Any]) -> dict[str, Any]:
    return {
        "partition": partition["partition"],
        "leader": partition["leader"],
        "replicas": [one["id"] for one in partition["replicas"]],
        "isr": [one["id"] for one in partition["isrs"]],
    }


def main() -> None:
    kcat = Kcat(command_of("KCAT_COMMAND"))
    serve([Listing(kcat), Producers(kcat), Consumers(kcat)], lambda _: None, MISSING)


if __name__ == "__main__":
    main()
