"""Signals of runs of rules 1, which have no step that waits for one: kept in the run, each once, so many at most."""

from typing import Final

from pydantic import BaseModel, JsonValue

from argosy.coordinator.state import RunState
from argosy.schemas.payload import Reference
from argosy.schemas.runlog import SignalReceived

MOST_SIGNALS: Final = 64


class KeptSignal(BaseModel, frozen=True):
    """A signal that waits for its step."""

    name: str
    value: JsonValue = None
    value_ref: Reference | None = None
    about_sha256: str | None = None
    offset: int


def keep(state: RunState, offset: int, signal: SignalReceived) -> bool:
    """Keep a signal; False if it was kept before or there are 64 already."""
    field = f"g:{signal.signal_id}"
    kept = int(state.get("gn") or b"0")
    if state.get(field) is not None or kept >= MOST_SIGNALS:
        return False
    body = KeptSignal(name=signal.name, value=signal.value, about_sha256=signal.about_sha256, offset=offset)
    state.put(field, body.model_dump_json(exclude_defaults=True).encode())
    state.put("gn", str(kept + 1).encode())
    return True
