"""How far each step of a run is: a state, and counts where it has many tasks. Costs the same for any map. Pure."""

from dataclasses import dataclass
from typing import Final

from argosy.console.dag import Named, named_steps, runs_of
from argosy.console.dashboard_states import Shown, shown
from argosy.console.dashboard_timeline import StepTimes, Timeline
from argosy.console.moments import length
from argosy.console.numbers import counted, short
from argosy.console.planned_words import how_far
from argosy.console.run_history import History
from argosy.console.task_table import WORDS
from argosy.coordinator.kept import StepState
from argosy.coordinator.state import RunState
from argosy.schemas.ids import task_id
from argosy.schemas.pipeline import LoopStep, MapStep, PlanStep

WAITS: Final = {"approval": "waits for approval", "signal": "waits for a signal", "sleep": "asleep"}
_RUNS: Final = frozenset("rbp")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a step is. `done` of `total` for a bar; 0 of 0: it has no parts."""

    state: Shown | None = None
    said: str = ""
    done: int = 0
    failed: int = 0
    total: int = 0


NOTHING: Final = Progress()
"""Of a step outside of any run."""


def progress_of(history: History, times: Timeline) -> dict[str, Progress]:
    """Find the progress of each step, by its name (`c`, `c.*/x`)."""
    accepted, state = history.accepted, history.state
    if accepted is None or state is None:
        return {}
    return {
        named.name: _progress(history, state, named, times.steps.get(named.name))
        for named in named_steps(accepted.pipeline)
    }


def _progress(history: History, state: RunState, named: Named, times: StepTimes | None) -> Progress:
    if "*" in named.name:
        return _many(state, named, times)
    step = state.step(named.name)
    match named.step:
        case MapStep():
            return _map(step, times)
        case LoopStep():
            told = f"{counted(step.succeeded, 'iteration')} of {named.step.max_iterations}"
            return Progress(_of_step(named, step), f"{told}{_tokens(times)}")
        case PlanStep():
            said = how_far(named.step, named.name, history) or "no plan yet"
            return Progress(
                _of_step(named, step), f"{said}{_tokens(times)}", step.succeeded, step.missing, step.length
            )
        case _ if named.step.agent is not None:
            return _task(history, state, named, times)
        case _:
            return Progress(_of_step(named, step), _cause(step))


def _many(state: RunState, named: Named, times: StepTimes | None) -> Progress:
    """Sum up a step in a map or a loop over a pipeline: what has settled, of as many as there are shards."""
    owner = named.name.rpartition("/")[0].removesuffix(".*").removesuffix("~*")
    total = 0 if "*" in owner else state.step(owner).length
    if times is None:
        return Progress(shown("waiting"), "none settled", total=total)
    done = times.succeeded
    word = "succeeded" if total and done >= total else "running"
    if state.st != "active" or history_over(state):
        word = "succeeded" if not times.failed else "failed"
    failed = f", {counted(times.failed, 'attempt')} failed" if times.failed else ""
    of = f" of {total}" if total else ""
    return Progress(
        shown(word), f"{done}{of} done{failed}{_tokens(times)}", min(done, total or done), 0, total
    )


def history_over(state: RunState) -> bool:
    """Say whether the run's outcome is decided."""
    return state.st in {"ending", "ended"}


def _map(step: StepState, times: StepTimes | None) -> Progress:
    said = [f"{step.succeeded} of {step.length}"]
    if step.open:
        said.append(f"{step.open} {'out' if step.letter == 'r' else 'cut off'}")
    if step.missing:
        said.append(f"{step.missing} failed")
    word = "running" if step.letter == "r" else WORDS[step.letter]
    if step.letter == "w":
        return Progress(shown(word), "")
    return Progress(shown(word), ", ".join(said) + _tokens(times), step.succeeded, step.missing, step.length)


def _task(history: History, state: RunState, named: Named, times: StepTimes | None) -> Progress:
    task, step = state.task(named.name), state.step(named.name)
    letter = task.letter if task is not None else step.letter
    said: list[str] = []
    if task is not None and task.attempt > 1:
        said.append(f"attempt {task.attempt}")
    if times is not None:
        said.append(length(times.run_ms / 1000))
    accepted = history.accepted
    if (
        accepted is not None
        and named.name in accepted.reused
        and not history.settles(task_id(history.run_id, named.name))
    ):
        said.append("reused")
    return Progress(shown(WORDS[letter]), ", ".join(said) + _tokens(times) if said else _cause(step))


def _of_step(named: Named, step: StepState) -> Shown:
    if step.letter == "r":
        return shown(WAITS.get(runs_of(named.step), "running"))
    return shown(WORDS[step.letter])


def _cause(step: StepState) -> str:
    return "" if step.cause is None else step.cause.fault.message.split("\n", 1)[0]


def _tokens(times: StepTimes | None) -> str:
    if times is None or not (times.input_tokens or times.output_tokens):
        return ""
    return f", {short(times.input_tokens)}+{short(times.output_tokens)} tok"


def running(state: RunState, local: str) -> bool:
    """Say whether a task is under way."""
    task = state.task(local)
    return task is not None and task.letter in _RUNS
