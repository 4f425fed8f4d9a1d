"""A larger budget, and a no, by the dashboard: asked first, sent once, only by who signed in, with a form of ours."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from httpx2 import ASGITransport, AsyncClient

from argosy import RunFailed
from argosy.broker.memory_redis import MemoryRedis
from argosy.client.connection import Argosy
from argosy.client.run import Run
from argosy.console.dashboard_budget_action import BUDGET_ACTION
from argosy.console.dashboard_desk import Desk
from argosy.console.dashboard_http import build
from argosy.console.dashboard_index import Index
from argosy.console.dashboard_limits import LIMITS
from argosy.console.dashboard_session import Sessions
from argosy.schemas.settings import Settings
from support.asking_world import asking_world, services_of
from support.dashboard import KEY, ORIGIN, csrf_of


@dataclass
class Page:
    """A browser before it."""

    http: AsyncClient
    run: Run[str]

    async def csrf(self) -> str:
        return csrf_of(await self.http.get("/login"))

    async def sign_in(self) -> None:
        form = {"csrf": await self.csrf(), "token": KEY, "next": "/"}
        assert (await self.http.post("/login", data=form, headers=ORIGIN)).status_code == 303

    async def act(self, **form: str) -> tuple[int, str]:
        answer = await self.http.post("/do/budget", data=form, headers=ORIGIN)
        return answer.status_code, answer.text

    async def budget(self) -> int | None:
        (asked,) = await self.run.waiting()
        return asked.budget


@asynccontextmanager
async def dashboard(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Page]:
    async with asking_world() as (world, _, (run,)):

        def connect(_: Settings) -> Argosy:
            kafka = world.kafka.view("dashboard")
            return Argosy(world.settings, kafka, MemoryRedis(world.server), world.payloads)

        monkeypatch.setattr(Argosy, "connect", connect)
        desk = Desk(services_of(world), Index(), asyncio.Event())
        app = build(desk, Sessions(KEY), (LIMITS,), (BUDGET_ACTION,), "argosy_test")
        transport = ASGITransport(app, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://127.0.0.1:8090") as http:
            yield Page(http, run)


async def test_a_budget_is_raised_after_it_was_asked_for_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    async with dashboard(monkeypatch) as page:
        await page.sign_in()
        form = {"csrf": await page.csrf(), "asked": "yes r0"}
        status, text = await page.act(**form)
        assert status == 200
        assert "0 of 500 tokens taken" in text
        assert 'value="1000"' in text
        assert await page.budget() == 500
        assert (await page.act(**form, tokens="5000", by="ann", confirmed="yes"))[0] == 303
        assert await page.run.result(timeout_seconds=60) == "done"


async def test_a_no_fails_what_waits_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    async with dashboard(monkeypatch) as page:
        await page.sign_in()
        form = {"csrf": await page.csrf(), "asked": "no r0"}
        status, text = await page.act(**form)
        assert (status, "the tasks that wait fail" in text) == (200, True)
        assert (await page.act(**form, reason="too dear", confirmed="yes"))[0] == 303
        with pytest.raises(RunFailed, match="too dear"):
            await page.run.result(timeout_seconds=60)


async def test_nothing_is_raised_without_signing_in_or_without_our_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with dashboard(monkeypatch) as page:
        form = {"asked": "yes r0", "tokens": "5000", "confirmed": "yes"}
        assert (await page.act(csrf=await page.csrf(), **form))[0] == 403
        await page.sign_in()
        assert (await page.act(csrf="another", **form))[0] == 403
        stranger = await page.http.post(
            "/do/budget", data={"csrf": await page.csrf(), **form}, headers={"Origin": "http://evil.example"}
        )
        assert stranger.status_code == 403
        assert await page.budget() == 500


@pytest.mark.parametrize(
    ("asked", "tokens", "status"),
    [
        ("yes r0", "499", 422),
        ("yes r0", "500", 422),
        ("yes r0", "9" * 5_000, 422),
        ("yes r0", "many", 422),
        ("yes r0", "", 422),
        ("maybe r0", "5000", 422),
        ("", "5000", 422),
        ("yes nobody", "5000", 404),
    ],
)
async def test_what_is_no_larger_budget_is_refused_and_nothing_is_sent(
    asked: str, tokens: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dashboard(monkeypatch) as page:
        await page.sign_in()
        form = {"csrf": await page.csrf(), "asked": asked, "tokens": tokens, "confirmed": "yes"}
        assert (await page.act(**form))[0] == status
        assert await page.budget() == 500
