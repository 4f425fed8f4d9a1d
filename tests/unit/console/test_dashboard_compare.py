"""Pages that look through whole runs: they leave the loop to others, and see what was known when they began."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.store import Payloads
from argosy.console import dashboard_compare_page
from argosy.console.blame import blame
from argosy.console.blame_facts import Blame
from argosy.console.dashboard_compare_page import look_blame, look_compare
from argosy.console.dashboard_histories import Kept
from argosy.console.dashboard_page import Asked, View
from argosy.console.diff import Diff, diff
from argosy.console.run_history import History
from support.fold_pipelines import accepted, pipeline, task
from support.told_pages import Told, done

if TYPE_CHECKING:
    from argosy.console.dashboard_desk import Desk

WAIT_SECONDS = 30
KNOWN = 2
"""Records of the run when a page is asked for."""


class Held:
    """Who looks through runs, and is held up in the middle of it."""

    def __init__(self) -> None:
        self.began, self.free = threading.Event(), threading.Event()

    def look(self, *histories: History) -> None:
        self.began.set()
        assert self.free.wait(WAIT_SECONDS), "the loop waits too"
        assert [(len(each.records), len(each.by_task)) for each in histories] == [(KNOWN, 1)] * len(histories)

    async def blame(self, history: History, payloads: Payloads, about: str) -> Blame:
        self.look(history)
        return await blame(history, payloads, about)

    def diff(self, left: History, right: History) -> Diff:
        self.look(left, right)
        return diff(left, right)


@pytest.mark.parametrize("look", [look_blame, look_compare])
async def test_the_log_goes_on_while_a_run_is_looked_through(
    monkeypatch: pytest.MonkeyPatch, look: Callable[["Desk", Asked], Awaitable[View]]
) -> None:
    held, run = Held(), Told().add(accepted(pipeline(task("a", "input"), task("b", "a"))), done("a"))

    async def history(_: str) -> Kept:
        return Kept(run.history, run.times)

    desk = cast("Desk", SimpleNamespace(history=history, services=SimpleNamespace(payloads=MemoryPayloads())))
    monkeypatch.setattr(dashboard_compare_page, "blame", held.blame)
    monkeypatch.setattr(dashboard_compare_page, "diff", held.diff)

    async def looked() -> View:
        return await look(desk, Asked({"run_id": "r"}, {"left": "r", "right": "r", "about": "made"}))

    looking = asyncio.create_task(looked(), name="page")
    assert await asyncio.to_thread(held.began.wait, WAIT_SECONDS)
    run.add(done("b"))
    held.free.set()
    assert "r" in (await looking).title
