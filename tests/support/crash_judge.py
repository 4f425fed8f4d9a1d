"""What must be true of a cell's runs, from raw records and stored bytes alone. Pure but for reading the store."""

import json
from base64 import b64decode
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, cast

from support.crash_history import Place, Run, letters_in
from support.crash_loads import DENIED, Expected, Shape
from support.crash_plain import Plain, Stored, value_of

BUDGET_SPENT: Final = "budget_spent"


def judge(run: Run, expected: Expected, stored: Stored | None = None) -> list[str]:
    """Promises 1, 2, 4, 6 and 8 for a run that was acknowledged, and the order of its history."""
    if not run.accepted:
        return [f"{run.run_id} was acknowledged, and no run.accepted is there"]
    if not run.ended:
        return [f"{run.run_id} never ended"]
    end = run.ended[0].data
    if end["outcome"] not in expected.outcomes:
        return [f"{run.run_id} ended {end['outcome']}: {end.get('fault')}"]
    wrong = _ends(run, end) + _attempts(run, expected) + _orders(run, expected.shape) + _causes(run, expected)
    if expected.signal and {one.data["signal_id"] for one in run.signals} != {expected.signal}:
        wrong.append(f"{run.run_id} was sent a signal, and the log has {run.signals}")
    wrong += _asked(run, expected)
    match end["outcome"]:
        case "succeeded":
            wrong += _values(run, end, expected.shape, stored)
        case "failed":
            wrong += _refused(run, end, expected)
        case _:
            if not run.cancels or run.cancels[0].offset > run.ended[0].offset:
                wrong.append(f"{run.run_id} ended cancelled before a cancel came")
    return wrong


def budgeted(run: Run, expected: Expected, spent: int, *, lost: bool) -> list[str]:
    """A run's ledger knows of all that its log tells, unless Redis lost it; and both stay within its budget."""
    if expected.budget is None or not run.ended:
        return []
    usage: Mapping[str, int] = run.ended[0].data.get("usage") or {}
    told = usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
    limit = expected.limit or 0
    if expected.fault == BUDGET_SPENT:
        right = told == spent == 0  # its first call was more than it had
    else:
        right = 0 < told <= limit and spent <= limit and (lost or told <= spent)
    if right:
        return []
    return [f"{run.run_id} may take {limit} tokens; its log tells of {told}, its ledger of {spent}"]


def answer_id(run_id: str) -> str:
    """Name the answer about a run's budget."""
    return f"{run_id}-answer"


def _asked(run: Run, expected: Expected) -> list[str]:
    """A run whose budget was too small heard what it was told, or waited to the end of its time."""
    if expected.answer is None:
        return []
    ids = {one.data["answer_id"] for one in run.answers}
    if ids != (set() if expected.answer == "silence" else {answer_id(run.run_id)}):
        return [f"{run.run_id} was told {expected.answer} about its budget, and the log has {run.answers}"]
    if expected.answer == "silence" and not any(one.data["name"] == "budget" for one in run.fired):
        return [f"{run.run_id} was told nothing about its budget, and no timer of that fired"]
    return []


def _ends(run: Run, end: Mapping[str, Any]) -> list[str]:
    wrong: list[str] = []
    if len({one.data["data_hash"] for one in run.accepted}) != 1 or run.refused:
        wrong.append(f"{run.run_id} was refused or taken with other data: {run.refused}")
    first = end["outcome"], end.get("result")
    if any((other.data["outcome"], other.data.get("result")) != first for other in run.ended):
        wrong.append(f"{run.run_id} ended twice, differently")
    bodies = {one.body for one in run.results}
    if len(bodies) != 1:
        wrong.append(f"{run.run_id} has {len(bodies)} different results")
    if any(one.id != run.run_id or one.data != end for one in run.results):
        wrong.append(f"{run.run_id} was answered with another end than the log's")
    return wrong


def _values(run: Run, end: Mapping[str, Any], shape: Shape, stored: Stored | None) -> list[str]:
    took: dict[str, Any] = {}
    for task in shape.given:
        found = run.first_success(task)
        if found is None:
            return [f"{run.run_id} succeeded, and {task} has no success in the log"]
        took[task] = _answer(value_of(found.data["result"], stored))
    loud = {task: value for task, value in took.items() if task not in shape.silent}
    made = {name: one["value"] for task, value in loud.items() for name, one in _named(task, value)}
    wrong = [
        f"{run.run_id}/{task} was given {_given(loud[task])}, and taken were {[made[name] for name in names]}"
        for task, names in shape.given.items()
        if names and task in loud and _given(loud[task]) != [made[name] for name in names]
    ]
    for task in shape.silent & {shape.last}:  # lists, one after the other
        parts = [one for name in shape.given[task] for one in took[name]]
        if took[task] != parts:
            wrong.append(f"{run.run_id}/{task} made {took[task]} of {parts}")
    if value_of(end["result"], stored) != took[shape.last]:
        wrong.append(f"{run.run_id} ended with another value than the first success of {shape.last}")
    return wrong


def _answer(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Find in a plan what its planner made: it hands that to the first of its tasks that waits for nothing."""
    if not isinstance(value, dict) or "tasks" not in value:
        return cast("Any", value)
    tasks = cast("Iterable[Any]", value["tasks"])
    return next(task["inputs"]["made"] for task in tasks if "value" in task["inputs"].get("made", ()))


def _given(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return [given for one in cast("Iterable[Any]", value) for given in one["given"]]
    return list(value["given"])


def _named(task: str, value: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 - JSON
    if isinstance(value, list) and "/p1." not in task:
        return [(f"{task}:{number}", item) for number, item in enumerate(cast("Iterable[Any]", value))]
    return [(task, value[0] if isinstance(value, list) else value)]


def _denied(run: Run, end: Mapping[str, Any], expected: Expected) -> list[str]:
    """A call that the budget doesn't hold is never made, and the record says what was asked for, and the answer."""
    fault, shape = _fault(end), expected.shape
    figures, limit = fault.get("figures", {}), expected.budget or 0
    said = DENIED if expected.answer == "deny" else "nobody raised it"
    wrong: list[str] = []
    if (
        fault.get("code") != expected.fault
        or said not in fault.get("message", "")
        or figures.get("limit_tokens") != limit
        or figures.get("asked_tokens", 0) <= limit
    ):
        wrong.append(f"{run.run_id} failed with {fault}, not with {expected.fault}, its figures and {said!r}")
    (asking,) = shape.given[shape.last]
    if fault.get("task_id") != f"{run.run_id}/{asking}" or run.first_success(asking):
        wrong.append(
            f"{run.run_id}/{asking} got what the budget doesn't hold, or the end names another: {fault}"
        )
    if any(order.data["task_id"] == f"{run.run_id}/{shape.last}" for order in run.orders):
        wrong.append(f"{run.run_id}/{shape.last} was ordered, though {asking} had failed")
    return wrong


def _refused(run: Run, end: Mapping[str, Any], expected: Expected) -> list[str]:
    """Promise 8: above the threshold an agent gets nothing at all, and the record says so."""
    if expected.fault == BUDGET_SPENT:
        return _denied(run, end, expected)
    fault = _fault(end)
    wrong: list[str] = []
    if fault.get("code") != expected.fault or not fault.get("figures", {}).get("tokens"):
        wrong.append(f"{run.run_id} failed with {fault}, not with {expected.fault} and its figures")
    last = f"{run.run_id}/{expected.shape.last}"
    if fault.get("task_id") != last or any(order.data["task_id"] == last for order in run.orders):
        wrong.append(f"{last} was ordered, though its input is too large, or the end names another: {fault}")
    return wrong


def _fault(data: Mapping[str, Any]) -> dict[str, Any]:
    return data.get("fault") or {}


def _attempts(run: Run, expected: Expected) -> list[str]:
    most = expected.attempts or {}
    return [
        f"{order.data['task_id']} got attempt {order.data['attempt']}: a crash used one up"
        for order in run.orders
        if order.data["attempt"] > most.get(order.data["task_id"].partition("/")[2], 1)
    ]


def _orders(run: Run, shape: Shape) -> list[str]:
    """A task's inputs are the same in each of its orders, are what was taken, and it is set off once."""
    wrong: list[str] = []
    orders: dict[str, list[Plain]] = defaultdict(list)
    for one in run.orders:
        orders[one.data["task_id"].partition("/")[2]].append(one)
    for task, given in orders.items():
        inputs = [json.dumps([one.data.get("inputs"), one.data.get("inputs_ref")]) for one in given]
        if len(set(inputs)) != 1:
            wrong.append(f"{run.run_id}/{task} was ordered with different inputs")
        if len({one.cause for one in given if one.data["attempt"] == 1}) > 1:
            wrong.append(f"{run.run_id}/{task} fired more than once")
        wrong += _inputs(run, shape, task, given[0].data.get("inputs") or [])
    if run.ended[0].data["outcome"] == "succeeded" and (unordered := shape.given.keys() - orders.keys()):
        wrong.append(f"{run.run_id} succeeded, and nobody ordered {unordered}")
    return wrong


def _inputs(run: Run, shape: Shape, task: str, inputs: Sequence[Mapping[str, Any]]) -> list[str]:
    if not shape.direct or not inputs or not shape.given[task]:
        return []
    taken = [found and found.data["result"] for found in map(run.first_success, shape.given[task])]
    if [given["source"] for given in inputs] != taken:
        return [f"{run.run_id}/{task} was given other results than were taken, or in another order"]
    return []


def _causes(run: Run, expected: Expected) -> list[str]:
    """A history sorts causally: each record comes after what it answers."""
    shape, accepted = expected.shape, run.accepted[0].offset
    fired, raised = {one.offset for one in run.fired}, _raised(run)
    success = {task: run.first_success(task) for task in shape.given}
    wrong: list[str] = []
    ordered: dict[tuple[str, int], set[int | None]] = defaultdict(set)
    for one in run.orders:
        task, attempt, cause = one.data["task_id"].partition("/")[2], one.data["attempt"], one.cause
        ordered[task, attempt].add(cause)
        parents = [success[name.partition(":")[0]] for name in shape.given[task]]
        first = max((found.offset for found in parents if found), default=accepted)
        fits = cause is not None and (cause == first if shape.direct else cause >= first)
        if attempt > 1:
            fits = cause in (fired if expected.answer is None else raised)
        if not fits:
            wrong.append(f"{run.run_id}/{task}#{attempt} was ordered by {cause}, not {first}")
    for one in run.settled:
        task, attempt = one.data["task_id"].partition("/")[2], one.data["attempt"]
        if task not in shape.given or _fault(one.data).get("code") == "bad_message":
            continue  # a lane's own look into a list, and what a letter tells of, answer no order
        if one.cause is None or one.cause >= one.offset or one.cause not in ordered[task, attempt]:
            wrong.append(f"{run.run_id}/{task}#{attempt} at {one.offset} answers {one.cause}")
    last = success[shape.last]
    if run.ended[0].data["outcome"] == "succeeded" and last and run.ended[0].offset < last.offset:
        wrong.append(f"{run.run_id} ended before its {shape.last} had")
    return wrong


def _raised(run: Run) -> set[int]:
    """Find who may order a task anew that was refused: the answer, not its repeats; a refusal that came after it."""
    first = next((one.offset for one in run.answers if one.data.get("tokens")), None)
    if first is None:
        return set()
    late = (
        one.offset
        for one in run.settled
        if one.offset > first and one.data["attempt"] == 1 and _fault(one.data).get("code") == BUDGET_SPENT
    )
    return {first, *late}


def letters(
    records: Sequence[Plain], garbage: Mapping[Place, bytes], earlier: Collection[Place] = ()
) -> list[str]:
    """Nothing dies but what can't be read, and all of that is kept.

    What was `earlier` may be buried again: a lane whose state was lost folds its whole log.
    """
    found = letters_in(records)
    wrong = [
        f"a dead letter: {told}" for place, told in found if place not in garbage and place not in earlier
    ]
    kept = {place: b64decode(told["value"]) for place, told in found}
    return wrong + [
        f"{place} can't be read, and its letter has {kept.get(place)!r}"
        for place, value in garbage.items()
        if kept.get(place) != value
    ]
