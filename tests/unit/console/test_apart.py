"""Work in a thread of its own ends when nobody waits for it any more; so does the blame of who left its page."""

import asyncio
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Scope

from argosy.broker.memory_payloads import MemoryPayloads
from argosy.console.apart import apart
from argosy.console.blame import blame
from argosy.console.dashboard_http import Routes
from argosy.console.dashboard_page import Asked, Page, View
from argosy.schemas.dashboard_settings import DashboardSettings
from support.fold_pipelines import accepted, pipeline, task
from support.told_pages import Told, done

if TYPE_CHECKING:
    from argosy.console.dashboard_desk import Desk
    from argosy.console.dashboard_session import Sessions

WAIT_SECONDS = 30


class Endless:
    """Work that never ends by itself."""

    def __init__(self) -> None:
        self.began, self.ended = threading.Event(), threading.Event()

    async def work(self) -> str:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()
        return "never"


async def test_what_is_done_apart_is_given() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return threading.get_ident()

    assert await apart(work) != threading.get_ident()


async def test_work_apart_ends_when_nobody_waits_for_it() -> None:
    endless = Endless()
    waiting = asyncio.create_task(apart(endless.work), name="waits")
    assert await asyncio.to_thread(endless.began.wait, WAIT_SECONDS)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(endless.ended.wait, WAIT_SECONDS)


async def test_a_blame_gives_way_at_each_value_also_of_small_ones() -> None:
    run = Told().add(accepted(pipeline(task("a", "input"), task("b", "a"))), done("a"), done("b"))
    looking = asyncio.create_task(blame(run.history, MemoryPayloads(), "made"), name="blame")
    await asyncio.sleep(0)
    assert not looking.done()
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking


async def test_a_long_look_ends_when_its_browser_leaves() -> None:
    endless = Endless()
    gone = asyncio.Event()

    async def look(_desk: "Desk", _asked: Asked) -> View:
        return View(await apart(endless.work), (), {})

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    settings = SimpleNamespace(dashboard=DashboardSettings())
    routes = Routes(cast("Desk", SimpleNamespace(settings=settings)), cast("Sessions", None))
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [],
        "path_params": {},
    }
    shown = routes.page(Page("/", "x.html", look, live=False))
    answering = asyncio.ensure_future(shown(Request(scope, receive)))
    assert await asyncio.to_thread(endless.began.wait, WAIT_SECONDS)
    gone.set()
    assert await asyncio.to_thread(endless.ended.wait, WAIT_SECONDS)
    with pytest.raises(ClientDisconnect):
        await answering
