"""Test runs: once per tree, whoever asks."""

import asyncio
import sys
from pathlib import Path

import pytest

from argosy.agents import sandbox_probe
from argosy.agents import suite as suites
from argosy.agents.repository import Repository
from argosy.agents.sandbox import Ran, run_sandboxed
from argosy.agents.sandbox_view import Access
from argosy.agents.suite import Suite
from argosy.schemas.errors import SandboxMissing
from argosy.schemas.settings import SandboxSettings

COMMAND = (
    sys.executable,
    "-c",
    "print(open('a.txt').read()); raise SystemExit(open('a.txt').read() != 'right')",
)
NO_SANDBOX = SandboxSettings(kind="none", memory_bytes=512 * 1024 * 1024)
"""What is tried here is not the sandbox."""


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each run that really was, by what it printed."""
    found: list[str] = []

    async def counted(
        command: tuple[str, ...], folder: Path, settings: SandboxSettings, *, access: Access
    ) -> Ran:
        ran = await run_sandboxed(command, folder, settings, access=access)
        found.append(ran.output.strip())
        return ran

    monkeypatch.setattr(suites, "run_sandboxed", counted)
    return found


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.made(tmp_path / "it.git", {"a.txt": "wrong"}, "Begin")


async def test_a_tree_is_tested_once_whichever_commit_has_it(repository: Repository, runs: list[str]) -> None:
    suite = Suite(repository, COMMAND, NO_SANDBOX)
    base = repository.head()
    right = repository.commit("right", (base.commit,), {"a.txt": "right"}, "mend", "coder")
    back = repository.commit("back", (right.commit,), {"a.txt": "wrong"}, "spoil", "coder")
    verdicts = [await suite.run(each) for each in (base, right, back, right)]
    assert [each.passed for each in verdicts] == [False, True, False, True]
    assert runs == ["wrong", "right"]
    assert not list((repository.git.folder / "argosy" / "scratch").iterdir())


async def test_two_that_ask_at_once_share_one_run(repository: Repository, runs: list[str]) -> None:
    suites_ = [Suite(repository, COMMAND, NO_SANDBOX) for _ in range(4)]
    verdicts = await asyncio.gather(*(each.run(repository.head()) for each in suites_))
    assert len(set(verdicts)) == 1
    assert runs == ["wrong"]


async def test_another_command_is_another_run(repository: Repository, runs: list[str]) -> None:
    await Suite(repository, COMMAND, NO_SANDBOX).run(repository.head())
    await Suite(repository, (sys.executable, "-c", "print('other')"), NO_SANDBOX).run(repository.head())
    assert runs == ["wrong", "other"]


async def test_a_run_that_a_limit_ended_is_no_verdict_on_the_tree(
    repository: Repository, runs: list[str]
) -> None:
    short = NO_SANDBOX.model_copy(update={"wall_seconds": 0.2})
    command = (sys.executable, "-c", "import time; time.sleep(60)")
    assert (await Suite(repository, command, short).run(repository.head())).ended == "wall"
    assert (await Suite(repository, command, short).run(repository.head())).ended == "wall"
    assert len(runs) == 2


@pytest.mark.parametrize("code", [126, 127, 137])
async def test_a_run_that_could_not_be_or_was_killed_from_outside_is_none_either(
    repository: Repository, runs: list[str], code: int
) -> None:
    command = (sys.executable, "-c", f"raise SystemExit({code})")
    for _ in range(2):
        assert (await Suite(repository, command, NO_SANDBOX).run(repository.head())).exit_code == code
    assert len(runs) == 2


async def test_without_a_sandbox_nothing_is_run_and_nothing_kept(
    repository: Repository, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    head = repository.head()

    def nothing(_program: str) -> str | None:
        return None

    monkeypatch.setattr(sandbox_probe, "which", nothing)
    with pytest.raises(SandboxMissing):
        await Suite(repository, COMMAND, SandboxSettings()).run(head)
    assert runs == []
    assert not list((repository.git.folder / "argosy" / "verdicts").glob("*.json"))
