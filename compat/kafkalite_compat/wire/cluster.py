"""A cluster by its bootstrap address: who leads what, and a connection to each broker that is needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.find_coordinator import FindCoordinatorRequest
from kafkalite_protocol.messages.metadata import MetadataRequest

from kafkalite_compat.wire.connection import Connection, Refused, check

T = TypeVar("T")

PAUSE_S: Final = 0.05
GROUP: Final = 0  # FindCoordinator's key type


class Cluster:
    """Connections by broker id, made when they are first needed. Not for several threads at once.

    The answers of one broker are its own: whoever asks a leader or coordinator finds it anew (`leader`, `coordinator`), since
    leadership may move and a broker may be restarted under the suite's feet. What may pass is tried again for `patience_s`.
    """

    def __init__(self, bootstrap: str, patience_s: float = 20) -> None:
        self._patience_s = patience_s
        self._bootstrap = [_host_port(address) for address in bootstrap.split(",")]
        self._connections: dict[tuple[str, int], Connection] = {}

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def any_broker(self) -> Connection:
        """A connection to the first bootstrap address that takes one."""
        failure: OSError | None = None
        for address in self._bootstrap:
            try:
                return self._connection(*address)
            except OSError as error:
                failure = error
        raise ConnectionError(f"no broker answers at the bootstrap address: {failure}")

    def metadata(self, topics: Sequence[str] | None = ()) -> Any:
        """MetadataResponse about `topics` (None: all). Creates nothing."""
        wanted = (
            None
            if topics is None
            else [MetadataRequest.MetadataRequestTopic(name=topic) for topic in topics]
        )
        request = MetadataRequest(wanted, allow_auto_topic_creation=False)
        return self.retry(lambda: self.any_broker().ask(request))

    def leader(self, topic: str, partition: int) -> Connection:
        """A connection to the partition's leader. Raises Refused while there is none."""
        metadata = self.metadata([topic])
        for described in metadata.topics:
            check(f"metadata of {topic}", described.error_code)
            for one in described.partitions:
                if one.partition_index == partition:
                    check(f"metadata of {topic}-{partition}", one.error_code)
                    return self._broker(metadata, one.leader_id)
        raise Refused(f"metadata of {topic}-{partition}", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)

    def controller(self) -> Connection:
        """A connection to the broker that takes changes of topics."""
        metadata = self.metadata()
        known = {broker.node_id for broker in metadata.brokers}
        if metadata.controller_id not in known:  # KRaft: any broker passes them on
            return self.any_broker()
        return self._broker(metadata, metadata.controller_id)

    def coordinator(self, group: str) -> Connection:
        """A connection to the coordinator of a group. Raises Refused while there is none."""
        request = FindCoordinatorRequest(key=group, key_type=GROUP)
        found = self.any_broker().ask(request, at_most=3)  # from 4 on: several keys
        check(f"coordinator of {group}", found.error_code, found.error_message)
        return self._connection(found.host, found.port)

    def brokers(self) -> list[Connection]:
        metadata = self.metadata()
        return [self._connection(broker.host, broker.port) for broker in metadata.brokers]

    def retry(self, attempt: Callable[[], T]) -> T:
        """Try until it comes to an end: new topics have no leader at once, coordinators load, brokers restart.

        Errors that Kafka calls retriable and broken connections are tried again; the last one is raised in the end.
        """
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                return attempt()
            except Refused as refused:
                if not refused.is_retriable or time.monotonic() >= deadline:
                    raise
            except OSError:
                self.close()
                if time.monotonic() >= deadline:
                    raise
            time.sleep(PAUSE_S)

    def _broker(self, metadata: Any, node_id: int) -> Connection:
        for broker in metadata.brokers:
            if broker.node_id == node_id:
                return self._connection(broker.host, broker.port)
        raise Refused(f"broker {node_id}", ErrorCode.LEADER_NOT_AVAILABLE)

    def _connection(self, host: str, port: int) -> Connection:
        if (host, port) not in self._connections:
            self._connections[host, port] = Connection(host, port)
        return self._connections[host, port]


def _host_port(address: str) -> tuple[str, int]:
    host, _, port = address.strip().rpartition(":")
    return host.strip("[]"), int(port)
