"""The page on blame: its code runs, and it names what there is."""

import os
from pathlib import Path

import pytest

from argosy.console.commands import COMMANDS
from support.guide_page import GuidePage


def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = GuidePage("blame.md")
    monkeypatch.setenv(
        "PYTHONPATH", str(Path(__file__).parents[2]) + os.pathsep + os.environ.get("PYTHONPATH", "")
    )
    done = page.run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{page.tests} passed" in done.stdout


def test_its_commands_are_there() -> None:
    text = GuidePage("blame.md").text
    for name in ("blame", "history", "diff", "trace"):
        assert f"`argosy {name} RUN" in text
        assert name in COMMANDS
