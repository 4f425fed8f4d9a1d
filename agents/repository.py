"""A repository that agents change: each task's commit is made once, whoever dies in the middle and whoever comes twice.

Nobody shares files: a commit is made of objects and an index of its own, so that a death leaves nothing half written
where another would find it. Objects that no ref names are nothing. What counts is one step at the end: the ref of the
task, created only if it isn't there. Of two deliveries that write at once one wins, and both return its commit.
"""

import fcntl
import hashlib
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from argosy.agents.git import Git, GitFailed
from argosy.agents.scratch import scratch
from argosy.schemas.errors import Reject, Retry

TRAILER: Final = "Argosy-Task"
_TASKS: Final = "refs/argosy/tasks"
_MAIL: Final = "agents@argosy.invalid"
_FILE: Final = "100644"
_LOCK_SECONDS: Final = 60.0
_ASK_AGAIN_SECONDS: Final = 0.01


class Conflict(Reject, code="conflict"):
    """Two tasks changed the same lines; who planned them must not give one file to both."""


class BadPath(Reject, code="bad_path"):
    """A file that a task names can't lie in a repository; nothing was committed."""


class Commit(BaseModel):
    """A commit and the tree in it, by their git ids."""

    model_config = ConfigDict(frozen=True)

    commit: str
    tree: str


class Logged(BaseModel):
    """A commit as the log tells it."""

    model_config = ConfigDict(frozen=True)

    commit: str
    parents: tuple[str, ...]
    author: str
    subject: str
    task: str

    @classmethod
    def of(cls, commit: str, parents: str, author: str, subject: str, task: str) -> "Logged":
        """Read a line of it."""
        return cls(commit=commit, parents=tuple(parents.split()), author=author, subject=subject, task=task)


@dataclass(frozen=True, slots=True)
class Repository:
    """A bare git repository. Every call may be repeated and may run in several processes at once; none is async."""

    git: Git

    @classmethod
    def at(cls, folder: Path) -> "Repository":
        """Take the one in a folder; GitFailed if there is none."""
        if not (folder / "objects").is_dir():
            raise GitFailed(f"there is no bare git repository in {folder}")
        return cls(Git(folder))

    @classmethod
    def made(cls, folder: Path, files: Mapping[str, str], message: str) -> "Repository":
        """Make one with a first commit on `main`."""
        folder.mkdir(parents=True, exist_ok=True)
        repository = cls(Git(folder))
        repository.git("init", "--quiet", "--bare", "--initial-branch=main", ".")
        first = repository.commit("first", (), files, message, "argosy")
        repository.advance("main", first.commit, None)
        return repository

    def commit(
        self, task_id: str, parents: Sequence[str], files: Mapping[str, str], message: str, author: str
    ) -> Commit:
        """Commit files over the first parent's; if the task has a commit already, that is the result."""
        found = self.commit_of(task_id)
        if found is not None:
            return found
        with self._index(parents[0] if parents else None) as git:
            entries = "".join(
                f"{_FILE} {git('hash-object', '-w', '--stdin', data=text.encode())}\t{path}\n"
                for path, text in sorted(files.items())
            )
            git("update-index", "--add", "--index-info", data=entries.encode())
            # Git passes over a path that would leave the repository, or lie in .git, with a warning only.
            lost = sorted(files.keys() - set(filter(None, git("ls-files", "-z").split("\0"))))
            if lost:
                raise BadPath(f"{lost[0]!r} can't be the path of a file in a repository")
            return self._claimed(task_id, git("write-tree"), parents, message, author)

    def merge(self, task_id: str, base: str, heads: Sequence[str], message: str, author: str) -> Commit:
        """Commit what all heads changed since the base, in their order. Conflict if two changed the same lines."""
        found = self.commit_of(task_id)
        if found is not None:
            return found
        with self._index(base) as git:
            for head in heads:
                merged = git("write-tree")
                git("read-tree", "-i", "-m", "--aggressive", base, merged, head)
                self._merge_files(git)
            return self._claimed(task_id, git("write-tree"), (base, *heads), message, author)

    def commit_of(self, task_id: str) -> Commit | None:
        """Give a task's commit, if it has one."""
        return self._named(_ref(task_id))

    def head(self, branch: str = "main") -> Commit:
        """Give a branch's last commit."""
        found = self._named(f"refs/heads/{branch}")
        if found is None:
            raise GitFailed(f"{self.git.folder.name} has no branch {branch!r}")
        return found

    def advance(self, branch: str, commit: str, old: str | None) -> bool:
        """Move a branch from `old` (None: from nothing) to a commit; True too if it holds it already.

        False: it went on meanwhile. Then nothing is changed.
        """
        if self._moved(f"refs/heads/{branch}", commit, old):
            return True
        return self.git.tried("merge-base", "--is-ancestor", commit, f"refs/heads/{branch}").returncode == 0

    def files(self, commit: str) -> dict[str, str]:
        """Read all text files of a commit, by path; what is no UTF-8 is left out."""
        found: dict[str, str] = {}
        for path in filter(None, self.git("ls-tree", "-r", "--name-only", "-z", commit).split("\0")):
            try:
                found[path] = self.git.raw("show", f"{commit}:{path}").decode()
            except UnicodeDecodeError:
                continue
        return found

    def changes(self, old: str, new: str) -> str:
        """Give the difference of two commits, as a patch."""
        return self.git("diff", "--no-color", "--no-ext-diff", old, new)

    def changed(self, old: str, new: str) -> str:
        """Say which files differ in two commits, and by how much."""
        return self.git("diff", "--no-color", "--no-ext-diff", "--stat=72", old, new)

    @contextmanager
    def checkout(self, commit: str) -> Generator[Path]:
        """Write a commit's files into a folder of their own, which is gone when left."""
        with scratch(self.git.folder / "argosy" / "scratch") as folder:
            there = folder / "tree"
            self.export(commit, there)
            yield there

    def export(self, commit: str, folder: Path) -> None:
        """Write a commit's files into a folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        with self._index(commit) as git:
            git("checkout-index", "--all", "--force", f"--prefix={folder.absolute()}/")

    def log(self) -> list[Logged]:
        """Give all commits that any ref leads to, the oldest first."""
        form = "%H%x00%P%x00%an%x00%s%x00%(trailers:key=Argosy-Task,valueonly,separator=%x2C)"
        lines = self.git("log", "--all", "--reverse", "--topo-order", f"--format={form}").splitlines()
        return [Logged.of(*line.split("\0")) for line in lines]

    def _named(self, ref: str) -> Commit | None:
        words = self.git("for-each-ref", "--format=%(objectname) %(tree)", ref).split()
        return Commit(commit=words[0], tree=words[1]) if words else None

    @contextmanager
    def _index(self, base: str | None) -> Generator[Git]:
        with scratch(self.git.folder / "argosy" / "scratch") as folder:
            git = replace(
                self.git, variables={"GIT_INDEX_FILE": str(folder / "index"), "GIT_WORK_TREE": str(folder)}
            )
            git("read-tree", *([base] if base else ["--empty"]))
            yield git

    def _merge_files(self, git: Git) -> None:
        stages: dict[str, dict[str, str]] = {}
        for line in filter(None, git("ls-files", "--unmerged", "-z").split("\0")):
            about, path = line.split("\t", 1)
            _mode, blob, stage = about.split()
            stages.setdefault(path, {})[stage] = blob
        for path, blobs in stages.items():
            merged = self._merged(git, blobs)
            if merged is None:
                raise Conflict(f"two tasks changed the same lines of {path}")
            # Mode 0 takes the three stages out before the merged file goes in.
            lines = f"0 {'0' * 40}\t{path}\n{_FILE} {merged}\t{path}\n"
            git("update-index", "--add", "--index-info", data=lines.encode())

    def _merged(self, git: Git, blobs: Mapping[str, str]) -> str | None:
        with scratch(self.git.folder / "argosy" / "scratch") as folder:
            for stage in "123":
                text = git.raw("cat-file", "blob", blobs[stage]) if stage in blobs else b""
                (folder / stage).write_bytes(text)
            names = [str(folder / stage) for stage in "213"]
            done = git.tried("merge-file", "-p", *names)
            return git("hash-object", "-w", "--stdin", data=done.stdout) if done.returncode == 0 else None

    def _claimed(self, task_id: str, tree: str, parents: Sequence[str], message: str, author: str) -> Commit:
        who = {
            f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in _who(author)
        }
        words = [word for parent in parents for word in ("-p", parent)]
        text = f"{message.strip()}\n\n{TRAILER}: {task_id}\n"
        commit = replace(self.git, variables=who)("commit-tree", *words, "-F", "-", tree, data=text.encode())
        return self._first(task_id, Commit(commit=commit, tree=tree))

    def _first(self, task_id: str, commit: Commit) -> Commit:
        """Make it the task's commit, if the task has none yet; return the task's commit."""
        if self._moved(_ref(task_id), commit.commit, None):
            return commit
        found = self.commit_of(task_id)
        if found is None:
            raise GitFailed(f"{_ref(task_id)} can be neither made nor read")
        return found

    def _moved(self, ref: str, new: str, old: str | None) -> bool:
        """Compare and swap a ref.

        Whoever dies inside git leaves `<ref>.lock` behind, and git would wait for it for ever. We hold a lock that the
        kernel takes from the dead, and git inherits it: who holds it knows that nobody else is at a ref of ours, and a
        `.lock` file that lies there is a dead one's.
        """
        with (self.git.folder / "argosy.lock").open("a") as lock:
            _wait_for(lock.fileno())
            (self.git.folder / f"{ref}.lock").unlink(missing_ok=True)
            done = self.git.tried("update-ref", ref, new, old or "0" * 40, fds=(lock.fileno(),))
        return done.returncode == 0


def _wait_for(lock: int) -> None:
    """Take a lock that is held for a few milliseconds, but for a process that was stopped just then."""
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise Retry(f"another process has held the repository for {_LOCK_SECONDS:g} s") from None
            time.sleep(_ASK_AGAIN_SECONDS)
        else:
            return


def _ref(task_id: str) -> str:
    # A task's id may hold what no ref's name may, and lie below that of another task.
    return f"{_TASKS}/{hashlib.sha256(task_id.encode()).hexdigest()[:40]}"


def _who(author: str) -> tuple[tuple[str, str], ...]:
    return ("NAME", author), ("EMAIL", _MAIL)
