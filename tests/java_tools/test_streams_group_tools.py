"""kafka-streams-groups prints of kafkalite what it prints of Apache Kafka."""

from __future__ import annotations

from contextlib import closing

import pytest
from kafkalite_compat.differential.requests import groups
from kafkalite_compat.differential.requests.streams import (
    configure,
    internal_topic,
    join,
    leave,
    subtopology,
    topology,
)
from kafkalite_compat.differential.side import Side

from tests.java_tools.side_by_side import Broker, Compare, topic_of_two

pytestmark = [pytest.mark.java, pytest.mark.timeout(300)]

STREAMS_GROUPS = "org.apache.kafka.tools.streams.StreamsGroupCommand"


def application(side: Side, name: str) -> None:
    """An application with one member, which reads `name` and has committed some offsets. Not written down."""
    groups.coordinator_is_there(side)
    topic_of_two(side, name)
    for suffix in ("rep-repartition", "counts-changelog"):
        side.new_topic(f"{name}-{suffix}", 2)
    side.catch_up()
    configure(side, name)
    what = topology(
        subtopology("0", name, repartition_sink_topics=[f"{name}-rep-repartition"]),
        subtopology(
            "1",
            repartition_source_topics=[internal_topic(f"{name}-rep-repartition")],
            state_changelog_topics=[internal_topic(f"{name}-counts-changelog")],
        ),
    )
    joined = side.client.ask(join(name, "m", what), 0)
    assert not joined.error_code, joined
    assert not joined.status, joined
    commit = groups.commit(
        name, (name, 0, 2), (name, 1, 1), generation_id=joined.member_epoch, member_id="m"
    )
    assert side.client.ask(commit, 9).topics[0].partitions[0].error_code == 0


def test_list_and_describe(compare: Compare) -> None:
    def scenario(broker: Broker) -> None:
        with closing(Side(broker.bootstrap)) as side:
            application(side, "tool-described")
        group = ("--group", "tool-described")
        broker.run(STREAMS_GROUPS, "--list", "--state", "stable")
        broker.run(STREAMS_GROUPS, "--describe", *group)
        broker.run(STREAMS_GROUPS, "--describe", *group, "--verbose")
        broker.run(STREAMS_GROUPS, "--describe", *group, "--state")
        broker.run(STREAMS_GROUPS, "--describe", *group, "--state", "--verbose")
        broker.run(STREAMS_GROUPS, "--describe", *group, "--members")
        broker.run(STREAMS_GROUPS, "--describe", *group, "--members", "--verbose")
        broker.run(STREAMS_GROUPS, "--describe", "--group", "nothing")

    compare(scenario)


def test_reset_and_delete_offsets_and_groups(compare: Compare) -> None:
    def scenario(broker: Broker) -> None:
        group = ("--group", "tool-reset")
        source = ("--input-topic", "tool-reset")
        with closing(Side(broker.bootstrap)) as side:
            application(side, "tool-reset")
            broker.run(
                STREAMS_GROUPS, "--reset-offsets", *group, *source, "--to-earliest", "--execute"
            )
            broker.run(STREAMS_GROUPS, "--delete", *group)
            broker.run(STREAMS_GROUPS, "--delete-offsets", *group, *source)
            left = side.client.ask(leave("tool-reset", "m"), 0)
            assert not left.error_code, left
        broker.run(STREAMS_GROUPS, "--reset-offsets", *group, *source, "--to-earliest", "--dry-run")
        broker.run(
            STREAMS_GROUPS, "--reset-offsets", *group, *source, "--shift-by", "1", "--execute"
        )
        broker.run(
            STREAMS_GROUPS,
            "--reset-offsets",
            *group,
            "--all-input-topics",
            "--to-latest",
            "--execute",
        )
        broker.run(STREAMS_GROUPS, "--describe", *group)
        broker.run(STREAMS_GROUPS, "--delete-offsets", *group, "--input-topic", "tool-reset:1")
        broker.run(STREAMS_GROUPS, "--describe", *group)
        broker.run(STREAMS_GROUPS, "--delete", *group)
        broker.run(STREAMS_GROUPS, "--describe", *group)

    compare(scenario)
