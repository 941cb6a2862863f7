"""Producer ids out of blocks that come later, are too small, or do not come."""

from __future__ import annotations

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.producer_ids import ProducerIds
from kafkalite.deferred import Deferred
from kafkalite.errors import KafkaError


class Grants:
    """A control plane that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[Deferred[range]] = []

    def allocate(self) -> Deferred[range]:
        self.asked.append(Deferred())
        return self.asked[-1]


def test_one_block_is_asked_for_however_many_wait():
    grants = Grants()
    ids = ProducerIds(grants.allocate)
    waiting = [ids.next() for _ in range(3)]
    assert len(grants.asked) == 1
    grants.asked[0].resolve(range(10, 20))
    assert [one.result() for one in waiting] == [10, 11, 12]
    assert ids.next().result() == 13


def test_block_that_is_too_small_for_all_who_wait_is_followed_by_another():
    grants = Grants()
    ids = ProducerIds(grants.allocate)
    waiting = [ids.next() for _ in range(3)]
    grants.asked[0].resolve(range(2))
    assert [one.done for one in waiting] == [True, True, False]
    grants.asked[1].resolve(range(5, 7))
    assert [one.result() for one in waiting] == [0, 1, 5]


def test_refused_block_fails_those_who_wait_and_the_next_one_asks_again():
    grants = Grants()
    ids = ProducerIds(grants.allocate)
    waiting = [ids.next() for _ in range(3)]
    grants.asked[0].resolve(range(1))
    grants.asked[1].fail(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR))
    assert waiting[0].result() == 0
    for one in waiting[1:]:
        with pytest.raises(KafkaError):
            one.result()
    again = ids.next()
    grants.asked[2].resolve(range(7, 8))
    assert again.result() == 7
