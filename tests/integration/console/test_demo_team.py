"""`argosy demo --team` as a user runs it, on a stack of its own, with kills; what it refuses before it starts one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from argosy.console import exits
from support.missing import not_run

ARGOSY = (sys.executable, "-m", "argosy", "demo", "--team")
KEPT = {name: value for name, value in os.environ.items() if not name.startswith(("ARGOSY_", "OPENAI_"))}


def demo(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ARGOSY, *words], cwd=folder, env=KEPT | variables, capture_output=True, text=True, check=False
    )


@pytest.mark.timeout(900)  # kills every few seconds, on machines that do other things too
def test_the_team_builds_a_library_that_passes_while_its_processes_are_killed(tmp_path: Path) -> None:
    if which("bwrap") is None:
        not_run("argosy demo --team", "bubblewrap (bwrap) is not on the PATH")
    done = demo(tmp_path, "--chaos", "--seed", "3", "--json", "--dir", "it")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["green"]
    assert told["delivery"]["isolation"] == "bubblewrap"
    assert (told["committed_twice"], len(told["commits"]), len(set(told["tested"]))) == ([], 8, 2)
    assert "chaos: kill -9" in done.stderr
    assert "tests fail: FAILED" in done.stderr  # the first time
    checkout = Path(told["checkout"])
    tests = [sys.executable, "-m", "unittest", "discover", "-s", "tests", "-t", "."]
    passed = subprocess.run(tests, cwd=checkout, capture_output=True, text=True, check=False)
    assert passed.returncode == 0, passed.stderr
    log = ["git", "-C", told["repository"], "log", "--format=%an", "main"]
    authors = subprocess.run(log, capture_output=True, text=True, check=True).stdout.split()
    assert sorted(authors) == ["argosy", *["coder"] * 4, "integrator", *["mender"] * 2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.txt"], "--team takes no documents (a.txt)"),
        (["--model", "openai:gpt-5"], "there is no server for the model 'openai:gpt-5'"),
    ],
)
def test_what_can_not_be_is_said_before_anything_starts(tmp_path: Path, words: list[str], said: str) -> None:
    if which("bwrap") is None:
        not_run("argosy demo --team", "bubblewrap (bwrap) is not on the PATH")
    (tmp_path / "a.txt").write_text("a")
    done = demo(tmp_path, *words)
    assert done.returncode == exits.CONFIGURATION
    assert said in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_without_a_sandbox_it_says_what_to_do(tmp_path: Path) -> None:
    git = which("git")
    assert git is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(git)
    done = demo(tmp_path, PATH=str(tmp_path / "bin"))
    assert done.returncode == exits.CONFIGURATION
    assert "bubblewrap" in done.stderr
    assert "ARGOSY_SANDBOX__KIND=none" in done.stderr
    assert not (tmp_path / ".argosy").exists()
