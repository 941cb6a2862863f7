"""Text to value: Kafka's types, ranges and lists."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kafkalite.config import ConfigError
from kafkalite.config.definitions import (
    ConfigType,
    Definition,
    broker_definitions,
    topic_definitions,
)
from kafkalite.config.values import parse, to_milliseconds, unknown_key, value_text

BROKER, TOPIC = broker_definitions(), topic_definitions()


def refusal(definition: Definition, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(definition, text)
    return str(caught.value)


def test_all_of_kafkas_keys_are_known() -> None:
    assert len([d for d in BROKER.values() if not d.internal]) == 340
    assert len([d for d in TOPIC.values() if not d.internal]) == 33


@pytest.mark.parametrize("definition", [*BROKER.values(), *TOPIC.values()], ids=lambda d: d.name)
def test_every_default_is_a_valid_value_and_is_written_as_kafka_writes_it(
    definition: Definition,
) -> None:
    if definition.default is not None:
        assert value_text(parse(definition, definition.default)) == definition.default


def test_value_is_trimmed() -> None:
    assert parse(TOPIC["segment.bytes"], " 2000000 ") == 2_000_000


@pytest.mark.parametrize("text", ["TRUE", "True", "true"])
def test_boolean_ignores_case(text: str) -> None:
    assert parse(TOPIC["preallocate"], text) is True


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("preallocate", "yes", "preallocate=yes: must be true or false"),
        ("segment.bytes", "12", "segment.bytes=12: must be at least 1048576 bytes"),
        ("segment.bytes", "1e9", "segment.bytes=1e9: must be a whole number"),
        ("segment.bytes", "1_000_000_0", "segment.bytes=1_000_000_0: must be a whole number"),
        ("segment.bytes", "2147483648", "segment.bytes=2147483648: does not fit in 32 bits"),
        ("segment.ms", "", "segment.ms=: must be a whole number"),
        ("min.cleanable.dirty.ratio", "1.5", "min.cleanable.dirty.ratio=1.5: must be from 0 to 1"),
        ("min.cleanable.dirty.ratio", "half", "min.cleanable.dirty.ratio=half: must be a number"),
        ("min.cleanable.dirty.ratio", "nan", "min.cleanable.dirty.ratio=nan: must be from 0 to 1"),
        ("compression.type", "brotli", "compression.type=brotli: must be one of uncompressed, zstd, lz4, snappy, gzip, producer"),
        ("compression.gzip.level", "0", "compression.gzip.level=0: must be from 1 to 9"),
        ("cleanup.policy", "delete,shred", "cleanup.policy=delete,shred: may hold only compact, delete"),
        ("cleanup.policy", "delete,", "cleanup.policy=delete,: has an empty entry between its commas"),
        ("leader.replication.throttled.replicas", "1-2", "leader.replication.throttled.replicas=1-2: must be * or partition:broker pairs with commas between"),
    ],
)  # fmt: skip
def test_wrong_value_is_refused_in_words(key: str, text: str, message: str) -> None:
    assert refusal(TOPIC[key], text) == message


def test_gzip_level_minus_one_is_allowed_beside_its_range() -> None:
    assert parse(TOPIC["compression.gzip.level"], "-1") == -1


def test_policy_may_be_empty_as_in_kafka_4() -> None:
    assert parse(TOPIC["cleanup.policy"], "") == ()


def test_word_that_ignores_case_is_kept_as_written() -> None:
    assert parse(BROKER["group.consumer.migration.policy"], "Upgrade") == "Upgrade"


def test_what_is_said_twice_counts_once() -> None:
    assert parse(BROKER["log.dirs"], "a,b,a") == ("a", "b")
    assert parse(TOPIC["cleanup.policy"], "delete,delete") == ("delete",)
    throttled = TOPIC["leader.replication.throttled.replicas"]
    assert parse(throttled, "0:1,0:1") == ("0:1", "0:1")


def test_list_that_must_not_be_empty() -> None:
    assert refusal(BROKER["listeners"], "") == "listeners=: must name at least one"


def test_secret_is_not_repeated_in_a_message() -> None:
    secret = Definition("ssl.key.password", ConfigType.PASSWORD, None, non_empty=True)
    assert refusal(secret, "") == "ssl.key.password: must not be empty"


def test_throttled_replicas_are_pairs_or_a_star() -> None:
    definition = TOPIC["leader.replication.throttled.replicas"]
    assert parse(definition, "0:1,1:2") == ("0:1", "1:2")
    assert parse(definition, "*") == ("*",)


@settings(max_examples=50, derandomize=True)
@given(st.sampled_from(sorted(BROKER)), st.text(max_size=30))
def test_any_text_gives_a_value_or_a_config_error(key: str, text: str) -> None:
    try:
        value = parse(BROKER[key], text)
    except ConfigError as error:
        assert error.key == key  # noqa: PT017
    else:
        assert isinstance(value, bool | int | float | str | tuple)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (1e10, "1.0E10"), (12345678.0, "1.2345678E7"), (1e-4, "1.0E-4"), (0.0, "0.0"), (-123456789.125, "-1.23456789125E8")],
)  # fmt: skip
def test_double_is_written_as_java_does(value: float, text: str) -> None:
    assert value_text(value) == text


def test_hours_and_minutes_become_milliseconds_and_negative_stays_no_limit() -> None:
    assert to_milliseconds("log.retention.hours", 2) == 7_200_000
    assert to_milliseconds("log.retention.minutes", 2) == 120_000
    assert to_milliseconds("log.retention.ms", 2) == 2
    assert to_milliseconds("log.retention.hours", -1) == -1


def test_unknown_key_names_the_nearest() -> None:
    assert str(unknown_key("num.partition", BROKER)) == (
        "num.partition: there is no such config (did you mean num.partitions?)"
    )
    assert unknown_key("xyzzy", BROKER).suggestion is None
