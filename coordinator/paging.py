"""How far the pages of a task are: the field `p:<local>` of its run."""

from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from argosy.coordinator.state import RunState


@dataclass(slots=True)
class Paging:
    """A task that is cut into pages: how far its system tasks are. Who changes it puts it back at once."""

    factor: int
    """Of this task, per mille: that of the run, or more after an overflow."""
    room: int
    """Tokens, as we count them, that the inputs of a page may have together."""
    round: int = 0
    """0: its pages are being planned; 1: they run; from 2 on their results are merged."""
    length: int = 1
    """System tasks of the round; the rest counts them."""
    next: int = 0
    done: int = 0
    starts: tuple[int, ...] = ()
    """Of a round of merges: the first result of the round before that each takes."""
    before: int = 0
    """System tasks of the round before."""
    input: str = ""
    """The input that is cut."""


_PAGING: Final = TypeAdapter(Paging)


def paging_of(state: RunState, local: str) -> Paging | None:
    """Read how far the pages of a task are; None if it was never cut."""
    raw = state.get(f"p:{local}")
    return None if raw is None else _PAGING.validate_json(raw)


def keep(state: RunState, local: str, paging: Paging) -> None:
    """Write how far the pages of a task are."""
    state.put(f"p:{local}", _PAGING.serializer.to_json(paging, exclude_defaults=True))
