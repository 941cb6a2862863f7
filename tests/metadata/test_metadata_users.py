"""ACLs, credentials, tokens and quotas in the image; transactions of metadata; records that say nothing about it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafkalite_protocol.messages import METADATA_RECORDS
from kafkalite_protocol.messages.abort_transaction_record import AbortTransactionRecord
from kafkalite_protocol.messages.access_control_entry_record import AccessControlEntryRecord
from kafkalite_protocol.messages.begin_transaction_record import BeginTransactionRecord
from kafkalite_protocol.messages.client_quota_record import ClientQuotaRecord
from kafkalite_protocol.messages.config_record import ConfigRecord
from kafkalite_protocol.messages.delegation_token_record import DelegationTokenRecord
from kafkalite_protocol.messages.end_transaction_record import EndTransactionRecord
from kafkalite_protocol.messages.remove_access_control_entry_record import (
    RemoveAccessControlEntryRecord,
)
from kafkalite_protocol.messages.remove_delegation_token_record import RemoveDelegationTokenRecord
from kafkalite_protocol.messages.remove_user_scram_credential_record import (
    RemoveUserScramCredentialRecord,
)
from kafkalite_protocol.messages.user_scram_credential_record import UserScramCredentialRecord

from kafkalite.errors import StartupError
from kafkalite.metadata.image import ConfigResource, MetadataImage
from kafkalite.metadata.image_delta import apply_records
from kafkalite.metadata.image_records import image_record_count, image_records
from kafkalite.metadata.image_replay import ImageReplay
from kafkalite.metadata.records import KINDS, decode_record, encode_record, record_class
from kafkalite.metadata.users_image import AclEntry, DelegationToken, ScramCredential
from kafkalite.types import Offset

EMPTY = MetadataImage("cluster")
names = st.sampled_from(["a", "b", "c"])
ids = st.sampled_from([bytes([n]) * 16 for n in range(4)])
entities = st.lists(
    st.builds(
        ClientQuotaRecord.EntityData, st.sampled_from(["user", "client-id"]), names | st.none()
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda one: one.entity_type,
)
user_records = st.one_of(
    st.builds(AccessControlEntryRecord, ids, st.integers(2, 6), names, st.just(3), names, names),
    st.builds(UserScramCredentialRecord, names, st.integers(1, 2), st.binary(max_size=3)),
    st.builds(DelegationTokenRecord, names, names, st.lists(names, max_size=2), token_id=names),
    st.builds(ClientQuotaRecord, entities, names, st.floats(0, 9), st.booleans()),
)


@given(st.lists(user_records, max_size=20))
@settings(derandomize=True, max_examples=100)
def test_records_that_say_an_image_make_it_again(records):
    image = apply_records(EMPTY, records, Offset(9))
    said = [decode_record(encode_record(record)) for record in image_records(image)]
    assert len(said) == image_record_count(image)
    assert apply_records(EMPTY, said, Offset(9)).users == image.users
    assert apply_records(image, said, Offset(9)).users == image.users


def test_what_is_removed_is_gone():
    made = [
        AccessControlEntryRecord(b"i" * 16, 2, "t", 3, "User:a", "*", 3, 3),
        UserScramCredentialRecord("u", 1, b"salt", b"stored", b"server", 4096),
        DelegationTokenRecord("User:o", "User:r", ["User:x"], 1, 2, 3, "token"),
        ClientQuotaRecord([ClientQuotaRecord.EntityData("user", None)], "producer_byte_rate", 5.0),
    ]
    old = apply_records(EMPTY, made, Offset(4))
    assert old.users.acls == {b"i" * 16: AclEntry(2, "t", 3, "User:a", "*", 3, 3)}
    assert old.users.scram_credentials == {
        ("u", 1): ScramCredential(b"salt", b"stored", b"server", 4096)
    }
    assert old.users.delegation_tokens == {
        "token": DelegationToken("User:o", "User:r", ("User:x",), 1, 2, 3)
    }
    assert old.users.quotas == {(("user", None),): {"producer_byte_rate": 5.0}}
    removed = [
        RemoveAccessControlEntryRecord(b"i" * 16),
        RemoveUserScramCredentialRecord("u", 1),
        RemoveDelegationTokenRecord("token"),
        ClientQuotaRecord(made[3].entity, "producer_byte_rate", 0.0, True),
    ]
    assert apply_records(old, removed, Offset(8)).users == EMPTY.users
    assert old.users.acls, "the old image stays as it was"


@pytest.mark.parametrize(
    "record",
    [
        RemoveAccessControlEntryRecord(b"i" * 16),
        RemoveUserScramCredentialRecord("u", 1),
        RemoveDelegationTokenRecord("token"),
    ],
)
def test_removing_what_is_not_there_is_refused(record):
    with pytest.raises(StartupError, match="contradicts itself at offset 7"):
        ImageReplay(EMPTY).take(Offset(7), record)


def test_every_record_of_kafka_is_known():
    assert set(METADATA_RECORDS) == set(KINDS)


@pytest.mark.parametrize("key", [20, 21, 27, 28])
def test_record_of_no_interest_changes_nothing(key):
    assert apply_records(EMPTY, [record_class(KINDS[key])()], Offset(0)) == EMPTY


def replayed(*records):
    replay = ImageReplay(EMPTY)
    for offset, record in enumerate(records):
        replay.take(Offset(offset), record)
    image = replay.image(Offset(len(records)))
    set_ = image.configs.get(ConfigResource(32, "g"), {})
    return "".join(sorted(set_)), replay.in_transaction


def config(name):
    return ConfigRecord(32, "g", name, "1")


BEGIN, END, ABORT = BeginTransactionRecord("x"), EndTransactionRecord(), AbortTransactionRecord("x")


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ((BEGIN, config("a"), END, config("b")), ("ab", False)),
        ((config("a"), BEGIN, config("b"), ABORT, config("c")), ("ac", False)),
        ((config("a"), BEGIN, config("b")), ("a", True)),
        ((BEGIN, ABORT, BEGIN, config("a"), END), ("a", False)),
    ],
    ids=["ended", "aborted", "cut off", "again"],
)
def test_a_transaction_counts_when_it_ends(records, expected):
    assert replayed(*records) == expected
