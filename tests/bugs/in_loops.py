"""Bugs in loops: what an iteration is given, when one is over, what is stopped and forgotten with it."""

# ruff: noqa: SLF001 - what is edited is private
# pyright: reportPrivateUsage=false

from typing import Final

from argosy.coordinator import inputs, loop, turn
from bugs.bug import Bug
from bugs.planting import Edit

LOOP_BUGS: Final = (
    Bug(
        "iterations_start_anew",
        "each iteration of a loop is given what the loop started with, not what the one before gave",
        (Edit(inputs._fed_back, "if number > 1:", "if number > 1_000_000:"),),
    ),
    Bug(
        "forgotten_are_never_over",
        "a late settle of an iteration that was forgotten leaves its claim behind",
        (Edit(loop.is_over, "if 0 < number < state.next or (", "if ("),),
    ),
    Bug(
        "loops_go_on_when_stopped",
        "a loop that is cancelled or out of time leaves its iteration running",
        (
            Edit(
                turn.Turn.stop,
                "self._stop_shard(self.plan.steps[step.iteration(state.next)], letter)",
                "pass",
            ),
        ),
    ),
    Bug(
        "iterations_are_kept",
        "what each iteration of a loop left stays in the state of its run",
        (
            Edit(
                loop.ended,
                "forget(turn.state, turn.plan, turn.plan.steps[step.iteration(state.next - 1)])",
                "pass",
            ),
        ),
    ),
)
