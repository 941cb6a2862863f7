"""What the differential mode makes of two brokers that answer alike, otherwise, or nonsense."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from xml.etree import ElementTree as ET

import pytest
from kafkalite_compat.differential import Accepted, Report, merged
from kafkalite_compat.differential.catalogue import SETUPS, Script, written_scripts
from kafkalite_compat.differential.comparing import (
    ABSENT,
    Difference,
    differences,
    not_seen,
    reason_to_keep,
)
from kafkalite_compat.differential.filling import empty, filled, with_a_null
from kafkalite_compat.differential.masking import plain
from kafkalite_compat.differential.outcome import Coverage, ScriptResult
from kafkalite_compat.differential.report import writers
from kafkalite_compat.differential.report.words import by_api, summary
from kafkalite_compat.differential.running import _played
from kafkalite_compat.differential.side import CLOSED, SILENCE, Answer, Side
from kafkalite_compat.differential.sweep import good_requests, odd_bytes
from kafkalite_protocol.messages import APIS, request_class
from kafkalite_protocol.messages.metadata import MetadataRequest, MetadataResponse
from kafkalite_protocol.messages.share_acknowledge import ShareAcknowledgeRequest

Body = Callable[[bytes], bytes | None]


@contextmanager
def broker(answer: Body) -> Iterator[str]:
    """A server that answers each request with what `answer` makes of it, or closes the connection for None."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server, answer), daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def _serve(server: socket.socket, answer: Body) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_serve_one, args=(connection, answer), daemon=True).start()


def _serve_one(connection: socket.socket, answer: Body) -> None:
    with connection:
        while size := connection.recv(4):
            body = answer(connection.recv(struct.unpack(">i", size)[0]))
            if body is None:
                return
            connection.sendall(struct.pack(">i", len(body)) + body)


def metadata(request: bytes) -> bytes:
    return request[4:8] + MetadataResponse(cluster_id="c").encode(4)


def ask_metadata(side: Side) -> None:
    answer = side.ask("metadata", MetadataRequest(topics=[]), 4)
    assert answer.cluster_id == "c"


def played(answer: Body) -> tuple[str | None, Side]:
    with broker(answer) as address:
        side = Side(address, within_s=1)
        ended = _played(Script("metadata", "any", ask_metadata), side)
        side.close()
        return ended, side


def test_two_brokers_that_answer_alike_have_no_differences() -> None:
    (_, one), (_, other) = played(metadata), played(metadata)
    assert differences("s", one.transcript, other.transcript) == []
    assert one.good == {(3, 4): 1}
    assert (one.decoded, one.whole) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda _: None, CLOSED),
        (lambda _: b"", "undecodable"),
        (lambda request: request[4:8] + b"\xff" * 40, "undecodable"),
        (lambda request: metadata(request)[:-1], "undecodable"),
        (lambda request: metadata(request) + b"\0", "undecodable: 1 bytes too many"),
        (lambda request: b"\0\0\0\x63" + metadata(request)[4:], "undecodable: correlation id"),
    ],
    ids=["closes", "empty", "nonsense", "cut off", "too long", "of another request"],
)
def test_whatever_a_broker_does_instead_of_answering_is_a_difference_and_no_crash(
    answer, told
) -> None:
    (_, one), (ended, other) = played(metadata), played(answer)
    assert ended is not None, "the script tripped over it"
    found = differences("s", one.transcript, other.transcript)
    assert str(found[0].other).startswith(told)
    assert found[0].where.startswith("s / metadata v4 / ")


def test_a_broker_that_is_silent_is_told_so() -> None:
    stop = threading.Event()
    _, side = played(lambda _: stop.wait(5) and None)
    stop.set()
    assert side.transcript[0].value == SILENCE


def test_bytes_that_are_no_request_are_counted_as_bad() -> None:
    with broker(lambda request: request[4:8] + b"\0\x23") as address:
        side = Side(address, within_s=1)
        side.send_bytes("v99", struct.pack(">ihhih", 10, 18, 99, 7, -1))
        side.close()
    assert side.bad == {(18, 99): 1}
    assert side.transcript[0].value == {"correlation_id": 7, "error_code": "UNSUPPORTED_VERSION"}


# Comparing


def test_a_field_that_one_side_lacks_is_absent_there() -> None:
    found = differences("s", [Answer("l", {"a": 1, "b": [2]})], [Answer("l", {"b": [3]})])
    assert found == [Difference("s / l / a", 1, ABSENT), Difference("s / l / b[0]", 2, 3)]


def test_lists_of_different_length_differ_as_a_whole() -> None:
    (found,) = differences("s", [Answer("l", {"a": [1]})], [Answer("l", {"a": []})])
    assert found == Difference("s / l / a", [1], [])


def test_comparing_ends_where_the_script_went_two_ways() -> None:
    one = [Answer("a", 1), Answer("b", 1)]
    assert differences("s", one, [Answer("c", 2), Answer("b", 2)]) == [
        Difference("s / what was asked", "a", "c")
    ]
    assert differences("s", one, one[:1]) == [Difference("s / answers", 2, 1)]


def test_bytes_that_decoding_would_hide_are_a_difference() -> None:
    one, other = [Answer("l", 1)], [Answer("l", 1, is_whole=False)]
    assert [found.where for found in differences("s", one, other)] == ["s / l / bytes"]


def test_what_no_difference_needs_any_more_is_told() -> None:
    needed, unneeded = Accepted("^s / l", "why"), Accepted("^t /", "why not")
    found = Difference("s / l / a", 1, 2)
    assert reason_to_keep(found, [unneeded, needed]) is needed
    assert not_seen([found], [needed, unneeded]) == [unneeded]


def test_a_producer_id_of_0_is_an_id_and_an_unknown_error_code_is_no_crash() -> None:
    assert plain({"producer_id": 0, "session_id": 0, "error_code": 9999}) == {
        "producer_id": "some",
        "session_id": 0,
        "error_code": "error 9999",
    }


# The sweep


@pytest.mark.parametrize("key", sorted(APIS))
def test_every_version_of_every_api_can_be_swept(key) -> None:
    api = APIS[key]
    kind = request_class(key)
    for version in range(api.min_version, api.max_version + 1):
        for _, request in good_requests(api, version, "x"):
            data = request.encode(version)
            assert kind.decode(version, data).encode(version) == data
        empty(kind).encode(version)


def test_a_filled_request_says_something_in_every_field_and_has_one_entry_in_each_list() -> None:
    request = filled(ShareAcknowledgeRequest, lambda field: f"x-{field}")
    assert request.group_id == "x-group_id"
    (topic,) = request.topics
    assert topic.topic_id != bytes(16)
    assert len(topic.partitions[0].acknowledgement_batches) == 1


def test_each_null_is_alone_and_the_filled_request_stays_as_it_is() -> None:
    request = filled(ShareAcknowledgeRequest, lambda field: field)
    found = dict(with_a_null(request))
    assert found["group_id"].group_id is None
    assert found["group_id"].member_id == "member_id"
    assert request.group_id == "group_id"


def test_a_body_is_cut_and_lengthened_and_gets_tags_only_where_there_are_some() -> None:
    bodies = {label: (header, body) for label, header, body in odd_bytes(True, b"ab\0")}
    assert bodies["cut off: a byte"][1] == b"ab"
    assert bodies["cut off: in the middle"][1] == b"a"
    assert bodies["cut off: all"][1] == b""
    assert bodies["unknown tag in the body"][1].startswith(b"ab\x01")
    assert not any("tag" in label for label, _, _ in odd_bytes(False, b"ab\0"))


# The catalogue and the report


def test_every_script_has_a_name_of_its_own_and_runs_in_one_setup() -> None:
    scripts = written_scripts()
    assert len({one.name for one in scripts}) == len(scripts)
    for one in scripts:
        assert [one.group in setup.groups for setup in SETUPS].count(True) == 1
    assert [setup.has_any_of(["acls"]) for setup in SETUPS] == [False, True]
    assert [setup.has_any_of(["sweep_fetch"]) for setup in SETUPS] == [True, False]


def report() -> Report:
    difference = Difference("s / l / <b>|`", b"\0", None, (0, 3))
    return Report(
        reference="Apache Kafka",
        other="other & <co>",
        results=(
            ScriptResult("bad", "g", differences=(difference,), requests=3),
            ScriptResult("known", "g", kept=((difference, Accepted("s", "on purpose")),)),
            ScriptResult("left out", "g", skipped="needs brokers with an authorizer"),
            ScriptResult("broken", "g", broken="AssertionError: \0"),
        ),
        coverage=(Coverage((0, 3), True, True, 2, 1, 1), Coverage((0, 4), True, False)),
        decoded=4,
        whole=3,
    )


def test_every_form_of_the_report_can_be_written_and_names_the_difference(tmp_path) -> None:
    for kind, write in writers().items():
        write(report(), tmp_path / kind)
    told = json.loads((tmp_path / "json").read_text())
    assert told["scripts"][0]["differences"][0]["reference"] == "00"
    cases = ET.parse(tmp_path / "junit").getroot().findall(".//testcase")
    assert [[child.tag for child in case] for case in cases] == [
        ["failure"],
        [],
        ["skipped"],
        ["failure"],
    ]
    assert "other &amp; &lt;co&gt;" in (tmp_path / "html").read_text()
    assert "s / l / <b>\\|'" in (tmp_path / "markdown").read_text()


def test_what_the_other_broker_lacks_is_in_the_coverage() -> None:
    (row,) = by_api(report())
    assert (row.name, row.reference, row.other, row.missing) == ("Produce", "3-4", "3", "4")
    assert "3 of 4 decoded answers" in " ".join(summary(report()))


def test_a_script_that_ran_in_one_setup_is_not_skipped_in_the_whole() -> None:
    skipped = Report("k", "o", (ScriptResult("a", "g", skipped="why"),), ())
    ran = Report("k", "o", (ScriptResult("a", "g"),), (Coverage((0, 3), True, True, 1),))
    whole = merged([skipped, ran, ran])
    assert [one.skipped for one in whole.results] == [None, None]
    assert whole.coverage[0].good == 2
    assert whole.is_alike
    assert not report().is_alike
