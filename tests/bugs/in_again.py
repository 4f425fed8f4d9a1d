"""Bugs in what bounds the runs under way, and in runs that are run again."""

# ruff: noqa: SLF001 - what is edited is private
# pyright: reportPrivateUsage=false

from typing import Final

from argosy.console import reuse as reuse_of_results
from argosy.coordinator import fold, gate, lane_load, reuse, turn
from bugs.bug import Bug
from bugs.planting import Edit

AGAIN_BUGS: Final = (
    Bug(
        "repeat_is_busy",
        "while the fleet is full, a repeat of a known run is refused as busy",
        (Edit(fold._turned_away, 'if state is None or state.st == "cancel":', "if True:"),),
    ),
    Bug(
        "ended_runs_count",
        "a run that has ended counts as under way for ever: a fleet fills up and never empties",
        (Edit(lane_load.LaneLoad.end, 'self._add("runs", -1)', 'self._add("runs", 0)'),),
    ),
    Bug(
        "let_in_uncounted",
        "what was let in and isn't folded yet counts as nothing: many submits at once all go in",
        (Edit(gate.Gate.enter, "self._count(entry, 1)", "self._count(entry, 0)"),),
    ),
    Bug(
        "given_is_run",
        "a task whose result is given is run all the same",
        (Edit(turn.Turn.is_given, "return self.state.pinned.reuses and", "return False and"),),
    ),
    Bug(
        "given_after_the_end",
        "what is given goes on to end tasks that their run or map has done without",
        (Edit(reuse.end_given, 'if task is None or task.letter != "r":', "if task is None:"),),
    ),
    Bug(
        "reused_behind_changes",
        "a result is reused although what its step reads runs anew",
        (
            Edit(
                reuse_of_results._reads_the_same,
                "settled.get(pick.source, False) for pick",
                "True for pick",
            ),
        ),
    ),
)
