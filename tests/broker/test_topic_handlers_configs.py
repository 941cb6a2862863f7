"""DescribeConfigs. Expectations are what Apache Kafka 4.3.0 answered, but for error texts, which are our own."""

import pytest
from kafkalite_protocol.messages.describe_configs import DescribeConfigsRequest

from kafkalite.broker.handlers import describe_configs
from kafkalite.config import BrokerConfig
from kafkalite.metadata.events import ConfigChange, ConfigOperation, NewTopic, ResourceChange
from kafkalite.metadata.image import ConfigResource
from tests.metadata.in_memory_cluster import FakeBroker, ask, start_control_plane

TOPIC, BROKER, LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32


@pytest.fixture
def broker():
    config = BrokerConfig({"log.retention.ms": "5000"})
    broker = FakeBroker(start_control_plane(1, config=config), config)
    topics = [NewTopic("g1", 1, 1), NewTopic("g2", 1, 1, configs={"retention.ms": "7"})]
    broker.control_plane.create_topics(topics).result()
    return broker


def describe(broker, *resources, version=4, **fields):
    request = DescribeConfigsRequest(
        [DescribeConfigsRequest.DescribeConfigsResource(*one) for one in resources], **fields
    )
    return ask(describe_configs, broker, request, version).results


def set_for_all_brokers(broker, name, value):
    change = ConfigChange(name, ConfigOperation.SET, value)
    broker.control_plane.alter_configs(
        [ResourceChange(ConfigResource(BROKER, ""), [change])]
    ).result()


@pytest.mark.parametrize("version", range(1, 5))
def test_a_topics_config_in_every_version(broker, version):
    (result,) = describe(
        broker, (TOPIC, "g2", ["retention.ms"]), version=version, include_synonyms=True
    )
    assert (result.error_code, result.error_message) == (0, "")
    assert (result.resource_type, result.resource_name) == (TOPIC, "g2")
    (config,) = result.configs
    assert (config.name, config.value, config.read_only, config.is_sensitive) == (
        "retention.ms",
        "7",
        False,
        False,
    )
    assert config.config_source == 1
    assert [(one.name, one.value, one.source) for one in config.synonyms] == [
        ("retention.ms", "7", 1),
        ("log.retention.ms", "5000", 4),
        ("log.retention.hours", "168", 5),
    ]
    assert config.config_type == (5 if version >= 3 else 0)
    assert config.documentation == (None if version >= 3 else "")


def test_synonyms_and_documentation_come_when_they_are_asked_for(broker):
    ((plain,),) = (one.configs for one in describe(broker, (TOPIC, "g1", ["segment.bytes"])))
    assert (plain.synonyms, plain.documentation) == ([], None)
    ((asked,),) = (
        one.configs
        for one in describe(broker, (TOPIC, "g1", ["segment.bytes"]), include_documentation=True)
    )
    assert asked.documentation


@pytest.mark.parametrize("keys", [None, []])
def test_no_keys_are_all_keys(broker, keys):
    topic, own = describe(broker, (TOPIC, "g1", keys), (BROKER, "1", keys))
    assert (len(topic.configs), len(own.configs)) == (33, 340)


def test_keys_that_are_not_there_are_left_out(broker):
    (result,) = describe(broker, (TOPIC, "g1", ["nope", "retention.ms", "retention.ms"]))
    assert [one.name for one in result.configs] == ["retention.ms"]


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        ((TOPIC, "nope", None), 3),
        ((TOPIC, "a b", None), 17),
        ((TOPIC, "", None), 17),
        ((BROKER, "2", None), 42),
        ((BROKER, "x", None), 42),
        ((BROKER, "\u0661", None), 42),
        ((LOGGER, "", None), 42),
        ((LOGGER, "2", None), 42),
        ((CLIENT_METRICS, "", None), 42),
        ((GROUP, "", None), 42),
    ],
)
def test_a_resource_that_is_not_there(broker, resource, code):
    result, other = describe(broker, resource, (TOPIC, "g1", ["retention.ms"]))
    assert (result.error_code, result.configs) == (code, [])
    assert (result.resource_type, result.resource_name) == resource[:2]
    assert bool(result.error_message) == (code != 3)
    assert other.error_code == 0


@pytest.mark.parametrize("unknown", [0, 3, -1])
def test_an_unknown_type_spoils_the_whole_request(broker, unknown):
    results = describe(broker, (TOPIC, "g1", None), (unknown, "x", None), (BROKER, "1", None))
    assert [(one.error_code, one.resource_type, one.configs) for one in results] == [
        (42, TOPIC, []),
        (42, unknown, []),
        (42, BROKER, []),
    ]


def test_the_empty_broker_name_shows_what_was_set_for_all_and_nothing_else(broker):
    (result,) = describe(broker, (BROKER, "", None))
    assert (result.error_code, result.configs) == (0, [])
    set_for_all_brokers(broker, "log.retention.ms", "9")
    (result,) = describe(broker, (BROKER, "", None), include_synonyms=True)
    (config,) = result.configs
    assert (config.name, config.value, config.config_source) == ("log.retention.ms", "9", 3)
    assert [(one.name, one.value, one.source) for one in config.synonyms] == [
        ("log.retention.ms", "9", 3)
    ]


def test_what_was_set_for_all_brokers_shows_in_a_brokers_and_a_topics_configs(broker):
    set_for_all_brokers(broker, "log.retention.ms", "9")
    own, topic = describe(
        broker,
        (BROKER, "1", ["log.retention.ms"]),
        (TOPIC, "g1", ["retention.ms"]),
        include_synonyms=True,
    )
    assert [(one.value, one.config_source) for one in (*own.configs, *topic.configs)] == [
        ("9", 3),
        ("9", 3),
    ]
    assert [(one.name, one.value, one.source) for one in topic.configs[0].synonyms] == [
        ("log.retention.ms", "9", 3),
        ("log.retention.ms", "5000", 4),
        ("log.retention.hours", "168", 5),
    ]


def test_the_root_loggers_level(broker):
    everything, root, other = describe(
        broker, (LOGGER, "1", None), (LOGGER, "1", ["root"]), (LOGGER, "1", ["x"])
    )
    (config,) = root.configs
    assert everything.configs[0] == config
    assert all(one.name.startswith("kafkalite") for one in everything.configs[1:])
    assert (config.name, config.config_source, config.documentation) == ("root", 6, "")
    assert config.value in {"DEBUG", "INFO", "WARN", "ERROR", "FATAL"}
    assert (other.error_code, other.configs) == (0, [])


@pytest.mark.parametrize(("resource_type", "count"), [(CLIENT_METRICS, 3), (GROUP, 17)])
def test_groups_and_subscriptions_that_nobody_knows_show_defaults(broker, resource_type, count):
    (result,) = describe(broker, (resource_type, "any", None))
    assert (result.error_code, len(result.configs)) == (0, count)
    assert {config.config_source for config in result.configs} == {5}


def test_a_resource_that_comes_twice_is_answered_twice(broker):
    results = describe(broker, (TOPIC, "g1", ["flush.ms"]), (TOPIC, "g1", ["flush.ms"]))
    assert len(results) == 2
    assert results[0] == results[1]
