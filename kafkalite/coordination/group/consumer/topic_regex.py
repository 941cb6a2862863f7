"""Matching topic names against a subscribed regular expression, in time linear in the name whatever the expression.

The expression becomes an automaton that may be in many states at once (Thompson's construction); which states follow
which on a character is worked out when it is first needed, and kept. So a client cannot make the broker search for
ever, as it could with Python's `re` and `(a+)+b`.
"""

from __future__ import annotations

from typing import Final

from kafkalite.coordination.group.consumer.regex_syntax import (
    ALPHABET,
    WORD,
    Assertion,
    Choice,
    Node,
    RegexError,
    Repeat,
    Sequence,
    parse,
)

_STATES_MAX: Final = 2_000
"""RE2/J has no such limit, but `((a{1000}){1000}){1000}` has a billion states."""

_REMEMBERED_MAX: Final = 5_000
"""Steps that are kept before they are all forgotten and found anew."""

_States = frozenset[int]


class TopicRegex:
    """A compiled expression."""

    def __init__(self, expression: str, alphabet: frozenset[str] = ALPHABET) -> None:
        """`alphabet` is what the names are made of. Raises RegexError."""
        self._edges: list[tuple[frozenset[str], int] | None] = []
        """State -> the characters that lead on from it, and where to."""
        self._jumps: list[list[tuple[Assertion | None, int]]] = []
        """State -> where it is left for without a character, always or where the assertion holds."""
        self.work = 0
        """How many states were looked at so far: what matching has cost."""
        self._steps: dict[tuple[_States, str, str], _States] = {}
        self._end = self._state()
        self._start = self._build(parse(expression, alphabet), self._end)

    def matches(self, name: str) -> bool:
        """Does the whole of `name` match?"""
        states: _States = frozenset((self._start,))
        before = ""
        for character in name:
            states = self._step(states, before, character)
            if not states:
                return False
            before = character
        return self._end in self._reachable(states, before, "")

    def _step(self, states: _States, before: str, character: str) -> _States:
        # Of the character before nothing counts but whether it is part of a word
        kind = "" if not before else "w" if before in WORD else "-"
        key = (states, kind, character)
        following = self._steps.get(key)
        if following is None:
            found = set()
            for state in self._reachable(states, before, character):
                edge = self._edges[state]
                if edge is not None and character in edge[0]:
                    found.add(edge[1])
            if len(self._steps) >= _REMEMBERED_MAX:
                self._steps.clear()
            following = self._steps[key] = frozenset(found)
        return following

    def _reachable(self, states: _States, before: str, after: str) -> set[int]:
        """Those states, and where one gets from them without a character. `before` and `after` are the characters
        around this place, empty at the ends."""
        found = set(states)
        pending = list(states)
        while pending:
            for assertion, state in self._jumps[pending.pop()]:
                if state not in found and (assertion is None or _holds(assertion, before, after)):
                    found.add(state)
                    pending.append(state)
        self.work += len(found)
        return found

    # -- building: each returns the state where matching `node` begins, if it goes on at `after` --------------------

    def _build(self, node: Node, after: int) -> int:
        match node:
            case Sequence(parts):
                for part in reversed(parts):
                    after = self._build(part, after)
                return after
            case Choice(parts):
                return self._state(jumps=[(None, self._build(part, after)) for part in parts])
            case Repeat(part, least, most):
                return self._repeat(part, least, most, after)
            case Assertion():
                return self._state(jumps=[(node, after)])
            case _:
                return self._state(edge=(node, after))

    def _repeat(self, part: Node, least: int, most: int | None, after: int) -> int:
        if most is None:
            again = self._state()
            self._jumps[again] += [(None, self._build(part, again)), (None, after)]
            after = again
        else:
            done = after
            for _ in range(most - least):
                after = self._state(jumps=[(None, self._build(part, after)), (None, done)])
        for _ in range(least):
            after = self._build(part, after)
        return after

    def _state(
        self,
        edge: tuple[frozenset[str], int] | None = None,
        jumps: list[tuple[Assertion | None, int]] | None = None,
    ) -> int:
        if len(self._edges) >= _STATES_MAX:
            raise RegexError("it is too large")
        self._edges.append(edge)
        self._jumps.append(jumps or [])
        return len(self._edges) - 1


def _holds(assertion: Assertion, before: str, after: str) -> bool:
    match assertion:
        case Assertion.BEGIN:
            return not before
        case Assertion.END:
            return not after
        case Assertion.WORD_BOUNDARY:
            return (before in WORD) != (after in WORD)
        case Assertion.NO_WORD_BOUNDARY:
            return (before in WORD) == (after in WORD)
