"""Commits of tasks: once each, whoever dies at any place and whoever comes at the same time."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from argosy.agents import git
from argosy.agents.git import Git, GitFailed
from argosy.agents.repository import BadPath, Conflict, Repository
from argosy.agents.scratch import scratch, sweep
from support import killed_commits

LINES = "".join(f"line {number}\n" for number in range(9))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.made(tmp_path / "it.git", {"a.txt": LINES, "b.txt": "b"}, "Begin")


def tasks(repository: Repository) -> list[str]:
    """The trailers of all commits that any ref leads to."""
    told = repository.git("log", "--all", "--format=%(trailers:key=Argosy-Task,valueonly,separator=%x2C)")
    return sorted(told.split())


def test_a_task_has_one_commit_and_whoever_repeats_it_gets_that(repository: Repository) -> None:
    base = repository.head().commit
    first = repository.commit("run/code.0", (base,), {"a.txt": "new"}, "Change a", "coder")
    again = repository.commit("run/code.0", (base,), {"a.txt": "something else"}, "Change a", "coder")
    assert again == first == repository.commit_of("run/code.0")
    assert repository.files(first.commit) == {"a.txt": "new", "b.txt": "b"}
    assert tasks(repository) == ["first", "run/code.0"]
    assert "Argosy-Task: run/code.0" in repository.git("show", "-s", first.commit)


def test_of_many_at_once_one_wins_and_all_return_its_commit(repository: Repository) -> None:
    base = repository.head().commit

    def commit(number: int) -> str:
        return repository.commit("run/code", (base,), {"a.txt": f"by {number}"}, "Change a", "coder").commit

    with ThreadPoolExecutor(8) as pool:
        commits = set(pool.map(commit, range(16)))
    assert len(commits) == 1
    assert tasks(repository) == ["first", "run/code"]


def test_killed_before_or_after_any_call_of_git_each_task_still_has_one_commit(tmp_path: Path) -> None:
    command = [sys.executable, killed_commits.__file__, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) > 40
    assert [each["died"] for each in told] == [True] * (len(told) - 1) + [False]
    for each in told:
        assert sorted(each["tasks"]) == ["first", "run-1/code.0", "run-1/code.1", "run-1/merge"]
        assert each["files"]["a.txt"] in {"of the first", "of the second"}
        assert each["left"] == []
    assert {each["files"]["a.txt"] for each in told} == {"of the first", "of the second"}


def test_a_lock_that_a_dead_git_left_behind_keeps_nobody_out(repository: Repository) -> None:
    base = repository.head().commit
    commit = repository.commit("run/a", (base,), {}, "a", "coder").commit
    lock = repository.git.folder / "refs/heads/main.lock"
    lock.write_text("")
    assert repository.advance("main", commit, base)
    assert not lock.exists()
    assert repository.head().commit == commit


def test_a_branch_moves_only_from_where_it_was_seen(repository: Repository) -> None:
    base = repository.head().commit
    one = repository.commit("run/one", (base,), {"a.txt": "1"}, "one", "coder").commit
    two = repository.commit("run/two", (base,), {"a.txt": "2"}, "two", "coder").commit
    assert repository.advance("main", one, base)
    assert repository.advance("main", one, base)  # again: it is there
    assert not repository.advance("main", two, base)
    assert repository.head().commit == one


def test_changes_of_two_tasks_in_one_file_are_merged_where_they_do_not_meet(repository: Repository) -> None:
    base = repository.head().commit
    top = repository.commit("top", (base,), {"a.txt": LINES.replace("0", "zero")}, "top", "coder").commit
    end = repository.commit(
        "end", (base,), {"a.txt": LINES.replace("8", "eight"), "c.txt": "c"}, "end", "coder"
    )
    merged = repository.merge("both", base, (top, end.commit), "Merge", "integrator")
    expected = LINES.replace("0", "zero").replace("8", "eight")
    assert repository.files(merged.commit) == {"a.txt": expected, "b.txt": "b", "c.txt": "c"}
    meets = repository.commit(
        "meets", (base,), {"a.txt": LINES.replace("0", "null")}, "meets", "coder"
    ).commit
    with pytest.raises(Conflict, match=r"the same lines of a\.txt"):
        repository.merge("clash", base, (top, meets), "Merge", "integrator")
    assert repository.commit_of("clash") is None


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", ".git/config", "a/../../x", "", "x\n0 y"])
def test_a_path_that_leaves_the_repository_is_refused(repository: Repository, path: str) -> None:
    base = repository.head().commit
    with pytest.raises((BadPath, GitFailed)):
        repository.commit("bad", (base,), {path: "x"}, "bad", "coder")
    assert tasks(repository) == ["first"]


def test_a_checkout_is_a_folder_of_its_own_and_gone_when_left(repository: Repository) -> None:
    base = repository.head().commit
    with repository.checkout(base) as one, repository.checkout(base) as two:
        (one / "a.txt").write_text("dirty")
        assert (two / "a.txt").read_text() == LINES
    assert not one.exists()
    assert not two.exists()


def test_scratch_of_the_dead_is_swept_and_that_of_the_living_is_not(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from argosy.agents.scratch import scratch\n"
    code += "with scratch(Path(sys.argv[1])) as f: (f / 'x').write_text('x'); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 9
    assert len(list(tmp_path.iterdir())) == 1
    with scratch(tmp_path) as mine:
        sweep(tmp_path)
        assert list(tmp_path.iterdir()) == [mine]


def test_no_repository_is_said(tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match="no bare git repository"):
        Repository.at(tmp_path)


def test_a_disk_without_room_is_no_word_on_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = tmp_path / "git"
    full.write_text("#!/bin/sh\necho 'error: file write error: No space left on device' >&2\nexit 128\n")
    full.chmod(0o755)
    monkeypatch.setattr(git, "program", lambda: str(full))
    with pytest.raises(OSError, match="No space left"):
        Git(tmp_path)("hash-object")
