"""Share groups under random histories: what is in the log is all there is, and nothing is assigned without durable state."""

from __future__ import annotations

from random import Random

import pytest
from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.coordination.group.share.group import ShareGroup
from kafkalite.types import GroupId, Uuid
from tests.coordination.fake_persister import Key
from tests.coordination.group_world import GROUP
from tests.coordination.test_share_groups import ShareWorld

MEMBERS = "abcd"
TOPICS = ("orders", "other", "later")
STEPS = 120
RETRIABLE = ErrorCode.COORDINATOR_NOT_AVAILABLE


class History:
    """One random history. Members keep the epoch they were told, as clients do."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = ShareWorld(seed=seed)
        self.epochs: dict[str, int] = {}

    def run(self) -> None:
        for _ in range(STEPS):
            getattr(self, self.random.choice(self.CHOICES))()
            self.check()

    def beat(self) -> None:
        member = self.random.choice(MEMBERS)
        epoch = self.epochs.get(member, 0)
        topics = self.topics() if epoch == 0 or self.random.random() < 0.2 else ()
        answer = self.world.beat(member, epoch, *topics).result()
        if answer.error_code in (ErrorCode.NONE, RETRIABLE):
            if answer.error_code == ErrorCode.NONE:
                self.epochs[member] = answer.member_epoch
        else:
            assert answer.error_code in (
                ErrorCode.UNKNOWN_MEMBER_ID,
                ErrorCode.GROUP_ID_NOT_FOUND,
                ErrorCode.FENCED_MEMBER_EPOCH,
            )
            self.epochs.pop(member, None)

    def leave(self) -> None:
        member = self.random.choice(MEMBERS)
        self.world.beat(member, -1)
        self.epochs.pop(member, None)

    def wait(self) -> None:
        self.world.advance(self.random.choice([10, 1_000, 1_000, 20_000]))

    def hold(self) -> None:
        persister = self.world.persister
        persister.hold = not persister.hold
        while not persister.hold and persister.waiting:
            persister.answer_next()

    def answer(self) -> None:
        if self.world.persister.waiting:
            self.world.persister.answer_next()

    def break_persister(self) -> None:
        self.world.persister.fail = {} if self.world.persister.fail else {0: RETRIABLE}

    def break_log(self) -> None:
        log = self.world.log
        log.fail_with = None if log.fail_with else ErrorCode.NOT_ENOUGH_REPLICAS

    def alter(self) -> None:
        if not self.world.persister.hold:
            self.world.alter((self.random.choice(TOPICS), 0, self.random.randrange(9)))

    def delete(self) -> None:
        if not self.world.persister.hold:
            self.world.delete_offsets(self.random.choice(TOPICS))
            if self.random.random() < 0.3:
                self.world.delete_group()

    def grow(self) -> None:
        name = self.random.choice(TOPICS)
        partitions = self.world.topics.partitions
        partitions[name] = min(6, partitions.get(name, 0) + 1)
        self.world.topics.ids.setdefault(name, Uuid(self.random.randbytes(16)))
        self.world.coordinator.on_topics_changed()

    def delete_topic(self) -> None:
        name = self.random.choice(TOPICS)
        gone = self.world.topics.ids.pop(name, None)
        self.world.topics.partitions.pop(name, None)
        self.world.coordinator.on_topics_changed()
        self.world.coordinator.on_topics_deleted([name])
        states = self.world.persister.states
        for key in [key for key in states if key.topic_id == gone]:
            del states[key]

    CHOICES = (
        *["beat"] * 12,
        *["wait"] * 4,
        *["leave", "hold", "answer", "break_persister", "break_log", "alter", "delete", "grow"],
        "delete_topic",
    )

    def topics(self) -> list[str]:
        return self.random.sample(TOPICS, self.random.randint(1, 2))

    def check(self) -> None:
        group = found(self.world)
        assert described(group) == described(found(self.world.restarted()))
        if group is None:
            return
        assert group.assignment_epoch <= group.epoch
        assert group.targets.keys() <= group.members.keys()
        for member in group.members.values():
            assert member.epoch <= group.epoch
        if self.world.persister.hold:
            return
        for topic_id, topic in group.state_partitions.initialized.items():
            for number in topic.numbers:
                key = Key(GROUP, topic_id, number)
                assert key in self.world.persister.states or topic_id not in self.live_ids

    @property
    def live_ids(self) -> set[Uuid]:
        return set(self.world.topics.ids.values())

    def settle(self) -> None:
        """Everything works again; whoever is left comes to have all of what they read."""
        self.world.log.fail_with = None
        self.world.persister.fail = {}
        self.world.persister.hold = True
        self.hold()
        self.world.beat("last", 0, *TOPICS)
        for _ in range(8):
            self.world.advance(1_000)
            group = found(self.world)
            assert group is not None
            for member_id, member in list(group.members.items()):
                answer = self.world.beat(member_id, member.epoch).result()
                assert answer.error_code == ErrorCode.NONE
        group = found(self.world)
        assert group is not None
        shared = {
            (topic_id, number)
            for member in group.members.values()
            for topic_id, numbers in member.current.assigned.items()
            for number in numbers
        }
        assert shared == {
            (self.world.topics.ids[name], number)
            for name, count in self.world.topics.partitions.items()
            for number in range(count)
        }
        assert all(Key(GROUP, *partition) in self.world.persister.states for partition in shared)


def found(world: ShareWorld) -> ShareGroup | None:
    group = world.coordinator._shards.shard_for(GROUP).groups.get(GroupId(GROUP))
    assert group is None or isinstance(group, ShareGroup)
    return group


def described(group: ShareGroup | None) -> object:
    if group is None:
        return None
    return (
        group.epoch,
        group.metadata_hash,
        group.assignment_epoch,
        group.members,
        group.targets,
        group.state_partitions,
    )


@pytest.mark.parametrize("seed", range(60))
def test_group_is_what_its_log_says_and_gets_everything_in_the_end(seed: int) -> None:
    history = History(seed)
    history.run()
    history.settle()
