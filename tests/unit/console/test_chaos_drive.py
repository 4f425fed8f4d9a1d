"""Faults that are under way when the load ends, and faults that go wrong in several places at once."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from argosy.console import chaos_strikes
from argosy.console.chaos_arena import Arena, Shape
from argosy.console.chaos_drive import Drive, Order
from argosy.schemas.errors import ChildFailed
from argosy.testing.chaos_load import Load
from argosy.testing.chaos_plan import BY_NAME, Pace, Strike
from argosy.testing.stage import plain_settings

KILL = Strike(1, 0.0, BY_NAME["kill-submitter"], ("submitter",), 0.0, 7)


class Supervised:
    """Stands for the supervisor."""

    def __init__(self) -> None:
        self.stopped: list[str] = []

    async def stop(self, name: str) -> None:
        self.stopped.append(name)


def _drive(folder: Path, supervisor: Supervised) -> Drive:
    load = Load(app="a", offers=[], prefix="run", journal=folder / "journal", ready=folder / "ready")
    shape = Shape("a", ())
    stack = SimpleNamespace(supervisor=supervisor)
    arena = SimpleNamespace(load=load, settings=plain_settings(), shape=shape, stack=stack)
    return Drive(cast("Arena", arena), Order(shape, Pace(1.0, 0.0, 0.0), 1), asyncio.Event())


async def test_the_client_is_not_stopped_while_a_fault_waits_for_it_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, back, supervisor = asyncio.Event(), asyncio.Event(), Supervised()
    drive = _drive(tmp_path, supervisor)

    async def hit(_arena: Arena, _strike: Strike) -> str:
        killed.set()
        await back.wait()
        assert not supervisor.stopped
        return "killed submitter"

    monkeypatch.setitem(chaos_strikes.HITS, "kill-submitter", hit)
    async with asyncio.TaskGroup() as group:
        group.create_task(drive._strike(KILL))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        group.create_task(drive._stop_load())  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        await killed.wait()
        back.set()
    assert supervisor.stopped == ["submitter"]
    assert [(told.said, told.error) for told in drive.told] == [("killed submitter", "")]


async def test_a_fault_that_goes_wrong_for_several_victims_is_told_and_ends_no_chaos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hit(_arena: Arena, _strike: Strike) -> str:
        message = "two"
        raise ExceptionGroup(message, [ChildFailed("a-1 did not start"), ChildFailed("a-2 did not start")])

    monkeypatch.setitem(chaos_strikes.HITS, "kill-submitter", hit)
    drive = _drive(tmp_path, Supervised())
    await drive._strike(KILL)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    assert [told.error.splitlines()[0] for told in drive.told] == ["ChildFailed: a-1 did not start"]
