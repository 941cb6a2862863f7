"""Group configs. The limits are those of Apache Kafka 4.3.0."""

import pytest

from kafkalite.config import BrokerConfig, ConfigError
from kafkalite.config.definitions import broker_definitions, group_definitions
from kafkalite.config.durations import iso_duration_ms
from kafkalite.config.group_config import (
    BOUNDS,
    GroupConfig,
    group_config,
    validate_group_configs,
)
from kafkalite.config.our_defaults import OUR_DEFAULTS


def test_defaults_are_those_of_the_definitions():
    for name, definition in group_definitions().items():
        attribute = getattr(GroupConfig(), name.replace(".", "_"))
        broker = definition.broker[0] if definition.broker else ""
        default = OUR_DEFAULTS[broker][0] if broker in OUR_DEFAULTS else definition.default
        assert str(attribute).lower() == default


def test_every_bound_is_a_broker_key():
    for name, bounds in BOUNDS.items():
        assert name in group_definitions()
        assert {key for key in bounds if key} <= set(broker_definitions())


def test_group_without_settings_has_the_broker_s():
    broker = BrokerConfig({"group.consumer.heartbeat.interval.ms": "7000"})
    assert group_config(broker).consumer_heartbeat_interval_ms == 7000
    assert group_config(broker) is broker.group_defaults


def test_group_s_own_setting_wins():
    config = group_config(BrokerConfig(), {"share.auto.offset.reset": "earliest"})
    assert config.share_auto_offset_reset == "earliest"
    assert config.consumer_session_timeout_ms == 45_000


@pytest.mark.parametrize(
    ("given", "effective"), [("44000", 45_000), ("50000", 50_000), ("60001", 60_000)]
)
def test_setting_outside_of_the_broker_s_limits_counts_as_the_nearer_one(given, effective):
    config = group_config(BrokerConfig(), {"consumer.session.timeout.ms": given})
    assert config.consumer_session_timeout_ms == effective


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("consumer.session.timeout.ms", "44999"),
        ("consumer.session.timeout.ms", "60001"),
        ("consumer.session.timeout.ms", "0"),
        ("consumer.session.timeout.ms", "soon"),
        ("consumer.heartbeat.interval.ms", "4999"),
        ("consumer.heartbeat.interval.ms", "15001"),
        ("consumer.assignment.interval.ms", "15001"),
        ("share.record.lock.duration.ms", "14999"),
        ("share.delivery.count.limit", "11"),
        ("share.partition.max.record.locks", "99"),
        ("share.auto.offset.reset", "none"),
        ("share.auto.offset.reset", "Latest"),
        ("share.auto.offset.reset", "by_duration:-PT1S"),
        ("share.auto.offset.reset", "by_duration:1h"),
        ("share.isolation.level", "READ_COMMITTED"),
        ("share.renew.acknowledge.enable", "yes"),
        ("streams.num.standby.replicas", "3"),
        ("retention.ms", "1"),
    ],
)
def test_bad_value_is_refused(name, value):
    with pytest.raises(ConfigError):
        validate_group_configs({name: value}, BrokerConfig())


def test_session_must_be_longer_than_the_heartbeat_interval():
    broker = BrokerConfig({"group.consumer.max.heartbeat.interval.ms": "50000"})
    settings = {"consumer.heartbeat.interval.ms": "45000"}
    with pytest.raises(ConfigError, match=r"more than consumer\.heartbeat"):
        validate_group_configs(settings, broker)
    validate_group_configs({**settings, "consumer.session.timeout.ms": "45001"}, broker)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("PT1S", 1000),
        ("P1DT2H3M4.5678S", 93_784_567),
        ("p1d", 86_400_000),
        ("-PT1S", -1000),
        ("PT-0.5S", -500),
        ("P1DT", None),
        ("P", None),
        ("PT", None),
        ("P1Y", None),
        ("1S", None),
        ("", None),
    ],
)
def test_durations_are_read_as_java_reads_them(text, ms):
    assert iso_duration_ms(text) == ms
