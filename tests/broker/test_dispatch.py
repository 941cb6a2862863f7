"""From frames to answers: versions, failures translated once, what closes a connection."""

from __future__ import annotations

import struct
import sys
from types import ModuleType, SimpleNamespace

import pytest
from kafkalite_compat.wire.raw import frame
from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages import APIS
from kafkalite_protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from kafkalite_protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest
from kafkalite_protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse

from kafkalite.broker.apis import SERVED, ServedApi
from kafkalite.broker.dispatch import CONTROL_REQUEST_MAX_BYTES, Dispatcher
from kafkalite.broker.request import CloseConnection, ConnectionInfo
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.features import SUPPORTED_FEATURES

INFO = ConnectionInfo("PLAINTEXT", "127.0.0.1", 1, "127.0.0.1", 2)
IMAGE = SimpleNamespace(next_offset=42, features={"metadata.version": 30})
BROKER = SimpleNamespace(control_plane=SimpleNamespace(image=IMAGE))


def body_of(request, version, **options) -> memoryview:
    return memoryview(bytearray(frame(request, version, **options)))[4:]


@pytest.fixture
def heartbeat_handler(monkeypatch):
    """A handler module for Heartbeat whose `handle` the test sets."""
    module = ModuleType("kafkalite.broker.handlers.scripted")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def scripted_dispatcher() -> Dispatcher:
    return Dispatcher(BROKER, {ApiKey.HEARTBEAT: ServedApi("scripted", 0, 3)})


def heartbeat_answer(data: bytearray) -> HeartbeatResponse:
    size, correlation_id = struct.unpack_from(">ii", data)
    assert size == len(data) - 4
    assert correlation_id == 1
    return HeartbeatResponse.decode(2, memoryview(data), 8)


def test_answer_carries_size_and_correlation_id(heartbeat_handler):
    heartbeat_handler.handle = lambda context, request: HeartbeatResponse(
        error_code=27 if request.group_id == "g" and context.client_id == "raw" else 1
    )
    data = scripted_dispatcher().handle(body_of(HeartbeatRequest(group_id="g"), 2), INFO)
    assert heartbeat_answer(data).error_code == 27


def test_kafka_error_of_a_handler_becomes_the_code_of_the_answer(heartbeat_handler):
    def refuse(context, request):
        raise KafkaError(ErrorCode.NOT_COORDINATOR)

    heartbeat_handler.handle = refuse
    data = scripted_dispatcher().handle(body_of(HeartbeatRequest(), 2), INFO)
    assert heartbeat_answer(data).error_code == ErrorCode.NOT_COORDINATOR


def test_our_own_mistake_is_answered_minus_one_and_logged_with_its_trace(heartbeat_handler, caplog):
    heartbeat_handler.handle = lambda context, request: 1 // 0
    data = scripted_dispatcher().handle(body_of(HeartbeatRequest(), 2), INFO)
    assert heartbeat_answer(data).error_code == ErrorCode.UNKNOWN_SERVER_ERROR
    assert "ZeroDivisionError" in caplog.text


def test_later_answer_is_encoded_when_it_comes_and_its_failure_translated(heartbeat_handler):
    waiting: list[Deferred] = []

    def wait(context, request):
        waiting.append(Deferred())
        return waiting[-1]

    heartbeat_handler.handle = wait
    dispatcher = scripted_dispatcher()
    good, bad = (dispatcher.handle(body_of(HeartbeatRequest(), 2), INFO) for _ in range(2))
    waiting[0].resolve(HeartbeatResponse(error_code=0))
    waiting[1].fail(KafkaError(ErrorCode.REBALANCE_IN_PROGRESS))
    assert heartbeat_answer(good.result()).error_code == 0
    assert heartbeat_answer(bad.result()).error_code == ErrorCode.REBALANCE_IN_PROGRESS


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x00\x12\x00", id="cut in the api version"),
        pytest.param(struct.pack(">hhih", 999, 0, 1, -1), id="unknown key"),
        pytest.param(struct.pack(">hhih", 4, 0, 1, -1), id="removed key"),
        pytest.param(struct.pack(">hhih", 12, 4, 1, -1) + b"\x00", id="version we do not serve"),
        pytest.param(struct.pack(">hhih", 12, 77, 1, -1), id="version that Kafka does not have"),
        pytest.param(struct.pack(">hhih", 12, 2, 1, 500), id="client id beyond the end"),
        pytest.param(struct.pack(">hhih", 12, 2, 1, -1) + b"\x00\x50g", id="string beyond the end"),
        pytest.param(struct.pack(">hhih", 12, 2, 1, -1), id="no body"),
    ],
)
def test_request_that_is_none_closes_the_connection(heartbeat_handler, data):
    heartbeat_handler.handle = lambda context, request: HeartbeatResponse()
    with pytest.raises(CloseConnection):
        scripted_dispatcher().handle(memoryview(bytearray(data)), INFO)


def test_trailing_bytes_are_ignored(heartbeat_handler):
    heartbeat_handler.handle = lambda context, request: HeartbeatResponse()
    body = memoryview(bytearray(body_of(HeartbeatRequest(), 2)) + b"garbage")
    assert heartbeat_answer(scripted_dispatcher().handle(body, INFO)).error_code == 0


def test_control_request_of_megabytes_is_not_decoded():
    names = [CreateTopicsRequest.CreatableTopic(name=f"{n:0200}") for n in range(25_000)]
    body = body_of(CreateTopicsRequest(topics=names), 5)
    assert len(body) > CONTROL_REQUEST_MAX_BYTES
    with pytest.raises(CloseConnection, match="CREATE_TOPICS"):
        Dispatcher(BROKER).handle(body, INFO)


# ApiVersions


def ask_api_versions(
    version: int, request: ApiVersionsRequest | None = None
) -> ApiVersionsResponse:
    request = request or ApiVersionsRequest(client_software_name="t", client_software_version="1")
    data = Dispatcher(BROKER).handle(body_of(request, version), INFO)
    return ApiVersionsResponse.decode(version, memoryview(data), 8)


@pytest.mark.parametrize("version", range(5))
def test_api_versions_lists_what_is_served_in_a_header_without_tags(version):
    response = ask_api_versions(version)
    listed = {key.api_key: (key.min_version, key.max_version) for key in response.api_keys}
    assert listed.keys() == {key for key, api in SERVED.items() if api.advertised}
    assert ApiKey.PUSH_TELEMETRY in SERVED.keys() - listed.keys()
    assert listed[ApiKey.PRODUCE] == (0, 13)
    assert listed[ApiKey.FETCH] == (4, 18)


def test_feature_with_minimum_zero_is_listed_from_version_four_on_only(monkeypatch):
    monkeypatch.setitem(SUPPORTED_FEATURES, "some.version", (0, 1))
    v3, v4 = ({f.name for f in ask_api_versions(v).supported_features} for v in (3, 4))
    assert v3 == {"metadata.version"}
    assert v4 == {"some.version", *SUPPORTED_FEATURES}


@pytest.mark.parametrize("level", [{}, {"group.version": 0}])
def test_api_of_a_feature_that_is_switched_off_is_not_supported(monkeypatch, level):
    monkeypatch.setattr(IMAGE, "features", level)
    request = ConsumerGroupHeartbeatRequest(group_id="g", member_id="m")
    data = Dispatcher(BROKER).handle(body_of(request, 1), INFO)
    response = ConsumerGroupHeartbeatResponse.decode(1, memoryview(data), 9)
    assert response.error_code == ErrorCode.UNSUPPORTED_VERSION
    assert "group.version" in response.error_message


def test_finalized_features_have_a_known_epoch():
    response = ask_api_versions(3)
    assert response.finalized_features_epoch == 41
    assert [(f.name, f.max_version_level) for f in response.finalized_features] == [
        ("metadata.version", 30)
    ]


def test_unknown_version_of_api_versions_is_answered_as_version_zero_with_itself_alone():
    data = Dispatcher(BROKER).handle(
        memoryview(bytearray(struct.pack(">hhih", 18, 99, 1, -1))), INFO
    )
    response = ApiVersionsResponse.decode(0, memoryview(data), 8)
    assert response.error_code == ErrorCode.UNSUPPORTED_VERSION
    assert [(k.api_key, k.min_version, k.max_version) for k in response.api_keys] == [(18, 0, 4)]


@pytest.mark.parametrize("name", ["", "-x", "a b", "x-", "né"])
def test_bad_software_name_is_an_invalid_request(name):
    request = ApiVersionsRequest(client_software_name=name, client_software_version="1")
    response = ask_api_versions(3, request)
    assert (response.error_code, response.api_keys) == (ErrorCode.INVALID_REQUEST, [])


def test_software_name_is_kept_for_the_log():
    ask_api_versions(
        3, ApiVersionsRequest(client_software_name="librdkafka", client_software_version="2.1")
    )
    assert "librdkafka 2.1" in str(INFO)


def test_every_served_version_is_one_that_kafka_has():
    for key, served in SERVED.items():
        api = APIS[key]
        assert api.min_version <= served.min_version <= served.max_version <= api.max_version
