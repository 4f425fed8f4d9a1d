"""What the topics tell of each run, record by record, for the oracle of the kill matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from support.crash_plain import Plain
from support.witness import Where

Place = tuple[str, int, int]
"""Topic, partition, offset."""


def _none() -> list[Plain]:
    return []


@dataclass
class Run:
    """All of one run, each list in log order of its partition."""

    run_id: str
    accepted: list[Plain] = field(default_factory=_none)
    settled: list[Plain] = field(default_factory=_none)
    recorded: list[Plain] = field(default_factory=_none)
    signals: list[Plain] = field(default_factory=_none)
    cancels: list[Plain] = field(default_factory=_none)
    answers: list[Plain] = field(default_factory=_none)
    """About its budget."""
    fired: list[Plain] = field(default_factory=_none)
    ended: list[Plain] = field(default_factory=_none)
    results: list[Plain] = field(default_factory=_none)
    refused: list[Plain] = field(default_factory=_none)
    orders: list[Plain] = field(default_factory=_none)

    def first_success(self, task: str) -> Plain | None:
        """What took effect; `task` is its name inside the run."""
        mine = f"{self.run_id}/{task}"
        return next(
            (s for s in self.settled if s.data["task_id"] == mine and s.data["outcome"] == "succeeded"), None
        )


def runs_in(records: Sequence[Plain]) -> dict[str, Run]:
    """Sort what was written by run."""
    runs: dict[str, Run] = {}
    for one in records:
        run = runs.setdefault(one.run_id, Run(one.run_id))
        places: Mapping[str, list[Plain]] = {
            "run.accepted": run.accepted,
            "task.settled": run.settled,
            "step.recorded": run.recorded,
            "signal.received": run.signals,
            "cancel.received": run.cancels,
            "budget.received": run.answers,
            "timer.fired": run.fired,
            "run.ended": run.results if one.topic.endswith(".results") else run.ended,
            "submit.refused": run.refused,
            "task.dispatched": run.orders,
            "task.system": run.orders,
        }
        if one.kind in places:
            places[one.kind].append(one)
    return runs


def committed_too_far(records: Sequence[Plain], committed: Mapping[str, Mapping[Where, int]]) -> list[str]:
    """Promise 5: what lies below a committed offset is finished. `records` were read after `committed`."""
    runs, letters = runs_in(records), {where for where, _ in letters_in(records)}
    return [
        f"{group} has committed past {one.topic}/{one.partition}/{one.offset}: {unfinished}"
        for group, offsets in committed.items()
        for one in records
        if one.offset < offsets.get((one.topic, one.partition), 0)
        and (unfinished := _unfinished(one, runs[one.run_id], letters))
    ]


def _unfinished(one: Plain, run: Run, letters: set[Place]) -> str:  # noqa: PLR0911 - a table
    match one.kind:
        case "run.submitted":
            return "" if run.accepted or run.refused else f"nobody received the submit of {run.run_id}"
        case "signal.sent":
            taken = {signal.data["signal_id"] for signal in run.signals}
            return "" if one.id in taken else f"nobody received the signal {one.id}"
        case "budget.answered":
            taken = {answer.data["answer_id"] for answer in run.answers}
            return "" if one.id in taken else f"nobody received the answer {one.id}"
        case "cancel.requested":
            return "" if run.cancels else f"nobody received the cancel of {run.run_id}"
        case "task.dispatched" | "task.system":
            settled = {(s.data["task_id"], s.data["attempt"]) for s in run.settled}
            task, attempt = one.data["task_id"], one.data["attempt"]
            # What was cancelled is cancelled whatever is lost, from the moment on that its log says so.
            over = run.ended or run.cancels
            return "" if (task, attempt) in settled or over else f"{task}#{attempt} is not settled"
        case "":
            return "" if (one.topic, one.partition, one.offset) in letters else "no dead letter tells of it"
        case _:
            return ""


def letters_in(records: Sequence[Plain]) -> list[tuple[Place, Mapping[str, Any]]]:
    """Return dead letters, each with the place that it tells of."""
    return [
        ((one.data["topic"], one.data["partition"], one.data["offset"]), one.data)
        for one in records
        if one.kind == "message.died"
    ]


def successes_in(records: Sequence[Plain]) -> list[str]:
    """Return the task of each success, as often as it was published."""
    return [
        one.data["task_id"]
        for one in records
        if one.kind == "task.settled" and one.data["outcome"] == "succeeded"
    ]
