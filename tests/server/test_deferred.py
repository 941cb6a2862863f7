"""A value that is known later."""

from __future__ import annotations

import pytest

from kafkalite.deferred import Deferred, chain, failed, resolved


def test_callbacks_run_in_order_when_resolved_and_at_once_afterwards():
    deferred: Deferred[int] = Deferred()
    seen = []
    deferred.on_done(lambda d: seen.append(("first", d.result())))
    deferred.on_done(lambda d: seen.append(("second", d.result())))
    assert seen == []
    deferred.resolve(7)
    deferred.on_done(lambda d: seen.append(("late", d.result())))
    assert seen == [("first", 7), ("second", 7), ("late", 7)]


def test_failure_is_raised_by_result_and_passed_on_by_then():
    deferred: Deferred[int] = Deferred()
    after = deferred.then(lambda value: value + 1)
    deferred.fail(KeyError("gone"))
    with pytest.raises(KeyError):
        after.result()


def test_then_passes_on_what_its_function_raises():
    def refuse(value: int) -> int:
        raise ValueError(value)

    with pytest.raises(ValueError, match="3"):
        resolved(3).then(refuse).result()


def test_resolving_twice_is_our_mistake():
    with pytest.raises(AssertionError):
        resolved(1).resolve(2)


def test_chain_comes_to_what_the_second_deferred_comes_to():
    first: Deferred[int] = Deferred()
    second: Deferred[str] = Deferred()
    out = chain(first, lambda _: second)
    first.resolve(1)
    assert not out.done
    second.resolve("two")
    assert out.result() == "two"


def test_chain_fails_with_the_first_the_second_or_what_stands_between_them():
    def refuse(_: int) -> Deferred[int]:
        raise ValueError("between")

    for out, text in (
        (chain(failed(ValueError("first")), lambda _: resolved(1)), "first"),
        (chain(resolved(1), lambda _: failed(ValueError("second"))), "second"),
        (chain(resolved(1), refuse), "between"),
    ):
        with pytest.raises(ValueError, match=text):
            out.result()
