"""One thing that `argosy doctor` looked at, and what it found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is: a `problem` keeps a fleet from working, a `warning` is said and no more."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Check:
    """A finding: what was looked at, what was found, why that matters, and the cure."""

    name: str
    verdict: Verdict
    found: str
    why: str = ""
    do: str = ""


def ok(name: str, found: str) -> Check:
    """Say that a thing is as it must be."""
    return Check(name, Verdict.OK, found)
