"""Internal topics of Streams applications: made once, and not tried again at once when they cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.streams_topics import StreamsTopics
from kafkalite.clock import ManualClock
from kafkalite.coordination.group.streams.configured_topology import InternalTopic
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError
from kafkalite.metadata.events import USE_DEFAULT, CreatedTopic, NewTopic

RETRY_MS = 10_000

CHANGELOG = InternalTopic("app-changelog", 3, 0, (("cleanup.policy", "compact"),))
REPARTITION = InternalTopic("app-repartition", 3, 1, ())


class FakeControlPlane:
    """Notes what is asked; the test answers."""

    def __init__(self) -> None:
        self.asked: list[Sequence[NewTopic]] = []
        self.answers: list[Deferred[list[CreatedTopic]]] = []

    def create_topics(self, topics: Sequence[NewTopic]) -> Deferred[list[CreatedTopic]]:
        self.asked.append(topics)
        self.answers.append(Deferred())
        return self.answers[-1]


def world() -> tuple[StreamsTopics, Any, ManualClock]:
    control_plane, clock = FakeControlPlane(), ManualClock()
    return StreamsTopics(control_plane, clock), control_plane, clock  # type: ignore[arg-type]


def test_topics_are_asked_for_as_the_application_wants_them() -> None:
    topics, control_plane, _ = world()
    topics.create([CHANGELOG, REPARTITION], RETRY_MS)
    (asked,) = control_plane.asked
    assert asked == [
        NewTopic("app-changelog", 3, USE_DEFAULT, configs={"cleanup.policy": "compact"}),
        NewTopic("app-repartition", 3, 1, configs={}),
    ]


def test_topic_that_is_being_made_is_not_asked_for_again() -> None:
    topics, control_plane, _ = world()
    done = topics.create([CHANGELOG], RETRY_MS)
    assert topics.create([CHANGELOG], RETRY_MS).done
    assert len(control_plane.asked) == 1
    assert not done.done
    control_plane.answers[0].resolve([CreatedTopic(CHANGELOG.name)])
    assert done.done
    assert topics.problems([CHANGELOG]) == {}


def test_topic_that_cannot_be_made_is_told_and_tried_again_later() -> None:
    topics, control_plane, clock = world()
    topics.create([CHANGELOG, REPARTITION], RETRY_MS)
    error = KafkaError(ErrorCode.INVALID_CONFIG, "no such config")
    control_plane.answers[0].resolve(
        [CreatedTopic(CHANGELOG.name, error), CreatedTopic(REPARTITION.name)]
    )
    assert topics.problems([CHANGELOG, REPARTITION]) == {CHANGELOG.name: "no such config"}
    topics.create([CHANGELOG], RETRY_MS)
    assert len(control_plane.asked) == 1
    clock.advance(RETRY_MS)
    topics.create([CHANGELOG], RETRY_MS)
    assert len(control_plane.asked) == 2
    assert topics.problems([CHANGELOG]) == {}


def test_refusal_of_all_is_a_problem_of_each() -> None:
    topics, control_plane, _ = world()
    done = topics.create([CHANGELOG, REPARTITION], RETRY_MS)
    control_plane.answers[0].fail(KafkaError(ErrorCode.REQUEST_TIMED_OUT))
    assert done.done
    assert topics.problems([CHANGELOG, REPARTITION]).keys() == {
        CHANGELOG.name,
        REPARTITION.name,
    }
