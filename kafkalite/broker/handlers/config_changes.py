"""What the two APIs that change configs share: which changes go to the control plane, and one answer for each resource."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.handlers.broker_loggers import change_levels, check_broker
from kafkalite.broker.handlers.outcome import answer_either
from kafkalite.broker.request import RequestContext
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.events import (
    AlteredResource,
    ConfigChange,
    ConfigOperation,
    ResourceChange,
)
from kafkalite.metadata.image import ConfigResource, ConfigResourceType


class Asked(NamedTuple):
    """One resource of a request."""

    resource: ConfigResource
    changes: Callable[[], Sequence[ConfigChange]]
    """Raises `KafkaError` when what is asked cannot be understood."""


def alter(
    context: RequestContext, asked: Sequence[Asked], *, validate_only: bool, with_loggers: bool
) -> Deferred[list[AlteredResource]]:
    """The outcome for each resource, in the order asked. Levels of loggers are changed here and now."""
    counts = Counter(one.resource for one in asked)
    outcomes: dict[ConfigResource, AlteredResource] = {}
    changes: list[ResourceChange] = []
    for resource, make_changes in asked:
        try:
            if counts[resource] > 1:
                raise KafkaError(ErrorCode.INVALID_REQUEST, "The resource is in the request twice.")
            change = ResourceChange(resource, make_changes())
            _check(change.changes)
            if with_loggers and resource.type == ConfigResourceType.BROKER_LOGGER:
                check_broker(resource.name, context.broker.config.node_id)
                change_levels(change.changes, validate_only=validate_only)
                outcomes[resource] = AlteredResource(resource)
            else:
                changes.append(change)
        except KafkaError as error:
            outcomes[resource] = AlteredResource(resource, error)

    def all_outcomes(altered: Sequence[AlteredResource]) -> list[AlteredResource]:
        outcomes.update((one.resource, one) for one in altered)
        return [outcomes[one.resource] for one in asked]

    return answer_either(
        context.broker.control_plane.alter_configs(changes, validate_only=validate_only),
        all_outcomes,
        lambda error: all_outcomes([AlteredResource(one.resource, error) for one in changes]),
    )


def _check(changes: Sequence[ConfigChange]) -> None:
    """Raises `KafkaError` for what no kind of resource takes (Kafka's `ConfigAdminManager`)."""
    if len({one.name for one in changes}) < len(changes):
        raise KafkaError(ErrorCode.INVALID_REQUEST, "A config is in the request twice.")
    for name, operation, value in changes:
        if value is None and operation != ConfigOperation.DELETE:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"{name} has no value.")
