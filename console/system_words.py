"""System tasks in people's words: a page of what, a merge, a summary; as they stand in a run's history. Pure."""

from collections import Counter
from collections.abc import Iterator

from argosy.console.run_history import History
from argosy.coordinator import run_plan
from argosy.coordinator.kept import TaskState
from argosy.coordinator.paging import Paging, paging_of
from argosy.coordinator.place import Place
from argosy.coordinator.plan import Plan
from argosy.coordinator.state import RunState
from argosy.schemas.pages import Reduction

_STATES = {
    "r": "out",
    "b": "backing off",
    "p": "cut again",
    "a": "waits for budget",
    "k": "done",
    "f": "failed",
    "x": "stopped",
}


def plan_in(state: RunState) -> Plan:
    """Index the pipeline of a run."""
    return run_plan.plan_in(state)


def place_of(history: History, local: str) -> Place | None:
    """Find where a task stands; None if the run has no such task, or never began."""
    state = history.state
    return None if state is None or state.get("plan") is None else plan_in(state).find(local)


def said(history: History, local: str) -> str:
    """Name a task: its own name, of a system task also what it is."""
    place, state = place_of(history, local), history.state
    if place is None or place.system is None or state is None:
        return local
    return f"{local} ({words(state, place)})"


def words(state: RunState, place: Place) -> str:
    """Say what a system task is, and of which task."""
    if place.system is None:
        return place.local
    above = words(state, place.system.above)
    paging = paging_of(state, place.system.above.local)
    number = (place.number or 0) + 1
    match place.role:
        case "plan":
            what = "plan of the summaries" if place.step.terms.above == "summarise" else "plan of the pages"
        case "page":
            what = f"page {number}{_of(paging, 0)}"
        case "summary":
            what = f"summary of page {number}{_of(paging, place.system.round // 2)}"
        case "whole":
            return f"{above} with its inputs summarised"
        case _:
            what = f"merge {number} of round {place.system.round - 1}"
    return f"{what} of {above}"


def _of(paging: Paging | None, planned: int) -> str:
    if paging is None or planned >= len(paging.records):
        return ""
    return f" of {sum(record.pages for record in paging.records[planned]) or paging.length}"


def cut(state: RunState, local: str) -> Iterator[str]:
    """Tell what was done to the inputs of a task that was too large, and how far that is; nothing of any other."""
    paging = paging_of(state, local)
    if paging is None:
        return
    for records in paging.records:
        yield from map(reduction, records)
    under = Counter(_STATES[task.letter] for task in _under(state, local, paging))
    parts = [f"{count} {word}" for word, count in under.items()]
    if paging.length > paging.next:
        parts.append(f"{paging.length - paging.next} to come")
    yield f"{_stage(state, local, paging)}: {', '.join(parts) or 'none yet'}"


def cut_into(state: RunState, local: str) -> str:
    """Say of a task that was too large into how many pages it was cut, which tasks they are, and how far that is."""
    paging = paging_of(state, local)
    if paging is None:
        return ""
    *_, now = cut(state, local)
    if not paging.records:
        return f"too large: its pages are being planned, {state.run_id}/{local}/p0"
    place = plan_in(state).find(local)
    summarises = place is not None and place.step.terms.above == "summarise"
    said_of: list[str] = []
    for planned, records in enumerate(paging.records):
        pages = sum(record.pages for record in records) or paging.length
        what = f"{pages} pages of it summarised" if summarises else f"cut into {pages} pages"
        under = f"{state.run_id}/{local}/p{2 * planned + 1}"
        said_of.append(f"{what}, {under}.0 to {under}.{pages - 1}")
    return f"too large: {'; '.join(said_of)}; now: {now}"


def reduction(record: Reduction) -> str:
    """Tell one record."""
    what = ".".join((record.input, *map(str, record.path)))
    told = f"{what}: {record.before} tokens"
    if record.method == "paginate":
        told += f" in {record.pages} pages of at most {record.limit}"
        told += f", which overlap by up to {record.overlap}" if record.overlap else ""
    else:
        told += f" summarised to {record.after}, in {record.pages} pages of at most {record.limit}"
    return f"{told} (factor {record.factor / 1000:g}, sha256 {record.sha256[:12]}…)"


def _stage(state: RunState, local: str, paging: Paging) -> str:
    place = plan_in(state).find(local)
    summarises = place is not None and place.step.terms.above == "summarise"
    if paging.round == 0 or not paging.length:
        return "plan"
    if summarises:
        return f"summaries, round {paging.round // 2 + 1}" if paging.round % 2 else "the task with summaries"
    return "pages" if paging.round == 1 else f"merges, round {paging.round - 1}"


def _under(state: RunState, local: str, paging: Paging) -> Iterator[TaskState]:
    for number in paging.numbers:
        name = f"{local}/p{paging.round}" if number is None else f"{local}/p{paging.round}.{number}"
        task = state.task(name)
        if task is not None:
            yield task
