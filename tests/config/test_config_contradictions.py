"""Settings that are good one by one and not together. What is refused is what Apache Kafka 4.3.0 refuses."""

from __future__ import annotations

import pytest

from kafkalite.config import BrokerConfig, InvalidConfigurationError
from kafkalite.config.contradictions import ORDERS
from kafkalite.config.definitions import ConfigType, broker_definitions
from kafkalite.config.sources import load


def refusal(settings: dict[str, str]) -> list[str]:
    """What is said of these settings, a line for each problem."""
    try:
        BrokerConfig(settings)
    except InvalidConfigurationError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_every_rule_is_about_numbers_that_kafka_has() -> None:
    for order in ORDERS:
        for key in (order.low, order.high):
            assert broker_definitions()[key].type in (ConfigType.INT, ConfigType.LONG)


def test_no_setting_is_refused_at_its_default() -> None:
    for order in ORDERS:
        for key in (order.low, order.high):
            default = broker_definitions()[key].default
            assert default is not None
            assert refusal({key: default}) == []


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"group.consumer.heartbeat.interval.ms": "100"},
            "group.consumer.heartbeat.interval.ms=100: must be at least 5000, the default of group.consumer.min.heartbeat.interval.ms",
        ),
        (
            {"group.share.min.delivery.count.limit": "3", "group.share.delivery.count.limit": "2"},
            "group.share.min.delivery.count.limit=3: must be at most 2, the value of group.share.delivery.count.limit",
        ),
        (
            {"group.share.max.share.sessions": "199"},
            "group.share.max.share.sessions=199: must be at least 200, the default of group.share.max.size",
        ),
        (
            {"group.streams.num.standby.replicas": "3"},
            "group.streams.num.standby.replicas=3: must be at most 2, the default of group.streams.max.standby.replicas",
        ),
        (
            {
                "group.consumer.min.session.timeout.ms": "5000",
                "group.consumer.session.timeout.ms": "5000",
            },
            "group.consumer.session.timeout.ms=5000: must be more than 5000, the default of group.consumer.heartbeat.interval.ms",
        ),
        (
            {"connections.max.idle.ms": "100"},
            "connections.max.idle.ms=100: must be more than 100, the default of connection.failed.authentication.delay.ms",
        ),
        ({"log.retention.hours": "0"}, "log.retention.hours=0: must be at least 1, or -1 for no limit"),
        ({"log.roll.ms": "0"}, "log.roll.ms=0: must be at least 1"),
        ({"log.roll.jitter.ms": "-1"}, "log.roll.jitter.ms=-1: must be at least 0"),
        ({"log.flush.scheduler.interval.ms": "-1"}, "log.flush.scheduler.interval.ms=-1: must be at least 0"),
        ({"node.id": "1", "broker.id": "2"}, "broker.id=2: is the old name of node.id, which is 1"),
        (
            {"log.cleaner.dedupe.buffer.size": "2097153", "log.cleaner.threads": "2"},
            "log.cleaner.dedupe.buffer.size=2097153: must be more than 1048576 bytes for each of 2 log.cleaner.threads",
        ),
        ({"log.cleaner.threads": "0"}, "log.cleaner.threads=0: must be at least 1"),
        (
            {"max.connections.per.ip": "0"},
            "max.connections.per.ip=0: lets nobody in; it may be 0 only with max.connections.per.ip.overrides",
        ),
        (
            {"max.connections.per.ip.overrides": "a:5,,b:6"},
            "max.connections.per.ip.overrides=a:5,,b:6: must be address:number pairs with commas between",
        ),
    ],
)  # fmt: skip
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, str], problem: str
) -> None:
    assert refusal(settings) == [problem]


@pytest.mark.parametrize(
    "settings",
    [
        {
            "group.consumer.min.heartbeat.interval.ms": "100",
            "group.consumer.heartbeat.interval.ms": "100",
        },
        {"connections.max.idle.ms": "-1"},
        {"queued.max.request.bytes": "0"},
        {"log.retention.ms": "-5"},
        {"log.retention.hours": "0", "log.retention.minutes": "1"},
        {"log.flush.scheduler.interval.ms": "-1", "log.flush.interval.ms": "5"},
        {"broker.id": "1", "node.id": "1"},
        {"broker.id": "2"},
        {"log.cleaner.dedupe.buffer.size": "2097154", "log.cleaner.threads": "2"},
        {"max.connections.per.ip": "0", "max.connections.per.ip.overrides": "::1:5, 127.0.0.1:+7"},
        {"group.min.session.timeout.ms": "5000", "group.max.session.timeout.ms": "4000"},
        {"transaction.state.log.min.isr": "5"},
    ],
)
def test_settings_that_only_look_so_are_taken_as_in_kafka(settings: dict[str, str]) -> None:
    assert refusal(settings) == []


def test_all_contradictions_are_told_at_once() -> None:
    assert len(refusal({"log.roll.ms": "0", "group.share.session.timeout.ms": "1"})) == 3


def test_what_is_wrong_by_itself_is_told_first() -> None:
    assert refusal({"log.roll.ms": "0", "num.partitions": "0"}) == [
        "num.partitions=0: must be at least 1"
    ]


def test_dynamic_settings_do_not_keep_a_broker_from_starting() -> None:
    static = BrokerConfig({"log.cleaner.threads": "2"})
    dynamic = static.with_dynamic({}, {"log.cleaner.dedupe.buffer.size": "1048577"})
    assert dynamic.log_cleaner_dedupe_buffer_size == 1_048_577


AUTHORIZER = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer"}


@pytest.mark.parametrize("users", ["", "User:a", " User:a ; User:CN=b,OU=c ", ";", "User:"])
def test_super_users_are_taken(users: str) -> None:
    assert refusal({**AUTHORIZER, "super.users": users}) == []


def test_super_users_without_a_type_are_refused_by_the_authorizer_if_there_is_one() -> None:
    problem = "super.users=User:a;b: must be type:name pairs with semicolons between"
    assert refusal({**AUTHORIZER, "super.users": "User:a;b"}) == [problem]
    assert refusal({"super.users": "User:a;b"}) == []


def test_keys_of_the_authorizer_are_known_and_without_effect() -> None:
    flags = {**AUTHORIZER, "super.users": "User:a", "allow.everyone.if.no.acl.found": "true"}
    loaded = load(flags=flags)
    note = "accepted without effect: allow.everyone.if.no.acl.found, super.users"
    assert loaded.notes == [note]
