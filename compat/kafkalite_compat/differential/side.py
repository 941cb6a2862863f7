"""One broker as a scenario sees it, and the transcript of what it was asked: labelled answers as plain values.

A scenario is a function of one `Side`. It asks, and everything it asks is written down with a label; the same scenario
on the other broker gives a second transcript, and `comparing.differences` says where the two are not alike.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.headers import response_header_is_flexible
from kafkalite_protocol.messages import APIS, response_class
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest
from kafkalite_protocol.messages.describe_configs import DescribeConfigsRequest
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest
from kafkalite_protocol.messages.init_producer_id import InitProducerIdRequest
from kafkalite_protocol.messages.list_offsets import ListOffsetsRequest
from kafkalite_protocol.messages.metadata import MetadataRequest

from kafkalite_compat.checks import eventually
from kafkalite_compat.differential.masking import plain
from kafkalite_compat.wire.raw import RawClient

CLOSED: Final = "closed"
SILENCE: Final = "no answer"

SILENCE_S: Final = 0.5
"""How long a scenario waits where it expects that nothing is answered."""

ANSWER_WITHIN_S: Final = 20.0
"""How long a broker may take for anything else; only bounds a hang."""

API_VERSIONS: Final = 18
Api = tuple[int, int]
"""An API key and a version."""

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Answer(NamedTuple):
    """One thing asked, and what came of it.

    Attributes:
        value: Nested dicts, lists and plain values; CLOSED, SILENCE or a text that begins with "undecodable".
        api: What it answers to, where that is known.
        is_whole: Whether encoding what was decoded gives the bytes that came, so that decoding cannot have hidden anything.
    """

    label: str
    value: Any
    api: Api | None = None
    is_whole: bool = True


class Side:
    """One broker, and the transcript of what it was asked.

    Attributes:
        versions: Lowest and highest version by API key, as the reference broker advertises them.
        good, bad: How many requests of each API and version were sent: well-formed ones, and bytes that may be no request.
        decoded, whole: How many answers were decoded, and how many of them are `Answer.is_whole`.
    """

    def __init__(
        self,
        bootstrap: str,
        versions: Mapping[int, tuple[int, int]] | None = None,
        within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self.bootstrap = bootstrap
        self.versions = versions or {}
        self.transcript: list[Answer] = []
        self.good: Counter[Api] = Counter()
        self.bad: Counter[Api] = Counter()
        self.decoded = 0
        self.whole = 0
        self.count = 0
        self._within_s = within_s
        self._changes = 0
        self._client: RawClient | None = None
        self._ids_seen: dict[str, str] = {}

    @property
    def client(self) -> RawClient:
        """The connection; a new one after the broker has hung up."""
        if self._client is None:
            self._client = RawClient(self.bootstrap, timeout_s=self._within_s)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.socket.close()
            self._client = None

    def note(self, label: str, value: Any, api: Api | None = None, is_whole: bool = True) -> None:
        masked = self._with_ids_by_order(plain(value))
        self.transcript.append(Answer(label, masked, api, is_whole))

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
        """Send a request and write down the answer; returns it, or CLOSED, SILENCE or why it cannot be decoded."""
        api = (type(request).API_KEY, version)
        correlation_id = self.client.send(request, version)
        whole_before, decoded_before = self.whole, self.decoded
        answer = self.answer(*api, correlation_id)
        is_whole = self.whole - whole_before == self.decoded - decoded_before
        self.note(f"{label} v{version}", answer, api, is_whole)
        return answer

    def answer(self, api_key: int, version: int, correlation_id: int | None = None) -> Any:
        """The next answer, or what happened instead of it; not written down. `correlation_id` is what it should have."""
        self.count += 1
        self.good[api_key, version] += 1
        try:
            body = self.client.receive_frame()
        except TimeoutError:
            self.close()
            return SILENCE
        except OSError:
            self.close()
            return CLOSED
        return self._decoded(body, api_key, version, correlation_id)

    def _decoded(
        self, body: bytes, api_key: int, version: int, correlation_id: int | None = None
    ) -> Any:
        self.decoded += 1
        if correlation_id is not None and body[:4] != struct.pack(">i", correlation_id):
            return f"undecodable: correlation id {body[:4].hex()} to {correlation_id}"
        start = 5 if response_header_is_flexible(api_key, version) else 4
        try:
            answer, end = response_class(api_key).decode_from(version, memoryview(body), start)
            self.whole += answer.encode(version) == body[start:]
        except ProtocolError as error:
            return f"undecodable: {error}"
        return answer if end == len(body) else f"undecodable: {len(body) - end} bytes too many"

    def send_bytes(self, label: str, data: bytes, *, expect_silence: bool = False) -> None:
        """Send bytes that may be no request on a connection of their own; write down what came back."""
        self.count += 1
        api = _api_of(data)
        if api is not None:
            self.bad[api] += 1
        within_s = SILENCE_S if expect_silence else self._within_s
        with RawClient(self.bootstrap, timeout_s=within_s) as client:
            try:
                client.socket.sendall(data)
                body = client.receive_frame()
            except TimeoutError:
                self.note(label, SILENCE, api)
            except OSError:
                self.note(label, CLOSED, api)
            else:
                (correlation_id,) = struct.unpack_from(">i", data.ljust(12, b"\0"), 8)
                self._note_raw(label, api or (0, 0), body, correlation_id)

    def _note_raw(self, label: str, api: Api, body: bytes, correlation_id: int) -> None:
        """The answer to bytes we wrote ourselves, decoded if it can be."""
        if api[0] == API_VERSIONS and api[1] not in response_class(API_VERSIONS).DECODERS:
            correlation_id, code = struct.unpack_from(">ih", body.ljust(6, b"\0"))
            told = {"correlation_id": correlation_id, "error_code": code}
            self.note(label, told, api)
        elif api[0] in APIS and api[1] in response_class(api[0]).DECODERS:
            whole_before, decoded_before = self.whole, self.decoded
            answer = self._decoded(body, *api, correlation_id)
            is_whole = self.whole - whole_before == self.decoded - decoded_before
            self.note(label, answer, api, is_whole)
        else:
            self.note(label, f"undecodable: {body[4:].hex()}", api)

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
        eventually(f"{name} is there", lambda: self._is_readable(name, partitions))
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
            return bool(answer.results[0].configs[0].value == value)

        eventually("the broker has caught up", is_known)

    def topic_id(self, name: str) -> bytes:
        request = MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(name=name)])
        return bytes(self.client.ask(request, 12).topics[0].topic_id)

    def producer_id(self) -> int:
        request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=1000)

        def granted() -> Any:
            answer = self.client.ask(request, 4)
            return answer if answer.error_code == 0 else None

        return int(eventually("a producer id", granted).producer_id)


def _api_of(data: bytes) -> Api | None:
    """What the header of a request says it is."""
    if len(data) < 8:
        return None
    api_key, version = struct.unpack_from(">hh", data, 4)
    return int(api_key), int(version)
