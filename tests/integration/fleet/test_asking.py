"""Runs whose budget is spent: the coordinator is killed, and Redis wiped, while they wait; then they are answered."""

import json
from pathlib import Path

import pytest

from argosy.client.connection import Argosy
from argosy.schemas.errors import RunFailed
from argosy.testing import Rule, Say, Script, ScriptedModels
from support import spending_app
from support.command_line import CommandLine
from support.fleet import real_fleet
from support.spending_app import spending
from support.waiting import eventually

TOPICS = ["Kafka", "Redis", "Valkey", "argosy"]
LITTLE = 100
"""Enough for one call: a prompt of some ten tokens, and what is reserved for its answer."""


async def until_asking(client: Argosy, *run_ids: str) -> None:
    """Wait until just these ask, with two tasks each: after a loss, until their lanes know them again."""

    async def so() -> bool:
        found = {one.run_id: one.tasks for one in await client.waiting() if one.kind == "budget"}
        return found == dict.fromkeys(run_ids, 2)

    await eventually(so, f"{run_ids} ask for more")


@pytest.mark.timeout(600)
async def test_runs_ask_for_more_whatever_dies_meanwhile_and_go_on(tmp_path: Path) -> None:
    script = Script(rules=[Rule(replies=[Say(text="much " * 30)])])
    async with (
        ScriptedModels(script) as models,
        real_fleet(
            tmp_path,
            workers=[("spend",)],
            app=Path(spending_app.__file__),
            variables=dict(models.environment),
        ) as fleet,
        Argosy.connect(fleet.settings) as client,
    ):
        argosy = CommandLine(fleet.stack.folder, fleet.environment)
        runs = [
            await client.submit(spending, TOPICS, run_id=f"b{number}", budget=LITTLE, on_spent="ask")
            for number in range(4)
        ]
        await until_asking(client, "b0", "b1", "b2", "b3")
        before = len(models.calls)
        assert "awaiting_budget" in argosy("why", "b0").stdout
        assert "waits for budget" in argosy("runs", "show", "b0").stdout
        told = json.loads(argosy("runs", "waiting", "--json").stdout)["waiting"]
        assert {(one["kind"], one["budget"]) for one in told} == {("budget", LITTLE)}

        await fleet.flush()
        await fleet.kill("coordinator-1")
        await runs[0].raise_budget(100_000, answer_id="more")  # nobody reads it yet
        await fleet.stack.supervisor.until_ready("coordinator-1")
        await runs[0].raise_budget(100_000, answer_id="more")
        assert len(await runs[0].result(timeout_seconds=150)) == len(TOPICS)
        assert len(models.calls) <= before + len(TOPICS)

        await until_asking(client, "b1", "b2", "b3")
        more = str(LITTLE + 1)  # too little for another call: the run is still there to tell of it
        assert f"of {more} tokens" in argosy("runs", "budget", "b1", "--tokens", more).stdout
        await fleet.flush()
        await runs[1].raise_budget(100_000)
        assert len(await runs[1].result(timeout_seconds=150)) == len(TOPICS)

        await until_asking(client, "b2", "b3")
        argosy("runs", "budget", "b2", "--tokens", str(LITTLE), expect=1)
        argosy("runs", "budget", "b2", "--micros", "5", expect=3)
        argosy("runs", "budget", "b2", "--no", "--reason", "too dear", "--by", "ann")
        with pytest.raises(RunFailed, match=r"budget_spent.*says ann: too dear"):
            await runs[2].result(timeout_seconds=150)
        assert "waits until somebody raises" in argosy("why", "b3").stdout
        await runs[3].cancel()
        await runs[3].ended(timeout_seconds=150)
        argosy("runs", "budget", "b3", "--tokens", "5", expect=5)
        assert await client.waiting() == []
        effects = fleet.ledger.effects()
        assert len(effects) <= 2 * len(TOPICS) + 2 * 3
