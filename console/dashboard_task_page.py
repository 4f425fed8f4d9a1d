"""The page of one task: attempts, context window, inputs, result, what it recorded."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from argosy.console.context_view import ContextShown
from argosy.console.dag import named_steps
from argosy.console.dashboard_page import Asked, Item, Region, View
from argosy.console.dashboard_progress import WAITS
from argosy.console.dashboard_run_page import Shell, kept_of
from argosy.console.dashboard_states import Shown, shown
from argosy.console.dashboard_step_page import word_of
from argosy.console.dashboard_task import InputParts, task_shown
from argosy.console.dashboard_timeline import step_template
from argosy.console.moments import moment
from argosy.console.system_words import reduction

if TYPE_CHECKING:
    from argosy.console.dashboard_desk import Desk
    from argosy.console.dashboard_histories import Kept
    from argosy.console.dashboard_task import TaskShown
    from argosy.console.dashboard_timeline import Try


@dataclass(frozen=True, slots=True)
class TaskHead:
    """How a task stands."""

    state: Shown
    agent: str
    model: str
    what: str
    fault: str
    note: str


@dataclass(frozen=True, slots=True)
class Open:
    """An attempt that has not settled."""

    attempt: int
    said: str
    ordered_ms: int
    more: str
    settled: None = None


@dataclass(frozen=True, slots=True)
class InputFacts:
    """An argument, and where its links lead."""

    input: InputParts
    tasks: str
    values: str


@dataclass(frozen=True, slots=True)
class MemoFacts:
    """Something that was recorded."""

    title: str
    note: str
    text: str


async def look_task(desk: "Desk", asked: Asked) -> View:
    """Show one task."""
    run_id, local = asked.params["run_id"], asked.params["local"]
    kept = await kept_of(desk, run_id)
    found = await task_shown(kept.history, kept.times, local, desk.services.payloads)
    calls = await live_memos(desk, run_id, local) if found.ordered_ms is not None else ()
    return task_view(kept, found, calls)


def task_view(kept: "Kept", found: "TaskShown", calls: tuple[MemoFacts, ...] = ()) -> View:
    """Make the page of a task; `calls` are those of an attempt that is under way. Pure."""
    run_id, local = kept.history.run_id, found.local
    accepted = kept.history.accepted
    names = {each.name for each in named_steps(accepted.pipeline)} if accepted is not None else set[str]()
    values = f"/runs/{run_id}/values/"
    model = (
        accepted.pipeline.contracts()[found.row.agent].model
        if accepted and found.row.agent not in WAITS
        else ""
    )
    note = "its result was taken over from the run that this one is a replay of" if found.reused else ""
    head = TaskHead(
        shown(word_of(kept, local)),
        found.row.agent,
        model or "",
        found.row.what,
        "" if found.result is not None else found.fault,
        note,
    )
    memos = [
        *calls,
        *(
            MemoFacts(each.name, f"recorded in the log by attempt {each.attempt}", each.text)
            for each in found.memos
        ),
    ]
    said = (
        "Memos are kept until a task ends, and then forgotten, but for those in the run log. The trace has the model"
        " and tool calls of each attempt."
    )
    memo_items = [Item(f"{number}", each) for number, each in enumerate(memos)]
    inputs = tuple(
        Item(each.name, InputFacts(each, f"/runs/{run_id}/tasks/", values)) for each in found.inputs
    )
    result = None if found.result is None else Shell(found.result, values)
    regions = (
        Region("head", "run_items.html:task_head", (Item("head", head),)),
        Region("tries", "run_items.html:try_row", tuple(_tries(found))),
        Region("context", "run_items.html:context", (Item("context", context_facts(found)),)),
        Region("inputs", "run_items.html:input", inputs),
        Region("result", "run_items.html:answer", (Item("result", result),)),
        Region("memos", "run_items.html:memo", tuple(memo_items))
        if memos
        else Region("memos", "run_items.html:note", (Item("none", said),)),
    )
    return View(
        f"{local} of {run_id}",
        regions,
        {"run_id": run_id, "local": local, "step": step_template(local, names)},
    )


def _tries(found: "TaskShown") -> Iterator[Item]:
    last: list[Try | Open] = [*found.tries]
    if found.ordered_ms is not None:
        more = "ordered: it waits for a worker, or runs; the why of the run says which"
        last.append(Open(found.row.attempts, "under way", found.ordered_ms, more))
    if found.retry_ms is not None and found.tries:
        more = f"the next attempt is ordered at {moment(found.retry_ms)}"
        last.append(Open(found.row.attempts + 1, "backing off", found.tries[-1].settled_ms, more))
    for number, each in enumerate(last):
        yield Item(f"{each.attempt}-{number}", each)


@dataclass(frozen=True, slots=True)
class Gauge:
    """A stretch of the window, in thousandths."""

    name: str
    kind: str
    x: int
    width: int
    tokens: str
    said: str


@dataclass(frozen=True, slots=True)
class ContextFacts:
    """The window and what is in it."""

    gauges: tuple[Gauge, ...]
    note: str
    reduced: tuple[str, ...] = ()


def context_facts(found: "TaskShown") -> ContextFacts:
    """Draw a task's inputs, reserve and room against its window."""
    context = found.context
    if context is None:
        return ContextFacts((), "The run has forgotten what this task was given, or it was given nothing.")
    gauges = tuple(_gauges(context, found.room))
    note = context.cut or ("" if context.window else "The window of its model is not known: nothing was cut.")
    return ContextFacts(gauges, note, tuple(f"{each.method}: {reduction(each)}" for each in context.reduced))


def _gauges(context: ContextShown, room: int | None) -> Iterator[Gauge]:
    whole = context.window or max(1, sum(given.tokens for given in context.inputs) * context.factor // 1000)
    x = 0
    for given in context.inputs:
        tokens = given.tokens * context.factor // 1000
        said = ("" if given.exact else "at most; ") + given.how
        said += f", of {given.original_tokens}" if given.original_tokens != given.tokens else ""
        yield Gauge(given.name, "in", x, _part(tokens, whole), str(tokens), said)
        x = min(1_000, x + _part(tokens, whole))
    if context.window is None or room is None:
        return
    safe = context.window * context.threshold_per_mille // 1000
    left = context.left(room)
    at = max(0, safe * 1000 // whole - _part(context.reserve, whole))
    yield Gauge(
        "reserve", "reserve", at, _part(context.reserve, whole), str(context.reserve), "for the answer"
    )
    yield Gauge("left", "left", x, _part(left, whole), str(left), "for the agent's own prompt")
    over = context.window - safe
    yield Gauge(
        "unused",
        "over",
        safe * 1000 // whole,
        _part(over, whole),
        str(over),
        f"above {context.threshold_per_mille / 10:g} %",
    )
    said = f"the window of {context.model or 'the model'}, factor {context.factor / 1000:g}"
    yield Gauge("window", "all", 0, 1_000, str(context.window), said)


def _part(tokens: int, whole: int) -> int:
    return min(1_000, max(0, tokens) * 1_000 // whole) or (2 if tokens > 0 else 0)


async def live_memos(desk: "Desk", run_id: str, local: str) -> tuple[MemoFacts, ...]:
    """Read what an attempt that is under way has recorded so far: steps, turns with models, calls of tools."""
    from argosy.console.dashboard_memos import memos_of  # noqa: PLC0415 - Redis alone is asked here

    return tuple(
        MemoFacts(*each) for each in await memos_of(desk.services.store, desk.settings, run_id, local)
    )
