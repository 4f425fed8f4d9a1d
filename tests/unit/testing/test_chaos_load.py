"""The client of a chaos run, on a simulated fleet: it comes again when that is full, and answers what waits."""

import asyncio
from pathlib import Path

import pytest

from argosy.console.chaos_arena import BUDGETS, OWN_APP
from argosy.console.chaos_offers import own_offers, runs_for
from argosy.pipelines.discover import discover
from argosy.schemas.errors import ConfigurationError
from argosy.testing.chaos_answers import ANSWERED
from argosy.testing.chaos_load import Journal, Load, Offer, Submitter
from argosy.testing.chaos_pages import SUMMARY
from argosy.testing.fake_model import FakeModel
from argosy.testing.quiet import quietly
from argosy.testing.stage import Stage, plain_settings
from argosy.testing.world import World

TOTAL = 35


@pytest.fixture(autouse=True)
def _effects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_CHAOS_EFFECTS", str(tmp_path / "effects"))
    monkeypatch.setattr("argosy.testing.chaos_work._EFFECTS", [])


def _load(folder: Path) -> Load:
    kinds = {name for name, _ in own_offers(None)} - {
        "shops",
        "markets",
    }  # a simulation starts no server of tools
    offers = [Offer(pipeline=name, inputs=list(inputs)) for name, inputs in own_offers(sorted(kinds))]
    return Load(
        app=OWN_APP,
        offers=offers,
        prefix="run",
        journal=folder / "journal",
        ready=folder / "ready",
        total=TOTAL,
        in_flight=12,
        answered=ANSWERED,
        budgets=BUDGETS,
    )


def test_runs_of_all_kinds_end_though_the_fleet_is_full_and_the_client_begins_again(tmp_path: Path) -> None:
    settings = plain_settings()
    fleet = settings.fleet.model_copy(update={"most_runs_of": {"work": 2, "gates": 1}})
    world, found = World(settings.model_copy(update={"fleet": fleet}), seed=1), discover(OWN_APP)
    stage = Stage(found.agents, world, model=FakeModel(SUMMARY))
    load = _load(tmp_path)

    async def play() -> None:
        await stage.start(1, {"worker": list(stage.agents)})
        first = asyncio.create_task(Submitter(load, stage.client).run(asyncio.Event()))
        while len(Journal(load.journal).ended) < 7:  # noqa: ASYNC110 - nobody rings for it
            await asyncio.sleep(0.05)
        first.cancel()
        await asyncio.wait([first])
        await Submitter(load, stage.client).run(asyncio.Event())

    try:
        with quietly():
            world.loop.run_until_complete(asyncio.wait_for(play(), 600))
    finally:
        world.close()
    journal = Journal(load.journal)
    assert journal.ended == dict.fromkeys(range(TOTAL), "succeeded")
    assert journal.acknowledged.keys() == journal.ended.keys()
    wait = {number for number in range(TOTAL) if load.offered(number)[0] in ANSWERED}
    assert journal.answered == wait
    assert journal.busy > 0


def test_a_run_is_found_by_its_id() -> None:
    load = _load(Path())
    assert load.number(load.run_id(7)) == 7
    assert load.number("killer-7") is None


def test_runs_are_counted_by_their_tasks_and_kinds_can_be_chosen() -> None:
    assert runs_for(24 * 3, own_offers(["work"])) == 3
    assert runs_for(25, own_offers(["work"])) == 2
    assert {name for name, _ in own_offers(["gates", "asked"])} == {"gates", "asked"}
    with pytest.raises(ConfigurationError, match="submits no 'killer'"):
        own_offers(["killer"])
