"""Tasks whose inputs are summarised, the slow way: what must be there, and what ends them, found anew at each event."""

import re
from typing import TYPE_CHECKING

from argosy.schemas.facts import Facts, ValueFact
from argosy.schemas.pages import Reduction
from support.reference_pages import AT_ONCE, DEPTH, OPEN, Tasks, above_of, round_of

if TYPE_CHECKING:
    from pydantic import JsonValue

    from support.reference_values import Task


def is_plan(local: str) -> bool:
    return above_of(local) is not None and re.search(r"/p\d+$", local) is not None


def is_summary(local: str) -> bool:
    return above_of(local) is not None and round_of(local) % 2 == 1


def may_be_cut(local: str) -> bool:
    return local.count("/p") < DEPTH and not is_summary(local) and not is_plan(local)


def planned(pages: int, kept: int, tokens: int) -> Facts:
    """What a plan of summaries of the input `p0` says of itself."""
    record = Reduction(
        method="summarise",
        input="p0",
        sha256="0" * 64,
        before=tokens - kept,
        after=0,
        pages=pages,
        limit=9,
    )
    records: list[JsonValue] = [record.model_dump(mode="json")] if pages else []
    values: dict[str, JsonValue] = {
        "length(pages)": pages,
        "kept": kept,
        "tokens": tokens,
        "records": records,
    }
    return {f"value:{select}": ValueFact(kind="value", value=value) for select, value in values.items()}


def _number(plan: "Task", select: str) -> int:
    fact = plan.result.facts.get(f"value:{select}") if plan.result is not None else None
    assert isinstance(fact, ValueFact)
    assert isinstance(fact.value, int)
    return fact.value


def pages_of(tasks: Tasks, plan: str) -> int:
    return _number(tasks[plan], "length(pages)")


def begun(tasks: Tasks, above: str) -> int:
    """Count the rounds of summaries under a task, and under those that it lies under."""
    outer = above_of(above)
    plans = [local for local in tasks if above_of(local) == above and is_plan(local)]
    found = sum(tasks[plan].letter == "k" and pages_of(tasks, plan) > 0 for plan in plans)
    return found + (0 if outer is None else begun(tasks, outer))


def step_on(  # noqa: C901 - one round after the other, as it is told
    tasks: Tasks, above: str, fresh: "type[Task]", within: int
) -> tuple[str, bool] | None:
    """Make the tasks that may run now; give the one that ends the task above, if one does, and whether well.

    `within`: the room that the whole has.
    """
    outer, round_ = above_of(above), 0
    rounds = 0 if outer is None else begun(tasks, outer)
    while True:
        plan = f"{above}/p{round_}"
        if plan not in tasks:
            tasks[plan] = fresh()
        if tasks[plan].letter != "k":
            return None
        size = pages_of(tasks, plan)
        if size > 10_000:
            return plan, False
        names = [f"{above}/p{round_ + 1}.{number}" for number in range(size)]
        there = [name for name in names if name in tasks]
        room = AT_ONCE - sum(tasks[name].letter in OPEN for name in there)
        for name in names[len(there) : len(there) + room]:
            tasks[name] = fresh()
        if any(name not in tasks or tasks[name].letter != "k" for name in names):
            return None
        round_ += 2
        if size:
            rounds += 1
            left = _number(tasks[plan], "kept") + sum(_tokens(tasks[name]) + 2 for name in names)
            if left > within:
                shrunk = left * 4 <= _number(tasks[plan], "tokens") * 3
                if not shrunk or rounds == 4:
                    return names[-1], False
                continue
        whole = f"{above}/p{round_}.0"
        if whole not in tasks:
            tasks[whole] = fresh()
        return (whole, True) if tasks[whole].letter == "k" else None


def _tokens(task: "Task") -> int:
    assert task.result is not None
    return 0 if task.result.result is None else task.result.result.tokens


def ends_all(local: str) -> bool:
    """Say whether the success of a task ends the task of the plan."""
    above = above_of(local)
    if above is None:
        return True
    return not is_summary(local) and not is_plan(local) and ends_all(above)


def cuts_of(tasks: Tasks, local: str) -> list[str | list[str]]:
    """List what is done to the input: by round the names of the summaries, or which page of how many it is."""
    above = above_of(local)
    if above is None:
        return []
    found = cuts_of(tasks, above)
    for round_ in range(0, round_of(local) - is_summary(local), 2):
        names = [f"{above}/p{round_ + 1}.{n}" for n in range(_planned(tasks, f"{above}/p{round_}"))]
        found += [names] if names else []
    if is_summary(local):
        of = pages_of(tasks, f"{above}/p{round_of(local) - 1}")
        found.append(f"{local.rpartition('.')[2]} of {of}")
    return found


def _planned(tasks: Tasks, plan: str) -> int:
    return pages_of(tasks, plan) if plan in tasks else 0
