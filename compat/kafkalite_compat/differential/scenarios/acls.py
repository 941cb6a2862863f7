"""ACLs with an authorizer: made, listed by filter, removed."""

from __future__ import annotations

from itertools import product
from typing import Any

from kafkalite_protocol.messages.create_acls import CreateAclsRequest
from kafkalite_protocol.messages.delete_acls import DeleteAclsRequest
from kafkalite_protocol.messages.describe_acls import DescribeAclsRequest

from kafkalite_compat.differential.side import Side

ANY, MATCH, LITERAL, PREFIXED = 1, 2, 3, 4
TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID, TOKEN, USER = range(2, 8)
READ, WRITE = 3, 4
DENY, ALLOW = 2, 3

Acl = tuple[int, str, int, str, str, int, int]

GOOD: list[Acl] = [
    (TOPIC, "orders", LITERAL, "User:alice", "*", READ, ALLOW),
    (TOPIC, "orders", LITERAL, "User:alice", "10.0.0.1", WRITE, DENY),
    (TOPIC, "orders", LITERAL, "User:bob", "*", READ, ALLOW),
    (TOPIC, "ord", PREFIXED, "User:*", "*", READ, ALLOW),
    (TOPIC, "*", LITERAL, "User:carol", "*", 2, ALLOW),
    (GROUP, "orders", LITERAL, "User:alice", "*", READ, ALLOW),
    (CLUSTER, "kafka-cluster", LITERAL, "User:admin", "*", 2, ALLOW),
    (TRANSACTIONAL_ID, "t", PREFIXED, "Group:x", "*", WRITE, ALLOW),
    (TOKEN, "d", LITERAL, "User:alice", "*", 8, ALLOW),
    (USER, "User:dave", LITERAL, "User:alice", "*", 13, ALLOW),
]

BAD: dict[str, Acl] = {
    "resource type any": (ANY, "x", LITERAL, "User:a", "*", READ, ALLOW),
    "resource type unknown": (0, "x", LITERAL, "User:a", "*", READ, ALLOW),
    "resource type 99": (99, "x", LITERAL, "User:a", "*", READ, ALLOW),
    "resource type -1": (-1, "x", LITERAL, "User:a", "*", READ, ALLOW),
    "pattern any": (TOPIC, "x", ANY, "User:a", "*", READ, ALLOW),
    "pattern match": (TOPIC, "x", MATCH, "User:a", "*", READ, ALLOW),
    "pattern unknown": (TOPIC, "x", 0, "User:a", "*", READ, ALLOW),
    "pattern 5": (TOPIC, "x", 5, "User:a", "*", READ, ALLOW),
    "no name": (TOPIC, "", LITERAL, "User:a", "*", READ, ALLOW),
    "no colon": (TOPIC, "x", LITERAL, "a", "*", READ, ALLOW),
    "empty principal": (TOPIC, "x", LITERAL, "", "*", READ, ALLOW),
    "only a colon": (TOPIC, "colon", LITERAL, ":", "*", READ, ALLOW),
    "empty host": (TOPIC, "host", LITERAL, "User:a", "", READ, ALLOW),
    "no address": (TOPIC, "host", LITERAL, "User:a", "no address", READ, ALLOW),
    "operation any": (TOPIC, "x", LITERAL, "User:a", "*", ANY, ALLOW),
    "operation unknown": (TOPIC, "x", LITERAL, "User:a", "*", 0, ALLOW),
    "operation 15": (TOPIC, "x", LITERAL, "User:a", "*", 15, ALLOW),
    "operation 16": (TOPIC, "x", LITERAL, "User:a", "*", 16, ALLOW),
    "permission any": (TOPIC, "x", LITERAL, "User:a", "*", READ, ANY),
    "permission unknown": (TOPIC, "x", LITERAL, "User:a", "*", READ, 0),
    "permission 4": (TOPIC, "x", LITERAL, "User:a", "*", READ, 4),
    "another cluster": (CLUSTER, "x", LITERAL, "User:a", "*", READ, ALLOW),
    "an odd name of a topic": (TOPIC, "no/topic", LITERAL, "User:a", "*", READ, ALLOW),
    "an operation that fits no topic": (TOPIC, "fits", LITERAL, "User:a", "*", 13, ALLOW),
}

Filter = tuple[int, str | None, int, str | None, str | None, int, int]

FILTERS: dict[str, Filter] = {
    "all": (ANY, None, ANY, None, None, ANY, ANY),
    "literal": (ANY, None, LITERAL, None, None, ANY, ANY),
    "prefixed": (ANY, None, PREFIXED, None, None, ANY, ANY),
    "match of all": (ANY, None, MATCH, None, None, ANY, ANY),
    "by principal": (ANY, None, ANY, "User:alice", None, ANY, ANY),
    "by host": (ANY, None, ANY, None, "10.0.0.1", ANY, ANY),
    "by operation": (ANY, None, ANY, None, None, WRITE, ANY),
    "by permission": (ANY, None, ANY, None, None, ANY, DENY),
    "nobody's": (TOPIC, "orders", LITERAL, "User:nobody", None, ANY, ANY),
    "unknown resource type": (0, None, ANY, None, None, ANY, ANY),
    "resource type 99": (99, None, ANY, None, None, ANY, ANY),
    "unknown pattern": (ANY, None, 0, None, None, ANY, ANY),
    "pattern 9": (ANY, None, 9, None, None, ANY, ANY),
    "unknown operation": (ANY, None, ANY, None, None, 0, ANY),
    "operation 77": (ANY, None, ANY, None, None, 77, ANY),
    "unknown permission": (ANY, None, ANY, None, None, ANY, 0),
    "permission 9": (ANY, None, ANY, None, None, ANY, 9),
    "empty name": (TOPIC, "", LITERAL, None, None, ANY, ANY),
    "no colon": (ANY, None, ANY, "alice", None, ANY, ANY),
    **{
        f"{kind} {name} {pattern}": (kind, name, pattern, None, None, ANY, ANY)
        for kind, name, pattern in product(
            (ANY, TOPIC, GROUP), ("orders", "ord", "or", "*"), (ANY, MATCH, LITERAL, PREFIXED)
        )
    },
}  # fmt: skip


def create(side: Side, label: str, *acls: Acl, version: int = 3) -> None:
    creations = [CreateAclsRequest.AclCreation(*acl) for acl in acls]
    side.ask(f"create {label}", CreateAclsRequest(creations), version)


def delete(side: Side, label: str, *filters: Filter, version: int = 3) -> Any:
    wanted = [DeleteAclsRequest.DeleteAclsFilter(*one) for one in filters]
    side.ask(f"delete {label}", DeleteAclsRequest(wanted), version)
    side.catch_up()


def describe(side: Side, label: str, wanted: Filter, version: int = 3) -> None:
    side.ask(f"describe {label}", DescribeAclsRequest(*wanted), version)


def acls_made_and_listed(side: Side) -> None:
    delete(side, "all there are", FILTERS["all"])
    for version in (1, 2, 3):
        create(side, "good", *GOOD, version=version)
        create(side, "good again, twice", *GOOD, *GOOD[:2], version=version)
        create(side, "nothing", version=version)
        side.catch_up()
        describe(side, "good", FILTERS["all"], version)
        delete(side, "good", FILTERS["all"], version=version)
        describe(side, "nothing left", FILTERS["all"], version)


def acls_refused(side: Side) -> None:
    for version in (1, 3):
        for label, acl in BAD.items():
            create(side, label, acl, version=version)
    create(side, "good and bad", GOOD[0], BAD["no name"], GOOD[1], BAD["no colon"])
    side.catch_up()
    describe(side, "what is made", FILTERS["all"])
    delete(side, "all", FILTERS["all"])


def acl_filters(side: Side) -> None:
    create(side, "good", *GOOD)
    side.catch_up()
    for label, wanted in FILTERS.items():
        describe(side, label, wanted)
    for label, wanted in FILTERS.items():
        create(side, f"for {label}", *GOOD)
        side.catch_up()
        delete(side, label, wanted)
        describe(side, f"what {label} left", FILTERS["all"])
    delete(side, "nothing")
    create(side, "once more", *GOOD)
    side.catch_up()
    delete(side, "twice the same", FILTERS["by host"], FILTERS["by host"], FILTERS["pattern 9"])
    delete(side, "overlapping", FILTERS["by principal"], FILTERS["literal"])
    delete(side, "the rest", FILTERS["all"])


SCENARIOS = [acls_made_and_listed, acls_refused, acl_filters]
