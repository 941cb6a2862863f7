"""Applications that start, crash, freeze, lose answers and are restarted, with topics and settings that change under them.

Whatever happens, no task has two owners, no process has a task twice, the log tells the same state, and once there is
peace every task is at work.
"""

from __future__ import annotations

from random import Random

import pytest

from kafkalite.coordination.group.shard import GroupShard
from kafkalite.coordination.group.streams.group import StreamsGroup
from kafkalite.coordination.group.streams.tasks import TaskId
from tests.coordination.streams_world import (
    STATEFUL,
    STATELESS,
    StreamsClient,
    StreamsWorld,
)

STEPS = 150
SESSION_MS = 45_000


class Simulation:
    """Members are named by when they came; a crashed one comes back as another."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.topology = self.random.choice([STATELESS, STATEFUL])
        self.world = StreamsWorld(
            standby_replicas=self.random.choice([0, 1, 2]),
            streams_session_timeout_ms=SESSION_MS,
            streams_initial_rebalance_delay_ms=self.random.choice([0, 3_000]),
            streams_assignment_interval_ms=self.random.choice([0, 1_000]),
        )
        self.clients: list[StreamsClient] = []
        self._came = 0

    def start(self) -> None:
        self._came += 1
        name, process = f"m{self._came}", self.random.choice("pqr")
        self.clients.append(StreamsClient(self.world, name, process, self.topology))

    def step(self) -> None:
        random, clients = self.random, self.clients
        action = random.choices(
            ["beat", "act", "start", "crash", "leave", "time", "grow", "settings", "restart"],
            [40, 40, 6, 2, 2, 6, 1, 1, 2],
        )[0]
        if action in ("beat", "act", "crash", "leave") and not clients:
            action = "start"
        match action:
            case "beat":
                random.choice(clients).beat(lose_answer=random.random() < 0.1)
            case "act":
                random.choice(clients).get_round_to_it()
            case "start" if len(clients) < 5:
                self.start()
            case "crash":
                clients.remove(random.choice(clients))
            case "leave":
                client = random.choice(clients)
                clients.remove(client)
                self.world.beat(client.member_id, -1)
            case "time":
                self.world.advance(random.choice([100, 1_000, 10_000]))
            case "grow":
                self.world.topics.partitions["orders"] += 1
                self.world.topics.partitions["app-log"] += 1
                self.world.coordinator.on_topics_changed()
            case "settings":
                replicas = random.choice([0, 1, 2])
                self.world.settings = self.world.settings._replace(
                    streams_num_standby_replicas=replicas
                )
            case "restart":
                self.world.restart()

    def calm_down(self) -> None:
        """Everybody beats and does as told, and those who crashed are missed."""
        for _ in range(30):
            for client in self.clients:
                client.beat()
                client.get_round_to_it()
            self.world.advance(5_000)

    @property
    def tasks(self) -> set[TaskId]:
        return {TaskId("0", n) for n in range(self.world.topics.partitions["orders"])}

    def check(self) -> None:
        self._check_owners()
        self._check_processes()
        self._check_log()

    def _check_owners(self) -> None:
        """As the coordinator knows it. Of the clients only those that it has not removed for their silence."""
        held: list[TaskId] = []
        for member in self._group().members.values():
            held += [*member.assigned.active, *member.revoking.active]
        assert len(held) == len(set(held))
        members = self._group().members
        working = [
            task
            for client in self.clients
            if client.member_id in members and client.epoch
            for task in client.owned.active
        ]
        assert len(working) == len(set(working))

    def _check_processes(self) -> None:
        by_process: dict[str, list[TaskId]] = {}
        for member in self._group().members.values():
            assigned = member.assigned
            by_process.setdefault(member.process_id, []).extend(
                [*assigned.active, *assigned.standby]
            )
        for held in by_process.values():
            assert len(held) == len(set(held))

    def _check_log(self) -> None:
        replayed = GroupShard()
        partition = self.world.coordinator.partition_for("app")
        replayed.replay_all(self.world.log.records.get(partition, []))
        assert in_the_log(replayed.groups.get(self._group().group_id)) == in_the_log(self._group())

    def _group(self) -> StreamsGroup:
        return self.world.app() if self.world.log.all else StreamsGroup("app")  # type: ignore[arg-type]


def in_the_log(group: object) -> object:
    if not isinstance(group, StreamsGroup):
        return in_the_log(StreamsGroup("app"))  # type: ignore[arg-type]
    not_in_the_log = {
        "configured",
        "topics_may_have_changed",
        "shutdown_requested_by",
        "endpoint_epoch",
        "holders",
    }
    return {name: one for name, one in vars(group).items() if name not in not_in_the_log}


@pytest.mark.parametrize("seed", range(30))
def test_tasks_have_one_owner_and_end_up_at_work(seed: int) -> None:
    simulation = Simulation(seed)
    for _ in range(STEPS):
        simulation.step()
        simulation.check()
    if not simulation.clients:
        simulation.start()
    simulation.calm_down()
    simulation.check()
    group = simulation.world.app()
    assert group.state_name == "Stable"
    at_work = [task for client in simulation.clients for task in client.owned.active]
    assert sorted(at_work) == sorted(simulation.tasks)
