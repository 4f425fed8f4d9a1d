"""What must be true of a cell's side effects, from the ledger that the handlers wrote."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from support.crash_history import Run
from support.crash_loads import Expected
from support.ledger import Ledger


@dataclass(frozen=True)
class Loss:
    """What may have been lost or slept, so that an effect may be made again."""

    most_again: int | None = 0
    """Effects that one process had in hand; None: Redis has lost what it knew of any."""
    slept: int = 0
    """The process that stood still, if one did."""


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
            for key in ledger.made_after_known(but_by=loss.slept)
            if _run(key) in runs
        ]
    return wrong


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
