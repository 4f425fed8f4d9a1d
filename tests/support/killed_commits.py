"""Run as a program: kills a process with SIGKILL before and after each call of git of a commit, then commits again.

Prints one JSON line for each place: what the second one returned, and all commits that any ref leads to.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from argosy.agents.git import Git
from argosy.agents.repository import Commit, Repository
from argosy.agents.scratch import sweep

TASK = "run-1/code.0"
_TRIED = Git.tried


def work(repository: Repository, text: str) -> Commit:
    """What a task does: two commits and their merge."""
    base = repository.head().commit
    mine = repository.commit(TASK, (base,), {"a.txt": text, "b/c.txt": "new"}, "change a", "coder")
    other = repository.commit("run-1/code.1", (base,), {"d.txt": "d"}, "add d", "coder")
    return repository.merge("run-1/merge", base, (mine.commit, other.commit), "merge", "integrator")


def killed_at(repository: Repository, place: int) -> bool:
    """Do it in a process that dies at a place: even ones lie before a call of git, odd ones after it."""
    child = os.fork()
    if child == 0:
        calls = 0

        def tried(
            git: Git, *words: str, data: bytes = b"", fds: Sequence[int] = ()
        ) -> subprocess.CompletedProcess[bytes]:
            nonlocal calls
            calls += 1
            if place == 2 * calls - 2:
                os.kill(os.getpid(), signal.SIGKILL)
            done = _TRIED(git, *words, data=data, fds=fds)
            if place == 2 * calls - 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        with mock.patch.object(Git, "tried", tried):
            work(repository, "of the first")
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def main(folder: Path) -> None:
    place, died = 0, True
    while died:
        repository = Repository.made(folder / f"{place}.git", {"a.txt": "a"}, "begin")
        died = killed_at(repository, place)
        merged = work(repository, "of the second")
        told = repository.git("log", "--all", "--format=%(trailers:key=Argosy-Task,valueonly,separator=%x2C)")
        files = repository.files(merged.commit)
        sweep(repository.git.folder / "argosy" / "scratch")
        left = [str(each) for each in (folder / f"{place}.git").rglob("own-*")]
        line = json.dumps({"died": died, "tasks": told.split(), "files": files, "left": left})
        sys.stdout.write(line + "\n")
        sys.stdout.flush()  # before the next fork, which would say it again
        place += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
