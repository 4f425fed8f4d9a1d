"""What the result of a run of argosy's own chaos app must be, by its pipeline: exactly that, whatever was hurt."""

from collections.abc import Callable, Mapping
from typing import Final

from pydantic import JsonValue

from argosy.testing.chaos_pages import wrong_papers, wrong_summaries
from argosy.testing.chaos_plans import wrong_plans
from argosy.testing.chaos_purses import wrong_purses
from argosy.testing.chaos_rounds import wrong_rounds, wrong_teams
from argosy.testing.chaos_savers import wrong_savers
from argosy.testing.chaos_shops import wrong_markets, wrong_shops
from argosy.testing.chaos_tools import wrong_asked
from argosy.testing.chaos_waits import wrong_gates

Wrong = Callable[[str, JsonValue, JsonValue, Mapping[str, str]], str]
"""Of the run's id, its input (None: too large for its record), its result, and by task what took effect first."""


def wrong(pipeline: str, run_id: str, given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    """Say what is wrong with a result; empty: nothing, or nobody knows what it must be."""
    judge = _WRONG.get(pipeline)
    return "" if judge is None else judge(run_id, given, whole, took)


def _wrong_work(_run_id: str, given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    items = len(given) if isinstance(given, list) else 0
    right = {
        "drafts": [took.get(f"draft.{item}") for item in range(items)],
        "check": took.get("check"),
        "value": took.get("merge"),
    }
    return "" if whole == right else f"says {whole}, took {right}"


_WRONG: Final[Mapping[str, Wrong]] = {
    "work": _wrong_work,
    "papers": wrong_papers,
    "summaries": wrong_summaries,
    "gates": wrong_gates,
    "rounds": wrong_rounds,
    "teams": wrong_teams,
    "asked": wrong_asked,
    "plans": wrong_plans,
    "shops": wrong_shops,
    "markets": wrong_markets,
    "savers": wrong_savers,
    "purses": wrong_purses,
}
