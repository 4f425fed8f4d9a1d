"""How far the pages of a task are: the field `p:<local>` of its run."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from argosy.coordinator.state import RunState
from argosy.schemas.pages import Reduction


@dataclass(slots=True)
class Paging:
    """A task that is cut into pages: how far its system tasks are. Who changes it puts it back at once."""

    factor: int
    """Of this task, per mille: that of the run, or more after an overflow."""
    room: int
    """Tokens, as we count them, that the inputs of a page, or of the whole with summaries, may have together."""
    round: int = 0
    """0: its pages are being planned; from 1 on see `System`."""
    length: int = 1
    """System tasks of the round; the rest counts them. 0: one that plans, and has no number."""
    next: int = 0
    done: int = 0
    starts: tuple[int, ...] = ()
    """Of a round of merges: the first result of the round before that each takes."""
    before: int = 0
    """System tasks of the round before."""
    input: str = ""
    """The input that is cut."""
    summaries: int = 0
    """Rounds of summaries that were begun, those of the tasks that it lies under too."""
    tokens: int = 0
    """Of all inputs before the round of summaries."""
    kept: int = 0
    """Of what the round of summaries leaves as it is."""
    records: tuple[tuple[Reduction, ...], ...] = ()
    """What was done to the inputs, by round: of pages the only one, of summaries each."""

    @property
    def numbers(self) -> Iterable[int | None]:
        """Number the system tasks of the round that were ordered."""
        return range(self.next) if self.round and self.length else (None,)


_PAGING: Final = TypeAdapter(Paging)


def paging_of(state: RunState, local: str) -> Paging | None:
    """Read how far the pages of a task are; None if it was never cut."""
    raw = state.get(f"p:{local}")
    return None if raw is None else _PAGING.validate_json(raw)


def keep(state: RunState, local: str, paging: Paging) -> None:
    """Write how far the pages of a task are."""
    state.put(f"p:{local}", _PAGING.serializer.to_json(paging, exclude_defaults=True))
