"""Configs of every type of resource: altered both ways, described, listed."""

from __future__ import annotations

from kafkalite_protocol.messages.alter_configs import AlterConfigsRequest
from kafkalite_protocol.messages.describe_configs import DescribeConfigsRequest
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest
from kafkalite_protocol.messages.list_config_resources import ListConfigResourcesRequest

from kafkalite_compat.differential.side import Side

TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = range(4)

Change = tuple[str, int, str | None]


def incremental(
    kind: int, name: str, *changes: Change, validate_only: bool = False
) -> IncrementalAlterConfigsRequest:
    Resource = IncrementalAlterConfigsRequest.AlterConfigsResource
    Config = IncrementalAlterConfigsRequest.AlterableConfig
    return IncrementalAlterConfigsRequest(
        [Resource(kind, name, [Config(*one) for one in changes])], validate_only
    )


def legacy(
    kind: int, name: str, *configs: tuple[str, str | None], validate_only: bool = False
) -> AlterConfigsRequest:
    return AlterConfigsRequest(
        [
            AlterConfigsRequest.AlterConfigsResource(
                kind, name, [AlterConfigsRequest.AlterableConfig(*one) for one in configs]
            )
        ],
        validate_only,
    )


def describe(kind: int, name: str, keys: list[str] | None = None) -> DescribeConfigsRequest:
    resource = DescribeConfigsRequest.DescribeConfigsResource(kind, name, keys)
    return DescribeConfigsRequest([resource], True, True)


def ask_described(side: Side, label: str, request: DescribeConfigsRequest, version: int) -> None:
    """Configs in the order of their names, their texts left out: ours are our own."""
    side.client.send(request, version)
    answer = side.answer(32, version)
    for result in answer.results:
        result.configs.sort(key=lambda one: one.name)
        for config in result.configs:
            config.documentation = "text"
    side.note(f"{label} v{version}", answer)


GROUP_CHANGES: dict[str, tuple[Change, ...]] = {
    "nothing": (),
    "a session timeout": (("consumer.session.timeout.ms", SET, "50000"),),
    "several": (
        ("consumer.heartbeat.interval.ms", SET, "6000"),
        ("share.auto.offset.reset", SET, "by_duration:PT1H"),
        ("streams.num.standby.replicas", SET, "2"),
    ),
    "unset": (("consumer.session.timeout.ms", DELETE, None),),
    "unset what is not set": (("share.isolation.level", DELETE, None),),
    "too short": (("consumer.session.timeout.ms", SET, "44999"),),
    "too long": (("consumer.session.timeout.ms", SET, "60001"),),
    "below the least of its kind": (("share.delivery.count.limit", SET, "1"),),
    "no number": (("consumer.session.timeout.ms", SET, "soon"),),
    "too large a number": (("consumer.session.timeout.ms", SET, "99999999999"),),
    "blanks": (("consumer.session.timeout.ms", SET, " 51000 "),),
    "empty": (("consumer.session.timeout.ms", SET, ""),),
    "null": (("consumer.session.timeout.ms", SET, None),),
    "unknown": (("retention.ms", SET, "1"),),
    "unknown unset": (("retention.ms", DELETE, None),),
    "append": (("consumer.session.timeout.ms", APPEND, "1"),),
    "subtract": (("share.isolation.level", SUBTRACT, "1"),),
    "unknown operation": (("share.isolation.level", 4, "1"),),
    "key twice": (("share.isolation.level", SET, "read_committed"),) * 2,
    "isolation": (("share.isolation.level", SET, "read_committed"),),
    "wrong isolation": (("share.isolation.level", SET, "READ_COMMITTED"),),
    "reset": (("share.auto.offset.reset", SET, "earliest"),),
    "reset to none": (("share.auto.offset.reset", SET, "none"),),
    "reset by a negative duration": (("share.auto.offset.reset", SET, "by_duration:-PT1S"),),
    "reset by no duration": (("share.auto.offset.reset", SET, "by_duration:1h"),),
    "reset in capitals": (("share.auto.offset.reset", SET, "LATEST"),),
    "renew": (("share.renew.acknowledge.enable", SET, "FALSE"),),
    "renew maybe": (("share.renew.acknowledge.enable", SET, "maybe"),),
    "one good, one bad": (
        ("consumer.session.timeout.ms", SET, "50000"),
        ("consumer.heartbeat.interval.ms", SET, "1"),
    ),
    "locks": (("share.record.lock.duration.ms", SET, "14999"),),
    "record locks": (("share.partition.max.record.locks", SET, "99"),),
    "standbys": (("streams.num.standby.replicas", SET, "3"),),
    "delay": (("streams.initial.rebalance.delay.ms", SET, "-1"),),
    "assignment": (("consumer.assignment.interval.ms", SET, "15001"),),
    "no delay": (("streams.initial.rebalance.delay.ms", SET, "0"),),
}

METRICS_CHANGES: dict[str, tuple[Change, ...]] = {
    "nothing": (),
    "an interval": (("interval.ms", SET, "1000"),),
    "metrics": (("metrics", SET, "org.apache.kafka.producer., org.apache.kafka.consumer.x"),),
    "one more": (("metrics", APPEND, "a"),),
    "one less": (("metrics", SUBTRACT, "a"),),
    "all": (("metrics", SET, "*"),),
    "empty metrics": (("metrics", SET, ""),),
    "twice the same": (("metrics", SET, "a,a"),),
    "a match": (("match", SET, "client_id=.*,client_software_name=kafka.*"),),
    "a match of nothing": (("match", SET, "client_id="),),
    "a match of two": (("match", SET, "client_id=a=b"),),
    "a match without value": (("match", SET, "client_id"),),
    "a match of the unknown": (("match", SET, "user=.*"),),
    "a bad pattern": (("match", SET, "client_id=["),),
    "an empty match": (("match", SET, ""),),
    "an interval too short": (("interval.ms", SET, "99"),),
    "an interval too long": (("interval.ms", SET, "3600001"),),
    "an hour": (("interval.ms", SET, "3600000"),),
    "no number": (("interval.ms", SET, "soon"),),
    "unset": (("interval.ms", DELETE, None),),
    "null": (("interval.ms", SET, None),),
    "unknown": (("nonsense", SET, "1"),),
    "unknown operation": (("interval.ms", 9, "1"),),
    "append to a number": (("interval.ms", APPEND, "1"),),
}


def group_configs(side: Side) -> None:
    resource_configs(side, GROUP, "g-configs", GROUP_CHANGES)
    for keys in (["consumer.session.timeout.ms"], ["nonsense"], []):
        ask_described(side, f"describe {keys}", describe(GROUP, "g-configs", keys), 4)


def client_metrics_configs(side: Side) -> None:
    resource_configs(side, METRICS, "m-configs", METRICS_CHANGES)
    ask_described(side, "describe one", describe(METRICS, "m-configs", ["metrics"]), 4)


def resource_configs(
    side: Side, kind: int, name: str, changes: dict[str, tuple[Change, ...]]
) -> None:
    """Each change by both APIs, and what it has led to."""
    for label, change in changes.items():
        for version in (0, 1):
            side.ask(
                f"{label}, checked", incremental(kind, name, *change, validate_only=True), version
            )
        side.ask(label, incremental(kind, name, *change), 1)
        side.catch_up()
        ask_described(side, f"after {label}", describe(kind, name), 4)
    for label, change in changes.items():
        pairs = [(key, value) for key, _, value in change]
        for version in (0, 1, 2):
            side.ask(
                f"legacy {label}, checked", legacy(kind, name, *pairs, validate_only=True), version
            )
        side.ask(f"legacy {label}", legacy(kind, name, *pairs), 2)
        side.catch_up()
        ask_described(side, f"after legacy {label}", describe(kind, name), 4)
    for version in (1, 2, 3):
        ask_described(side, "describe", describe(kind, name), version)
        ask_described(side, "describe another", describe(kind, "nobody"), version)
        ask_described(side, "describe no name", describe(kind, ""), version)
    for version in (0, 1):
        side.ask("no name", incremental(kind, "", *changes["unset"]), version)
        side.ask("nothing of no name", incremental(kind, ""), version)
    side.ask("legacy no name", legacy(kind, ""), 2)


def odd_resources(side: Side) -> None:
    for kind in (0, 1, 3, 5, 64, 127, -1):
        for name in ("", "x"):
            side.ask(f"type {kind} {name}", incremental(kind, name, ("a", SET, "b")), 1)
            side.ask(f"legacy type {kind} {name}", legacy(kind, name, ("a", "b")), 2)
            ask_described(side, f"describe type {kind} {name}", describe(kind, name), 4)


def loggers(side: Side) -> None:
    for label, name, change in [
        ("debug", "1", ("root", SET, "DEBUG")),
        ("back", "1", ("root", SET, "WARN")),
        ("lower case", "1", ("root", SET, "warn")),
        ("unknown level", "1", ("root", SET, "LOUD")),
        ("unknown logger", "1", ("nobody.at.all", SET, "INFO")),
        ("unset root", "1", ("root", DELETE, None)),
        ("append", "1", ("root", APPEND, "INFO")),
        ("subtract", "1", ("root", SUBTRACT, "INFO")),
        ("another broker", "2", ("root", SET, "INFO")),
        ("no broker", "", ("root", SET, "INFO")),
        ("no number", "x", ("root", SET, "INFO")),
        ("null", "1", ("root", SET, None)),
    ]:
        for validate_only in (True, False):
            request = incremental(LOGGER, name, change, validate_only=validate_only)
            side.ask(f"{label}, checked {validate_only}", request, 1)
    side.ask("legacy", legacy(LOGGER, "1", ("root", "INFO")), 2)
    for keys in (["root"], ["nobody.at.all"]):
        ask_described(side, f"describe {keys}", describe(LOGGER, "1", keys), 4)
    ask_described(side, "describe another", describe(LOGGER, "2"), 4)
    ask_described(side, "describe no broker", describe(LOGGER, ""), 4)


def listed(side: Side) -> None:
    side.new_topic("listed")
    for kind, name, key, value in [
        (GROUP, "g-listed", "consumer.session.timeout.ms", "50000"),
        (METRICS, "m-listed", "interval.ms", "1000"),
    ]:
        side.ask(f"set {name}", incremental(kind, name, (key, SET, value)), 1)
    side.ask("all that v0 knows", ListConfigResourcesRequest([]), 0)
    for kinds in (
        [GROUP],
        [METRICS],
        [BROKER],
        [LOGGER],
        [GROUP, METRICS],
        [0],
        [64],
        [METRICS, 1],
    ):
        side.ask(f"{kinds}", ListConfigResourcesRequest(kinds), 1)
    for kind, name, key in [
        (GROUP, "g-listed", "consumer.session.timeout.ms"),
        (METRICS, "m-listed", "interval.ms"),
    ]:
        side.ask(f"unset {name}", incremental(kind, name, (key, DELETE, None)), 1)
    side.catch_up()
    for kinds in ([GROUP], [METRICS]):
        side.ask(f"{kinds} afterwards", ListConfigResourcesRequest(kinds), 1)


def all_topic_configs(side: Side) -> None:
    topic = side.new_topic("all-configs", retention_ms="1000")
    for version in (1, 2, 3, 4):
        ask_described(side, "topic", describe(TOPIC, topic), version)


SCENARIOS = [
    group_configs,
    client_metrics_configs,
    odd_resources,
    loggers,
    listed,
    all_topic_configs,
]
