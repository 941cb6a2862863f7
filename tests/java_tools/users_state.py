"""ACLs, quotas, SCRAM credentials and configs of groups: what a cluster's metadata holds besides topics."""

from __future__ import annotations

from typing import Any

from kafkalite_compat.wire.raw import RawClient
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.alter_client_quotas import AlterClientQuotasRequest
from kafkalite_protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
)
from kafkalite_protocol.messages.create_acls import CreateAclsRequest
from kafkalite_protocol.messages.describe_acls import DescribeAclsRequest
from kafkalite_protocol.messages.describe_client_quotas import DescribeClientQuotasRequest
from kafkalite_protocol.messages.describe_user_scram_credentials import (
    DescribeUserScramCredentialsRequest,
)
from kafkalite_protocol.messages.incremental_alter_configs import IncrementalAlterConfigsRequest

from tests.java_tools.cluster_state import dynamic_configs

_ANY = 1
_LITERAL, _PREFIXED = 3, 4
_TOPIC, _READ, _ALLOW, _DENY = 2, 3, 3, 2
_GROUP, _CLIENT_METRICS = 32, 16
_SCRAM_SHA_256 = 1
_GROUP_SOURCE = 8  # DYNAMIC_GROUP_CONFIG


def add_users(bootstrap: str) -> None:
    with RawClient(bootstrap) as client:
        acl = CreateAclsRequest.AclCreation
        answer = client.ask(
            CreateAclsRequest(
                [
                    acl(_TOPIC, "orders", _LITERAL, "User:bob", "*", _READ, _ALLOW),
                    acl(_TOPIC, "ord", _PREFIXED, "User:eve", "10.0.0.1", _READ, _DENY),
                ]
            ),
            3,
        )
        assert [each.error_code for each in answer.results] == [0, 0]
        quotas = AlterClientQuotasRequest
        entity = [quotas.EntityData("user", "alice"), quotas.EntityData("client-id", None)]
        entry = quotas.EntryData(entity, [quotas.OpData("consumer_byte_rate", 1500.0)])
        answer = client.ask(quotas([entry]), 1)
        assert answer.entries[0].error_code == 0
        credential = AlterUserScramCredentialsRequest.ScramCredentialUpsertion(
            "alice", _SCRAM_SHA_256, 8192, b"salt", b"p" * 32
        )
        answer = client.ask(AlterUserScramCredentialsRequest(upsertions=[credential]), 0)
        assert answer.results[0].error_code == 0
        alter = IncrementalAlterConfigsRequest
        config = alter.AlterableConfig("consumer.session.timeout.ms", 0, "46000")
        answer = client.ask(alter([alter.AlterConfigsResource(_GROUP, "g", [config])]), 1)
        assert answer.responses[0].error_code == 0


def users_state(bootstrap: str) -> dict[str, Any]:
    """What was added, as the broker tells it."""
    with RawClient(bootstrap) as client:
        acls = client.ask(DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY), 3)
        quotas = client.ask(DescribeClientQuotasRequest(), 1)
        scram = client.ask(DescribeUserScramCredentialsRequest(None), 0)
    assert (acls.error_code, quotas.error_code, scram.error_code) == (ErrorCode.NONE,) * 3
    return {
        "acls": sorted(map(repr, acls.resources)),
        "quotas": sorted(map(repr, quotas.entries)),
        "scram": sorted(map(repr, scram.results)),
        "group": dynamic_configs(bootstrap, [(_GROUP, "g")], sources=(_GROUP_SOURCE,)),
    }
