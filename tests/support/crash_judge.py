"""What must be true of a cell's runs, from raw records, Redis and the ledger alone. Pure but for the ledger's file."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.payload import Inline, Payload, Reference
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import RunAccepted, RunEnded, StepRecorded, TaskSettled, TimerFired
from argosy.schemas.task import HoleInput, TaskDispatched
from support.ledger import Ledger
from support.witness import Line, Where

STEPS: Final = ("left", "right", "join")


@dataclass
class Run:
    """All of one run, each list in log order of its partition."""

    run_id: str
    accepted: list[tuple[int, RunAccepted]] = field(default_factory=list[tuple[int, RunAccepted]])
    settled: list[tuple[Line, TaskSettled]] = field(default_factory=list[tuple[Line, TaskSettled]])
    recorded: list[StepRecorded] = field(default_factory=list[StepRecorded])
    fired: list[tuple[int, TimerFired]] = field(default_factory=list[tuple[int, TimerFired]])
    ended: list[tuple[int, RunEnded]] = field(default_factory=list[tuple[int, RunEnded]])
    results: list[Line] = field(default_factory=list[Line])
    refused: list[SubmitRefused] = field(default_factory=list[SubmitRefused])
    orders: list[tuple[Line, TaskDispatched]] = field(default_factory=list[tuple[Line, TaskDispatched]])

    def first_success(self, step: str) -> tuple[Line, TaskSettled] | None:
        """What took effect."""
        mine = f"{self.run_id}/{step}"
        return next((s for s in self.settled if s[1].task_id == mine and s[1].outcome == "succeeded"), None)


def runs_in(lines: Sequence[Line]) -> dict[str, Run]:
    """Sort what was written by run."""
    runs: dict[str, Run] = {}
    for line in lines:
        run = runs.setdefault(line.envelope.subject, Run(line.envelope.subject))
        match line.message:
            case RunAccepted() as message:
                run.accepted.append((line.offset, message))
            case TaskSettled() as message:
                run.settled.append((line, message))
            case StepRecorded() as message:
                run.recorded.append(message)
            case TimerFired() as message:
                run.fired.append((line.offset, message))
            case RunEnded() as message if line.topic.endswith(".results"):
                run.results.append(line)
            case RunEnded() as message:
                run.ended.append((line.offset, message))
            case SubmitRefused() as message:
                run.refused.append(message)
            case TaskDispatched() as message:
                run.orders.append((line, message))
            case _:
                pass
    return runs


def committed_too_far(lines: Sequence[Line], committed: Mapping[str, Mapping[Where, int]]) -> list[str]:
    """Promise 5: what lies below a committed offset is finished. `lines` were read after `committed`."""
    runs, wrong = runs_in(lines), list[str]()
    for group, offsets in committed.items():
        for line in lines:
            if line.offset >= offsets.get((line.topic, line.partition), 0):
                continue
            run = runs[line.envelope.subject]
            match line.message:
                case RunSubmitted() if not run.accepted and not run.refused:
                    wrong.append(f"{group} has committed past a submit of {run.run_id} that nobody received")
                case TaskDispatched(task_id=task, attempt=attempt):
                    settled = {(one.task_id, one.attempt) for _, one in run.settled}
                    if (task, attempt) not in settled and not run.ended:
                        wrong.append(f"{group} has committed past {task}#{attempt}, which is not settled")
                case _:
                    pass
    return wrong


def judge(run: Run, flaky: bool, values: Mapping[str, str]) -> list[str]:  # noqa: FBT001
    """Promises 1, 2, 4 and 6 for a run that was acknowledged, and the order of its history.

    `values` are the JSON values of what lies in the payload store, by SHA-256.
    """
    if not run.accepted:
        return [f"{run.run_id} was acknowledged, and no run.accepted is there"]
    if not run.ended:
        return [f"{run.run_id} never ended"]
    wrong: list[str] = []
    _, end = run.ended[0]
    if end.outcome != "succeeded":
        wrong.append(f"{run.run_id} ended {end.outcome}: {end.fault}")
        return wrong
    if len({message.data_hash for _, message in run.accepted}) != 1 or run.refused:
        wrong.append(f"{run.run_id} was refused or taken with other data: {run.refused}")
    if any(other.outcome != end.outcome or other.result != end.result for _, other in run.ended):
        wrong.append(f"{run.run_id} ended twice, differently")
    bodies = {line.body for line in run.results}
    if len(bodies) != 1:
        wrong.append(f"{run.run_id} has {len(bodies)} different results")
    if any(line.envelope.id != run.run_id or line.message != end for line in run.results):
        wrong.append(f"{run.run_id} was answered with another end than the log's")
    return wrong + _values(run, end, values) + _attempts(run, flaky=flaky) + _joins(run) + _causes(run)


def _values(run: Run, end: RunEnded, values: Mapping[str, str]) -> list[str]:
    took: list[str] = []
    for step in STEPS:
        found = run.first_success(step)
        if found is None:
            return [f"{run.run_id} succeeded, and {step} has no success in the log"]
        assert found[1].result is not None
        took.append(json.loads(value_of(found[1].result, values))["value"])
    assert end.result is not None
    told = json.loads(value_of(end.result, values))
    if [*told["given"], told["value"]] != took:
        return [f"{run.run_id} says {told}, but the first successes in the log are {took}"]
    return []


def _attempts(run: Run, *, flaky: bool) -> list[str]:
    most = {f"{run.run_id}/{step}": 2 if flaky and step == "right" else 1 for step in STEPS}
    return [
        f"{order.task_id} got attempt {order.attempt}: a crash used one up"
        for _, order in run.orders
        if order.attempt > most.get(order.task_id, 0)
    ]


def _joins(run: Run) -> list[str]:
    orders = [(line, order) for line, order in run.orders if order.task_id.endswith("/join")]
    if len({order.model_dump_json(include={"inputs", "inputs_ref"}) for _, order in orders}) != 1:
        return [f"the join of {run.run_id} was ordered with different inputs, or never"]
    if len({line.envelope.cause for line, _ in orders}) != 1:
        return [f"the join of {run.run_id} fired more than once"]
    inputs = orders[0][1].inputs
    if inputs and [given.name for given in inputs] != ["left", "right"]:
        return [f"the join of {run.run_id} was given {[given.name for given in inputs]}"]
    wrong: list[str] = []
    for given in inputs:
        found = run.first_success(given.name)
        if found is None or isinstance(given.source, HoleInput) or found[1].result != given.source:
            wrong.append(f"the join of {run.run_id} was given another {given.name} than was taken")
    return wrong


def _causes(run: Run) -> list[str]:
    """A history sorts causally: each record comes after what it answers."""
    accepted = run.accepted[0][0]
    success = {step: run.first_success(step) for step in STEPS}
    parents = [found[0].offset for step in ("left", "right") if (found := success[step]) is not None]
    fired = {message_offset for message_offset, _ in run.fired}
    wrong: list[str] = []
    ordered: dict[tuple[str, int], set[int | None]] = defaultdict(set)
    for line, order in run.orders:
        ordered[order.task_id, order.attempt].add(line.envelope.cause)
        first = max(parents) if order.task_id.endswith("/join") else accepted
        fits = line.envelope.cause == first if order.attempt == 1 else line.envelope.cause in fired
        if not fits:
            wrong.append(f"{order.task_id}#{order.attempt} was ordered by {line.envelope.cause}, not {first}")
    for line, settled in run.settled:
        cause = line.envelope.cause
        if cause is None or cause >= line.offset or cause not in ordered[settled.task_id, settled.attempt]:
            wrong.append(f"{settled.task_id}#{settled.attempt} at {line.offset} answers {cause}")
    if run.ended and (found := success["join"]) is not None and run.ended[0][0] < found[0].offset:
        wrong.append(f"{run.run_id} ended before its join had")
    return wrong


def effects(
    ledger: Ledger, runs: Mapping[str, Run], most_again: int, slept: int = 0, *, redis_lost: bool = False
) -> list[str]:
    """Promise 3 and what is said of side effects: each once by our key, at least once as such, and no memo again.

    `slept` is the process that stood still, if one did. Where Redis lost data only the logged memos must hold.
    """
    made = Counter(key for key in ledger.made() if "|" in key and key.split("/", 1)[0] in runs)
    tasks = Counter(key.split("|", 1)[0] for key in made)
    wrong = [
        f"{run_id}/{step} took effect, and made its side effect under {tasks[f'{run_id}/{step}']} keys"
        for run_id in runs
        for step in STEPS
        if tasks[f"{run_id}/{step}"] != 1
    ]
    again = sum(made.values()) - len(made)
    if again > most_again and not redis_lost:
        wrong.append(f"{again} side effects were made again: more than one process had in hand")

    def must_hold(key: str) -> bool:
        task = key.split("|", 1)[0]
        return task.split("/", 1)[0] in runs and (not redis_lost or task.endswith("/left"))

    wrong += [f"the memo of {key} changed" for key in ledger.changed_memos() if must_hold(key)]
    wrong += [
        f"{key} was made again after its memo was known"
        for key in ledger.made_after_known(but_by=slept)
        if must_hold(key)
    ]
    known = ledger.known()
    for run_id, run in runs.items():
        first = next((memo for memo in run.recorded if memo.name == "effect"), None)
        values = {value for key, value in known if key.startswith(f"{run_id}/left|")}
        if first is None or values != {_memo(first)}:
            wrong.append(f"{run_id}/left worked with {values}, its first logged memo is {first}")
    return wrong


def _memo(recorded: StepRecorded) -> str:
    value = recorded.value
    assert isinstance(value, dict)
    return str(value["value"])


def value_of(payload: Payload, values: Mapping[str, str]) -> str:
    """The JSON of a payload."""
    match payload:
        case Inline(value=value):
            return json.dumps(value)
        case Reference(sha256=sha256):
            return values[sha256]


def references(runs: Mapping[str, Run]) -> set[str]:
    """What `values` must hold."""
    payloads = [one.result for run in runs.values() for _, one in run.settled]
    payloads += [end.result for run in runs.values() for _, end in run.ended]
    return {payload.sha256 for payload in payloads if isinstance(payload, Reference)}
