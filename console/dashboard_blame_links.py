"""The tasks that a blame names, by what it says of each, for links to their pages. Pure."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Final

from argosy.console.blame_facts import Blame
from argosy.console.numbers import counted

MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Named:
    """A task that is spoken of. `said`: what it did."""

    task: str
    agent: str
    said: str


def named(found: Blame, known: Container[str]) -> tuple[Named, ...]:
    """List them, each once, the answer first; of `known` alone, which have pages."""
    first: dict[str, Named] = {}
    for one in _spoken_of(found):
        if one.task in known:
            first.setdefault(one.task, one)
    return tuple(first.values())[:MOST]


def _spoken_of(found: Blame) -> Iterator[Named]:
    for task in found.made_by:
        yield Named(task.task, task.agent, "made it")
    for lost in found.lost:
        yield Named(
            lost.task.task, lost.task.agent, "gave it on no more" if lost.how == "dropped" else "never had it"
        )
    for piece in found.pieces:
        yield Named(piece.made_by, "", "first had a part of it")
    for link in found.way:
        yield Named(link.task, link.agent, "gave it on")
    for suspect in found.suspects:
        yield Named(suspect.task.task, suspect.task.agent, f"{counted(suspect.score, 'point')} against it")
