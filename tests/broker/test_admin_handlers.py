"""What operators set is there after a restart. Whether the answers are Kafka's is the matter of `kafkalite-compat differential`."""

import hashlib
import hmac
from base64 import b64decode, b64encode

import pytest
from kafkalite_protocol.error_codes import ErrorCode
from kafkalite_protocol.messages.alter_client_quotas import AlterClientQuotasRequest
from kafkalite_protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
)
from kafkalite_protocol.messages.create_acls import CreateAclsRequest
from kafkalite_protocol.messages.delete_acls import DeleteAclsRequest
from kafkalite_protocol.messages.describe_acls import DescribeAclsRequest
from kafkalite_protocol.messages.describe_client_quotas import DescribeClientQuotasRequest
from kafkalite_protocol.messages.describe_user_scram_credentials import (
    DescribeUserScramCredentialsRequest,
)
from kafkalite_protocol.messages.update_features import UpdateFeaturesRequest

from kafkalite.broker.apis import SERVED
from kafkalite.broker.handlers import (
    alter_client_quotas,
    alter_user_scram_credentials,
    create_acls,
    delete_acls,
    describe_acls,
    describe_client_quotas,
    describe_user_scram_credentials,
    update_features,
)
from kafkalite.broker.idle_acls import tell_of_idle_acls
from kafkalite.config import BrokerConfig, InvalidConfigurationError
from kafkalite.config.authorizer import STANDARD_AUTHORIZER
from kafkalite.errors import KafkaError
from kafkalite.metadata.features import SUPPORTED_FEATURES
from kafkalite.metadata.image import MetadataImage
from tests.metadata.in_memory_cluster import FakeBroker, MemoryMetadataLog, ask, start_control_plane

READ_ORDERS = CreateAclsRequest.AclCreation(2, "orders", 3, "User:alice", "*", 3, 3)
ALL_ACLS = DescribeAclsRequest(1, None, 1, None, None, 1, 1)
AUTHORIZER = BrokerConfig({"authorizer.class.name": STANDARD_AUTHORIZER})


@pytest.fixture
def log():
    return MemoryMetadataLog()


@pytest.fixture
def start(log):
    """Start a broker on the log; again for a restart."""
    return lambda config=AUTHORIZER: FakeBroker(start_control_plane(log=log), config)


def test_an_acl_is_listed_after_a_restart_until_it_is_deleted(start):
    (made,) = ask(create_acls, start(), CreateAclsRequest([READ_ORDERS]), 3).results
    assert made.error_code == 0
    broker = start()
    (resource,) = ask(describe_acls, broker, ALL_ACLS, 3).resources
    assert (resource.resource_type, resource.resource_name) == (2, "orders")
    assert [one.principal for one in resource.acls] == ["User:alice"]
    everything = DeleteAclsRequest.DeleteAclsFilter(1, None, 1, None, None, 1, 1)
    (deleted,) = ask(delete_acls, broker, DeleteAclsRequest([everything]), 3).filter_results
    assert [one.resource_name for one in deleted.matching_acls] == ["orders"]
    assert ask(describe_acls, start(), ALL_ACLS, 3).resources == []


def test_without_an_authorizer_there_are_no_acls(start):
    broker = start(BrokerConfig())
    (refused,) = ask(create_acls, broker, CreateAclsRequest([READ_ORDERS]), 3).results
    assert refused.error_code == ErrorCode.SECURITY_DISABLED
    with pytest.raises(KafkaError, match=r"authorizer\.class\.name"):
        ask(describe_acls, broker, ALL_ACLS, 3)
    assert not broker.image.users.acls


def test_an_authorizer_that_is_a_java_class_keeps_the_broker_from_starting():
    with pytest.raises(InvalidConfigurationError, match="Java classes cannot be loaded"):
        BrokerConfig({"authorizer.class.name": "com.example.Authorizer"})


def test_the_first_acl_is_answered_with_a_warning_in_the_log(start, caplog):
    broker = start()
    broker.control_plane.on_change(tell_of_idle_acls)
    for name in ("orders", "orders", "other"):
        acl = CreateAclsRequest.AclCreation(2, name, 3, "User:alice", "*", 3, 3)
        ask(create_acls, broker, CreateAclsRequest([acl]), 3)
    assert [record.getMessage().split(";")[0] for record in caplog.records] == ["there are 1 ACLs"]
    tell_of_idle_acls(MetadataImage("cluster"), start().image)
    assert "there are 2 ACLs" in caplog.text


def test_a_quota_is_listed_after_a_restart(start):
    entry = AlterClientQuotasRequest.EntryData(
        [AlterClientQuotasRequest.EntityData("user", None)],
        [AlterClientQuotasRequest.OpData("producer_byte_rate", 5.0)],
    )
    (altered,) = ask(alter_client_quotas, start(), AlterClientQuotasRequest([entry]), 1).entries
    assert altered.error_code == 0
    (found,) = ask(
        describe_client_quotas, start(), DescribeClientQuotasRequest([], False), 1
    ).entries
    assert [(one.key, one.value) for one in found.values] == [("producer_byte_rate", 5.0)]


def test_a_password_is_kept_as_rfc_5802_keeps_it(start, log):
    # The example of RFC 7677, section 3.
    salt = b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", salt, 4096)
    upsertion = AlterUserScramCredentialsRequest.ScramCredentialUpsertion(
        "user", 1, 4096, salt, salted
    )
    request = AlterUserScramCredentialsRequest([], [upsertion])
    (altered,) = ask(alter_user_scram_credentials, start(), request, 0).results
    assert altered.error_code == 0

    broker = start()
    asked = DescribeUserScramCredentialsRequest(None)
    (found,) = ask(describe_user_scram_credentials, broker, asked, 0).results
    assert [(one.mechanism, one.iterations) for one in found.credential_infos] == [(1, 4096)]
    kept = broker.image.users.scram_credentials["user", 1]
    nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    conversation = b",".join(
        [
            b"n=user,r=rOprNGfwEbeRWgbNEkqO",
            b"r=" + nonce,
            b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=" + nonce,
        ]
    )
    server_signature = hmac.digest(kept.server_key, conversation, "sha256")
    assert b64encode(server_signature) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    proof = b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    client_signature = hmac.digest(kept.stored_key, conversation, "sha256")
    client_key = bytes(a ^ b for a, b in zip(proof, client_signature, strict=True))
    assert hashlib.sha256(client_key).digest() == kept.stored_key
    assert salted not in b"".join(value for batch in log.batches for value in batch)


def test_a_feature_that_was_switched_off_stays_off_after_a_restart(start):
    update = UpdateFeaturesRequest.FeatureUpdateKey("share.version", 0, False, 2)
    answer = ask(update_features, start(), UpdateFeaturesRequest(1000, [update]), 2)
    assert answer.error_code == 0
    assert start().image.features["share.version"] == 0


@pytest.mark.parametrize(
    ("feature", "apis"),
    [
        ("group.version", {68, 69}),
        ("share.version", {76, 77, 78, 79}),
        ("streams.version", {88, 89}),
        ("transaction.version", {24, 25, 26, 28}),
    ],
)
def test_a_feature_is_offered_with_all_its_apis_or_not_at_all(feature, apis):
    assert (feature in SUPPORTED_FEATURES) == (apis <= SERVED.keys())
