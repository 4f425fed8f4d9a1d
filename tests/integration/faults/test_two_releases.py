"""Two releases of the coordinator share a fleet and swap its lanes under load: nothing is lost, all ends are alike."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from argosy.coordinator.fold import RULES
from argosy.schemas.errors import NewerVersion, ResultTimeout, RunCancelled
from argosy.schemas.runlog import RunAccepted
from support import paged_app
from support.diamonds import Diamonds
from support.fault_app import Act, harming
from support.fault_world import FaultWorld, Ground, Kept, client_of, fault_world, until_begun
from support.forks import PLUG as VARIABLE
from support.forks import Forks
from support.next_release import PLUG, WORD, folded_again, rules_3
from support.older_release import PLUG as OLDER
from support.paged_app import Text, reading
from support.stack import StackThread
from support.witness import Line

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]

LIVE: Final = '"event":"lane is live"'
WAITS: Final = "work of a newer release waits for the roll-out"
PAGED: Final = Path(paged_app.__file__)
PAUSED: Final = "lane waits for a newer release"


async def next_one(world: FaultWorld, *, rules: int = 2) -> Kept:
    """Start a coordinator of the next release."""
    return await world.start("coordinator", variables={VARIABLE: PLUG, "ARGOSY_FLEET__RULES": str(rules)})


async def until_live(world: FaultWorld, place: Kept) -> None:
    """Wait until it has a lane."""
    await world.until_said(LIVE, [place])


def both_folds(monkeypatch: pytest.MonkeyPatch, lines: list[Line]) -> None:
    """See that each release makes of each run the end that it has in the log."""
    rules: dict[str, int] = {}
    for line in lines:
        if isinstance(
            line.message, RunAccepted
        ):  # the first one: a submit may be received again, by the other
            rules.setdefault(line.envelope.subject, line.message.rules)
    old = [line for line in lines if rules.get(line.envelope.subject) == 2]
    assert 0 < len(old) < len(lines)
    for run_id, (folded, recorded) in folded_again(old).items():
        assert folded == recorded, f"this release folds {run_id} otherwise"
    with pytest.raises(NewerVersion):
        folded_again(lines)
    monkeypatch.setitem(RULES, 3, rules_3)
    again = folded_again(lines)
    assert set(again) == set(rules)
    for run_id, (folded, recorded) in again.items():
        assert folded == recorded, f"the next release folds {run_id} otherwise"


async def test_two_releases_that_swap_lanes_under_load_lose_nothing_and_newer_rules_pause_the_older_one(
    tmp_path: Path, forks: Forks, stack: StackThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    async with fault_world(ground) as world, client_of(world) as client:
        diamonds, enough = Diamonds(world, client), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(diamonds.keep_on(enough), name="load")
            (this, _) = world.places
            await until_live(world, this)

            newer = await next_one(world)  # rolled out beside it: one lane each
            await until_live(world, newer)
            await world.end(this)  # rolled out
            await diamonds.submit(4)
            this = await world.start("coordinator")
            await until_live(world, this)
            await world.end(newer)  # rolled back
            await diamonds.submit(4)
            newer = await next_one(world, rules=3)  # again, and the setting raised too early
            await until_live(world, newer)
            await world.until_said(PAUSED, [this])  # a run of the newer rules lies in its lane
            enough.set()
        assert "quarantine" not in this.said()
        await world.end(this)  # as the words tell: now the roll-out is complete
        await diamonds.ended()
        last = await client.submit(harming, Act(kind="wait"))
        await until_begun(world, f"{last.run_id}/harm")
        await last.cancel("never mind")
        with pytest.raises(RunCancelled, match=f"{WORD}never mind"):
            await last.result(timeout_seconds=240)
        await diamonds.judged(most_again=0)
        both_folds(monkeypatch, await world.witness.read({}))
        assert world.restarts == 0, world.said()[-3000:]


async def test_an_older_worker_lets_pages_wait_for_the_roll_out_and_goes_on_with_all_else(
    tmp_path: Path, forks: Forks, stack: StackThread
) -> None:
    ground = Ground(tmp_path, forks, stack.bootstrap_servers, stack.redis_url)
    large = Text(text="".join(f"line {number} of a text that is too large\n" for number in range(200)))
    async with fault_world(ground, app=PAGED) as world, client_of(world) as client:
        (_, this) = world.places
        await world.end(this)
        older = await world.start("worker", variables={VARIABLE: OLDER})
        cut = await client.submit(reading, large)
        await world.until_said(WAITS, [older])
        for number in range(4):
            small = await client.submit(reading, Text(text=f"small {number}"))
            assert await small.result(timeout_seconds=240) == [f"small {number}"]
        with pytest.raises(ResultTimeout):
            await cut.result(timeout_seconds=0.1)
        await world.end(older)  # rolled
        await world.start("worker")
        assert await cut.result(timeout_seconds=240) == large.text.splitlines()
        await world.until_quiet()
        assert not [line for line in await world.witness.read({}) if line.topic.endswith(".dead")]
        assert world.restarts == 0, world.said()[-3000:]
