"""Fetch sessions (KIP-227): the cache, its epochs and its evictions."""

from __future__ import annotations

import random
from collections import OrderedDict

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.fetch_session import (
    SESSION_IDLE_MS,
    FetchPartition,
    FetchSessionCache,
    next_epoch,
)
from kafkalite.clock import ManualClock
from kafkalite.errors import KafkaError
from kafkalite.types import ZERO_UUID


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def make_cache(clock: ManualClock, slots: int = 2) -> FetchSessionCache:
    return FetchSessionCache(slots, clock, random.Random(7))


def partitions() -> OrderedDict:
    return OrderedDict({("t", 0): FetchPartition("t", ZERO_UUID, 0, 0, 1000)})


def test_new_session_expects_epoch_one(clock):
    cache = make_cache(clock)
    session = cache.open(partitions(), uses_topic_ids=False)
    assert session is not None
    assert session.session_id > 0
    assert cache.resume(session.session_id, 1, uses_topic_ids=False) is session
    assert session.epoch == 2


def test_wrong_epoch_is_refused_and_leaves_the_session_as_it_was(clock):
    cache = make_cache(clock)
    session = cache.open(partitions(), uses_topic_ids=False)
    with pytest.raises(KafkaError) as error:
        cache.resume(session.session_id, 5, uses_topic_ids=False)
    assert error.value.code == ErrorCode.INVALID_FETCH_SESSION_EPOCH
    assert cache.resume(session.session_id, 1, uses_topic_ids=False) is session


def test_unknown_session_id_is_told_so(clock):
    with pytest.raises(KafkaError) as error:
        make_cache(clock).resume(99, 1, uses_topic_ids=False)
    assert error.value.code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_changing_from_names_to_ids_within_a_session_is_refused(clock):
    cache = make_cache(clock)
    session = cache.open(partitions(), uses_topic_ids=False)
    with pytest.raises(KafkaError) as error:
        cache.resume(session.session_id, 1, uses_topic_ids=True)
    assert error.value.code == ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR


def test_full_cache_gives_no_session_while_the_others_are_in_use(clock):
    cache = make_cache(clock)
    cache.open(partitions(), uses_topic_ids=False)
    cache.open(partitions(), uses_topic_ids=False)
    assert cache.open(partitions(), uses_topic_ids=False) is None


def test_full_cache_evicts_the_session_that_was_idle_longest(clock):
    cache = make_cache(clock)
    first = cache.open(partitions(), uses_topic_ids=False)
    second = cache.open(partitions(), uses_topic_ids=False)
    clock.advance(SESSION_IDLE_MS)
    cache.resume(first.session_id, 1, uses_topic_ids=False)
    clock.advance(1)
    assert cache.open(partitions(), uses_topic_ids=False) is not None
    cache.resume(first.session_id, 2, uses_topic_ids=False)
    with pytest.raises(KafkaError):
        cache.resume(second.session_id, 1, uses_topic_ids=False)


def test_closed_session_is_gone_and_closing_twice_is_harmless(clock):
    cache = make_cache(clock)
    session = cache.open(partitions(), uses_topic_ids=False)
    cache.close(session.session_id)
    cache.close(session.session_id)
    assert len(cache) == 0


@pytest.mark.parametrize(("epoch", "following"), [(1, 2), (2**31 - 2, 2**31 - 1), (2**31 - 1, 1)])
def test_epoch_wraps_to_one_never_to_zero(epoch, following):
    assert next_epoch(epoch) == following
