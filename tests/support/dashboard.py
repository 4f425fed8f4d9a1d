"""A dashboard without a fleet, asked in this process; and records of the run log for its index."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from httpx2 import ASGITransport, AsyncClient, Response
from pydantic import SecretStr

from argosy import Context, Pipeline, agent
from argosy.broker.log import Record
from argosy.console.dashboard_desk import Desk
from argosy.console.dashboard_http import build
from argosy.console.dashboard_index import Index
from argosy.console.dashboard_page import Action, Asked, Done, Form, Item, Page, Question, Region, View
from argosy.console.dashboard_session import Sessions
from argosy.console.process_life import open_services
from argosy.schemas.chat import Usage
from argosy.schemas.codec import encode_body
from argosy.schemas.dashboard_settings import DashboardSettings
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import PayloadGone, Unreachable
from argosy.schemas.fault import Fault
from argosy.schemas.payload import Inline
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import LogMessage, RunAccepted, RunEnded, RunOutcome, TaskSettled
from argosy.schemas.settings import Settings

KEY: Final = "the key of this dashboard"
HOSTILE: Final = "<script>document.title='owned'</script>\x1b[31m\u202egnp\u200b"
ORIGIN: Final = {"Origin": "http://127.0.0.1:8090"}


@agent(model="openai:gpt-5")
async def first(ctx: Context, text: str) -> str:  # noqa: ARG001 - an agent
    """Only its contract matters."""
    return text


@agent
async def second(ctx: Context, text: str) -> str:  # noqa: ARG001 - an agent
    """Only its contract matters."""
    return text


@cache
def pipeline(name: str = "pair") -> CompiledPipeline:
    made = Pipeline(name, takes=str, gives=str)
    made.returns(made.step(second, made.step(first, made.input)))
    return made.compile()


def record(run_id: str, message: LogMessage, *, offset: int = 0, time_ms: int = 0, lane: int = 0) -> Record:
    """Write a record as the run log has it."""
    envelope = Envelope(kind=message.KIND, id=f"{run_id}/{offset}", source="test", subject=run_id)
    return Record("argosy.runs", lane, offset, time_ms, b"k", encode_body(message), tuple(envelope.headers()))


def accepted(name: str = "pair", tenant: str | None = None) -> RunAccepted:
    return RunAccepted(
        rules=2,
        pipeline=pipeline(name),
        input=Inline(value="x", bytes=3, tokens=1),
        data_hash="h",
        position="0/0",
        submitted_ms=0,
        deadline_ms=1,
        longest_and_window_ms=1,
        tenant=tenant,
    )


def settled(run_id: str, step: str, *, attempt: int = 1, fault: str = "") -> TaskSettled:
    return TaskSettled(
        task_id=f"{run_id}/{step}",
        attempt=attempt,
        outcome="failed" if fault else "succeeded",
        fault=Fault(code="handler_error", message=fault) if fault else None,
        usage=Usage(input_tokens=100, output_tokens=10),
        worker="argosy/worker/w",
        deliveries=1,
        duration_ms=200,
    )


def ended(outcome: RunOutcome = "succeeded") -> RunEnded:
    return RunEnded(outcome=outcome, data_hash="h", usage=Usage(input_tokens=200, output_tokens=20), tasks=2)


@dataclass
class Lonely:
    """A dashboard with one page and one action; nothing is behind it."""

    http: AsyncClient
    done: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])
    text: str = "quiet"
    looks: int = 0

    async def page(self, _: Desk, asked: Asked) -> View:
        self.looks += 1
        if asked.query.get("fail"):
            message = "a defect"
            raise RuntimeError(message)
        if asked.query.get("away"):
            message = "Kafka did not tell"
            raise Unreachable(message)
        if asked.query.get("gone"):
            message = "the payload is gone"
            raise PayloadGone(message)
        facts: dict[str, object] = {
            "count": 1,
            "shown": 1,
            "reasons": {},
            "topics": [],
            "reason": "",
            "topic": "",
            "text": "",
        }
        items = (Item("one", self.text),)
        return View("Page", (Region("letters", "base_items.html:note", items),), facts)

    async def ask(self, _desk: Desk, form: Form) -> Question:
        return Question(f"Do {form.get('what', '')}?", "Do it")

    async def do(self, _desk: Desk, form: Form) -> Done:
        self.done.append(dict(form))
        return Done("It was done.", "/")

    async def sign_in(self, key: str = KEY) -> Response:
        page = await self.http.get("/login")
        return await self.http.post(
            "/login", data={"csrf": csrf_of(page), "token": key, "next": "/"}, headers=ORIGIN
        )

    async def csrf(self) -> str:
        return csrf_of(await self.http.get("/login"))


def csrf_of(page: Response) -> str:
    return page.text.partition('name="csrf" value="')[2].partition('"')[0]


@asynccontextmanager
async def lonely_dashboard(*, token: str | None = None) -> AsyncGenerator[Lonely]:
    """Serve it; with a `token` who looks must sign in with that."""
    settings = Settings(dashboard=DashboardSettings(token=None if token is None else SecretStr(token)))
    async with open_services(settings, "test") as services:
        desk = Desk(services, Index(), asyncio.Event(), Path("some.key"))
        lonely = Lonely(AsyncClient())
        page = Page("/", "dead.html", lonely.page, "dead")
        app = build(
            desk, Sessions(token or KEY), (page,), (Action("thing", lonely.ask, lonely.do),), "argosy_test"
        )
        transport = ASGITransport(app, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://127.0.0.1:8090") as http:
            lonely.http = http
            yield lonely
