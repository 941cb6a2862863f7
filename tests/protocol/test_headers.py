"""Request and response headers."""

from __future__ import annotations

import pytest
from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.errors import ProtocolError
from kafkalite_protocol.headers import (
    RequestHeader,
    UnknownRequestError,
    read_request_header,
    read_response_header,
    request_header_is_flexible,
    response_header_is_flexible,
    write_request_header,
    write_response_header,
)
from kafkalite_protocol.messages import APIS, request_header, response_header

METADATA_V12 = bytes.fromhex("0003 000c 00000007 0003 616263 00")


def test_flexible_request_header_ends_after_its_tag_section():
    assert read_request_header(METADATA_V12 + b"body") == (RequestHeader(3, 12, 7, "abc"), 14)


def test_request_header_before_flexible_versions_has_no_tag_section():
    data = bytes.fromhex("0003 0008 00000007 0003 616263")
    assert read_request_header(data) == (RequestHeader(3, 8, 7, "abc"), 13)


def test_request_header_is_read_from_a_position_in_a_view():
    view = memoryview(b"xy" + METADATA_V12)
    assert read_request_header(view, 2) == (RequestHeader(3, 12, 7, "abc"), 16)


@pytest.mark.parametrize("length", ["ffff", "fffe", "8000"])
def test_negative_client_id_length_is_null_in_flexible_versions_too(length):
    data = bytes.fromhex(f"0003 000c 00000007 {length} 00")
    assert read_request_header(data) == (RequestHeader(3, 12, 7, None), 11)


def test_unknown_tags_of_a_request_header_are_skipped():
    data = METADATA_V12[:-1] + bytes.fromhex("02 00 03 616263 7f 00")
    assert read_request_header(data)[1] == len(data)


def test_client_id_that_is_not_utf_8_is_accepted_with_replacement_characters():
    data = bytes.fromhex("0003 0008 00000007 0002 ff61")
    assert read_request_header(data)[0].client_id == "\ufffda"


@pytest.mark.parametrize("end", range(len(METADATA_V12)))
def test_request_header_cut_off_anywhere_is_a_protocol_error(end):
    with pytest.raises(ProtocolError):
        read_request_header(METADATA_V12[:end])


@pytest.mark.parametrize("tags", ["01", "0100", "010001", "ffffffffff01", "01 00 ffffffff0f", "05"])
def test_broken_tag_section_of_a_request_header_is_a_protocol_error(tags):
    with pytest.raises(ProtocolError):
        read_request_header(METADATA_V12[:-1] + bytes.fromhex(tags))


@pytest.mark.parametrize(("key", "version"), [(18, 99), (999, 0), (4, 0), (0, 2), (3, 14), (-1, 0)])
def test_unknown_api_or_version_is_an_error_that_carries_the_header(key, version):
    data = bytearray()
    data += key.to_bytes(2, "big", signed=True) + version.to_bytes(2, "big")
    data += bytes.fromhex("00000007 0003 616263 00")
    with pytest.raises(UnknownRequestError) as caught:
        read_request_header(data)
    assert caught.value.header == RequestHeader(key, version, 7, "abc")


def test_unknown_version_behind_a_cut_off_header_carries_nothing():
    with pytest.raises(ProtocolError) as caught:
        read_request_header(bytes.fromhex("0012 0063 00000007 0003 61"))
    assert not hasattr(caught.value, "header")


def test_api_versions_responses_never_have_a_flexible_header():
    assert not any(response_header_is_flexible(ApiKey.API_VERSIONS, v) for v in range(5))
    assert request_header_is_flexible(ApiKey.API_VERSIONS, 3)


def test_other_responses_are_flexible_where_their_requests_are():
    for api in APIS.values():
        for version in range(api.min_version, api.max_version + 1):
            flexible = api.flexible_from is not None and version >= api.flexible_from
            assert request_header_is_flexible(api.key, version) == flexible
            if api.key != ApiKey.API_VERSIONS:
                assert response_header_is_flexible(api.key, version) == flexible


@pytest.mark.parametrize("client_id", [None, "", "grüße"])
@pytest.mark.parametrize("version", [8, 12])
def test_request_header_is_written_as_the_schema_says(version, client_id):
    header = RequestHeader(3, version, -7, client_id)
    out = bytearray()
    write_request_header(out, header)
    schema = request_header.RequestHeader(3, version, -7, client_id)
    assert out == schema.encode(2 if version == 12 else 1)
    assert read_request_header(out) == (header, len(out))


@pytest.mark.parametrize("flexible", [False, True])
def test_response_header_is_written_as_the_schema_says(flexible):
    out = bytearray()
    write_response_header(out, -2, flexible)
    assert out == response_header.ResponseHeader(-2).encode(int(flexible))
    assert read_response_header(out, 0, flexible) == (-2, len(out))
    for end in range(len(out)):
        with pytest.raises(ProtocolError):
            read_response_header(out[:end], 0, flexible)
