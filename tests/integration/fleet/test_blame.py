"""Which agent made the error, asked of a fleet of real servers and processes, as a user asks."""

import json
from pathlib import Path
from typing import Any

import pytest

from argosy import Argosy
from support import blame_app
from support.blame_app import briefing
from support.command_line import CommandLine
from support.fleet import real_fleet

AGENTS = ("research", "extract", "polish", "polish_honestly", "criticise", "figures", "write")


@pytest.mark.timeout(600)
async def test_of_six_agents_the_one_that_falsified_a_figure_is_named_and_so_is_its_replacement(
    tmp_path: Path,
) -> None:
    app = Path(blame_app.__file__)
    async with (
        real_fleet(tmp_path, workers=[AGENTS], app=app) as fleet,
        Argosy.connect(fleet.settings) as client,
    ):
        argosy = CommandLine(fleet.stack.folder, fleet.environment)

        def asked(*words: str) -> dict[str, Any]:
            answer: dict[str, Any] = json.loads(argosy("--json", *words).stdout)
            return answer

        run = await client.submit(briefing, "lighthouses", run_id="brief-7")
        brief = await run.result(timeout_seconds=150)
        assert brief.figures == {"steps": 1301}
        for about in (".figures.steps", "1,301 Steps"):
            found = asked("blame", "brief-7", "--about", about)
            assert [task["task"] for task in found["made_by"]] == ["polish"]
            assert found["made_by"][0]["contradictions"][0]["was"] == "301"
        told = argosy("blame", "brief-7").stdout
        assert told.startswith("run brief-7, succeeded: polish is the first to suspect")
        argosy("blame", "brief-7", "--about", "Eddystone", expect=5)
        argosy("blame", "brief-8", expect=5)
        argosy("blame", "brief-7", "--about", ".body", expect=5)

        swap = ("--set", "polish=polish_honestly", "--app", str(app), "--run-id", "brief-8")
        argosy("runs", "replay", "brief-7", *swap)
        parted = asked("diff", "brief-7", "brief-8")
        assert (parted["first"]["task"], parted["first"]["work"][0]) == ("polish", "agent")
        assert {each["task"]: each["how"] for each in parted["tasks"]} == {
            "research": "same",
            "extract": "same",
            "polish": "differs",
            "criticise": "agrees",
            "figures": "follows",
            "write": "follows",
        }
        assert argosy("diff", "brief-7", "brief-8").stdout.startswith(
            "polish is the first whose output differs"
        )

        honest = asked("blame", "brief-8", "--about", "301 steps")["made_by"]
        assert [(task["task"], task["reused"]) for task in honest] == [("research", True)]

        history = asked("history", "brief-7")["history"]
        assert [each["kind"] for each in (history[0], history[-1])] == ["run.accepted", "run.ended"]
        assert asked("runs", "history", "brief-7")["history"] == history
        assert {each["task"] for each in asked("history", "brief-7", "--task", "polish")["history"]} == {
            "polish"
        }
        argosy("history", "brief-7", "--task", "nobody", expect=5)

        page = argosy("trace", "brief-7").stdout
        assert page.startswith("<!doctype html>")
        assert "It has 1,301 steps." in page
        argosy("trace", "brief-7", "--out", str(tmp_path / "run.html"))
        assert (tmp_path / "run.html").read_text(encoding="utf-8").startswith("<!doctype html>")
