"""Tasks that are cut into pages, the slow way: what must be open, and what ends them, found anew at each event."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from argosy.schemas.facts import ValueFact

if TYPE_CHECKING:
    from support.reference_values import Task

OPEN = "rbpa"
AT_ONCE = 16
DEPTH = 3
Tasks = dict[str, "Task"]


def above_of(local: str) -> str | None:
    """Name the task that a system task was made for; None for any other."""
    above, slash, last = local.rpartition("/")
    return above if slash and last[:1] == "p" and last[1:2].isdigit() else None


def round_of(local: str) -> int:
    return int(local.rpartition("/p")[2].partition(".")[0])


def root_of(local: str) -> str:
    """Name the task of the plan that a system task lies under."""
    above = above_of(local)
    return local if above is None else root_of(above)


def may_be_cut(local: str) -> bool:
    depth = local.count("/p")
    return depth < DEPTH and (above_of(local) is None or round_of(local) == 1)


def under(tasks: Tasks, above: str) -> Iterator[str]:
    yield from (local for local in tasks if local.startswith(f"{above}/p"))


def merged(local: str, tasks: Tasks, *, merges: bool) -> list[str]:
    """Name the tasks whose results a merge takes, in order."""
    group, _, number = local.rpartition(".")
    above, before = above_of(local), round_of(local) - 1
    found = sorted(
        (name for name in tasks if above_of(name) == above and round_of(name) == before),
        key=lambda name: int(name.rpartition(".")[2]),
    )
    assert group
    return found[2 * int(number) : 2 * int(number) + 2] if merges else found


def number_of_pages(plan: "Task") -> int:
    fact = plan.result.facts.get("value:length(pages)") if plan.result is not None else None
    value = fact.value if isinstance(fact, ValueFact) else None
    return value if type(value) is int else 0


def ends_all(local: str, tasks: Tasks, *, merges: bool) -> bool:
    """Say whether the success of a system task ends the task of the plan: the only one of its round, all the way up."""
    above = above_of(local)
    if above is None:
        return True
    size = number_of_pages(tasks[f"{above}/p0"])
    for _ in range(round_of(local) - 1):
        size = (size + 1) // 2 if merges else 1
    return round_of(local) > 0 and size == 1 and ends_all(above, tasks, merges=merges)


def step_on(tasks: Tasks, above: str, fresh: "type[Task]", *, merges: bool) -> str | None:
    """Make the tasks that may run now; return the one that ends the task above, if one does, or a plan of nothing."""
    if tasks[f"{above}/p0"].letter != "k":
        return None
    size, round_ = number_of_pages(tasks[f"{above}/p0"]), 1
    if not 1 <= size <= 10_000:
        return f"{above}/p0"
    while True:
        names = [f"{above}/p{round_}.{number}" for number in range(size)]
        there = [name for name in names if name in tasks]
        room = AT_ONCE - sum(tasks[name].letter in OPEN for name in there)
        for name in names[len(there) : len(there) + room]:
            tasks[name] = fresh()
        if any(name not in tasks or tasks[name].letter != "k" for name in names):
            return None
        if size == 1:
            return names[0]
        size, round_ = (size + 1) // 2 if merges else 1, round_ + 1
