"""Joins of a run: which parents have come, which it still waits for, which came as holes. Pure."""

from dataclasses import dataclass

from argosy.console.dag import Named, named_steps
from argosy.console.dashboard_progress import Progress
from argosy.console.dashboard_states import Shown, shown
from argosy.console.moments import length
from argosy.console.run_history import History
from argosy.console.run_tree import holes_of
from argosy.coordinator.kept import TERMINAL
from argosy.coordinator.state import RunState
from argosy.schemas.edges import Join
from argosy.schemas.pipeline import MapStep


@dataclass(frozen=True, slots=True)
class Parent:
    """One that a join waits for, or waited for."""

    name: str
    state: Shown
    ended: bool
    hole: str = ""
    """Why the join goes on, or went on, without it."""


@dataclass(frozen=True, slots=True)
class JoinShown:
    """A step with several parents, or a map with a join of its own."""

    name: str
    policy: str
    state: Shown
    parents: tuple[Parent, ...]
    said: str
    """What it waits for, in one sentence."""


def joins(history: History, progress: dict[str, Progress]) -> list[JoinShown]:
    """Find all joins of the plan; those inside of maps and loops have a place in the list of their tasks."""
    accepted, state = history.accepted, history.state
    if accepted is None or state is None:
        return []
    found: list[JoinShown] = []
    for named in named_steps(accepted.pipeline):
        if "*" in named.name:
            continue
        if len(named.parents) > 1 or (named.step.join is not None and not isinstance(named.step, MapStep)):
            found.append(_join(named, state, progress))
        elif isinstance(named.step, MapStep) and named.step.join is not None:
            found.append(_of_shards(named, named.step.join, state, progress))
    return found


def policy(join: Join | None) -> str:
    """Say when a join goes on."""
    if join is None:
        return "all must end"
    least = "" if join.count is None else f"{join.count} "
    least = f"{join.share:.0%} " if join.share is not None else least
    within = "" if join.within_seconds is None else f", within {length(join.within_seconds)}"
    match join.policy:
        case "all_ended":
            return "all must end"
        case "any":
            return f"the first success{within}"
        case "quorum":
            return f"{least}successes{within}"
        case "deadline":
            return f"what is there{within}" + (f", at least {least}" if least else "")


def _join(named: Named, state: RunState, progress: dict[str, Progress]) -> JoinShown:
    reasons = {hole.source: f"{hole.outcome}: {hole.reason}" for hole in holes_of(named, state)}
    parents = tuple(
        Parent(
            name,
            _state(progress, name),
            state.step(name).letter in TERMINAL,
            reasons.get(name, ""),
        )
        for name in named.parents
    )
    own = _state(progress, named.name)
    lacking = [parent.name for parent in parents if not parent.ended]
    letter = state.step(named.name).letter
    if letter == "s" or (letter == "x" and state.task(named.name) is None):
        said = "it did not go on"
    elif letter != "w":
        said = "it went on" + (
            f" with {len(parents) - len(lacking)} of {len(parents)}" if lacking else " with all"
        )
    else:
        said = f"waits for {', '.join(lacking)}" if lacking else "all have come"
    return JoinShown(named.name, policy(named.step.join), own, parents, said)


def _of_shards(named: Named, join: Join, state: RunState, progress: dict[str, Progress]) -> JoinShown:
    step = state.step(named.name)
    ended = step.succeeded + step.missing
    said = f"{ended} of {step.length} shards have ended, {step.succeeded} of them with success"
    return JoinShown(named.name, f"of its shards: {policy(join)}", _state(progress, named.name), (), said)


def _state(progress: dict[str, Progress], name: str) -> Shown:
    found = progress.get(name)
    return shown("waiting") if found is None or found.state is None else found.state
