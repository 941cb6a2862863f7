"""`__share_group_state` of a broker that ran for long holds little, and all of it."""

from __future__ import annotations

from kafkalite_compat.differential.requests.shares import begin_sharing, read, write
from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.messages.create_topics import CreateTopicsRequest
from kafkalite_protocol.messages.list_offsets import ListOffsetsRequest

from tests.broker.test_produce_requests import topic_id
from tests.broker_in_thread import running_broker
from tests.waiting import wait_until

WRITES = 1_100


def test_the_log_of_states_begins_later_after_many_changes_and_nothing_is_lost(tmp_path) -> None:
    settings = {
        "share.coordinator.state.topic.prune.interval.ms": "50",
        "share.coordinator.state.topic.num.partitions": "1",
    }
    with (
        running_broker(tmp_path / "data", **settings) as server,
        RawClient(server.bootstrap_servers) as client,
    ):
        of_topic = _new_topic(client)
        begin_sharing(client, "group", of_topic, 0)
        for offset in range(WRITES):
            client.ask(write("group", of_topic, (2 * offset, 2 * offset, 2, 1)), 1)

        def is_pruned() -> bool:
            return _log_start(client) > 0

        wait_until(is_pruned, "the log of states to be pruned")
    with (
        running_broker(tmp_path / "data", **settings) as server,
        RawClient(server.bootstrap_servers) as client,
    ):
        assert _log_start(client) > 0
        found = client.ask(read("group", of_topic), 0).results[0].partitions[0]
        assert [each.first_offset for each in found.state_batches] == [
            2 * offset for offset in range(WRITES)
        ]


def _new_topic(client: RawClient) -> bytes:

    topic = CreateTopicsRequest.CreatableTopic(
        name="shared", num_partitions=1, replication_factor=1
    )
    client.ask(CreateTopicsRequest(topics=[topic]), 7)
    return topic_id(client, "shared")


def _log_start(client: RawClient) -> int:

    kind = ListOffsetsRequest
    partition = kind.ListOffsetsPartition(partition_index=0, timestamp=-2)
    asked = kind.ListOffsetsTopic(name="__share_group_state", partitions=[partition])
    return int(client.ask(kind(topics=[asked]), 7).topics[0].partitions[0].offset)
