"""A map over a pipeline on a real fleet: holes, retries, conditions on items and on the list, while processes die."""

import asyncio
from pathlib import Path

import pytest

from argosy.client.connection import Argosy
from support import parcels as app
from support.fleet import real_fleet
from support.oracle import stories, until_quiet
from support.parcels import Delivery, Parcel, parcels
from support.waiting import eventually

AGENTS = ("label", "weigh", "split", "pack", "deliver")
ITEMS = 40
LOST = (7, 23)


@pytest.mark.timeout(600)
async def test_a_pipeline_for_each_item_takes_effect_once_whatever_dies_meanwhile(tmp_path: Path) -> None:
    given = [
        Parcel(number=number, heavy=number % 3 == 0, lost=number in LOST, parts=["p"] * (number % 3))
        for number in range(ITEMS)
    ]
    there = [parcel for parcel in given if not parcel.lost]
    async with (
        real_fleet(tmp_path, coordinators=2, workers=(AGENTS, AGENTS), app=Path(app.__file__)) as fleet,
        Argosy.connect(fleet.settings) as client,
    ):
        run = await client.submit(parcels, given, run_id="post")

        async def under_way() -> bool:
            return len(fleet.ledger.effects()) >= ITEMS // 4

        await eventually(under_way, "a quarter of the items is under way")
        async with asyncio.TaskGroup() as group:
            for name in ("worker-1", "coordinator-1"):
                group.create_task(fleet.kill(name), name=f"kill {name}")
        assert await run.result(timeout_seconds=200) == Delivery(
            labels=[f"#{each.number} is heavy" if each.heavy else f"#{each.number}" for each in there],
            missing=[f"post/one.{number}/label" for number in LOST],
            parts=["P" for each in there for _ in each.parts],
        )
        await until_quiet(fleet.settings)
        story = (await stories(fleet.settings))["post"]
        assert len(set(story.results)) == 1
        made = [key.split("|")[0] for key in fleet.ledger.effects()]
        assert sorted(made) == sorted(f"post/one.{each.number}/label" for each in there)
        assert fleet.ledger.made_after_known() == []
        assert fleet.ledger.changed_memos() == []
        looks = [settled.task_id for settled in story.settled if settled.task_id.endswith("/input")]
        assert set(looks) == {f"post/one.{number}/input" for number in range(ITEMS)}
