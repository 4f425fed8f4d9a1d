"""`argosy why RUN`: the true cause why a run isn't going on, from Kafka and Redis alone."""

import asyncio
from dataclasses import replace
from typing import Annotated, Final

import typer

from argosy.console.config import load_settings
from argosy.console.exits import FAILED, NOT_FOUND, UNREACHABLE
from argosy.console.memory_fleet import way_to_memory
from argosy.console.output import printable, show_folded
from argosy.console.why_alike import also
from argosy.console.why_gather import gather
from argosy.console.why_rules import judge
from argosy.console.why_verdict import Cause, Code, Verdict

MOST_OTHERS: Final = 12
"""Further causes that a person is shown; --json has all."""

_EXITS: Final[dict[Code, int]] = {
    "kafka_away": UNREACHABLE,
    "redis_away": UNREACHABLE,
    "unknown_run": NOT_FOUND,
    "refused": FAILED,
}
"""Else 0: the question was answered."""
_AWAY: Final = frozenset({"kafka_away", "redis_away"})
_STANDS: Final = {
    "succeeded": "succeeded",
    "failed": "failed",
    "expired": "expired",
    "cancelled": "was cancelled",
}
"""Else it `is` what its state says."""


def why(run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]) -> None:
    """Say why a run isn't going on: the true cause first, then what else holds.

    Exit code 4 if Kafka or Redis is away, 5 for a run that nobody knows, 1 for one that was refused.
    """
    verdict = judge(asyncio.run(gather(load_settings(), run_id)))
    if verdict.cause.code in _AWAY and (do := way_to_memory()):
        verdict = replace(verdict, cause=replace(verdict.cause, do=do))
    show_folded(verdict, printable(text_of(verdict)))
    code = _EXITS.get(verdict.cause.code, 0)
    if code:
        raise typer.Exit(code)


def headline(verdict: Verdict) -> str:
    """Say how the run stands, or ended."""
    return f"run {verdict.run_id} {_STANDS.get(verdict.state) or f'is {verdict.state}'}"


def text_of(verdict: Verdict) -> str:
    """Say it all, for people."""
    lines = [headline(verdict), *_cause(verdict.cause)]
    others = [f"also: {each.what} [{each.code}]" for each in also(verdict)]
    lines += others[:MOST_OTHERS]
    hidden = max(0, len(others) - MOST_OTHERS) + verdict.more_tasks
    if hidden:
        lines.append(f"… and {hidden} more of the kind")
    return "\n".join(lines)


def _cause(cause: Cause) -> list[str]:
    lines = [f"{cause.what} [{cause.code}]"]
    lines += [f"  {name + ':':<4} {text}" for name, text in (("why", cause.why), ("do", cause.do)) if text]
    return lines
