"""A run as a tree: each step with its state, attempts, time and tokens, its shards summed up, its holes named. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from argosy.console.dag import Branch, Named, branches, in_run, named_steps, runs_of
from argosy.console.loop_words import went_round
from argosy.console.moments import length, moment
from argosy.console.numbers import counted
from argosy.console.planned_words import how_far, is_planned
from argosy.console.run_history import History
from argosy.console.system_words import cut
from argosy.console.task_table import WORDS, TaskRow, rows
from argosy.coordinator.kept import TERMINAL
from argosy.coordinator.state import RunState
from argosy.coordinator.step_plan import template_of
from argosy.schemas.edges import INPUT
from argosy.schemas.hole import HoleOutcome
from argosy.schemas.ids import step_of
from argosy.schemas.pipeline import LoopStep, MapStep
from argosy.schemas.taint import Taint, united

SHARDS_SHOWN: Final = 10
"""Of a map, shards that did not succeed; --shards shows all of all."""
_OUTCOMES: Final[dict[str, HoleOutcome]] = {"f": "failed", "s": "skipped", "x": "cancelled", "e": "expired"}


@dataclass(frozen=True, slots=True)
class HoleShown:
    """What a step went on without."""

    step: str
    source: str
    outcome: HoleOutcome
    reason: str


def tree(history: History, now_ms: int, *, shards: bool = False) -> str:
    """Draw the run; empty if the log has no run."""
    return "\n".join(_lines(history, now_ms, shards=shards))


def holes(history: History) -> list[HoleShown]:
    """Find the holes that steps were given, or are going to be given: inputs whose source did not succeed."""
    accepted, state = history.accepted, history.state
    if accepted is None or state is None:
        return []
    steps = (each for step in named_steps(accepted.pipeline) for each in in_run(step, state))
    return [hole for named in steps for hole in holes_of(named, state)]


def holes_of(named: Named, state: RunState) -> Iterator[HoleShown]:
    """Find the holes that one step, as it stands in a run, was given or is going to be given."""
    absent = state.step(named.name).absent
    lead = "" if named.owner is None else f"{named.owner}/"
    for edge in named.step.edges:
        if not edge.hole or edge.source == INPUT:
            continue
        name = f"{lead}{edge.source}"
        source = state.step(name)
        if source.letter in _OUTCOMES or name in absent:
            cause = source.cause
            reason = cause.fault.message if cause is not None else "it went on without it"
            outcome = "cancelled" if name in absent else _OUTCOMES[source.letter]
            yield HoleShown(named.name, name, outcome, reason)


def _lines(history: History, now_ms: int, *, shards: bool) -> Iterator[str]:
    accepted = history.accepted
    if accepted is None or history.state is None:
        return
    table = rows(history)
    began = next(each.time_ms for each in history.records if each.message is accepted)
    ended = next((each.time_ms for each in history.records if each.message is history.ended), None)
    outcome = history.ended.outcome if history.ended is not None else "active"
    given, made = sum(row.input_tokens for row in table), sum(row.output_tokens for row in table)
    yield (
        f"{history.run_id}  {accepted.pipeline.name}@{accepted.pipeline.version}  {outcome}"
        f"  {length(((ended or now_ms) - began) / 1000)}  tokens {given} in, {made} out"
    )
    yield f"accepted {moment(began)}, deadline {moment(accepted.deadline_ms)}"
    if accepted.replay_of is not None:
        reused = counted(len(accepted.reused), "result")
        yield f"a replay of {accepted.replay_of.run_id}: {reused} reused"
    if accepted.input.taint:
        yield f"input {_marked(accepted.input.taint)}"
    if history.broken:
        yield f"its log can't be folded {history.broken}"
    by_step: dict[str, list[TaskRow]] = {}
    for row in table:
        if not row.what:
            shown_at = row.task.rpartition("/")[0] if is_planned(history, row.task) else row.task
            by_step.setdefault(template_of(step_of(shown_at)[0]).removesuffix("~*"), []).append(row)
    missing = holes(history)
    for branch in branches(accepted.pipeline):
        name = branch.name
        yield from _step(branch, by_step.get(name, []), history, now_ms, shards=shards)
        for hole in missing:
            if template_of(hole.step) == name:
                yield f"{branch.below}hole: {hole.source} {hole.outcome}: {hole.reason}"


def _step(
    branch: Branch, table: list[TaskRow], history: History, now_ms: int, *, shards: bool
) -> Iterator[str]:
    step, state = branch.step, history.state
    beside = f"  ← {', '.join(branch.joins)}" if branch.joins else ""
    if isinstance(step, MapStep | LoopStep) or "*" in branch.name:
        letter = state.step(branch.name).letter if state is not None else "w"
        words = [branch.name, runs_of(step)]
        if "*" not in branch.name:
            words.append("running" if letter == "r" else WORDS[letter])
        is_loop = isinstance(step, LoopStep) and "*" not in branch.name
        said = went_round(branch, history) if is_loop else _sum(branch, table, history)
        yield f"{branch.lead}{'  '.join((*words, said))}{beside}"
        told = [row for row in table if _is_shard(row) and (shards or row.state != "succeeded")]
        for row in told if shards else told[:SHARDS_SHOWN]:
            yield f"{branch.below}{_task(row, history, now_ms)}"
            yield from _cut(row, history, f"{branch.below}  ")
        if not shards and len(told) > SHARDS_SHOWN:
            yield f"{branch.below}… {len(told) - SHARDS_SHOWN} more that have not succeeded"
        return
    for row in table:
        if is_planned(history, row.task):
            yield f"{branch.below}{_task(row, history, now_ms)}"
            yield from _cut(row, history, f"{branch.below}  ")
            continue
        yield f"{branch.lead}{_task(row, history, now_ms)}{beside}"
        yield from _cut(row, history, branch.below)
        told_plan = how_far(step, row.task, history)
        if told_plan:
            yield f"{branch.below}{told_plan}"


def _cut(row: TaskRow, history: History, lead: str) -> Iterator[str]:
    """Tell what was done to inputs that were too large, and how far that is."""
    for line in cut(history.state, row.task) if history.state is not None else ():
        yield f"{lead}{line}"


def _is_shard(row: TaskRow) -> bool:
    return ("." in row.task or "~" in row.task) and "*" not in row.task


def _sum(branch: Branch, table: list[TaskRow], history: History) -> str:
    """Sum up a map's shards; of a step in a map over a pipeline, its tasks in all shards."""
    ordered = [row for row in table if _is_shard(row)]
    step = history.state.step(branch.name) if history.state is not None else None
    is_each, below = branch.step.pipeline is not None, "*" in branch.name
    if is_each and not below and step is not None and history.state is not None:
        letters = [history.state.step(f"{branch.name}.{shard}").letter for shard in range(step.next)]
        states = Counter("running" if letter == "r" else WORDS[letter] for letter in letters)
    else:
        states = Counter(row.state for row in ordered)
    known = sum(states.values())
    total = known if step is None or below else step.length
    parts = [f"{count} {state}" for state, count in states.items()]
    if total > known:
        parts.append(f"{total - known} not {'begun' if is_each else 'ordered'} yet")
    said = [f"{counted(total, 'task' if below else 'shard')}: {', '.join(parts) or 'none'}"]
    if not is_each:
        attempts, deliveries = sum(row.attempts for row in ordered), sum(row.deliveries for row in ordered)
        if deliveries > attempts:
            said.append(f"{deliveries} deliveries")
        given, made = sum(row.input_tokens for row in ordered), sum(row.output_tokens for row in ordered)
        said.append(f"tokens {given} in, {made} out")
    if taint := united(*(row.taint for row in ordered)):
        said.append(_marked(taint))
    return "  ".join(said)


def _marked(taint: Taint) -> str:
    return f"tainted by {', '.join(taint)}"


def _task(row: TaskRow, history: History, now_ms: int) -> str:
    words = [row.task, row.agent, row.state]
    if row.attempts > 1:
        words.append(f"attempt {row.attempts}")
    if row.deliveries > row.attempts:
        words.append(f"{row.deliveries} deliveries")
    state = history.state.task(row.task) if history.state is not None else None
    if state is not None and state.letter not in TERMINAL:
        ordered = next((each.time_ms for each in history.records if each.offset == state.cause), None)
        if ordered is not None:
            words.append(f"for {length(max(0, now_ms - ordered) / 1000)}")
    if row.wall_ms:
        words.append(length(row.wall_ms / 1000))
    if row.input_tokens or row.output_tokens:
        words.append(f"tokens {row.input_tokens} in, {row.output_tokens} out")
    if row.worker:
        words.append(f"by {row.worker.removeprefix('argosy/worker/')}")
    if row.taint:
        words.append(_marked(row.taint))
    if row.why:
        words.append(row.why)
    return "  ".join(words)
