"""What the software team hands from one to the next."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from argosy.agents.repository import Commit


class Assignment(BaseModel):
    """What a run is about: a goal, and the commit to begin with of a repository in the workshop's folder."""

    goal: str
    repository: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
    base: Annotated[str, Field(pattern=r"^[0-9a-f]{40,64}$")]


class Part(BaseModel):
    """One coder's share. No file is in two parts."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    files: Annotated[list[str], Field(min_length=1, max_length=20)]
    task: str


class Plan(BaseModel):
    """The work, cut into parts that can be done at the same time."""

    parts: Annotated[list[Part], Field(min_length=1, max_length=16)]


class Source(BaseModel):
    """A whole file."""

    path: str
    text: str


class Sources(BaseModel):
    """Files to write. What isn't named stays as it is."""

    files: list[Source]


class Change(BaseModel):
    """What a coder did."""

    part: str
    commit: Commit


class Review(BaseModel):
    """What a reviewer thinks of all changes since the base."""

    approved: bool
    remarks: list[str] = []


class Work(BaseModel):
    """How far the team is: a commit, and what is known of it."""

    assignment: Assignment
    commit: Commit
    round: int = 0
    approved: bool = False
    """The reviewer approved this very commit."""
    passed: bool = False
    """Its tests passed."""
    output: str = ""
    """What the last test run said."""
    isolation: Literal["", "bubblewrap", "none"] = ""
    """How the tests were kept apart from this machine."""
    remarks: list[str] = []
    """The reviewer's last."""
    done: bool = False
    """Approved and passed: nothing is left to do."""


class Delivery(BaseModel):
    """The result. `released`: the branch `main` is at the commit."""

    passed: bool
    approved: bool
    released: bool
    rounds: int
    commit: Commit
    output: str
    isolation: Literal["", "bubblewrap", "none"]
    remarks: list[str] = []
