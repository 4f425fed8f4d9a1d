"""The model server of a chaos run: scripted, moody, with a hard limit that the fleet's workers know and share."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import orjson

from argosy.console.child import ChildSpec
from argosy.console.model_child import model_ready
from argosy.console.ports import LOOPBACK, free_ports
from argosy.testing.chaos_finding import Finding
from argosy.testing.chaos_pages import SUMMARY
from argosy.testing.chaos_tools import QUESTION

_RATES: Final = {"requests_per_minute": 360, "tokens_per_minute": 240_000}
_AT_ONCE: Final = 6
_DAY_TOKENS: Final = 10**9
"""Of a tenant: enough, and counted all the same."""
_SECONDS: Final = 10.0
_NO_CALL: Final = 10**9
"""A number that no call has: only the sums are told."""
_FAULTS: Final = (
    {"kind": "slow_start", "seconds": 1.0, "every": 7},
    {"kind": "status", "status": 503, "every": 101},
    {"kind": "status", "status": 429, "retry_after_seconds": 0.5, "every": 149},
    {"kind": "cut", "every": 31},
)
"""The server has bad days of its own."""


_FEW: Final = 3
"""Calls above the limit that prove nothing, however few there were."""
_SHARE: Final = 100
"""Of so many calls one may be above the limit."""


class ChaosModel:
    """Where it answers, and how it is started."""

    def __init__(self) -> None:
        """Choose a port."""
        self.port = free_ports(1)[0]

    @property
    def environment(self) -> dict[str, str]:
        """What a worker needs to ask it, and to keep its limits."""
        limits = {**_RATES, "calls": _AT_ONCE, "burst_seconds": 5}
        return {
            "ARGOSY_MODEL__BASE_URL": f"http://{LOOPBACK}:{self.port}/v1",
            "ARGOSY_MODEL__API_KEY": "none",
            "ARGOSY_MODEL__LIMITS": json.dumps({"*": limits}),
            "ARGOSY_MODEL__TENANT_BUDGETS": json.dumps({"*": {"tokens_per_day": _DAY_TOKENS}}),
        }

    def child(self, folder: Path) -> ChildSpec:
        """Describe the process; its script is written into the folder."""
        script = folder / "run" / "model.json"
        script.parent.mkdir(parents=True, exist_ok=True)
        limits = {**_RATES, "concurrency": _AT_ONCE + 1, "burst_seconds": 10}
        rules = [{"contains": QUESTION}, {"replies": [SUMMARY]}]
        script.write_text(json.dumps({"rules": rules, "limits": limits, "faults": _FAULTS}), encoding="utf-8")
        words = ("-m", "argosy.testing.model_server", "--port", str(self.port), "--script", str(script))
        return ChildSpec(
            name="model",
            argv=(sys.executable, "-P", *words),
            log=folder / "logs" / "model.log",
            env={"PYTHONSAFEPATH": "1"},
            ready=model_ready(self.port),
        )

    def calls(self) -> dict[str, int]:
        """Say how many calls there were, and how many of them came above the limit; nothing if it doesn't answer."""
        try:
            with urlopen(
                f"http://{LOOPBACK}:{self.port}/ledger?since={_NO_CALL}", timeout=_SECONDS
            ) as answer:
                totals: dict[str, int] = orjson.loads(answer.read())["totals"]
        except OSError:
            return {}
        return {"model_calls": totals["calls"], "model_calls_above_the_limit": totals["limited"]}


def in_limits(calls: Mapping[str, int]) -> Finding:
    """Look whether the fleet kept to the limit of the model: one call in a hundred may be above it."""
    found = Finding("the workers together keep to the limit of the model")
    made, above = calls.get("model_calls", 0), calls.get("model_calls_above_the_limit", 0)
    found.look(above <= max(_FEW, made // _SHARE), f"{above} of {made} calls were above the limit")
    return found
