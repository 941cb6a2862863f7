"""Records of `__transaction_state`: Apache Kafka 4.3.0's own bytes, and what becomes of a log that has them."""

from __future__ import annotations

import pytest
from kafkalite_protocol.errors import ProtocolError

from kafkalite.coordination.transaction.records import decode, encode, encode_tombstone
from kafkalite.coordination.transaction.shard import TransactionShard
from kafkalite.coordination.transaction.states import TransactionState
from kafkalite.coordination.transaction.transaction import EPOCH_MAX, Transaction
from kafkalite.types import ProducerId, TopicPartition

TOPIC = "golden-topic-117"


def key_of(name: str) -> bytes:
    return b"\0\0" + len(name).to_bytes(2, "big") + name.encode()


GOLDEN = {
    "ongoing, of a client of version 1": (
        (
            "000100000000000000ba00000000ea60010211676f6c64656e2d746f7069632d313137020000000000000001a1fdd771e2000001a1fdd771e2"
            "01000800000000000000ba"
        ),
        Transaction(
            producer_id=ProducerId(186),
            producer_epoch=0,
            timeout_ms=60_000,
            state=TransactionState.ONGOING,
            partitions=frozenset({TopicPartition(TOPIC, 0)}),
            start_ms=1795260117474,
            updated_ms=1795260117474,
            previous_producer_id=ProducerId(186),
        ),
    ),
    "committing, of a client of version 2": (
        (
            "000100000000000000ba00010000ea60020211676f6c64656e2d746f7069632d313137020000000000000001a1fdd771e4000001a1fdd771e2"
            "02000800000000000000ba02020002"
        ),
        Transaction(
            producer_id=ProducerId(186),
            producer_epoch=1,
            timeout_ms=60_000,
            state=TransactionState.PREPARE_COMMIT,
            partitions=frozenset({TopicPartition(TOPIC, 0)}),
            start_ms=1795260117474,
            updated_ms=1795260117476,
            previous_producer_id=ProducerId(186),
            client_version=2,
        ),
    ),
    "committed": (
        "000100000000000000ba00010000ea600401000001a1fdd771e4000001a1fdd771e202000800000000000000ba02020002",
        Transaction(
            producer_id=ProducerId(186),
            producer_epoch=1,
            timeout_ms=60_000,
            state=TransactionState.COMPLETE_COMMIT,
            partitions=frozenset(),
            start_ms=1795260117474,
            updated_ms=1795260117476,
            previous_producer_id=ProducerId(186),
            client_version=2,
        ),
    ),
    "initialized again": (
        "000100000000000000ba00020000ea600000000001a1fdd77217ffffffffffffffff01000800000000000000ba",
        Transaction(
            producer_id=ProducerId(186),
            producer_epoch=2,
            timeout_ms=60_000,
            state=TransactionState.EMPTY,
            partitions=frozenset(),
            start_ms=-1,
            updated_ms=1795260117527,
            previous_producer_id=ProducerId(186),
        ),
    ),
    "committing with the last epoch": (
        (
            "000100000000000000bc7fff0000ea60020211676f6c64656e2d746f7069632d313137020000000000000001a1fdd78d66000001a1fdd78d65"
            "03000800000000000000bc010800000000000000bd02020002"
        ),
        Transaction(
            producer_id=ProducerId(188),
            producer_epoch=EPOCH_MAX,
            timeout_ms=60_000,
            state=TransactionState.PREPARE_COMMIT,
            partitions=frozenset({TopicPartition(TOPIC, 0)}),
            start_ms=1795260124517,
            updated_ms=1795260124518,
            previous_producer_id=ProducerId(188),
            next_producer_id=ProducerId(189),
            client_version=2,
        ),
    ),
    "committed, under the next producer id": (
        "000100000000000000bd00000000ea600401000001a1fdd78d66000001a1fdd78d6502000800000000000000bc02020002",
        Transaction(
            producer_id=ProducerId(189),
            producer_epoch=0,
            timeout_ms=60_000,
            state=TransactionState.COMPLETE_COMMIT,
            partitions=frozenset(),
            start_ms=1795260124517,
            updated_ms=1795260124518,
            previous_producer_id=ProducerId(188),
            client_version=2,
        ),
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_records_are_kafkas_byte_for_byte(name):
    value, transaction = bytes.fromhex(GOLDEN[name][0]), GOLDEN[name][1]
    assert encode("golden", transaction, 2) == (key_of("golden"), value)
    assert decode(key_of("golden"), value) == ("golden", transaction)


def test_transaction_version_0_writes_values_of_version_0_without_tags():
    transaction = GOLDEN["committing with the last epoch"][1]
    _, value = encode("golden", transaction, 0)
    assert value is not None
    assert value[:2] == b"\0\0"
    _, read = decode(key_of("golden"), value) or (None, None)
    nothing = ProducerId(-1)
    assert read == transaction._replace(
        previous_producer_id=nothing, next_producer_id=nothing, client_version=0
    )


def test_last_epoch_is_not_in_the_log():
    transaction = GOLDEN["committed"][1]._replace(last_producer_epoch=0)
    assert decode(*encode("golden", transaction, 2)) == ("golden", GOLDEN["committed"][1])


def test_partitions_of_several_topics_come_back():
    partitions = frozenset(TopicPartition(topic, n) for topic in ("b", "a", "__x") for n in (2, 0))
    transaction = GOLDEN["ongoing, of a client of version 1"][1]._replace(partitions=partitions)
    assert decode(*encode("golden", transaction, 2)) == ("golden", transaction)


def test_tombstone_ends_the_id():
    shard = TransactionShard(0, 0)
    shard.replay(*encode("golden", GOLDEN["committed"][1], 2))
    shard.replay(*encode_tombstone("golden"))
    assert not shard.entries


def test_states_of_the_moment_are_never_written():
    for state in (TransactionState.DEAD, TransactionState.PREPARE_EPOCH_FENCE):
        with pytest.raises(AssertionError):
            encode("golden", GOLDEN["committed"][1]._replace(state=state), 2)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\0",
        b"\0\x07" + bytes(40),
        bytes.fromhex(GOLDEN["committed"][0])[:20],
        # State 6, Dead
        bytes.fromhex(GOLDEN["committed"][0][:32] + "06" + GOLDEN["committed"][0][34:]),
    ],
)
def test_damaged_value_is_a_protocol_error_and_left_out_of_a_replay(value):
    with pytest.raises(ProtocolError):
        decode(key_of("golden"), value)
    shard = TransactionShard(0, 0)
    good = encode("other", GOLDEN["committed"][1], 2)
    shard.replay_all([(key_of("golden"), value), good])
    assert list(shard.entries) == ["other"]


def test_record_of_another_type_is_passed_over():
    assert decode(b"\0\x09" + key_of("golden")[2:], b"\0\0") is None
