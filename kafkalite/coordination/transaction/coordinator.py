"""The transaction coordinator (KIP-98, KIP-890): what the handlers and the partitions call."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.deferred import Deferred
from kafkalite.types import ProducerId, TopicPartition


class Producer(NamedTuple):
    """Who speaks: a transactional id, and the producer id and epoch it was given."""

    transactional_id: str
    producer_id: ProducerId
    epoch: int


PartitionCodes = Mapping[TopicPartition, ErrorCode]


class TransactionCoordinator:
    """Transactions whose ids hash to partitions of `__transaction_state` that this broker leads."""

    def verify_partitions(
        self, producer: Producer, partitions: Collection[TopicPartition]
    ) -> PartitionCodes:
        """Are these in the ongoing transaction of `producer`? Changes nothing (AddPartitionsToTxn, verify only).

        NONE; TRANSACTION_ABORTABLE: not in it; INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS,
        NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS for all of them.
        """
        raise NotImplementedError

    def add_partitions(
        self,
        producer: Producer,
        partitions: Collection[TopicPartition],
        client_transaction_version: int,
    ) -> Deferred[PartitionCodes]:
        """Make these part of the transaction, which begins if there is none; resolved once that is committed, at once
        when they were in it. Never fails: the same code for all partitions. `client_transaction_version` is 2 for an
        implicit add (Produce v12+, TxnOffsetCommit v5+).
        """
        raise NotImplementedError
