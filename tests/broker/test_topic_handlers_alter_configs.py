"""IncrementalAlterConfigs and AlterConfigs. Expectations are what Apache Kafka 4.3.0 answered, but for error texts."""

import logging

import pytest
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.alter_configs import AlterConfigsRequest
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest

from kafkalite.broker.handlers import alter_configs, incremental_alter_configs
from kafkalite.errors import KafkaError
from kafkalite.metadata.events import NewTopic
from tests.metadata.in_memory_cluster import FakeBroker, MemoryMetadataLog, ask, start_control_plane

SET, DELETE, APPEND, SUBTRACT = range(4)
G1 = (2, "g1")


@pytest.fixture
def log():
    return MemoryMetadataLog()


@pytest.fixture
def broker(log):
    broker = FakeBroker(start_control_plane(1, log=log))
    broker.control_plane.create_topics([NewTopic("g1", 1, 1), NewTopic("g2", 1, 1)]).result()
    return broker


def change(broker, *resources, version=1, validate_only=False):
    """Each resource: ((type, name), (config, operation, value), ...). Answers (code, type, name)."""
    request = IncrementalAlterConfigsRequest(
        [
            IncrementalAlterConfigsRequest.AlterConfigsResource(
                *resource, [IncrementalAlterConfigsRequest.AlterableConfig(*one) for one in configs]
            )
            for resource, *configs in resources
        ],
        validate_only,
    )
    return codes(ask(incremental_alter_configs, broker, request, version))


def replace(broker, *resources, version=2, validate_only=False):
    """Each resource: ((type, name), (config, value), ...)."""
    request = AlterConfigsRequest(
        [
            AlterConfigsRequest.AlterConfigsResource(
                *resource, [AlterConfigsRequest.AlterableConfig(*one) for one in configs]
            )
            for resource, *configs in resources
        ],
        validate_only,
    )
    return codes(ask(alter_configs, broker, request, version))


def codes(response):
    for one in response.responses:
        assert bool(one.error_message) == (one.error_code != 0)
    return [(one.error_code, one.resource_type, one.resource_name) for one in response.responses]


def configs(broker, name="g1"):
    return broker.image.topic_configs(name)


@pytest.mark.parametrize("version", [0, 1])
def test_configs_change_one_at_a_time(broker, version):
    assert change(broker, (G1, ("retention.ms", SET, "5")), version=version) == [(0, *G1)]
    assert change(broker, (G1, ("cleanup.policy", APPEND, "compact")), version=version) == [
        (0, *G1)
    ]
    assert configs(broker) == {"retention.ms": "5", "cleanup.policy": "delete,compact"}
    assert change(broker, (G1, ("cleanup.policy", SUBTRACT, "delete")), version=version) == [
        (0, *G1)
    ]
    assert change(
        broker, (G1, ("retention.ms", DELETE, "7"), ("nope", DELETE, None)), version=version
    ) == [(0, *G1)]
    assert configs(broker) == {"cleanup.policy": "compact"}


def test_what_is_not_in_a_list_can_be_subtracted_and_leaves_its_default(broker):
    assert change(broker, (G1, ("cleanup.policy", SUBTRACT, "compact"))) == [(0, *G1)]
    assert configs(broker) == {"cleanup.policy": "delete"}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (("nope", SET, "1"), 40),
        (("retention.ms", SET, "x"), 40),
        (("retention.ms", SET, None), 42),
        (("retention.ms", APPEND, "5"), 40),
        (("cleanup.policy", APPEND, None), 42),
        (("nope", APPEND, "5"), 40),
        (("retention.ms", 9, "5"), 42),
    ],
)
def test_a_change_that_cannot_be_stops_its_resource_and_no_other(broker, asked, code):
    answers = change(
        broker, (G1, ("flush.ms", SET, "1"), asked), ((2, "g2"), ("flush.ms", SET, "1"))
    )
    assert sorted(answers) == [(0, 2, "g2"), (code, 2, "g1")]
    assert (configs(broker), configs(broker, "g2")) == ({}, {"flush.ms": "1"})


def test_a_resource_or_a_config_that_comes_twice_is_refused(broker):
    once = ("retention.ms", SET, "5")
    assert change(broker, (G1, once), (G1, ("flush.ms", SET, "5"))) == [(42, *G1)] * 2
    assert change(broker, (G1, once, ("retention.ms", SET, "6"))) == [(42, *G1)]
    assert replace(broker, (G1, ("flush.ms", "5"), ("flush.ms", "6"))) == [(42, *G1)]
    assert replace(broker, (G1,), (G1,)) == [(42, *G1)] * 2  # Kafka never answers this one
    assert configs(broker) == {}


@pytest.mark.parametrize("resource_type", [-1, 0, 3, 8])
def test_types_that_have_nothing_to_change(broker, resource_type):
    resource = (resource_type, "x")
    assert change(broker, (resource, ("root", SET, "INFO")), (G1, ("flush.ms", SET, "1"))) == [
        (42, *resource),
        (0, *G1),
    ]
    assert replace(broker, (resource, ("root", "INFO"))) == [(42, *resource)]


def test_a_group_can_be_told_its_timeouts_within_limits(broker):
    group = (32, "g")
    assert change(broker, (group, ("consumer.session.timeout.ms", SET, "44999"))) == [(40, *group)]
    assert change(broker, (group, ("retention.ms", SET, "1"))) == [(40, *group)]
    assert change(broker, ((32, ""), ("consumer.session.timeout.ms", SET, "50000"))) == [
        (42, 32, "")
    ]
    assert change(broker, (group, ("consumer.session.timeout.ms", SET, "50000"))) == [(0, *group)]
    assert broker.image.config_of(32, "g") == {"consumer.session.timeout.ms": "50000"}
    assert replace(broker, (group, ("share.isolation.level", "read_committed"))) == [(0, *group)]
    assert broker.image.config_of(32, "g") == {"share.isolation.level": "read_committed"}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("interval.ms", "1000", 0),
        ("interval.ms", "99", 42),
        ("interval.ms", "soon", 40),
        ("metrics", "a,b", 0),
        ("match", "client_id=.*", 0),
        ("match", "client_id=[", 40),
        ("match", "user=.*", 40),
        ("nonsense", "1", 42),
    ],
)
def test_a_client_metrics_subscription_is_checked(broker, name, value, code):
    subscription = (16, "s")
    assert change(broker, (subscription, (name, SET, value))) == [(code, *subscription)]


@pytest.mark.parametrize("name", ["1", ""])
@pytest.mark.parametrize(
    ("config", "value", "code"),
    [
        ("log.retention.ms", "0", 42),
        ("log.retention.ms", "-2", 0),
        ("log.roll.ms", "0", 42),
        ("log.cleaner.threads", "200", 42),
        ("log.cleaner.dedupe.buffer.size", "1048576", 42),
        ("log.cleaner.dedupe.buffer.size", "1048577", 0),
        ("max.connections.per.ip", "0", 42),
        ("group.share.assignment.interval.ms", "15000", 0),
        ("group.share.assignment.interval.ms", "15001", 42),
    ],
)
def test_a_broker_s_config_must_not_contradict_the_others(broker, name, config, value, code):
    assert change(broker, ((4, name), (config, SET, value))) == [(code, 4, name)]
    assert broker.image.config_of(4, name) == ({} if code else {config: value})


def test_a_broker_s_own_config_must_not_contradict_that_of_all_brokers(broker):
    threads, buffer = "log.cleaner.threads", "log.cleaner.dedupe.buffer.size"
    assert change(broker, ((4, ""), (threads, SET, "2"))) == [(0, 4, "")]
    assert change(broker, ((4, "1"), (buffer, SET, "1048577"))) == [(42, 4, "1")]
    both = ((threads, SET, "1"), (buffer, SET, "1048577"))
    assert change(broker, ((4, "1"), *both)) == [(0, 4, "1")]


def test_levels_of_loggers_last_as_long_as_the_process(broker):
    logger = logging.getLogger("kafkalite.under.test")
    loggers, name = (8, "1"), logger.name
    assert change(broker, (loggers, (name, SET, "DEBUG")), validate_only=True) == [(0, *loggers)]
    assert logger.level == logging.NOTSET
    assert change(broker, (loggers, (name, SET, "DEBUG"))) == [(0, *loggers)]
    assert logger.level == logging.DEBUG
    assert change(broker, (loggers, (name, DELETE, None))) == [(0, *loggers)]
    assert logger.level == logging.NOTSET
    assert configs(broker) == {}


@pytest.mark.parametrize(
    ("change_of_level", "code"),
    [
        (("root", SET, "LOUD"), 40),
        (("nobody", SET, "INFO"), 40),
        (("root", APPEND, "INFO"), 42),
        (("root", DELETE, None), 42),
        (("root", SET, None), 42),
    ],
)
def test_levels_that_cannot_be(broker, change_of_level, code):
    assert change(broker, ((8, "1"), change_of_level)) == [(code, 8, "1")]
    assert change(broker, ((8, "2"), ("root", SET, "INFO"))) == [(42, 8, "2")]


def test_validate_only_changes_nothing(broker):
    assert change(broker, (G1, ("flush.ms", SET, "1")), validate_only=True) == [(0, *G1)]
    assert replace(broker, (G1, ("flush.ms", "1")), validate_only=True) == [(0, *G1)]
    assert configs(broker) == {}


def test_nothing_asked_is_nothing_done(broker, log):
    written = len(log.batches)
    assert change(broker) == replace(broker) == []
    assert change(broker, (G1,)) == [(0, *G1)]
    assert len(log.batches) == written


@pytest.mark.parametrize("version", range(3))
def test_alter_configs_replaces_everything_that_was_set(broker, version):
    change(broker, (G1, ("retention.ms", SET, "5"), ("flush.ms", SET, "1")))
    assert replace(broker, (G1, ("flush.ms", "2")), version=version) == [(0, *G1)]
    assert configs(broker) == {"flush.ms": "2"}
    assert replace(broker, (G1,), version=version) == [(0, *G1)]
    assert configs(broker) == {}


@pytest.mark.parametrize(
    ("asked", "code"), [(("flush.ms", "x"), 40), (("nope", "1"), 40), (("flush.ms", None), 42)]
)
def test_alter_configs_refuses_as_the_other_way_does(broker, asked, code):
    assert replace(broker, (G1, asked)) == [(code, *G1)]


def test_a_storage_error_is_told_for_each_resource(broker, log):
    log.append_error = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "the disk is full")
    for answers in (
        change(broker, (G1, ("flush.ms", SET, "1")), ((2, "g2"), ("flush.ms", SET, "1"))),
        replace(broker, (G1, ("flush.ms", "1")), ((2, "g2"), ("flush.ms", "1"))),
    ):
        assert answers == [(56, *G1), (56, 2, "g2")]
