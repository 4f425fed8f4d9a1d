"""What must be true of a cell's side effects, from the ledger that the handlers wrote."""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from support.crash_app import CONCURRENCY, began
from support.crash_history import Run
from support.crash_loads import Expected
from support.ledger import Ledger


@dataclass(frozen=True)
class Slept:
    """A process that stood still, and woke."""

    pid: int
    since: float = 0.0
    """By the ledger's clock."""
    before: AbstractSet[str] = frozenset()
    """Tasks whose success the log had when it fell asleep."""
    meanwhile: AbstractSet[str] = frozenset()
    """Those whose success came until it woke."""


NOBODY: Final = Slept(0)


@dataclass(frozen=True)
class Loss:
    """What may have been lost or slept, so that an effect may be made again."""

    most_again: int | None = 0
    """Effects that one process had in hand; None: Redis has lost what it knew of any."""
    slept: Slept = NOBODY


def effects(
    ledger: Ledger, runs: Mapping[str, Run], expected: Mapping[str, Expected], loss: Loss
) -> list[str]:
    """Promise 3 and what is said of side effects: each once by our key, at least once as such, and no memo again."""
    made = Counter(key for key in ledger.made() if "|" in key and key.split("/", 1)[0] in runs)
    keys = Counter(key.split("|", 1)[0] for key in made)
    wrong: list[str] = []
    for run_id, run in runs.items():
        shape = expected[run_id].shape
        for task in shape.given.keys() - shape.silent:
            took = run.first_success(task) is not None
            count = keys[f"{run_id}/{task}"]
            if count > 1 or count < took:
                wrong.append(f"{run_id}/{task}: its side effect was made under {count} keys; took: {took}")
        wrong += _logged(ledger, run)
    again = sum(made.values()) - len(made)
    if loss.most_again is not None:
        if again > loss.most_again:
            wrong.append(f"{again} side effects were made again: more than one process had in hand")
        wrong += [f"the memo of {key} changed" for key in ledger.changed_memos() if _run(key) in runs]
        wrong += [
            f"{key} was made again after its memo was known"
            for key in ledger.made_after_known(but_by=loss.slept.pid, asleep_since=loss.slept.since)
            if _run(key) in runs
        ]
    return wrong


def begun_again(
    ledger: Ledger, later_than: float, done: AbstractSet[str], slept: Slept = NOBODY
) -> list[str]:
    """Say which handlers began from a moment on though their task was `done` by then.

    Who stood still right before its handler, and wakes when others have settled, can't know of them. But it knows
    what had settled before it fell asleep, and has no more such handlers than an agent runs at once.
    """
    others = ledger.noted(began(), later_than, but=began(slept.pid)) & done
    wrong = [f"{task} had settled, and its handler began again" for task in sorted(others)]
    if slept.pid:
        mine = ledger.noted(began(slept.pid), slept.since)
        wrong += [
            f"{task} had settled, and its handler began again in a process that slept only afterwards"
            for task in sorted(mine & slept.before)
        ]
        woken = Counter(_agent(task) for task in mine & slept.meanwhile)
        wrong += [
            f"{count} handlers of {name} began again in a process that woke: more than it had in hand"
            for name, count in woken.items()
            if count > CONCURRENCY
        ]
    return wrong


def _agent(task: str) -> str:
    """Name a task as in any run, and without its number: such tasks have one agent."""
    return task.partition("/")[2].partition(".")[0]


def _logged(ledger: Ledger, run: Run) -> list[str]:
    """A memo in the log is the one for ever, whatever Redis lost."""
    first = next((one for one in run.recorded if one.data["name"] == "effect"), None)
    values = {value for key, value in ledger.known() if key.startswith(f"{run.run_id}/left|")}
    logged = set[str]() if first is None else {str(first.data["value"]["value"])}
    if values and values != logged:
        return [f"{run.run_id}/left worked with {values}, its first logged memo is {logged}"]
    if run.first_success("left") is not None and not logged:
        return [f"{run.run_id}/left took effect, and its memo is not in the log"]
    return []


def _run(key: str) -> str:
    return key.split("/", 1)[0]
