"""Transactions as their coordinator sees them: producer ids and epochs, partitions, ends, and what administrators are shown."""

from __future__ import annotations

from kafkalite_protocol.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from kafkalite_protocol.messages.add_partitions_to_txn import AddPartitionsToTxnRequest
from kafkalite_protocol.messages.end_txn import EndTxnRequest
from kafkalite_protocol.messages.find_coordinator import FindCoordinatorRequest
from kafkalite_protocol.messages.init_producer_id import InitProducerIdRequest

from kafkalite_compat.checks import eventually
from kafkalite_compat.differential.requests.groups import coordinator_is_there
from kafkalite_compat.differential.requests.transactions import (
    Writer,
    add_partitions,
    describe,
    list_transactions,
    transaction,
)
from kafkalite_compat.differential.side import Side


def transaction_coordinators(side: Side) -> None:
    Writer(side, "txn-found")
    for version in range(1, 4):
        side.ask("coordinator of an id", FindCoordinatorRequest("txn-found", 1), version)
    for version in range(4, 7):
        keys = ["txn-found", "txn-found-too", ""]
        request = FindCoordinatorRequest(key_type=1, coordinator_keys=keys)
        side.ask("coordinators of ids", request, version)


def transaction_init_by_version(side: Side) -> None:
    for version in range(6):
        writer = Writer(side, f"txn-init-{version}")
        writer.init("new", version)
        writer.init("again", version)
        writer.init("longest timeout", version, timeout_ms=900_000)
        writer.init("longer than the longest timeout", version, timeout_ms=900_001)
        writer.init("no timeout", version, timeout_ms=0)
        writer.init("negative timeout", version, timeout_ms=-1)
        side.ask("empty id", InitProducerIdRequest("", 1000), version)
        writer.init("once more", version)


def transaction_init_of_a_known_producer(side: Side) -> None:
    for version in (3, 4, 5):
        writer = Writer(side, f"txn-known-{version}")
        writer.init("new, and knows one", version, known=(123_456, 3))
        first = (writer.producer_id, writer.epoch)
        writer.init("with the present epoch", version, known=first)
        writer.init("missed the answer", version, known=first)
        writer.init("missed it again", version, known=first)
        writer.init("goes on", version, known=(writer.producer_id, writer.epoch))
        writer.init("with the epoch before the last", version, known=first)
        writer.init("with a later epoch", version, known=(writer.producer_id, writer.epoch + 1))
        writer.init("with another id", version, known=(writer.producer_id + 7, writer.epoch))
        writer.init("with an id only", version, known=(writer.producer_id, -1))
        writer.init("with an epoch only", version, known=(-1, 0))
        present = (writer.producer_id, writer.epoch)
        writer.init("a new producer", version)
        writer.init("the one it has fenced", version, known=present)


def transaction_init_fences_what_is_open(side: Side) -> None:
    topic = side.new_topic("txn-fenced", 2)
    for version in (1, 3, 4, 5):
        writer = Writer(side, f"txn-fencing-{version}").open()
        writer.add("begun", (topic, 0))
        writer.init("while it is open", version)
        describe(side, f"aborted {version}", writer.name)
        writer.add("of the fenced one", (topic, 1))
        writer.end("of the fenced one", True)
        writer.init("come again", version)
        writer.add("of the new one", (topic, 1))
        known = (writer.producer_id, writer.epoch)
        if version >= 3:
            writer.init("the same producer while it is open", version, known=known)
            writer.init("the same producer again", version, known=known)
        writer.init("a new one after all", version)
        describe(side, f"at the end {version}", writer.name)


def transaction_partitions_by_version(side: Side) -> None:
    topic = side.new_topic("txn-parts", 3)
    for version in range(4):
        writer = Writer(side, f"txn-parts-{version}").open()
        writer.open()
        writer.add("one", (topic, 0), version=version)
        writer.add("the same", (topic, 0), version=version)
        writer.add("more", (topic, 0), (topic, 2), version=version)
        writer.add("none", version=version)
        writer.add("a partition that is not there", (topic, 3), (topic, 1), version=version)
        writer.add("a topic that is not there", ("txn-nothing", 0), version=version)
        writer.add("negative", (topic, -1), version=version)
        writer.add("a name that cannot be", ("no/name", 0), (topic, 0), version=version)
        writer.add("an older epoch", (topic, 1), version=version, later=-1)
        writer.add("a later epoch", (topic, 1), version=version, later=1)
        writer.add("another producer", (topic, 1), version=version, producer_id=987_654)
        side.ask("unknown id", add_partitions("txn-unknown", 1, 0, (topic, 0)), version)
        side.ask("empty id", add_partitions("", 1, 0, (topic, 0)), version)
        describe(side, f"so far {version}", writer.name)
        writer.end("and the end", True)
        writer.add("the next transaction", (topic, 1), version=version)
        describe(side, f"the next transaction {version}", writer.name)


def transaction_partitions_by_brokers(side: Side) -> None:
    topic = side.new_topic("txn-batch", 3)
    for version in (4, 5):
        one = Writer(side, f"txn-batch-{version}").open().open()
        two = Writer(side, f"txn-batch-{version}-two").open()

        def ask(label: str, *transactions: object, version: int = version) -> None:
            side.ask(label, AddPartitionsToTxnRequest(list(transactions)), version)

        mine = (one.name, one.producer_id, one.epoch)
        ask("verified before it began", transaction(*mine, (topic, 0), verify=True))
        ask("added", transaction(*mine, (topic, 0)))
        ask("verified", transaction(*mine, (topic, 0), verify=True))
        ask("verified, one of two", transaction(*mine, (topic, 0), (topic, 1), verify=True))
        ask("verified, not there", transaction(*mine, ("txn-nothing", 1), verify=True))
        ask("verified, older", transaction(*mine[:2], one.epoch - 1, (topic, 0), verify=True))
        ask("verified, later", transaction(*mine[:2], one.epoch + 1, (topic, 0), verify=True))
        ask("verified, another", transaction(one.name, 987_654, 0, (topic, 0), verify=True))
        ask("verified, unknown id", transaction("txn-unknown", 1, 0, (topic, 0), verify=True))
        ask("verified, empty id", transaction("", 1, 0, (topic, 0), verify=True))
        ask("added, older", transaction(*mine[:2], one.epoch - 1, (topic, 1)))
        ask("added, another", transaction(one.name, 987_654, 0, (topic, 1)))
        ask("added, unknown id", transaction("txn-unknown", 1, 0, (topic, 1)))
        ask("added, not there", transaction(*mine, ("txn-nothing", 1), (topic, 0)))
        ask("added nothing", transaction(*mine))
        ask(
            "of two",
            transaction(*mine, (topic, 1)),
            transaction(two.name, two.producer_id, two.epoch, (topic, 2)),
        )
        describe(side, f"so far {version}", one.name, two.name)
        one.end("committed", True, 5)
        ask("verified when it has ended", transaction(*mine, (topic, 0), verify=True))
        later = (one.name, one.producer_id, one.epoch)
        ask("verified with the next epoch", transaction(*later, (topic, 0), verify=True))
        two.end("aborted", False, 5)


def transaction_offsets_by_version(side: Side) -> None:
    coordinator_is_there(side)
    for version in range(5):
        writer = Writer(side, f"txn-offsets-{version}").open().open()
        writer.add_offsets("group", "txn-group", version)
        writer.add_offsets("the same group", "txn-group", version)
        writer.add_offsets("another group", "txn-group-two", version)
        writer.add_offsets("a group without a name", "", version)
        writer.add_offsets("an older epoch", "txn-group", version, later=-1)
        writer.add_offsets("a later epoch", "txn-group", version, later=1)
        writer.add_offsets("another producer", "txn-group", version, producer_id=987_654)
        request = AddOffsetsToTxnRequest("txn-unknown", 1, 0, "txn-group")
        side.ask("unknown id", request, version)
        side.ask("empty id", AddOffsetsToTxnRequest("", 1, 0, "txn-group"), version)
        describe(side, f"so far {version}", writer.name)
        writer.end("committed", True)
        describe(side, f"at the end {version}", writer.name)


def transaction_ends_of_version_1(side: Side) -> None:
    topic = side.new_topic("txn-ends", 2)
    for version in range(5):
        writer = Writer(side, f"txn-ends-{version}").open().open()
        writer.end("commit of nothing", True, version)
        writer.end("abort of nothing", False, version)
        for commit in (True, False):
            verb = "commit" if commit else "abort"
            writer.add(f"before {verb}", (topic, 0), (topic, 1))
            writer.end(f"{verb}, older", commit, version, later=-1)
            writer.end(f"{verb}, later", commit, version, later=1)
            writer.end(f"{verb}, another producer", commit, version, producer_id=987_654)
            writer.end(verb, commit, version)
            describe(side, f"after {verb} {version}", writer.name)
            writer.end(f"{verb} again", commit, version)
            writer.end(f"the opposite of {verb}", not commit, version)
            writer.end(f"{verb} again, older", commit, version, later=-1)
        side.ask("unknown id", EndTxnRequest("txn-unknown", 1, 0, True), version)
        side.ask("empty id", EndTxnRequest("", 1, 0, True), version)


def transaction_ends_of_version_2(side: Side) -> None:
    topic = side.new_topic("txn-ends-two", 2)
    writer = Writer(side, "txn-ends-two").open().open()
    writer.end("empty: commit, retry", True, 5, later=-1)
    writer.end("empty: abort, retry", False, 5, later=-1)
    writer.end("empty: commit", True, 5)
    writer.end("empty: later", False, 5, later=1)
    writer.end("empty: abort", False, 5)
    describe(side, "empty: aborted", writer.name)
    for commit in (True, False):
        verb = "commit" if commit else "abort"
        writer.add(f"before {verb}", (topic, 0), (topic, 1))
        writer.end(f"{verb}, older", commit, 5, later=-1)
        writer.end(f"{verb}, later", commit, 5, later=1)
        writer.end(f"{verb}, another producer", commit, 5, producer_id=987_654)
        writer.end(verb, commit, 5)
        describe(side, f"after {verb}", writer.name)
        writer.end(f"{verb}: again", commit, 5, later=-1)
        writer.end(f"{verb}: again, the opposite", not commit, 5, later=-1)
        writer.end(f"{verb}: again, two before", commit, 5, later=-2)
        writer.end(f"{verb}: again, another producer", commit, 5, later=-1, producer_id=987_654)
        writer.end(f"{verb}: commit of nothing", True, 5)
        writer.end(f"{verb}: abort of nothing", False, 5)
        writer.end(f"{verb}: abort of nothing again", False, 5, later=-1)
    side.ask("unknown id", EndTxnRequest("txn-unknown", 1, 0, True), 5)
    side.ask("empty id", EndTxnRequest("", 1, 0, True), 5)
    writer.init("a new producer", 5)
    writer.end("after that, the one before", False, 5, later=-1)


def transaction_versions_mixed(side: Side) -> None:
    topic = side.new_topic("txn-mixed", 1)
    writer = Writer(side, "txn-mixed").open()
    for first, second in ((4, 5), (5, 4), (5, 5), (4, 4)):
        writer.add(f"begun {first} {second}", (topic, 0))
        before = writer.epoch
        writer.end(f"first {first} {second}", True, first)
        writer.end(f"second {first} {second}", True, second, later=before - writer.epoch)
        describe(side, f"so {first} {second}", writer.name)
        writer.init(f"again {first} {second}")


def transactions_described_and_listed(side: Side) -> None:
    topic = side.new_topic("txn-shown", 2)
    other = side.new_topic("txn-shown-too", 1)
    begun = Writer(side, "txn-shown-begun").open()
    begun.add("begun", (topic, 1), (other, 0), (topic, 0))
    Writer(side, "txn-shown-empty").open()
    ended = Writer(side, "txn-shown.ended").open()
    ended.add("to be ended", (topic, 0))
    ended.end("ended", True)
    aborted = Writer(side, "txn-shown:aborted").open()
    aborted.add("to be aborted", (topic, 0))
    aborted.end("aborted", False, 5)
    names = [begun.name, "txn-shown-empty", ended.name, aborted.name]
    describe(side, "each", *names)
    describe(side, "unknown, and no name", "txn-shown-unknown", "")
    describe(side, "none")
    describe(side, "twice", begun.name, begun.name)
    for version in range(3):
        list_transactions(side, "all", version, "txn-shown")
        list_transactions(side, "open", version, "txn-shown", state_filters=["Ongoing"])
        states = ["Empty", "CompleteAbort", "Nothing", "ongoing"]
        list_transactions(side, "some states", version, "txn-shown", state_filters=states)
        list_transactions(side, "no state", version, "txn-shown", state_filters=["Nothing"])
        list_transactions(side, "dead", version, "txn-shown", state_filters=["Dead"])
        ids = [begun.producer_id, aborted.producer_id, 5]
        list_transactions(side, "of producers", version, "txn-shown", producer_id_filters=ids)
    for version in (1, 2):
        for duration in (-2, 0, 3_600_000):
            list_transactions(
                side, f"open for {duration}", version, "txn-shown", duration_filter=duration
            )
    for pattern in (
        "txn-shown.*",
        "txn-shown",
        "",
        ".*:aborted",
        "txn-shown[.:].*",
        ".*(begun|ended)",
        "(",
        "[z-a]",
    ):
        list_transactions(
            side, f"like {pattern!r}", 2, "txn-shown", transactional_id_pattern=pattern
        )


def transaction_that_times_out(side: Side) -> None:
    topic = side.new_topic("txn-late", 1)
    writer = Writer(side, "txn-late")
    writer.init("with a short timeout", timeout_ms=100)
    writer.add("begun", (topic, 0))
    eventually("it has timed out", lambda: writer.state()[1] == "CompleteAbort")
    describe(side, "timed out", writer.name)
    writer.add("late", (topic, 0))
    writer.add_offsets("late", "txn-group")
    writer.end("late", True)
    writer.end("late", True, 5)
    writer.end("late", False, 5)
    writer.init("goes on", 5, known=(writer.producer_id, writer.epoch))
    writer.init("anew", 5)


def transaction_epochs_run_out(side: Side) -> None:
    topic = side.new_topic("txn-used-up", 1)
    for version, endings in ((4, ("new", "known")), (5, ("commit", "abort", "open"))):
        for ending in endings:
            writer = Writer(side, f"txn-used-up-{ending}").use_up_epochs()
            label = f"{version} {ending}"
            last = (writer.producer_id, writer.epoch)
            writer.add(f"{label}: added", (topic, 0))
            if ending == "new":
                writer.init(f"{label}: while it is open")
                describe(side, f"{label}: aborted", writer.name)
            elif ending == "known":
                writer.end(f"{label}: committed", True)
                writer.init(f"{label}: goes on", known=last)
            elif ending == "open":
                writer.init(f"{label}: while it is open, known", known=last)
                describe(side, f"{label}: aborted", writer.name)
            else:
                writer.end(f"{label}: ended", ending == "commit", 5)
                describe(side, f"{label}: ended", writer.name)
                request = EndTxnRequest(writer.name, *last, ending == "commit")
                side.ask(f"{label}: again", request, 5)
            writer.init(f"{label}: missed it", known=last)
            writer.init(f"{label}: anew")
            describe(side, f"{label}: at last", writer.name)


SCENARIOS = [
    transaction_coordinators,
    transaction_init_by_version,
    transaction_init_of_a_known_producer,
    transaction_init_fences_what_is_open,
    transaction_partitions_by_version,
    transaction_partitions_by_brokers,
    transaction_offsets_by_version,
    transaction_ends_of_version_1,
    transaction_ends_of_version_2,
    transaction_versions_mixed,
    transactions_described_and_listed,
    transaction_that_times_out,
    transaction_epochs_run_out,
]
