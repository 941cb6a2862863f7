"""Consumers come, go, crash and are late, topics grow and vanish, brokers take over: whatever happens, no partition is
read by two, the state is what the log says, and in the end everything is read by somebody."""

from __future__ import annotations

from random import Random

import pytest

from tests.coordination.consumer_group_world import (
    INTERVAL_MS,
    NOTHING,
    SESSION_MS,
    ClassicClient,
    ConsumerClient,
    ConsumerWorld,
    owners,
    settle,
)

STEPS = 150


class Simulation:
    """One history. Clients that crash are forgotten at once; those that are late keep reading until they are told, so
    nothing may last longer than a session."""

    def __init__(self, seed: int, *, classic: bool, assignor: str | None) -> None:
        self.random = Random(seed)
        self.world = ConsumerWorld(seed=seed)
        self.clients: list[ConsumerClient | ClassicClient] = []
        self._classic = classic
        self._assignor = assignor
        self._names = 0

    def step(self) -> None:
        actions = [self.beat] * 12 + [self.pass_time] * 3 + [self.come, self.come, self.leave]
        actions += [self.crash, self.grow, self.fail_over, self.come_twice, self.come_late]
        self.random.choice(actions)()
        self.world.check_replay()
        self.check_owners()

    def check_owners(self) -> None:
        found = owners({str(id(client)): client.owned for client in self.clients})
        twice = {partition: who for partition, who in found.items() if len(who) > 1}
        assert not twice, f"read by two: {sorted(twice)}"

    # What may happen

    def come(self) -> None:
        if len(self.clients) >= 6:
            return
        self._names += 1
        if self._classic and self.random.random() < 0.5:
            topics = ["orders"] if self.random.random() < 0.7 else ["orders", "other"]
            self.clients.append(ClassicClient(self.world, f"classic-{self._names}", topics))
            return
        subscription = self.random.choice(
            [
                {"names": ["orders"]},
                {"names": ["orders"]},
                {"names": ["orders", "other"]},
                {"names": [], "subscribed_topic_regex": "o.*"},
                {"names": ["other"], "subscribed_topic_regex": "ord.*|new"},
            ]
        )
        if self._assignor is not None:
            subscription = {**subscription, "server_assignor": self._assignor}
        self.clients.append(ConsumerClient(self.world, f"member-{self._names}", **subscription))

    def beat(self) -> None:
        if not self.clients:
            return
        client = self.random.choice(self.clients)
        client.beat()
        if isinstance(client, ConsumerClient):
            if self.random.random() < 0.7:
                client.obey()
            elif self.random.random() < 0.5:
                client.give_up()

    def come_twice(self) -> None:
        """The answer to a heartbeat gets lost, so the client says everything again."""
        members = [each for each in self.clients if isinstance(each, ConsumerClient) and each.epoch]
        if members:
            client = self.random.choice(members)
            self.world.beat(client.member_id, client.epoch, owned=client.owned)
            client.beat(full=True)

    def come_late(self) -> None:
        """A heartbeat of long ago arrives; it must change nothing for the member of now."""
        members = [each for each in self.clients if isinstance(each, ConsumerClient)]
        if members and self.random.random() < 0.3:
            client = self.random.choice(members)
            if client.epoch > 2:
                self.world.beat(client.member_id, client.epoch - 2, owned=NOTHING)

    def leave(self) -> None:
        if self.clients:
            client = self.clients.pop(self.random.randrange(len(self.clients)))
            client.owned = NOTHING
            client.leave()

    def crash(self) -> None:
        """kill -9: its session has to end."""
        if self.clients:
            self.clients.pop(self.random.randrange(len(self.clients))).owned = NOTHING

    def pass_time(self) -> None:
        """Everybody has been heard of meanwhile. Nobody takes so long to obey that it would be put out."""
        for client in self.clients:
            client.beat()
            if isinstance(client, ConsumerClient) and self.random.random() < 0.5:
                client.obey()
        self.world.advance(self.random.choice([100, INTERVAL_MS, 4_000]))

    def grow(self) -> None:
        name = self.random.choice(["orders", "other", "new"])
        before = self.world.topics.partitions.get(name, 0)
        if self.random.random() < 0.3 and name == "new" and before:
            self.world.delete_topic(name)
            for client in self.clients:
                client.owned = frozenset(each for each in client.owned if each[0] != name)
        elif before < 8:
            self.world.make_topic(name, before + 1)

    def fail_over(self) -> None:
        self.world.fail_over()

    # The end

    def come_to_rest(self) -> None:
        for _ in range(6):
            for client in self.clients:
                client.beat()
                if isinstance(client, ConsumerClient):
                    client.obey()
            self.world.advance(SESSION_MS // 4)
        settle(self.world, self.clients)
        self.check_owners()
        self.world.check_replay()
        read = {partition for client in self.clients for partition in client.owned}
        wanted = {
            (name, partition)
            for client in self.clients
            for name in self.topics_of(client)
            for partition in range(self.world.topics.partition_count(name))
        }
        assert read == wanted

    def topics_of(self, client: ConsumerClient | ClassicClient) -> set[str]:
        if isinstance(client, ClassicClient):
            return set(client.topics)
        names = set(client.subscription["names"])
        regex = client.subscription.get("subscribed_topic_regex")
        by_regex = {"o.*": ["orders", "other"], "ord.*|new": ["orders", "new"], None: []}[regex]
        return names | {name for name in by_regex if name in self.world.topics.ids}


@pytest.mark.parametrize("seed", range(25))
def test_consumers_alone(seed):
    simulation = Simulation(seed, classic=False, assignor=None)
    for _ in range(STEPS):
        simulation.step()
    simulation.come_to_rest()


@pytest.mark.parametrize("seed", range(8))
def test_consumers_with_the_range_assignor(seed):
    simulation = Simulation(seed, classic=False, assignor="range")
    for _ in range(STEPS):
        simulation.step()
    simulation.come_to_rest()


@pytest.mark.parametrize("seed", range(25))
def test_consumers_of_both_protocols(seed):
    simulation = Simulation(seed, classic=True, assignor=None)
    for _ in range(STEPS):
        simulation.step()
    simulation.come_to_rest()
