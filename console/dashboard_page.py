"""What a page is: regions of items, rendered on the server by the same macro for the page and for what changes in it.

An item is drawn from its facts alone: equal facts, equal HTML. So who watches a page is sent just the items whose facts
changed, and the rest isn't even drawn again.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from argosy.console.dashboard_desk import Desk


@dataclass(frozen=True, slots=True)
class Item:
    """A part of a region; `key` is unique in it. `facts` are compared by `==`: frozen dataclasses, tuples, texts."""

    key: str
    facts: object


@dataclass(frozen=True, slots=True)
class Region:
    """Items in order. `macro` is `file.html:name`; of `key` and `facts` it makes one element with `data-key`."""

    name: str
    macro: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A page as it is now. `facts` are what the template needs beside its regions, and never changes while watched."""

    title: str
    regions: tuple[Region, ...]
    facts: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: parts of the path, and the query (the last of each name)."""

    params: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Page:
    """A page. `path` as in starlette (`/runs/{run_id}`); `look` may raise errors of ours (NotFound: 404)."""

    path: str
    template: str
    look: Callable[["Desk", Asked], Awaitable[View]]
    nav: str = ""
    """The word of the navigation that is marked while it is shown."""
    live: bool = True
    """It is looked at again while it is shown; False for what costs much, and is an answer as of now."""


Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody is asked before it is done. `what` ends in a question mark; `facts` are told as a list."""

    what: str
    yes: str
    """The word on the button."""
    facts: tuple[tuple[str, str], ...] = ()
    fields: tuple["Field", ...] = ()
    """What may be said with it."""
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the question's form."""

    name: str
    label: str
    value: str = ""
    kind: Literal["text", "number", "area", "choice"] = "text"
    choices: tuple[str, ...] = ()
    most: int = 1_000
    """Characters."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, in a sentence; `path` is the page to go on with."""

    said: str
    path: str
    good: bool = True


@dataclass(frozen=True, slots=True)
class Action:
    """Something that changes the fleet, at POST `/do/<name>`: asked first, logged, only by who signed in.

    `ask` changes nothing; `do` is called with the same fields once somebody said yes. Both raise errors of ours.
    """

    name: str
    ask: Callable[["Desk", Form], Awaitable[Question]]
    do: Callable[["Desk", Form], Awaitable[Done]]
