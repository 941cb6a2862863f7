"""The states of a classic group, as data: what each means, what it answers, where it leads.

          first member joins                all joined, or deadline
Empty ---------------------> PreparingRebalance ------------------> CompletingRebalance
  ^                            |    ^       ^                          |        |
  |  all left before the       |    |       |  member joins, leaves,   |        | leader's assignment
  +---- barrier came down -----+    |       +----- or expires ---------+        | is committed
                                    +--------------------------------- Stable <-+
any ---> Dead
"""

from __future__ import annotations

from enum import Enum


class GroupState(Enum):
    """Spelled as Kafka spells them in DescribeGroups and ListGroups (`ClassicGroupState`)."""

    EMPTY = "Empty"
    """No members; perhaps committed offsets.
    Sync and Heartbeat: UNKNOWN_MEMBER_ID. Commits of clients that use no group management are taken.
    A member joins -> PREPARING_REBALANCE."""

    PREPARING_REBALANCE = "PreparingRebalance"
    """The join barrier: waiting until every known member has sent JoinGroup.
    Joins are parked; Sync and Heartbeat: REBALANCE_IN_PROGRESS; commits of the generation that ends are still taken.
    All have joined, or the rebalance timeout passed -> COMPLETING_REBALANCE; nobody is left -> EMPTY."""

    COMPLETING_REBALANCE = "CompletingRebalance"
    """The sync barrier: the members know their generation and wait for the leader's assignment.
    Syncs are parked; Heartbeat: fine; commits: REBALANCE_IN_PROGRESS.
    The leader's assignment is committed -> STABLE; a member joins anew, leaves, expires or does not sync in time
    -> PREPARING_REBALANCE."""

    STABLE = "Stable"
    """Everybody has an assignment.
    Sync answers the assignment again; a follower that joins with unchanged protocols gets the same generation.
    Leader rejoins, protocols change, a member comes, leaves or expires -> PREPARING_REBALANCE."""

    DEAD = "Dead"
    """No longer served here: deleted, or its partition has another leader. Everything parked has been answered."""

    @property
    def valid_previous(self) -> frozenset[GroupState]:
        """The states that lead here."""
        return _VALID_PREVIOUS[self]


_VALID_PREVIOUS: dict[GroupState, frozenset[GroupState]] = {
    GroupState.EMPTY: frozenset({GroupState.PREPARING_REBALANCE}),
    GroupState.PREPARING_REBALANCE: frozenset(
        {GroupState.EMPTY, GroupState.COMPLETING_REBALANCE, GroupState.STABLE}
    ),
    GroupState.COMPLETING_REBALANCE: frozenset({GroupState.PREPARING_REBALANCE}),
    GroupState.STABLE: frozenset({GroupState.COMPLETING_REBALANCE}),
    GroupState.DEAD: frozenset(GroupState),
}
