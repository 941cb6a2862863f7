"""Writes the generated parts of README.md and docs/not-implemented.md: which of Kafka's APIs are served.

    python docs/support_table.py           rewrites them; --check fails if they are not current

What is served comes from `kafkalite.broker.apis.SERVED`, from which ApiVersions answers too.
"""

from __future__ import annotations

import sys
from pathlib import Path

from config_table import replace_block
from kafkalite_protocol.messages import APIS, ApiInfo

from kafkalite.broker.apis import SERVED

DOCS = Path(__file__).parent
PAGES = (DOCS.parent / "README.md", DOCS / "not-implemented.md")

AREAS = (
    ("ACLs", "DescribeAcls CreateAcls DeleteAcls", "everyone may do everything"),
    ("changing configs", "AlterConfigs IncrementalAlterConfigs", "a topic's configs are set when it is created; the broker's when it starts"),
    ("consumer groups of KIP-848", "ConsumerGroupHeartbeat ConsumerGroupDescribe", "consumers use the classic protocol; `group.protocol=consumer` is refused by the client"),
    ("delegation tokens", "CreateDelegationToken RenewDelegationToken ExpireDelegationToken DescribeDelegationToken", "none can be made"),
    ("deleting records", "DeleteRecords", "the beginning of a partition cannot be cut off by hand"),
    ("inspecting", "ListConfigResources DescribeLogDirs DescribeProducers DescribeQuorum DescribeTransactions ListTransactions", "admin tools that ask for these fail"),
    ("listing and deleting groups", "ListGroups DescribeGroups DeleteGroups OffsetDelete", "`kafka-consumer-groups` cannot list, describe or delete"),
    ("quotas", "DescribeClientQuotas AlterClientQuotas", "nobody is throttled"),
    ("moving replicas", "AlterReplicaLogDirs ElectLeaders AlterPartitionReassignments ListPartitionReassignments", "there is one broker with one directory"),
    ("SASL", "SaslHandshake SaslAuthenticate DescribeUserScramCredentials AlterUserScramCredentials", "clients cannot authenticate"),
    ("share groups", "ShareGroupHeartbeat ShareGroupDescribe ShareFetch ShareAcknowledge DescribeShareGroupOffsets AlterShareGroupOffsets DeleteShareGroupOffsets InitializeShareGroupState ReadShareGroupState WriteShareGroupState DeleteShareGroupState ReadShareGroupStateSummary", "the share consumer (KIP-932) does not work"),
    ("streams groups", "StreamsGroupHeartbeat StreamsGroupDescribe", "Kafka Streams uses the classic protocol"),
    ("the controller quorum", "AddRaftVoter RemoveRaftVoter UnregisterBroker UpdateFeatures", "the cluster is this broker, at the features of Kafka 4.3"),
    ("transactions", "AddPartitionsToTxn AddOffsetsToTxn EndTxn WriteTxnMarkers TxnOffsetCommit", "`initTransactions` and what follows fail; idempotent producers work"),
)  # fmt: skip
"""Area, the APIs in it, and what is missing without them."""

BETWEEN_BROKERS = (
    "Vote BeginQuorumEpoch EndQuorumEpoch AlterPartition Envelope FetchSnapshot BrokerRegistration BrokerHeartbeat "
    "AllocateProducerIds ControllerRegistration AssignReplicasToDirs UpdateRaftVoter"
)
"""Spoken between Kafka's own processes; no client sees them."""


def render(page: str) -> str:
    """The page with whichever generated blocks it has made current."""
    for name, lines in (("served", _served()), ("not implemented", _not_implemented())):
        if f"<!-- {name} -->" in page:
            page = replace_block(page, name, lines)
    return page


def _served() -> list[str]:
    rows = []
    for key, api in sorted(SERVED.items()):
        info = APIS[key]
        advertised = api.advertised_min_version
        note = (
            f"; {advertised} is advertised as the lowest, as in Kafka"
            if advertised is not None
            else ""
        )
        if not api.advertised:
            note = "; not advertised, as in Kafka"
        mine = _versions(api.min_version, api.max_version)
        rows.append(
            f"| {info.name} | {mine}{note} | {_versions(info.min_version, _newest(info))} |"
        )
    return ["| API | versions here | versions in Kafka 4.3 |", "|---|---|---|", *rows]


def _not_implemented() -> list[str]:
    rows = []
    for area, apis, meaning in AREAS:
        missing = [name for name in apis.split() if not _is_served(name)]
        if missing:
            rows.append(f"| {area} | {', '.join(missing)} | {meaning} |")
    if not rows:
        return ["Every API of Kafka's that clients use is served."]
    return ["| area | NOT_IMPLEMENTED | so |", "|---|---|---|", *rows]


def _is_served(name: str) -> bool:
    return any(info.name == name and key in SERVED for key, info in APIS.items())


def _newest(info: ApiInfo) -> int:
    """The highest version that Kafka offers; it keeps one it calls unstable to itself."""
    return info.max_version - 1 if info.latest_version_unstable else info.max_version


def _versions(lowest: int, highest: int) -> str:
    return str(lowest) if lowest == highest else f"{lowest}-{highest}"


def main() -> None:
    for path in PAGES:
        page = path.read_text()
        current = render(page)
        if "--check" not in sys.argv:
            path.write_text(current)
        elif current != page:
            sys.exit(f"{path.name} is not current: run python docs/support_table.py")


if __name__ == "__main__":
    main()
