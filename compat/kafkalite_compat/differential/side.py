"""What one broker answered to a scenario: a list of labelled answers as plain values, ready to be compared.

A scenario is a function of one `Side`. It asks, and everything it asks is written down with a label; the same scenario
on the other broker gives a second transcript, and `differences` says where the two are not alike.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages import response_class
from kafkalite_protocol.messages.add_partitions_to_txn import AddPartitionsToTxnResponse
from kafkalite_protocol.messages.alter_share_group_offsets import AlterShareGroupOffsetsResponse
from kafkalite_protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsResponse,
)
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest
from kafkalite_protocol.messages.delete_groups import DeleteGroupsResponse
from kafkalite_protocol.messages.delete_records import DeleteRecordsResponse
from kafkalite_protocol.messages.delete_share_group_offsets import DeleteShareGroupOffsetsResponse
from kafkalite_protocol.messages.describe_configs import DescribeConfigsRequest
from kafkalite_protocol.messages.describe_groups import DescribeGroupsResponse
from kafkalite_protocol.messages.describe_share_group_offsets import (
    DescribeShareGroupOffsetsResponse,
)
from kafkalite_protocol.messages.describe_user_scram_credentials import (
    DescribeUserScramCredentialsResponse,
)
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest
from kafkalite_protocol.messages.init_producer_id import InitProducerIdRequest
from kafkalite_protocol.messages.join_group import JoinGroupResponse
from kafkalite_protocol.messages.list_groups import ListGroupsResponse
from kafkalite_protocol.messages.list_offsets import ListOffsetsRequest, ListOffsetsResponse
from kafkalite_protocol.messages.metadata import MetadataRequest
from kafkalite_protocol.messages.offset_commit import OffsetCommitResponse
from kafkalite_protocol.messages.offset_delete import OffsetDeleteResponse
from kafkalite_protocol.messages.offset_fetch import OffsetFetchResponse
from kafkalite_protocol.messages.produce import ProduceResponse
from kafkalite_protocol.messages.share_group_describe import ShareGroupDescribeResponse
from kafkalite_protocol.messages.streams_group_describe import StreamsGroupDescribeResponse
from kafkalite_protocol.messages.streams_group_heartbeat import StreamsGroupHeartbeatResponse
from kafkalite_protocol.messages.txn_offset_commit import TxnOffsetCommitResponse
from kafkalite_protocol.messages.write_txn_markers import WriteTxnMarkersResponse
from kafkalite_protocol.record_batch import batches

from tests.raw_client import RawClient
from tests.waiting import wait_until

CLOSED = "closed"
SILENCE = "no answer"

SILENCE_S = 0.5
"""How long a scenario waits where it expects that nothing is answered."""

_BATCH_OVERHEAD_BYTES = 12
_NO_ID = bytes(16)
_NAMES_OF_ONE_BROKER = {
    "client_instance_id",
    "cluster_id",
    "controller_id",
    "host",
    "leader_id",
    "log_dir",
    "node_id",
    "port",
    "producer_id",
    "session_id",
    "subscription_id",
    "topic_id",
    "total_bytes",
    "usable_bytes",
}
"""Fields that differ between any two brokers; compared is whether there is a value."""


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

_IN_HASH_ORDER = (
    AddPartitionsToTxnResponse,
    AlterShareGroupOffsetsResponse,
    DeleteGroupsResponse,
    DeleteShareGroupOffsetsResponse,
    DescribeGroupsResponse,
    DescribeShareGroupOffsetsResponse,
    JoinGroupResponse,
    ListGroupsResponse,
    OffsetCommitResponse,
    OffsetDeleteResponse,
    OffsetFetchResponse,
    ShareGroupDescribeResponse,
    StreamsGroupDescribeResponse,
    StreamsGroupHeartbeatResponse,
    TxnOffsetCommitResponse,
    WriteTxnMarkersResponse,
)

_IN_NO_ORDER = {
    "acls",
    "assigned_partitions",
    "credential_infos",
    "config_resources",
    "entity",
    "entries",
    "matching_acls",
    "members",
    "replica_election_results",
    "resources",
    "topic_partitions",
    "values",
}
"""Fields that Kafka gives in the order of a hash map."""


class Answer(NamedTuple):
    """One thing asked, and what came of it."""

    label: str
    value: Any
    """Nested dicts, lists and plain values; CLOSED or SILENCE."""


class Difference(NamedTuple):
    """One field in which the two answers differ."""

    where: str
    """`scenario / label / field.path[0].field`"""
    kafka: Any
    kafkalite: Any

    def __str__(self) -> str:
        return f"{self.where}: Kafka {self.kafka!r}, kafkalite {self.kafkalite!r}"


class Accepted(NamedTuple):
    """A difference we keep. `where` is a regular expression for `Difference.where`."""

    where: str
    reason: str


class Side:
    """One broker, and the transcript of what it was asked."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.transcript: list[Answer] = []
        self.count = 0
        self._changes = 0
        self._client: RawClient | None = None
        self._ids_seen: dict[str, str] = {}

    @property
    def client(self) -> RawClient:
        """The connection; a new one after the broker has hung up."""
        if self._client is None:
            self._client = RawClient(self.bootstrap)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.socket.close()
            self._client = None

    def note(self, label: str, value: Any) -> None:
        self.transcript.append(Answer(label, self._with_ids_by_order(plain(value))))

    def _with_ids_by_order(self, value: Any) -> Any:
        """Random ids in texts (member ids) as `id1`, `id2`... in the order in which they were first seen."""
        if isinstance(value, dict):
            return {name: self._with_ids_by_order(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._with_ids_by_order(one) for one in value]
        if not isinstance(value, str):
            return value
        seen = self._ids_seen
        return _UUID.sub(lambda found: seen.setdefault(found[0], f"id{len(seen) + 1}"), value)

    def ask(self, label: str, request: Any, version: int) -> Any:
        """Send a request and write down the answer; returns it, or CLOSED or SILENCE."""
        self.client.send(request, version)
        answer = self.answer(type(request).API_KEY, version)
        self.note(f"{label} v{version}", answer)
        return answer

    def answer(self, api_key: int, version: int) -> Any:
        """The next answer, or what happened instead of it; not written down."""
        self.count += 1
        try:
            return self.client.receive(api_key, version)
        except ConnectionError:
            self.close()
            return CLOSED
        except TimeoutError:
            self.close()
            return SILENCE

    def send_bytes(self, label: str, data: bytes, *, expect_silence: bool = False) -> None:
        """Send bytes that may be no request on a connection of their own; write down what came back."""
        self.count += 1
        with RawClient(self.bootstrap) as client:
            if expect_silence:
                client.socket.settimeout(SILENCE_S)
            try:
                client.socket.sendall(data)
                body = client.receive_frame()
            except ConnectionError:
                self.note(label, CLOSED)
            except TimeoutError:
                self.note(label, SILENCE)
            else:
                self.note(label, raw_answer(data, body))

    # Preparation, not written down

    def new_topic(self, name: str, partitions: int = 1, **configs: str) -> str:
        """Make a topic and wait until every partition can be read."""
        topic = CreateTopicsRequest.CreatableTopic(
            name=name,
            num_partitions=partitions,
            replication_factor=1,
            configs=[
                CreateTopicsRequest.CreatableTopicConfig(name=key.replace("_", "."), value=value)
                for key, value in configs.items()
            ],
        )
        response = self.client.ask(CreateTopicsRequest(topics=[topic], timeout_ms=10_000), 7)
        assert response.topics[0].error_code == 0, response
        wait_until(lambda: self._is_readable(name, partitions), f"{name} is there")
        return name

    def _is_readable(self, name: str, partitions: int) -> bool:
        asked = [
            ListOffsetsRequest.ListOffsetsPartition(partition_index=index, timestamp=-1)
            for index in range(partitions)
        ]
        topic = ListOffsetsRequest.ListOffsetsTopic(name=name, partitions=asked)
        answer = self.client.ask(ListOffsetsRequest(topics=[topic]), 7)
        return all(partition.error_code == 0 for partition in answer.topics[0].partitions)

    def catch_up(self) -> None:
        """Wait until the broker knows what was decided so far: Kafka's controller answers before its broker has heard.

        Changes are heard of in their order, so one more of our own is made, and looked for.
        """
        self._changes += 1
        value = str(45_000 + self._changes)
        resource = IncrementalAlterConfigsRequest.AlterConfigsResource(32, "catching up")
        resource.configs = [
            IncrementalAlterConfigsRequest.AlterableConfig("consumer.session.timeout.ms", 0, value)
        ]
        self.client.ask(IncrementalAlterConfigsRequest([resource]), 1)
        asked = DescribeConfigsRequest.DescribeConfigsResource(
            32, "catching up", ["consumer.session.timeout.ms"]
        )

        def is_known() -> bool:
            answer = self.client.ask(DescribeConfigsRequest([asked]), 4)
            return answer.results[0].configs[0].value == value

        wait_until(is_known, "the broker has caught up")

    def topic_id(self, name: str) -> bytes:
        request = MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name=name)])
        return self.client.ask(request, 12).topics[0].topic_id

    def producer_id(self) -> int:
        request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=1000)

        def granted() -> bool:
            nonlocal answer
            answer = self.client.ask(request, 4)
            return answer.error_code == 0

        answer = None
        wait_until(granted, "a producer id")
        assert answer is not None
        return answer.producer_id


# Answers as plain values


def plain(value: Any, field: str = "") -> Any:
    """A message as dicts, lists and values, with what may differ between two brokers masked."""
    if isinstance(value, dict):
        return {name: plain(one, name) for name, one in value.items()}
    if isinstance(value, list | tuple):
        items = [plain(one, field) for one in value]
        return sorted(items, key=repr) if field in _IN_NO_ORDER else items
    if isinstance(value, AlterUserScramCredentialsResponse | DescribeUserScramCredentialsResponse):
        value.results.sort(key=lambda one: one.user)
    if isinstance(value, ProduceResponse | ListOffsetsResponse | DeleteRecordsResponse):
        return by_partition(value)
    if hasattr(value, "__slots__") and not isinstance(value, bytes | memoryview):
        fields = {name: plain(getattr(value, name), name) for name in value.__slots__}
        return _sorted(fields) if isinstance(value, _IN_HASH_ORDER) else fields
    return _masked(value, field)


def _sorted(value: Any) -> Any:
    """With every list in one order: Kafka gives these answers in that of a hash map."""
    if isinstance(value, dict):
        return {name: _sorted(one) for name, one in value.items()}
    return sorted(map(_sorted, value), key=str) if isinstance(value, list) else value


def by_partition(
    response: ProduceResponse | ListOffsetsResponse | DeleteRecordsResponse,
) -> dict[str, Any]:
    """Kafka gives these answers in the order of a hash map: here by topic and partition. A partition answered twice counts once."""
    if isinstance(response, ProduceResponse):
        answers = [
            (topic.name or "by id", partition.index, partition)
            for topic in response.responses
            for partition in topic.partition_responses
        ]
        rest = {"node_endpoints": plain(response.node_endpoints)}
    else:
        answers = [
            (topic.name, partition.partition_index, partition)
            for topic in response.topics
            for partition in topic.partitions
        ]
        rest = {}
    found = {f"{name}-{index}": plain(partition) for name, index, partition in answers}
    return {"throttle_time_ms": response.throttle_time_ms, **rest, **dict(sorted(found.items()))}


def _masked(value: Any, field: str) -> Any:
    if field == "records":
        return None if value is None else batches_of(bytes(value))
    if field in _NAMES_OF_ONE_BROKER:
        return "some" if value not in (0, -1, "", _NO_ID) else value
    if field in {"error_message", "batch_index_error_message", "status_detail"}:
        return "text" if value else value
    if field == "log_append_time_ms" and value > 1_750_000_000_000:
        return "now"
    if field == "error_code":
        return ErrorCode(value).name
    return int(value) if isinstance(value, int) else value


def batches_of(records: bytes) -> list[dict[str, Any]]:
    """Whole batches by their headers and checksums; Kafka's partial last batch is left out (see ACCEPTED in the tests)."""
    return [
        {
            "base_offset": batch.base_offset,
            "last_offset": batch.last_offset,
            "leader_epoch": batch.leader_epoch,
            "attributes": batch.attributes,
            "crc": batch.crc if not batch.attributes & 8 else "stamped",
        }
        for batch in batches(bytearray(whole_batches(records)))
    ]


def whole_batches(records: bytes) -> bytes:
    end = 0
    while end + _BATCH_OVERHEAD_BYTES <= len(records):
        size = _BATCH_OVERHEAD_BYTES + struct.unpack_from(">i", records, end + 8)[0]
        if end + size > len(records):
            break
        end += size
    return records[:end]


def raw_answer(request: bytes, body: bytes) -> Any:
    """The answer to bytes we wrote ourselves, decoded if it can be."""
    api_key, version = struct.unpack_from(">hh", request, 4)
    if api_key == 18:
        code = struct.unpack_from(">h", body, 4)[0]
        return {"correlation_id": struct.unpack(">i", body[:4])[0], "error_code": code}
    flexible = body[4:5] == b"\0" and _is_flexible(api_key, version)
    return response_class(api_key).decode(version, memoryview(body), 5 if flexible else 4)


def _is_flexible(api_key: int, version: int) -> bool:
    from kafkalite_protocol.headers import response_header_is_flexible

    return response_header_is_flexible(api_key, version)


# Comparing


def differences(scenario: str, kafka: list[Answer], kafkalite: list[Answer]) -> list[Difference]:
    """Field by field, in the order of asking."""
    found: list[Difference] = []
    for theirs, ours in zip(kafka, kafkalite, strict=False):
        assert theirs.label == ours.label, (
            f"the scenario went two ways: {theirs.label}, {ours.label}"
        )
        found += _unlike(f"{scenario} / {theirs.label} / ", theirs.value, ours.value)
    if len(kafka) != len(kafkalite):
        found.append(Difference(f"{scenario} / answers", len(kafka), len(kafkalite)))
    return found


def _unlike(where: str, kafka: Any, kafkalite: Any) -> Iterator[Difference]:
    if isinstance(kafka, dict) and isinstance(kafkalite, dict) and kafka.keys() == kafkalite.keys():
        for name in kafka:
            yield from _unlike(
                f"{where}.{name}" if where[-1] != " " else where + name,
                kafka[name],
                kafkalite[name],
            )
    elif isinstance(kafka, list) and isinstance(kafkalite, list) and len(kafka) == len(kafkalite):
        for index, (theirs, ours) in enumerate(zip(kafka, kafkalite, strict=True)):
            yield from _unlike(f"{where}[{index}]", theirs, ours)
    elif kafka != kafkalite:
        yield Difference(where, kafka, kafkalite)


def not_accepted(found: Iterable[Difference], accepted: Iterable[Accepted]) -> list[Difference]:
    patterns = [re.compile(one.where) for one in accepted]
    return [one for one in found if not any(pattern.search(one.where) for pattern in patterns)]


def not_seen(found: Iterable[Difference], accepted: Iterable[Accepted]) -> list[Accepted]:
    """Entries of the list that no difference needs any more."""
    places = [one.where for one in found]
    return [one for one in accepted if not any(re.search(one.where, place) for place in places)]


def two_free_ports() -> int:
    """A port whose neighbour is free too: a broker and its controller."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return int(port)
