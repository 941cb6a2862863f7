"""Properties files, environment variables and how sources are merged."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kafkalite.config import InvalidConfigurationError
from kafkalite.config.properties import parse_properties
from kafkalite.config.sources import config_name, load, read_environment, without_effect


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("a=1\nb:2\nc 3\nd\t=\t4", {"a": "1", "b": "2", "c": "3", "d": "4"}),
        ("# no\n ! no\n\n a = 1 ", {"a": "1 "}),
        ("a=1\r\nb=2\rc=3", {"a": "1", "b": "2", "c": "3"}),
        ("a=x,\\\n    y,\\\r\n\tz", {"a": "x,y,z"}),
        ("a=x\\\\\nb=y", {"a": "x\\", "b": "y"}),
        ("a\\ b\\:c\\==d", {"a b:c=": "d"}),
        ("a=\\t\\n\\r\\f\\u00e9\\q\\#", {"a": "\t\n\r\f\u00e9q#"}),
        ("a=1\na=2", {"a": "2"}),
        ("a", {"a": ""}),
        ("a=b=c:d e", {"a": "b=c:d e"}),
        ("a==b", {"a": "=b"}),
        ("a=x\\\n# not a comment", {"a": "x# not a comment"}),
        ("\\\n# a comment\na=1", {"a": "1"}),
        ("a=x\\\n\nb=y", {"a": "x", "b": "y"}),
        ("a=x\\", {"a": "x"}),
        ("", {}),
    ],
)
def test_properties_are_read_as_java_reads_them(text: str, settings: dict[str, str]) -> None:
    assert parse_properties(text) == settings


def test_broken_unicode_escape_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="four hexadecimal digits"):
        parse_properties("x=1\na=\\\\\\u12")


def escape(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


@settings(max_examples=50, derandomize=True)
@given(st.dictionaries(st.text(st.characters(max_codepoint=0xFFFF), min_size=1), st.text(st.characters(max_codepoint=0xFFFF))))  # fmt: skip
def test_escaped_properties_come_back(written: dict[str, str]) -> None:
    text = "\n".join(f"{escape(key)}={escape(value)}" for key, value in written.items())
    assert parse_properties(text) == written


@pytest.mark.parametrize(
    ("variable", "key"),
    [
        ("KAFKA_NUM_PARTITIONS", "num.partitions"),
        ("KAFKA_CFG_NUM_PARTITIONS", "num.partitions"),
        ("KAFKA_LISTENER_NAME_MY__NAME_SSL_KEY_PASSWORD", "listener.name.my_name.ssl.key.password"),
        ("KAFKA_LISTENER_NAME_A___B_SSL_KEY_PASSWORD", "listener.name.a-b.ssl.key.password"),
    ],
)
def test_variable_names_a_config(variable: str, key: str) -> None:
    assert config_name(variable) == key


def test_variables_of_scripts_and_images_are_no_configs() -> None:
    environment = dict.fromkeys(
        [
            "KAFKA_HEAP_OPTS", "KAFKA_OPTS", "KAFKA_JVM_PERFORMANCE_OPTS", "KAFKA_LOG4J_OPTS", "KAFKA_JMX_PORT",
            "KAFKA_GC_LOG_OPTS", "KAFKA_DEBUG", "KAFKA_HOME", "KAFKA_SSL_KEYSTORE_FILENAME", "PATH", "KAFKALITE_X",
        ],
        "x",
    )  # fmt: skip
    assert read_environment(environment).settings == {}


def test_variable_that_only_begins_like_a_scripts_is_a_config() -> None:
    assert read_environment({"KAFKA_LOG_DIRS": "x"}).settings == {"log.dirs": "x"}


@pytest.mark.parametrize("variable", ["CLUSTER_ID", "KAFKA_KRAFT_CLUSTER_ID"])
def test_cluster_id_comes_from_the_environment(variable: str) -> None:
    config = load(environment={variable: "5L6g3nShT-eMCtK--X86sw"}).config
    assert config.cluster_id == "5L6g3nShT-eMCtK--X86sw"


def test_advertised_alone_in_the_environment_listens_on_every_address() -> None:
    config = load(environment={"KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://broker:29092"}).config
    assert [str(listener) for listener in config.listeners] == ["PLAINTEXT://0.0.0.0:29092"]
    assert [str(listener) for listener in config.advertised_listeners] == [
        "PLAINTEXT://broker:29092"
    ]


def test_flags_win_over_environment_over_file() -> None:
    config = load(
        file={"num.partitions": "1", "node.id": "1", "fetch.max.bytes": "2000"},
        environment={"KAFKA_NUM_PARTITIONS": "2", "KAFKA_NODE_ID": "2"},
        flags={"num.partitions": "3"},
    ).config
    assert (config.num_partitions, config.node_id, config.fetch_max_bytes) == (3, 2, 2000)


def test_unknown_key_is_an_error_in_a_flag_and_told_with_the_others() -> None:
    with pytest.raises(InvalidConfigurationError) as caught:
        load(flags={"num.partition": "3", "node.id": "x"})
    assert [problem.key for problem in caught.value.problems] == ["node.id", "num.partition"]


def test_unknown_key_is_a_note_in_file_and_environment() -> None:
    loaded = load(file={"num.partition": "3"}, environment={"KAFKA_FOO": "1"})
    assert loaded.notes == [
        "num.partition: there is no such config (did you mean num.partitions?)",
        "foo: there is no such config",
    ]


def test_keys_of_plugins_and_of_single_listeners_are_not_unknown() -> None:
    assert load(file={"listener.name.internal.ssl.key.password": "x"}).notes == []


def test_what_does_nothing_is_told_in_one_line() -> None:
    loaded = load(
        file={
            "controller.quorum.voters": "1@a:9093",
            "num.io.threads": "4",
            "num.network.threads": "3",
            "num.partitions": "2",
        }
    )
    # num.network.threads=3 is Kafka's default, so it makes no difference in Kafka either.
    assert loaded.notes == ["accepted without effect: controller.quorum.voters, num.io.threads"]


def test_without_effect_is_empty_for_what_acts() -> None:
    assert without_effect({"listeners": "x", "log.dirs": "y", "log.segment.bytes": "1"}) == []


def test_compose_file_of_the_apache_image_starts() -> None:
    loaded = load(
        environment={
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_LISTENERS": "PLAINTEXT_HOST://:9092,PLAINTEXT://:19092,CONTROLLER://:29093",
            "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT_HOST://localhost:9092,PLAINTEXT://broker:19092",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@broker:29093",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "CLUSTER_ID": "4L6g3nShT-eMCtK--X86sw",
        }
    )
    assert [listener.name for listener in loaded.config.listeners] == [
        "PLAINTEXT_HOST",
        "PLAINTEXT",
    ]
