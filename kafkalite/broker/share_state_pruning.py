"""`__share_group_state` kept short: it is neither compacted nor aged, so what its coordinator needs no more is cut off here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafkalite.broker.internal_topics import SHARE_GROUP_STATE_TOPIC
from kafkalite.deferred import Deferred, gather, resolved
from kafkalite.types import Offset

if TYPE_CHECKING:
    from kafkalite.broker.broker import Broker


class ShareStatePruning:
    """`run` writes the states anew, flushes them, and only then lets go of what lies before."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def run(self) -> Deferred[None]:
        out: Deferred[None] = Deferred()

        def written(done: Deferred[dict[int, Offset]]) -> None:
            try:
                cuts = done.result()
            except Exception as error:
                out.fail(error)
            else:
                gather([self._cut(*each) for each in cuts.items()]).then(lambda _: None).pass_on(
                    out
                )

        self._broker.share_coordinator.prune().on_done(written)
        return out

    def _cut(self, partition: int, offset: Offset) -> Deferred[None]:
        replica = self._broker.replicas.get(SHARE_GROUP_STATE_TOPIC, partition)
        log = replica.log
        task = log.flush_task()
        flushed = (
            resolved(None)
            if task is None
            else self._broker.blocking.submit(task.run).then(lambda _: log.flushed(task))
        )

        def cut(_: None) -> None:
            replica.delete_records(offset)

        return flushed.then(cut)
