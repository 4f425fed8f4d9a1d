"""The release after this one, for tests of a roll-out: it knows rules 3 as well, by which a cancel says so."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from argosy.coordinator.decision import Decision
from argosy.coordinator.event import Event
from argosy.coordinator.fold import RULES, Rules, fold
from argosy.coordinator.lane_record import read
from argosy.coordinator.messages import ended_of
from argosy.coordinator.state import RunState
from argosy.schemas.runlog import CancelReceived, RunEnded
from support.witness import Line

PLUG: Final = f"{__name__}:install"
WORD: Final = "by rules 3: "
_THIS: Final[Rules] = RULES[2]


def install() -> None:
    """Make a process one of that release; the setting `fleet.rules` decides what new runs follow."""
    RULES[3] = rules_3


def rules_3(state: RunState, event: Event) -> tuple[Decision, ...]:
    """Fold an active run: as this release, but for the words of a cancel."""
    if isinstance(event.message, CancelReceived):
        message = event.message.model_copy(update={"reason": WORD + event.message.reason})
        event = Event(event.offset, event.time_ms, event.run_id, message, event.traceparent)
    return _THIS(state, event)


def folded_again(lines: Iterable[Line]) -> Mapping[str, tuple[RunEnded | None, RunEnded | None]]:
    """Fold what is recorded anew: for each run what the fold makes its end, and what the log says it was.

    By the rules that are registered now. Raises NewerVersion for a run of rules that aren't.
    """
    states: dict[str, RunState | None] = defaultdict(lambda: None)
    ends: dict[str, tuple[RunEnded | None, RunEnded | None]] = {}
    for line in lines:
        if not line.topic.endswith(".runs"):
            continue
        assert line.record is not None
        event = read(line.record)
        if event.run_id not in ends and isinstance(event.message, RunEnded):
            ends[event.run_id] = ended_of(states[event.run_id]), event.message
        states[event.run_id], _ = fold(states[event.run_id], event)
    return ends
