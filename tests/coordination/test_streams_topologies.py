"""Topologies put together with the topics there are: numbers of partitions, what is missing, what cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.streams_group_heartbeat import StreamsGroupHeartbeatRequest

from kafkalite.coordination.group.streams.configured_topology import (
    ConfiguredTopology,
    StatusCode,
    configure,
)
from kafkalite.coordination.group.streams.topology import read_topology
from kafkalite.errors import KafkaError
from tests.coordination.group_world import FakeTopics
from tests.coordination.streams_world import subtopology, topic_info, topology

Copartition = StreamsGroupHeartbeatRequest.CopartitionGroup


def configured(*subtopologies: Any, **partitions: int) -> ConfiguredTopology:
    """With `orders` (3 partitions), `other` (1) and these topics; `_` in their names is `-`."""
    topics = FakeTopics()
    topics.partitions |= {name.replace("_", "-"): count for name, count in partitions.items()}
    return configure(read_topology(topology(*subtopologies)), topics)


def partitions_of_missing(found: ConfiguredTopology) -> dict[str, int]:
    return {topic.name: topic.partitions for topic in found.missing_topics}


def reader(*names: str, **fields: Any) -> Any:
    """Subtopology 1, which reads repartition topics."""
    return subtopology("1", repartition_source_topics=[topic_info(n) for n in names], **fields)


def test_subtopology_has_as_many_tasks_as_its_widest_topic_has_partitions() -> None:
    found = configured(subtopology("0", "orders", "other"))
    assert found.is_ready
    assert found.subtopologies["0"].task_count == 3


def test_repartition_topic_is_as_wide_as_what_leads_to_it() -> None:
    found = configured(
        subtopology("0", "orders", repartition_sink_topics=["by-customer"]),
        reader("by-customer", state_changelog_topics=[topic_info("counts")]),
    )
    assert partitions_of_missing(found) == {"by-customer": 3, "counts": 3}
    assert found.problem is not None
    assert found.problem.code is StatusCode.MISSING_INTERNAL_TOPICS


def test_widths_go_through_several_repartition_topics_in_any_order() -> None:
    last = subtopology("0", repartition_source_topics=[topic_info("b")])
    middle = reader("a", repartition_sink_topics=["b"])
    first = subtopology("2", "orders", repartition_sink_topics=["a"])
    assert partitions_of_missing(configured(last, middle, first)) == {"a": 3, "b": 3}


def test_width_that_the_application_asks_for_is_kept() -> None:
    found = configured(
        subtopology("0", "orders", repartition_sink_topics=["by-customer"]),
        subtopology("1", repartition_source_topics=[topic_info("by-customer", 5)]),
    )
    assert partitions_of_missing(found) == {"by-customer": 5}
    assert found.subtopologies["1"].task_count == 5


def test_copartitioned_repartition_topic_follows_the_source_topic() -> None:
    found = configured(
        subtopology("0", "other", repartition_sink_topics=["r"]),
        subtopology(
            "1",
            "orders",
            repartition_source_topics=[topic_info("r")],
            copartition_groups=[Copartition([0], [], [0])],
        ),
    )
    assert partitions_of_missing(found) == {"r": 3}


def test_copartitioned_repartition_topics_follow_the_widest_of_them() -> None:
    found = configured(
        subtopology("0", "orders", repartition_sink_topics=["r"]),
        reader("r", "s", copartition_groups=[Copartition([], [], [0, 1])]),
        subtopology("2", "other", repartition_sink_topics=["s"]),
    )
    assert partitions_of_missing(found) == {"r": 3, "s": 3}


@pytest.mark.parametrize(
    "subtopologies",
    [
        [subtopology("0", "orders", "other", copartition_groups=[Copartition([0, 1])])],
        [
            subtopology("0", "orders", repartition_sink_topics=["r"]),
            subtopology(
                "1",
                "orders",
                repartition_source_topics=[topic_info("r", 2)],
                copartition_groups=[Copartition([0], [], [0])],
            ),
        ],
        [subtopology("0", "orders", state_changelog_topics=[topic_info("other")])],
    ],
    ids=["sources unlike", "fixed unlike its source", "changelog there with other partitions"],
)
def test_partitions_that_do_not_fit_are_told(subtopologies: list[Any]) -> None:
    found = configured(*subtopologies)
    assert found.problem is not None
    assert found.problem.code is StatusCode.INCORRECTLY_PARTITIONED_TOPICS
    assert not found.missing_topics


def test_missing_source_topics_are_named_three_at_most() -> None:
    found = configured(subtopology("0", "orders", *"abcde"))
    assert found.problem is not None
    assert found.problem.code is StatusCode.MISSING_SOURCE_TOPICS
    assert found.problem.detail.endswith("a, b, c and 2 more")


@pytest.mark.parametrize(
    "subtopologies",
    [
        [reader("r", repartition_sink_topics=["r"])],
        [subtopology("0", "orders"), reader("unwritten")],
        [subtopology("0")],
        [subtopology("0", "orders", copartition_groups=[Copartition([1])])],
        [subtopology("0", "orders", copartition_groups=[Copartition([-1])])],
        [subtopology("0", "orders", copartition_groups=[Copartition([], [], [0])])],
    ],
    ids=["loop", "unwritten", "reads nothing", "index", "negative index", "repartition index"],
)
def test_topology_that_can_never_work_is_refused(subtopologies: list[Any]) -> None:
    with pytest.raises(KafkaError) as refused:
        configured(*subtopologies)
    assert refused.value.code is ErrorCode.STREAMS_INVALID_TOPOLOGY


def test_more_tasks_than_can_be_assigned_in_time_are_refused() -> None:
    with pytest.raises(KafkaError) as refused:
        configured(*(subtopology(str(number), "wide") for number in range(11)), wide=10_000)
    assert refused.value.code is ErrorCode.STREAMS_INVALID_TOPOLOGY


def test_internal_topics_that_are_there_are_taken() -> None:
    found = configured(
        subtopology("0", "orders", state_changelog_topics=[topic_info("counts")]), counts=3
    )
    assert found.is_ready
    assert not found.missing_topics
