"""A seed that breaks a promise is told with the command that runs it again, alone, with all that happens in it."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from argosy import Context, Pipeline, agent
from argosy.testing import PipelineLoad, Seed, World, explore, seeds_of
from argosy.testing.again import command_of


@agent(retries=0)
async def shout(ctx: Context, text: str) -> str:  # noqa: ARG001
    return text.upper()


loud = Pipeline("loud", takes=str, gives=str)
loud.returns(loud.step(shout, loud.input))


def wrong(world: World) -> PipelineLoad:
    """Expect what does not come."""
    return PipelineLoad(world, loud, ["a"], outcomes=("failed",))


def test_the_command_of_a_broken_seed_runs_it_alone_and_tells_the_same_findings() -> None:
    report = explore(wrong, [Seed("calm", 3), Seed("crash", 7)], processes=1)
    assert len(report.broken) == len(report.again) == 2
    for outcome, again, story in zip(report.broken, report.again, report.stories, strict=True):
        assert again in story
        assert again.endswith(f":wrong --seeds 1 --first {outcome.seed} --profile {outcome.profile} --story")
        ran = _run(again)
        assert ran.returncode == 1, ran.stderr
        assert [f"fault: {event}" for event in outcome.events] == _lines(ran.stdout, "fault: ")
        assert [f"broken: {finding}" for finding in outcome.findings] == _lines(ran.stdout, "broken: ")
        assert "handler of " in ran.stdout


def test_every_broken_seed_has_its_command_also_those_whose_story_is_not_told() -> None:
    report = explore(wrong, seeds_of(5, ["calm"]), processes=1)
    assert len(report.stories) == 3
    for number in range(5):
        assert f"--first {number} --profile calm --story" in str(report)


def test_the_shell_tells_it_at_once_and_in_json() -> None:
    command = command_of(wrong, "calm", 3).removesuffix(" --story")
    ran = _run(f"{command} --json")
    assert ran.returncode == 1, ran.stderr
    assert f"again: {command} --story" in ran.stderr
    assert json.loads(ran.stdout)["broken"][0]["again"] == f"{command} --story"


def test_of_a_load_that_no_shell_can_name_the_call_is_told() -> None:
    assert command_of(partial(wrong), "tail", 5) == "explore(load, [Seed('tail', 5)])"


def _lines(text: str, begin: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(begin)]


def _run(command: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = ["/bin/sh", "-c", command]  # as a person would paste it
    return subprocess.run(
        words, env={**environment, "PATH": path}, capture_output=True, text=True, check=False
    )
