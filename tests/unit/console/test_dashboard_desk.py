"""Measures that all pages share: made by one, waited for by nobody for long."""

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from argosy.console import dashboard_desk
from argosy.console.dashboard_desk import Desk, Shared
from argosy.console.dashboard_index import Index, Reading
from argosy.schemas.errors import Unreachable
from argosy.schemas.settings import Settings

if TYPE_CHECKING:
    from argosy.console.lag_measure import LagReport
    from argosy.console.process_life import Services


class Server:
    """Answers a number that grows; while it `hangs`, not before it is let go."""

    def __init__(self) -> None:
        self.asked = 0
        self.free = asyncio.Event()
        self.free.set()
        self.away = False

    async def ask(self) -> int:
        self.asked += 1
        asked = self.asked
        await self.free.wait()
        if self.away:
            message = "nobody is there"
            raise Unreachable(message)
        return asked


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_desk, "WAIT_SECONDS", 0.05)


async def test_a_server_that_hangs_is_asked_once_and_what_it_told_before_is_shown_meanwhile() -> None:
    server = Server()
    shared = Shared(server.ask, 0.0)
    assert await shared.get() == 1
    server.free.clear()
    assert await asyncio.gather(*(shared.get() for _ in range(10))) == [1] * 10
    assert await shared.get() == 1
    assert server.asked == 2
    server.free.set()
    while await shared.get() < 2:
        pass


async def test_what_was_told_before_is_no_news_while_a_measure_does_not_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server()
    index = Index(reading=Reading(done=True))
    desk = Desk(cast("Services", SimpleNamespace(settings=Settings())), index, asyncio.Event())
    desk.lag = cast("Shared[LagReport]", shared := Shared(server.ask, 0.0))
    await shared.get()
    server.free.clear()
    await shared.get()
    assert not desk.notes().items
    monkeypatch.setattr(dashboard_desk, "LATE_SECONDS", 0.0)
    assert "of the fleet" in desk.notes().items[0].key
    server.free.set()
    while await shared.get() < 2:
        pass
    assert not desk.notes().items
    desk.close()


async def test_who_looks_first_while_a_server_hangs_is_told_so_and_does_not_wait() -> None:
    server = Server()
    shared = Shared(server.ask, 60.0)
    server.free.clear()
    with pytest.raises(Unreachable, match="didn't tell within"):
        await shared.get()
    server.free.set()
    assert await shared.get() == 1
    shared.close()


async def test_an_error_that_took_long_is_not_made_again_by_each_of_those_who_waited() -> None:
    server = Server()
    server.away = True
    shared = Shared(server.ask, 60.0)
    for _ in range(5):
        with pytest.raises(Unreachable, match="nobody is there"):
            await shared.get()
    assert server.asked == 1


async def test_a_measure_is_made_to_its_end_though_who_asked_for_it_left() -> None:
    server = Server()
    shared = Shared(server.ask, 60.0)
    server.free.clear()
    asking = asyncio.create_task(shared.get(), name="a browser")
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait({asking})
    server.free.set()
    assert await shared.get() == 1
    assert server.asked == 1


async def test_a_defect_is_told_to_who_asks() -> None:
    async def broken() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Shared(broken).get()
