"""Topics and configurations, made and looked at by the suite itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest
from kafkalite_protocol.messages.delete_topics import DeleteTopicsRequest
from kafkalite_protocol.messages.describe_configs import DescribeConfigsRequest
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest

from kafkalite_compat.wire.cluster import Cluster
from kafkalite_compat.wire.connection import Refused, check
from kafkalite_compat.wire.logs import LATEST, list_offset

TOPIC, BROKER, GROUP = 2, 4, 32  # Kafka's ConfigResource types
SET, DELETE = 0, 1  # Kafka's AlterConfigOp types
BROKER_DEFAULT: Final = -1


@dataclass(frozen=True)
class PartitionState:
    partition: int
    leader: int
    replicas: tuple[int, ...]


def create_topic(
    cluster: Cluster, topic: str, partitions: int = 1, configs: Mapping[str, str] | None = None
) -> None:
    """Make a topic with the broker's default replication, and wait until every partition has a leader that answers for it."""
    create = CreateTopicsRequest
    request = create(
        [
            create.CreatableTopic(
                topic,
                partitions,
                BROKER_DEFAULT,
                configs=[
                    create.CreatableTopicConfig(key, value)
                    for key, value in (configs or {}).items()
                ],
            )
        ]
    )

    def attempt() -> None:
        (answer,) = cluster.controller().ask(request).topics
        if (
            answer.error_code != ErrorCode.TOPIC_ALREADY_EXISTS
        ):  # by an attempt whose answer was lost
            check(f"creating {topic}", answer.error_code, getattr(answer, "error_message", None))

    cluster.retry(attempt)
    for partition in range(partitions):
        list_offset(cluster, topic, partition, LATEST)


def delete_topics(cluster: Cluster, names: Sequence[str]) -> None:
    """Remove topics; one that is not there is no error."""
    if not names:
        return
    request = DeleteTopicsRequest(topic_names=list(names), timeout_ms=20_000)
    for answer in cluster.retry(lambda: cluster.controller().ask(request, at_most=5)).responses:
        if answer.error_code != ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
            check(f"deleting {answer.name}", answer.error_code)


def topics_named(cluster: Cluster, prefixes: tuple[str, ...]) -> list[str]:
    """The topics whose names begin with one of these."""
    names = [str(topic.name) for topic in cluster.metadata(None).topics]
    return [name for name in names if name.startswith(prefixes)]


def partitions_of(cluster: Cluster, topic: str) -> list[PartitionState] | None:
    """The topic's partitions by number, or None if there is no such topic."""
    (described,) = cluster.metadata([topic]).topics
    if described.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
        return None
    if described.error_code != ErrorCode.LEADER_NOT_AVAILABLE:
        check(f"metadata of {topic}", described.error_code)
    found = [
        PartitionState(one.partition_index, one.leader_id, tuple(one.replica_nodes))
        for one in described.partitions
    ]
    return sorted(found, key=lambda one: one.partition)


def configs_of(cluster: Cluster, kind: int, name: str) -> dict[str, Any]:
    """The configs of a resource by key, as DescribeConfigsResourceResult."""
    ask = DescribeConfigsRequest
    request = ask([ask.DescribeConfigsResource(kind, name, None)])
    (answer,) = cluster.retry(lambda: cluster.any_broker().ask(request)).results
    check(f"configs of {name}", answer.error_code, answer.error_message)
    return {one.name: one for one in answer.configs}


def broker_config(cluster: Cluster, key: str) -> str | None:
    """What the first broker of the cluster has for a config, or None if it does not tell."""
    broker = cluster.metadata().brokers[0]
    try:
        found = configs_of(cluster, BROKER, str(broker.node_id)).get(key)
    except Refused:
        return None
    value = None if found is None else found.value
    return None if value is None else str(value)


def set_config(cluster: Cluster, kind: int, name: str, key: str, value: str | None) -> None:
    """Set one config of a resource, or take it back (None)."""
    ask = IncrementalAlterConfigsRequest
    change = ask.AlterableConfig(key, DELETE if value is None else SET, value)
    request = ask([ask.AlterConfigsResource(kind, name, [change])])
    (answer,) = cluster.retry(lambda: cluster.controller().ask(request)).responses
    check(f"setting {key} of {name}", answer.error_code, answer.error_message)
