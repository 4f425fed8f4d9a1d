"""The repositories that the software team may change, and what its agents are shown of them."""

import asyncio
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from argosy.agents.repository import Commit, Repository
from argosy.agents.suite import Suite
from argosy.agents.team_work import Assignment, Source
from argosy.schemas.errors import Reject
from argosy.schemas.settings import Settings


class Said(NamedTuple):
    """Who commits, and with what words."""

    author: str
    message: str


class NotOurs(Reject, code="not_ours"):
    """A coder wrote a file that isn't among those of its part; nothing was committed."""


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Read this process's settings, once."""
    return Settings()


def repository_of(assignment: Assignment) -> Repository:
    """Open the repository of an assignment: messages carry a name, never a path."""
    return Repository.at(settings().workshop.folder.absolute() / f"{assignment.repository}.git")


def suite_of(assignment: Assignment) -> Suite:
    """Give its tests: the command is a setting of the worker, never of a message."""
    ours = settings()
    return Suite(repository_of(assignment), ours.workshop.test_command, ours.sandbox)


def protected(path: str) -> bool:
    """Say whether no agent may change a file: the tests, by default."""
    return any(fnmatchcase(path, pattern) for pattern in settings().workshop.protected)


async def read(assignment: Assignment, commit: str) -> str:
    """Write the files of a commit as a prompt has them."""
    files = await asyncio.to_thread(repository_of(assignment).files, commit)
    return "\n".join(f"=== {path} ===\n{text.rstrip()}\n" for path, text in files.items())


async def committed(
    assignment: Assignment, task_id: str, parent: str, files: list[Source], said: Said
) -> Commit:
    """Commit a task's files; the step of a coder."""
    texts = {file.path: file.text if file.text.endswith("\n") else f"{file.text}\n" for file in files}
    repository = repository_of(assignment)
    return await asyncio.to_thread(repository.commit, task_id, (parent,), texts, said.message, said.author)


async def merged(assignment: Assignment, task_id: str, heads: list[str], said: Said) -> Commit:
    """Commit what several tasks changed; the step of the integrator."""
    repository = repository_of(assignment)
    return await asyncio.to_thread(
        repository.merge, task_id, assignment.base, heads, said.message, said.author
    )


async def tested(assignment: Assignment, commit: Commit) -> tuple[bool, str, str]:
    """Run the tests of a commit: whether they passed, what they said, how they were kept apart."""
    ran = await suite_of(assignment).run(commit)
    how = "" if ran.ended == "exited" else f"\n(ended by its limit: {ran.ended})"
    return ran.passed, f"{ran.output.rstrip()}{how}", ran.isolation


async def released(assignment: Assignment, commit: str) -> bool:
    """Move `main` to a commit, unless it went on meanwhile; the step of the release."""
    return await asyncio.to_thread(repository_of(assignment).advance, "main", commit, assignment.base)
