"""Which runs of the chaos app are run again, from where, and what such a run takes over and leaves."""

import json
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from argosy.schemas.runlog import RunAccepted
from argosy.testing.chaos_plans import LOOK, plans
from argosy.testing.chaos_purses import purses
from argosy.testing.chaos_runs import digest, inline

AGAIN_FROM: Final[Mapping[str, str]] = {"work": "merge", plans.name: "tells", purses.name: "tallies"}
"""By pipeline: the step that runs anew. All before it is taken over: a map and what is beside it, a plan, what failed
for want of money."""


def reused_of(accepted: RunAccepted) -> dict[str, str]:
    """Return what tasks of our own app had answered that a replay takes over, those of a plan each under its name."""
    found: dict[str, str] = {}
    for local, reused in accepted.reused.items():
        value = inline(reused.payload)
        if not isinstance(value, dict):
            continue
        results = value.get("results")
        if isinstance(results, dict):
            found |= {f"{local}/{key}": _value_of(result) for key, result in results.items()}
        else:
            found[local] = _value_of(value)
    return found


def left_by(pipeline: str, took: Mapping[str, str]) -> bytes:
    """Fingerprint what took effect in a run before its last step; empty of one that is not run again."""
    last = AGAIN_FROM.get(pipeline)
    if last is None:
        return b""
    # A planner, and the lane's look at its plan, answer nothing: their tasks do.
    before = {
        local: value for local, value in took.items() if value and local != last and not local.endswith(LOOK)
    }
    return digest(json.dumps(before, sort_keys=True).encode())


def _value_of(result: JsonValue) -> str:
    return str(result["value"]) if isinstance(result, dict) else ""
