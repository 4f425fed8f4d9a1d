"""A run with a plan is run again from the command line, with another agent, on real servers and processes."""

import json
from pathlib import Path

import pytest

from argosy import Argosy
from argosy.testing import Rule, Say, Script, ScriptedModels
from support import thinking_app
from support.command_line import CommandLine
from support.fleet import RealFleet, real_fleet
from support.thinking_app import thinking

TOPICS = ["kafka", "redis", "valkey"]
APP = Path(thinking_app.__file__)
SHOUTING = ("--set", "tell=shout", "--app", str(APP))


def made_by(fleet: RealFleet, run_id: str) -> list[str]:
    """Name the tasks of a run that made an effect, as often as they did."""
    tasks = (key.partition("|")[0] for key in fleet.ledger.made() if "|" in key)
    return sorted(task.removeprefix(f"{run_id}/") for task in tasks if task.startswith(f"{run_id}/"))


@pytest.mark.timeout(600)
async def test_a_replay_of_a_plan_with_another_agent_spends_nothing_on_the_rest(tmp_path: Path) -> None:
    script = Script(rules=[Rule(replies=[Say(text="much")])])
    async with (
        ScriptedModels(script) as models,
        real_fleet(
            tmp_path,
            workers=[("devise", "think"), ("tell", "shout")],
            app=APP,
            variables=dict(models.environment),
        ) as fleet,
        Argosy.connect(fleet.settings) as client,
    ):
        argosy = CommandLine(fleet.stack.folder, fleet.environment)
        old = await client.submit(thinking, TOPICS, run_id="old")
        assert await old.result(timeout_seconds=150) == (
            "<kafka by old> <redis by old> <valkey by old> <<kafka by old> by old>"
        )
        assert made_by(fleet, "old") == [
            "plan",
            "plan/kafka",
            "plan/last",
            "plan/redis",
            "plan/valkey",
            "say",
        ]
        assert len(models.calls) == 5
        one = (await old.ended()).usage.total_tokens

        await fleet.flush()  # what the first run left comes out of its log
        said = argosy("runs", "replay", "old", "--from", "say", *SHOUTING)
        assert json.loads(said.stdout) == (
            "<KAFKA BY OLD> <REDIS BY OLD> <VALKEY BY OLD> <<KAFKA BY OLD> BY OLD>"
        )
        assert made_by(fleet, "old.r1") == ["say"]
        assert len(models.calls) == 5
        assert (await client.run("old.r1").ended()).usage.total_tokens == 0

        told = argosy("runs", "replay", "old", "--from", "plan/kafka", *SHOUTING, "--detach")
        assert "old.r2" in told.stdout
        await fleet.kill("coordinator-1")
        run = client.run("old.r2")
        assert await run.result(timeout_seconds=150) == (
            "<KAFKA BY OLD.R2> <REDIS BY OLD> <VALKEY BY OLD> <<KAFKA BY OLD.R2> BY OLD.R2>"
        )
        assert made_by(fleet, "old.r2") == ["plan/kafka", "plan/last", "say"]
        assert len(models.calls) == 7
        assert 0 < (await run.ended()).usage.total_tokens < one
        assert "a replay of old: 3 results reused" in argosy("runs", "show", "old.r2").stdout
