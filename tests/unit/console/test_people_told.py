"""What `argosy run` says while its run waits for somebody."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from argosy.client.awaited import Awaited
from argosy.console.people_told import said, tell_who_is_asked
from argosy.schemas.errors import Unreachable

ASKED = Awaited("r", "p@1", "ok", "approval", since_ms=1_000, until_ms=61_000, question="Go on?")
SPENT = replace(ASKED, step="", kind="budget", question="the budget of run r is spent", budget=500)


@dataclass
class Waiting:
    """A run that waits for one thing after the other, with Redis away in between."""

    looks: list[list[Awaited] | None]
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    async def waiting(self) -> list[Awaited]:
        if not self.looks:
            self.seen.set()
            return []
        if (found := self.looks.pop(0)) is None:
            where = "redis"
            raise Unreachable(where)
        return found


async def test_each_thing_that_a_run_waits_for_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    again = replace(SPENT, since_ms=9_000)  # it was raised, and is spent once more
    run = Waiting([[], [ASKED], None, [ASKED, SPENT], [SPENT], [again]])
    telling = asyncio.create_task(tell_who_is_asked(cast("Any", run), first_seconds=0.0))
    await run.seen.wait()
    telling.cancel()
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[2] for line in told] == [
        said(one).partition(": ")[2] for one in (ASKED, SPENT, again)
    ]


def test_what_is_said_names_the_command_that_answers() -> None:
    assert said(ASKED) == "run r waits until 1970-01-01 00:01:01Z: ok asks: Go on? (argosy runs approve r ok)"
    signal = replace(ASKED, kind="signal", step="slot")
    assert said(signal).endswith("slot waits for its signal (argosy runs signal r slot --value JSON)")
    assert said(SPENT).endswith("is spent (argosy runs budget r --tokens N, or --no)")
    money = replace(SPENT, budget=None, budget_micros=9)
    assert said(money).endswith("(argosy runs budget r --micros N, or --no)")
