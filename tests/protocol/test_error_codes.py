"""Error codes and API keys: spot checks here, all of them against Kafka where there is Java."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from kafkalite_protocol.api_keys import ApiKey
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages import APIS

from tests.java_kafka import class_path


def test_a_code_from_the_wire_finds_its_name_and_whether_to_retry():
    assert ErrorCode(3) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert ErrorCode(3).retriable
    assert not ErrorCode.INVALID_TOPIC_EXCEPTION.retriable


def test_codes_have_no_gaps_and_every_one_has_a_sentence_of_its_own():
    assert sorted(ErrorCode) == list(range(-1, 134))
    assert len({code.message for code in ErrorCode}) == 135


def test_a_code_unknown_here_is_a_value_error():
    with pytest.raises(ValueError, match="134"):
        ErrorCode(134)


def test_every_api_with_versions_has_the_name_of_its_key():
    for api in APIS.values():
        assert ApiKey(api.key).name.replace("_", "") == api.name.upper()
    assert ApiKey.__members__.keys() - {ApiKey(key).name for key in APIS} == {
        "LEADER_AND_ISR",
        "STOP_REPLICA",
        "UPDATE_METADATA",
        "CONTROLLED_SHUTDOWN",
    }


@pytest.mark.java
def test_codes_and_keys_are_kafkas():
    source = Path(__file__).parent / "java" / "ErrorsAndKeys.java"
    command = ["java", "-cp", class_path(), str(source)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    ours = [f"error {c.value} {c.name} {str(c.retriable).lower()}" for c in ErrorCode]
    ours += [f"key {key.value} {key.name}" for key in ApiKey]
    assert sorted(printed.splitlines()) == sorted(ours)
