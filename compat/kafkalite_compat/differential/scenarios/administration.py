"""Administration: features, the quorum, leaders and replicas, quotas, credentials, configs, what is not enabled."""

from __future__ import annotations

import math
from typing import Any

from kafkalite_protocol.messages import add_raft_voter as add_voter
from kafkalite_protocol.messages.alter_client_quotas import AlterClientQuotasRequest
from kafkalite_protocol.messages.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
)
from kafkalite_protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
)
from kafkalite_protocol.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest
from kafkalite_protocol.messages.create_acls import CreateAclsRequest
from kafkalite_protocol.messages.create_delegation_token import CreateDelegationTokenRequest
from kafkalite_protocol.messages.delete_acls import DeleteAclsRequest
from kafkalite_protocol.messages.describe_acls import DescribeAclsRequest
from kafkalite_protocol.messages.describe_client_quotas import DescribeClientQuotasRequest
from kafkalite_protocol.messages.describe_delegation_token import DescribeDelegationTokenRequest
from kafkalite_protocol.messages.describe_quorum import DescribeQuorumRequest
from kafkalite_protocol.messages.describe_user_scram_credentials import (
    DescribeUserScramCredentialsRequest,
)
from kafkalite_protocol.messages.elect_leaders import ElectLeadersRequest
from kafkalite_protocol.messages.expire_delegation_token import ExpireDelegationTokenRequest
from kafkalite_protocol.messages.get_telemetry_subscriptions import (
    GetTelemetrySubscriptionsRequest,
)
from kafkalite_protocol.messages.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
)
from kafkalite_protocol.messages.push_telemetry import PushTelemetryRequest
from kafkalite_protocol.messages.remove_raft_voter import RemoveRaftVoterRequest
from kafkalite_protocol.messages.renew_delegation_token import RenewDelegationTokenRequest
from kafkalite_protocol.messages.sasl_authenticate import SaslAuthenticateRequest
from kafkalite_protocol.messages.sasl_handshake import SaslHandshakeRequest
from kafkalite_protocol.messages.share_acknowledge import ShareAcknowledgeRequest
from kafkalite_protocol.messages.share_fetch import ShareFetchRequest
from kafkalite_protocol.messages.share_group_heartbeat import ShareGroupHeartbeatRequest
from kafkalite_protocol.messages.streams_group_heartbeat import StreamsGroupHeartbeatRequest
from kafkalite_protocol.messages.unregister_broker import UnregisterBrokerRequest
from kafkalite_protocol.messages.update_features import UpdateFeaturesRequest

from kafkalite_compat.differential.side import Side

UNKNOWN_ID = bytes(range(16))


# Features


def update(
    *updates: tuple[str, int, int], validate_only: bool = False, allow_downgrade: bool = False
) -> UpdateFeaturesRequest:
    """Each update is (feature, level, upgrade type)."""
    return UpdateFeaturesRequest(
        60_000,
        [
            UpdateFeaturesRequest.FeatureUpdateKey(name, level, allow_downgrade, kind)
            for name, level, kind in updates
        ],
        validate_only,
    )


def features(side: Side) -> None:
    for version in (0, 1, 2):
        side.ask("nothing", update(), version)
        for name, level in {
            "group.version": 1,
            "metadata.version": 30,
            "kraft.version": 0,
            "share.version": 2,
            "streams.version": -1,
            "nonsense.version": 1,
            "nonsense.version ": 0,
            "": 1,
        }.items():
            side.ask(f"{name} to {level}", update((name, level, 1)), version)
        side.ask("metadata.version to 31", update(("metadata.version", 31, 1)), version)
        side.ask("metadata.version to 6", update(("metadata.version", 6, 1)), version)
        side.ask("down by an upgrade", update(("group.version", 0, 1)), version)
        side.ask("one bad", update(("group.version", 1, 1), ("nonsense", 1, 1)), version)
        side.ask("same twice", update(("group.version", 1, 1), ("group.version", 1, 1)), version)
    side.ask("down, as v0 says it", update(("group.version", 0, 1), allow_downgrade=True), 0)
    side.ask("and up", update(("group.version", 1, 1)), 0)
    for version in (1, 2):
        for kind in (0, 4, -1):
            side.ask(f"type {kind}", update(("group.version", 1, kind)), version)
        for kind in (2, 3):
            label = f"type {kind}"
            side.ask(f"{label} to the same", update(("group.version", 1, kind)), version)
            side.ask(f"{label} above", update(("group.version", 2, kind)), version)
            side.ask(
                f"{label} of metadata.version to 7", update(("metadata.version", 7, kind)), version
            )
            side.ask(f"{label} of kraft.version", update(("kraft.version", 0, kind)), version)
            side.ask(
                f"{label} checked",
                update(("group.version", 0, kind), validate_only=True),
                version,
            )
            side.ask(f"{label} of share.version", update(("share.version", 0, kind)), version)
            side.ask(f"{label} again", update(("share.version", 0, kind)), version)
            side.ask(f"{label} too high now", update(("share.version", 1, kind)), version)
            side.ask(f"{label} back", update(("share.version", 1, 1)), version)


def features_switched_off(side: Side) -> None:
    heartbeats = {
        "group.version": (ConsumerGroupHeartbeatRequest("off", "m", -1), 1),
        "share.version": (ShareGroupHeartbeatRequest("off", "m", -1), 1),
        "streams.version": (StreamsGroupHeartbeatRequest("off", "m", -1), 0),
    }
    for feature, (request, version) in heartbeats.items():
        side.ask(f"{feature} off", update((feature, 0, 2)), 2)
        side.catch_up()
        side.ask(f"heartbeat without {feature}", request, version)
        if feature == "share.version":
            side.ask("share fetch without it", ShareFetchRequest("off", "m"), 1)
            side.ask("share acknowledge without it", ShareAcknowledgeRequest("off", "m"), 1)
        side.ask(f"{feature} on", update((feature, 1, 1)), 2)
    side.catch_up()


# The quorum and its brokers


def quorum(side: Side) -> None:
    Topic, Partition = DescribeQuorumRequest.TopicData, DescribeQuorumRequest.PartitionData
    for version in (0, 1, 2):
        for label, topics in {
            "nothing": [],
            "metadata": [Topic("__cluster_metadata", [Partition(0)])],
            "partition 1": [Topic("__cluster_metadata", [Partition(1)])],
            "no partitions": [Topic("__cluster_metadata", [])],
            "both": [Topic("__cluster_metadata", [Partition(0), Partition(1)])],
            "another topic": [Topic("nobody", [Partition(0)])],
            "two topics": [
                Topic("__cluster_metadata", [Partition(0)]),
                Topic("nobody", [Partition(0)]),
            ],
        }.items():
            side.ask(f"quorum of {label}", DescribeQuorumRequest(topics), version)


def voters(side: Side) -> None:
    Listener = add_voter.AddRaftVoterRequest.Listener
    for version in (0, 1):
        for label, arguments in {
            "good": ("", 9, UNKNOWN_ID, [Listener("CONTROLLER", "localhost", 9999)]),
            "no listeners": ("", 9, UNKNOWN_ID, []),
            "without id": ("", 9, bytes(16), [Listener("CONTROLLER", "localhost", 9999)]),
            "negative": ("", -1, UNKNOWN_ID, [Listener("CONTROLLER", "localhost", 9999)]),
            "this one": ("", 1, UNKNOWN_ID, [Listener("CONTROLLER", "localhost", 9999)]),
            "another cluster": ("other", 9, UNKNOWN_ID, []),
        }.items():
            cluster, voter, directory, listeners = arguments
            request = add_voter.AddRaftVoterRequest(
                cluster or None, 1000, voter, directory, listeners
            )
            side.ask(f"add {label}", request, version)
    for label, removed in {
        "unknown": (None, 9, UNKNOWN_ID),
        "this one": (None, 1, UNKNOWN_ID),
        "without id": (None, 1, bytes(16)),
        "negative": (None, -1, UNKNOWN_ID),
        "another cluster": ("other", 9, UNKNOWN_ID),
    }.items():
        side.ask(f"remove {label}", RemoveRaftVoterRequest(*removed), 0)


def brokers(side: Side) -> None:
    for broker in (7, -1, 2**31 - 1):
        side.ask(f"unregister {broker}", UnregisterBrokerRequest(broker), 0)


# Leaders and replicas


def elections(side: Side) -> None:
    topic = side.new_topic("elections", 2)
    Partitions = ElectLeadersRequest.TopicPartitions
    for version in (0, 1, 2):
        for kind in (0, 1) if version else (0,):
            for label, asked in {
                "all": None,
                "nothing": [],
                "one": [Partitions(topic, [0])],
                "both": [Partitions(topic, [0, 1])],
                "no partitions": [Partitions(topic, [])],
                "unknown partition": [Partitions(topic, [0, 5])],
                "negative": [Partitions(topic, [-1])],
                "unknown topic": [Partitions("nobody", [0])],
                "bad name": [Partitions("no body", [0])],
                "twice": [Partitions(topic, [0, 0])],
            }.items():
                side.ask(f"elect {label}, kind {kind}", ElectLeadersRequest(kind, asked), version)
    for version in (1, 2):
        for kind in (2, -1):
            side.ask(f"kind {kind}", ElectLeadersRequest(kind, [Partitions(topic, [0])]), version)


def reassignments(side: Side) -> None:
    topic = side.new_topic("reassignments", 2)
    Topic = AlterPartitionReassignmentsRequest.ReassignableTopic
    Partition = AlterPartitionReassignmentsRequest.ReassignablePartition
    for version in (0, 1):
        for label, topics in {
            "nothing": [],
            "to the same": [Topic(topic, [Partition(0, [1])])],
            "cancel": [Topic(topic, [Partition(0, None)])],
            "unknown broker": [Topic(topic, [Partition(0, [9])])],
            "more brokers": [Topic(topic, [Partition(0, [1, 2])])],
            "no brokers": [Topic(topic, [Partition(0, [])])],
            "same broker twice": [Topic(topic, [Partition(0, [1, 1])])],
            "negative broker": [Topic(topic, [Partition(0, [-1])])],
            "unknown partition": [Topic(topic, [Partition(7, [1])])],
            "unknown topic": [Topic("nobody", [Partition(0, [1]), Partition(1, None)])],
            "several": [Topic(topic, [Partition(0, [1]), Partition(1, None), Partition(3, [1])])],
        }.items():
            request = AlterPartitionReassignmentsRequest(1000, True, topics)
            side.ask(f"reassign {label}", request, version)
    for label, replicas in {"same": [1], "none": [], "two": [1, 1]}.items():
        request = AlterPartitionReassignmentsRequest(
            1000, False, [Topic(topic, [Partition(0, replicas)])]
        )
        side.ask(f"reassign without resize, {label}", request, 1)
    Listed = ListPartitionReassignmentsRequest.ListPartitionReassignmentsTopics
    for label, asked in {
        "all": None,
        "nothing": [],
        "one": [Listed(topic, [0])],
        "unknown": [Listed("nobody", [0])],
        "unknown partition": [Listed(topic, [9])],
    }.items():
        side.ask(f"list {label}", ListPartitionReassignmentsRequest(1000, asked), 0)


# Quotas


def quotas(side: Side) -> None:
    for version in (0, 1):
        name = f"u{version}"
        for label, change in {
            "a user": (
                [("user", name)],
                [("producer_byte_rate", 5.0), ("request_percentage", 0.5)],
            ),
            "the default user": ([("user", None)], [("consumer_byte_rate", 7.0)]),
            "a client of a user": (
                [("user", name), ("client-id", "c")],
                [("controller_mutation_rate", 1.5)],
            ),
            "the default client": ([("client-id", None)], [("producer_byte_rate", 9e15)]),
            "an address": ([("ip", "10.0.0.1")], [("connection_creation_rate", 3.0)]),
            "the default address": ([("ip", None)], [("connection_creation_rate", 4.0)]),
            "v6": ([("ip", "::1")], [("connection_creation_rate", 5.0)]),
            "no address": ([("ip", "not an address")], [("connection_creation_rate", 4.0)]),
            "address and user": ([("ip", "10.0.0.1"), ("user", "x")], []),
            "nobody": ([], [("producer_byte_rate", 5.0)]),
            "unknown type": ([("group", "x")], [("producer_byte_rate", 5.0)]),
            "empty name": ([("user", "")], [("producer_byte_rate", 5.0)]),
            "unknown key": ([("user", name)], [("bytes", 5.0)]),
            "a key of addresses": ([("user", name)], [("connection_creation_rate", 5.0)]),
            "a key of users": ([("ip", "10.0.0.1")], [("producer_byte_rate", 5.0)]),
            "zero": ([("user", name)], [("producer_byte_rate", 0.0)]),
            "negative": ([("user", name)], [("producer_byte_rate", -1.0)]),
            "fraction": ([("user", name)], [("producer_byte_rate", 1.5)]),
            "almost whole": ([("user", "w" + name)], [("producer_byte_rate", 1.0000000001)]),
            "infinite": ([("user", name)], [("producer_byte_rate", math.inf)]),
            "infinite percentage": ([("user", "i" + name)], [("request_percentage", math.inf)]),
            "too large for an int": ([("ip", "10.0.0.2")], [("connection_creation_rate", 3e9)]),
            "no values": ([("user", "n" + name)], []),
            "same key twice": (
                [("user", "t" + name)],
                [("producer_byte_rate", 1.0), ("producer_byte_rate", 2.0)],
            ),
            "removing what is not there": ([("user", "r" + name)], [("producer_byte_rate", None)]),
            "removing an unknown key": ([("user", "r" + name)], [("bytes", None)]),
            "removing": ([("client-id", None)], [("producer_byte_rate", None)]),
        }.items():
            side.ask(f"set {label}", alter_quotas(change), version)
        side.ask(
            "check only",
            alter_quotas(([("user", "v")], [("request_percentage", 1.0)]), validate_only=True),
            version,
        )
        side.ask(
            "entity twice",
            alter_quotas(*[([("user", "e")], [("request_percentage", 1.0)])] * 2),
            version,
        )
        side.ask("nothing", alter_quotas(), version)
        side.catch_up()
        for label, parts in QUOTA_FILTERS.items():
            for strict in (False, True):
                side.ask(
                    f"describe {label}, strict {strict}",
                    quota_filter(*parts, strict=strict),
                    version,
                )
        # Kafka enforces them: what is asked after this must not be slowed down
        defaults = [
            ([("user", None)], [("consumer_byte_rate", None)]),
            ([("ip", None)], [("connection_creation_rate", None)]),
        ]
        side.ask("remove the defaults", alter_quotas(*defaults), version)


QUOTA_FILTERS: dict[str, list[tuple[str, int, str | None]]] = {
    "all": [],
    "users": [("user", 2, None)],
    "a user": [("user", 0, "u0")],
    "the default user": [("user", 1, None)],
    "an unknown user": [("user", 0, "nobody")],
    "clients of users": [("user", 2, None), ("client-id", 2, None)],
    "a client of a user": [("user", 0, "u0"), ("client-id", 0, "c")],
    "addresses": [("ip", 2, None)],
    "the default address": [("ip", 1, None)],
    "address and user": [("ip", 2, None), ("user", 2, None)],
    "unknown type": [("group", 2, None)],
    "empty type": [("", 2, None)],
    "same type twice": [("user", 2, None), ("user", 1, None)],
    "exact of nothing": [("user", 0, None)],
    "default of something": [("user", 1, "x")],
    "any of something": [("user", 2, "x")],
    "unknown match": [("user", 3, None)],
}


def alter_quotas(*changes: Any, validate_only: bool = False) -> AlterClientQuotasRequest:
    Entry = AlterClientQuotasRequest.EntryData
    return AlterClientQuotasRequest(
        [
            Entry(
                [AlterClientQuotasRequest.EntityData(*part) for part in entity],
                [
                    AlterClientQuotasRequest.OpData(key, value or 0.0, value is None)
                    for key, value in values
                ],
            )
            for entity, values in changes
        ],
        validate_only,
    )


def quota_filter(*parts: tuple[str, int, str | None], strict: bool) -> DescribeClientQuotasRequest:
    return DescribeClientQuotasRequest(
        [DescribeClientQuotasRequest.ComponentData(*part) for part in parts], strict
    )


# SCRAM credentials, SASL, tokens, ACLs


def credentials(side: Side) -> None:
    Upsertion = AlterUserScramCredentialsRequest.ScramCredentialUpsertion
    Deletion = AlterUserScramCredentialsRequest.ScramCredentialDeletion
    good = Upsertion("alice", 1, 4096, b"salt", b"salted password")

    def alter(label: str, deletions: list[Any], upsertions: list[Any]) -> None:
        side.ask(label, AlterUserScramCredentialsRequest(deletions, upsertions), 0)

    alter("nothing", [], [])
    alter("alice", [], [good])
    alter("alice again", [], [good])
    alter("alice, the other mechanism", [], [Upsertion("alice", 2, 16384, b"salt", b"x" * 64)])
    alter("bob and carol", [], [Upsertion(name, 2, 8192, b"s", b"p") for name in ("bob", "carol")])
    for iterations in (0, -1, 4095, 16385, 2**31 - 1):
        alter(f"{iterations} iterations", [], [Upsertion("x", 1, iterations, b"s", b"p")])
    for mechanism in (0, 3, -1):
        alter(f"mechanism {mechanism}", [], [Upsertion("x", mechanism, 4096, b"s", b"p")])
        alter(f"delete mechanism {mechanism}", [Deletion("alice", mechanism)], [])
    alter("no name", [], [Upsertion("", 1, 4096, b"s", b"p")])
    alter("empty password", [], [Upsertion("x", 1, 4096, b"", b"")])
    alter("twice", [], [good, good])
    alter("twice, both mechanisms", [], [Upsertion("y", m, 4096, b"s", b"p") for m in (1, 2)])
    alter("deleted and made", [Deletion("alice", 1)], [good])
    alter("thrice", [Deletion("alice", 1), Deletion("alice", 2)], [good])
    alter("delete unknown", [Deletion("nobody", 1)], [])
    alter("delete no name", [Deletion("", 1)], [])
    alter("good and bad", [Deletion("bob", 2), Deletion("nobody", 1)], [good])
    side.catch_up()
    User = DescribeUserScramCredentialsRequest.UserName
    for label, users in {
        "all": None,
        "empty": [],
        "alice": [User("alice")],
        "deleted": [User("bob")],
        "unknown": [User("nobody"), User("alice")],
        "twice": [User("alice"), User("alice"), User("carol")],
        "no name": [User("")],
    }.items():
        side.ask(f"describe {label}", DescribeUserScramCredentialsRequest(users), 0)


def sasl(side: Side) -> None:
    for mechanism in ("PLAIN", "SCRAM-SHA-256", "nonsense", ""):
        for version in (0, 1):
            side.ask(f"handshake {mechanism}", SaslHandshakeRequest(mechanism), version)
    for version in (0, 1, 2):
        for label, token in {"empty": b"", "plain": b"\0user\0password"}.items():
            side.ask(f"authenticate {label}", SaslAuthenticateRequest(token), version)


def tokens(side: Side) -> None:
    Renewer = CreateDelegationTokenRequest.CreatableRenewers
    Owner = DescribeDelegationTokenRequest.DescribeDelegationTokenOwner
    for version in (1, 2, 3):
        for label, renewers in {"": [], " for bob": [Renewer("User", "bob")]}.items():
            request = CreateDelegationTokenRequest(None, None, renewers, -1)
            side.ask(f"create{label}", request, version)
        for label, owners in {"all": None, "empty": [], "bob's": [Owner("User", "bob")]}.items():
            side.ask(f"describe {label}", DescribeDelegationTokenRequest(owners), version)
    owned = CreateDelegationTokenRequest("User", "bob", [Renewer("Group", "x")], 5)
    side.ask("create for another", owned, 3)
    for version in (1, 2):
        side.ask("renew", RenewDelegationTokenRequest(b"hmac", 1000), version)
        side.ask("expire", ExpireDelegationTokenRequest(b"hmac", 1000), version)


def acls_without_authorizer(side: Side) -> None:
    Creation, Filter = CreateAclsRequest.AclCreation, DeleteAclsRequest.DeleteAclsFilter
    for version in (1, 2, 3):
        good = Creation(2, "t", 3, "User:a", "*", 3, 3)
        for label, creations in {
            "nothing": [],
            "good": [good],
            "two": [good, good],
            "bad": [Creation(2, "", 3, "User:a", "*", 3, 3)],
        }.items():
            side.ask(f"create {label}", CreateAclsRequest(creations), version)
        side.ask("describe", DescribeAclsRequest(1, None, 1, None, None, 1, 1), version)
        for label, filters in {
            "nothing": [],
            "one": [Filter(2, "t", 3, None, None, 1, 1)],
            "two": [Filter(1, None, 1, None, None, 1, 1)] * 2,
        }.items():
            side.ask(f"delete {label}", DeleteAclsRequest(filters), version)


def telemetry(side: Side) -> None:
    """Not advertised, and answered. Each client is another one: Kafka slows down those that ask again soon."""
    for label, instance in {"new": bytes(16), "own": b"i" * 16}.items():
        side.ask(
            f"subscriptions of a {label} client", GetTelemetrySubscriptionsRequest(instance), 0
        )
    for index, (label, arguments) in enumerate(
        {
            "good": (False, 0, b""),
            "zstd": (False, 4, b"metrics"),
            "terminating": (True, 0, b""),
            "compressed somehow": (False, 9, b"metrics"),
            "too large": (False, 0, bytes(1_048_577)),
        }.items()
    ):
        instance = bytes([index + 1]) * 16
        granted = side.client.ask(GetTelemetrySubscriptionsRequest(instance), 0)
        side.ask(
            f"push {label}", PushTelemetryRequest(instance, granted.subscription_id, *arguments), 0
        )
    side.ask("push of nobody", PushTelemetryRequest(bytes(16), 0, False, 0, b""), 0)
    side.ask(
        "push of a reserved id", PushTelemetryRequest(bytes(15) + b"\x01", 0, False, 0, b""), 0
    )
    side.ask("push without asking", PushTelemetryRequest(b"n" * 16, 77, False, 0, b""), 0)


SCENARIOS = [
    telemetry,
    features,
    features_switched_off,
    quorum,
    voters,
    brokers,
    elections,
    reassignments,
    quotas,
    credentials,
    sasl,
    tokens,
    acls_without_authorizer,
]
