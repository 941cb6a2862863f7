"""The controller: what an event does to the cluster, as the records to write.

`step` is pure. It decides on an image, and the decision holds only if its records are the next ones in the metadata
log; whoever calls it sees to that. Randomness is an argument, time plays no part.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, assert_never

from kafkalite.config.broker_config import BrokerConfig
from kafkalite.metadata import cluster_control, config_control, features, topic_control
from kafkalite.metadata.events import (
    AllocateProducerIds,
    AlterClientQuotas,
    AlterConfigs,
    AlterReassignments,
    AlterScramCredentials,
    CreateAcls,
    CreatePartitions,
    CreateTopics,
    DeleteAcls,
    DeleteTopics,
    ElectLeaders,
    Event,
    RegisterBroker,
    UnregisterBroker,
    UpdateFeatures,
)
from kafkalite.metadata.image import MetadataImage

if TYPE_CHECKING:
    from kafkalite.metadata.records import MetadataRecord


class ControllerResult(NamedTuple):
    """`records` to be written as one batch, all or nothing; `response` is told once they are durable."""

    records: list[MetadataRecord]
    response: Any
    """Of the type that the event's description names."""


def step(
    image: MetadataImage, event: Event, config: BrokerConfig, random: Random
) -> ControllerResult:
    """Decide one event. Raises `KafkaError` when the event as a whole is refused."""
    match event:
        case CreateTopics():
            outcome: tuple[list[MetadataRecord], Any] = topic_control.create_topics(
                image, event, config, random
            )
        case DeleteTopics():
            outcome = topic_control.delete_topics(image, event)
        case CreatePartitions():
            outcome = topic_control.create_partitions(image, event, random)
        case AlterConfigs():
            outcome = config_control.alter_configs(image, event, config)
        case RegisterBroker():
            outcome = cluster_control.register_broker(image, event)
        case AllocateProducerIds():
            outcome = cluster_control.allocate_producer_ids(image, event)
        case UnregisterBroker():
            outcome = cluster_control.unregister_broker(image, event)
        case UpdateFeatures():
            outcome = features.update_features(image, event)
        case _:
            outcome = _step_of_an_operator(image, event, random)
    return ControllerResult(*outcome)


def _step_of_an_operator(
    image: MetadataImage,
    event: ElectLeaders
    | AlterReassignments
    | CreateAcls
    | DeleteAcls
    | AlterClientQuotas
    | AlterScramCredentials,
    random: Random,
) -> tuple[list[MetadataRecord], Any]:
    """What most clusters are never asked; so what it needs is loaded here."""
    from kafkalite.metadata import acl_control, quota_control, replica_control, scram_control

    match event:
        case ElectLeaders():
            return replica_control.elect_leaders(image, event)
        case AlterReassignments():
            return replica_control.alter_reassignments(image, event)
        case CreateAcls():
            return acl_control.create_acls(image, event, random)
        case DeleteAcls():
            return acl_control.delete_acls(image, event)
        case AlterClientQuotas():
            return quota_control.alter_client_quotas(image, event)
        case AlterScramCredentials():
            return scram_control.alter_scram_credentials(image, event)
        case _:
            assert_never(event)
