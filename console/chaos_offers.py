"""What a chaos run submits: of argosy's own app runs of all kinds, of a user's app its pipelines."""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Final

from pydantic import JsonValue

from argosy.console.output import note
from argosy.console.submit import parse_input
from argosy.pipelines.discover import discover
from argosy.schemas.errors import ConfigurationError, InvalidInput
from argosy.testing.chaos_pages import DOCUMENTS, document
from argosy.testing.chaos_purses import ITEMS
from argosy.testing.chaos_rounds import GOALS
from argosy.testing.chaos_shops import HAS_MCP, markets, shops

Offers = tuple[tuple[str, tuple[JsonValue, ...]], ...]
"""Pipelines in the order in which runs take them in turn, and the inputs of each."""

_ITEMS: Final = 22
"""Shards of a map."""
_RING: Final = (
    *("work", "papers", "work", "gates", "plans", "work", "asked", "markets", "work", "papers", "savers"),
    *("work", "gates", "summaries", "plans", "work", "rounds", "shops", "work", "papers", "work", "asked"),
    *("work", "savers", "gates", "teams", "plans", "work", "rounds", "markets", "asked", "purses", "purses"),
)
"""An odd number: what depends on a run's number falls on other kinds each time."""
_OF_MCP: Final = (shops.name, markets.name)
_TASKS: Final[Mapping[str, int]] = {
    "work": _ITEMS + 2,
    "papers": 6,
    "gates": 2,
    "asked": 3,
    "plans": 9,
    "shops": 4,
    "markets": 4,
    "savers": 9,
    "purses": 12,
    "summaries": 6,
    "rounds": 4,
    "teams": 9,
}
"""Of a run of each kind, about."""


def own_offers(names: Sequence[str] | None) -> Offers:
    """Offer runs of argosy's own app, of all kinds or those that are named; of some a task fails once."""
    unknown = [name for name in names or () if name not in _TASKS]
    if unknown:
        raise ConfigurationError(
            f"argosy's own app submits no {unknown[0]!r}",
            "--pipeline names it",
            f"one of {', '.join(_TASKS)}",
        )
    items: list[JsonValue] = list(range(1, _ITEMS + 1))
    flaky: list[JsonValue] = [*items[:-1], -_ITEMS]
    inputs: dict[str, Sequence[JsonValue]] = {
        "work": [*([items] * 7), flaky],
        "papers": [document(lines) for lines in DOCUMENTS],
        "gates": [{"number": number} for number in range(5)],
        "asked": [[1, 2, 3], [4, -5, 6]],
        "plans": [{"tasks": many, "bad": many % 2 == 0} for many in (3, 6, 11)],
        "shops": [[1, 2, 3, 4], [1, -2, 3]],
        "markets": [[1, 2, 3, 4], [1, -2, 3]],
        "savers": [list(range(12))],
        "purses": [
            {"items": list(ITEMS), "says": says} for says in ("more", "bits", "no", "nothing", "bits")
        ],
        "rounds": [{"goal": goal} for goal in GOALS],
        "teams": [[{"goal": goal} for goal in GOALS]],
        "summaries": [document(sorted(DOCUMENTS)[1])],
    }
    if not HAS_MCP and names is None:
        note(f"no runs of {' and '.join(_OF_MCP)}: their tools need argosy[mcp], which isn't installed")
    wanted = [name for name in _RING if names is None or name in names]
    return tuple((name, tuple(inputs[name])) for name in wanted if HAS_MCP or name not in _OF_MCP)


def runs_for(tasks: int, offers: Offers) -> int:
    """Say how many runs have about so many tasks together."""
    runs = 0
    for name, _ in islice(cycle(offers), tasks):
        tasks -= _TASKS[name]
        runs += 1
        if tasks <= 0:
            break
    return runs


def offers_of(app: str, names: Sequence[str] | None, value: str | None) -> Offers:
    """Offer runs of an app's pipelines, all or those that are named, each with the same input."""
    found = discover(app)
    if not found.pipelines:
        raise ConfigurationError(f"{app} has no pipelines", "chaos submits runs of them", "define one")
    given = parse_input(value)
    chosen = names or list(found.pipelines)
    offers: list[tuple[str, tuple[JsonValue, ...]]] = []
    for name in chosen:
        pipeline = found.pipeline(name)
        try:
            offers.append((name, (pipeline.takes.completed(given),)))
        except InvalidInput as error:
            raise ConfigurationError(
                f"{name} can't take this input" if value else f"{name} needs an input",
                str(error),
                "give one with --input, and choose the pipelines that take it with --pipeline",
            ) from None
    return tuple(offers)
