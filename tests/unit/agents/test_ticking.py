"""One timer for all that runs: limits are kept, and who watches is told, whoever comes and goes."""

import asyncio
from typing import Any

from argosy.agents.running import Running
from argosy.agents.ticking import Ticking
from argosy.agents.time_limit import TimeLimit
from argosy.agents.verdict import Returned
from support.worker_bench import until


class Floor:
    def __init__(self) -> None:
        self.running: set[Running] = set()
        self.told: list[str] = []
        self.ticking = Ticking(self.running, lambda one: self.told.append(one.fence))

    def start(self, name: str, seconds: float) -> Running:
        order: Any = None  # nobody asks it
        one = Running(order, name, 0, TimeLimit(seconds, 3600), [])
        self.running.add(one)
        self.ticking.started(one, one.limit.left())
        return one

    @property
    def armed(self) -> bool:
        return self.ticking._timer is not None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


async def test_each_is_stopped_at_its_own_limit_in_whatever_order_they_came() -> None:
    floor = Floor()
    long, short, middle = floor.start("long", 3600), floor.start("short", 0.03), floor.start("middle", 0.06)
    await until(lambda: short.stopped)
    assert middle.stopped is None or middle.limit.left() <= 0
    await until(lambda: middle.stopped)
    assert (long.stopped, short.stopped, middle.stopped) == (None, "limit", "limit")
    floor.ticking.stop()


async def test_a_limit_that_stood_still_is_kept_later() -> None:
    floor = Floor()
    one = floor.start("one", 0.3)
    with one.limit.paused():
        await asyncio.sleep(0.5)
        assert one.stopped is None
    await until(lambda: one.stopped)


async def test_who_watches_is_told_once_of_what_still_runs() -> None:
    floor = Floor()
    floor.start("slow", 3600)
    quick = floor.start("quick", 3600)
    quick.outcome = Returned(b"")
    floor.running.discard(quick)
    await until(lambda: floor.told)
    floor.start("later", 3600)
    await until(lambda: len(floor.told) == 2)
    assert floor.told == ["slow", "later"]
    floor.ticking.stop()


async def test_while_nothing_runs_no_timer_runs() -> None:
    floor = Floor()
    one = floor.start("one", 3600)
    floor.running.discard(one)
    await until(lambda: not floor.armed)
    assert floor.told == []
