"""What the log of groups tells is taken in by the module of the group's type, loaded on use."""

from importlib import import_module

from kafkalite.coordination.group import shard


def test_every_key_type_has_its_place_in_the_table() -> None:
    table = shard._REPLAYED_IN
    for module in set(table.values()):
        replayed = import_module(f"kafkalite.coordination.group.{module}").REPLAY
        assert {key for key, one in table.items() if one == module} == replayed.keys()


def test_a_key_type_of_the_future_is_nobodys() -> None:
    assert shard._replay_of(99) is None
