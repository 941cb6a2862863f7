"""Two ends of a connection, joined by bytes."""

from __future__ import annotations

import pytest
from kafkalite_protocol.connection import ClientConnection, ServerConnection
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from kafkalite_protocol.messages.metadata import MetadataRequest, MetadataResponse
from kafkalite_protocol.messages.produce import ProduceRequest


def test_a_request_and_its_response_cross_the_link():
    client, server = ClientConnection("me"), ServerConnection()
    (request,) = server.receive_data(client.send(MetadataRequest(), 12))
    assert request.header.client_id == "me"
    assert MetadataRequest.decode(12, request.body) == MetadataRequest()
    answer = MetadataResponse(cluster_id="c", controller_id=3)
    (response,) = client.receive_data(server.respond(request.header.correlation_id, answer))
    assert response.decode() == answer
    assert (response.api_key, response.api_version) == (3, 12)
    assert client.unanswered == 0


def test_bytes_may_come_one_by_one_in_both_directions():
    client, server = ClientConnection(), ServerConnection()
    wire = client.send(ApiVersionsRequest("lib", "1"), 3) + client.send(MetadataRequest(), 1)
    requests = [r for byte in wire for r in server.receive_data(bytes([byte]))]
    assert [r.header.api_key for r in requests] == [18, 3]
    back = server.respond(0, ApiVersionsResponse()) + server.respond(1, MetadataResponse())
    responses = [r for byte in back for r in client.receive_data(bytes([byte]))]
    assert [r.api_key for r in responses] == [18, 3]


def test_responses_leave_in_the_order_of_their_requests():
    client, server = ClientConnection(), ServerConnection()
    server.receive_data(b"".join(client.send(MetadataRequest(), 9) for _ in range(3)))
    assert server.respond(2, MetadataResponse(controller_id=2)) == b""
    assert server.respond(1, MetadataResponse(controller_id=1)) == b""
    wire = server.respond(0, MetadataResponse(controller_id=0))
    controllers = [response.decode().controller_id for response in client.receive_data(wire)]
    assert controllers == [0, 1, 2]


def test_a_request_without_a_response_holds_back_nobody():
    client, server = ClientConnection(), ServerConnection()
    produce = client.send(ProduceRequest(acks=0), 9, expects_response=False)
    server.receive_data(produce + client.send(MetadataRequest(), 9))
    assert server.respond(1, MetadataResponse()) == b""
    wire = server.no_response(0)
    assert [response.correlation_id for response in client.receive_data(wire)] == [1]


def test_a_response_to_another_request_is_a_protocol_error():
    client = ClientConnection()
    client.send(MetadataRequest(), 1)
    with pytest.raises(ProtocolError, match="response 7 instead of 0"):
        client.receive_data(b"\0\0\0\4\0\0\0\7")


def test_a_response_to_nothing_is_a_protocol_error():
    with pytest.raises(ProtocolError, match="nothing"):
        ClientConnection().receive_data(b"\0\0\0\4\0\0\0\0")


def test_a_request_that_can_not_be_read_is_a_protocol_error():
    with pytest.raises(ProtocolError):
        ServerConnection().receive_data(b"\0\0\0\3abc")


def test_answering_a_request_twice_is_our_own_mistake():
    client, server = ClientConnection(), ServerConnection()
    server.receive_data(client.send(MetadataRequest(), 9))
    server.respond(0, MetadataResponse())
    with pytest.raises(AssertionError):
        server.respond(0, MetadataResponse())
