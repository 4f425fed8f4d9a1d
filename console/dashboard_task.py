"""One task of a run as its page tells it: attempts, what it was given and gave, its context window, its memos.

Pure, but for the plans of pages, which lie in the payload store.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic_core import to_json

from argosy.broker.store import Payloads
from argosy.console.context_view import ContextShown, context_of
from argosy.console.dashboard_text import cut
from argosy.console.dashboard_timeline import Timeline, Try
from argosy.console.lineage import lineage
from argosy.console.lineage_facts import hash_of
from argosy.console.provenance import names_of
from argosy.console.run_history import History
from argosy.console.system_words import place_of, plan_in, said
from argosy.console.task_table import TaskRow, row_of
from argosy.coordinator.inputs import Entry
from argosy.coordinator.system_tasks import inputs_for
from argosy.schemas.errors import NotFound
from argosy.schemas.ids import task_id
from argosy.schemas.payload import Inline, Payload
from argosy.schemas.runlog import StepRecorded
from argosy.schemas.task import HoleInput

MOST_CHARACTERS: Final = 20_000
"""Of one value on a page."""
MOST_REFOLDED: Final = 2_000
"""Records of a run whose log is folded once more for the page of a task that it has forgotten."""
_WITHOUT: Final = frozenset("fsx")
"""How tasks end that give nothing."""
MOST_PARTS: Final = 50
"""Values of one input that are listed; a map's list may have thousands."""


@dataclass(frozen=True, slots=True)
class Value:
    """A payload on a page. `text` None: it lies in the payload store, and is fetched when somebody asks."""

    sha256: str
    bytes: int
    tokens: int
    taint: str
    text: str | None
    manifest: bool = False


@dataclass(frozen=True, slots=True)
class PartShown:
    """A value that an input is made of, and whose it is; `hole` in its place: why there is none."""

    source: str
    value: Value | None
    hole: str = ""


@dataclass(frozen=True, slots=True)
class InputParts:
    """One argument of a task."""

    name: str
    select: str
    """What is taken of it."""
    parts: tuple[PartShown, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Memo:
    """A side effect that was recorded; `logged`: it survives the loss of Redis."""

    name: str
    attempt: int
    text: str
    logged: bool


@dataclass(frozen=True, slots=True)
class TaskShown:
    """All of it."""

    local: str
    title: str
    row: TaskRow
    tries: tuple[Try, ...]
    ordered_ms: int | None
    """Of an attempt that is under way."""
    retry_ms: int | None
    inputs: tuple[InputParts, ...]
    result: Value | None
    reused: bool
    fault: str
    memos: tuple[Memo, ...]
    context: ContextShown | None = None
    room: int | None = None


_PAYLOAD: Final[TypeAdapter[Payload]] = TypeAdapter(Payload)


def value_of(payload: Payload) -> Value:
    """Show a payload: its text if it is inline, cut to what a page may hold."""
    text = cut(pretty(payload.value), MOST_CHARACTERS) if isinstance(payload, Inline) else None
    manifest = not isinstance(payload, Inline) and payload.shape == "manifest"
    return Value(hash_of(payload), payload.bytes, payload.tokens, ", ".join(payload.taint), text, manifest)


def pretty(value: JsonValue) -> str:
    """Write a value for people: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else to_json(value, indent=2).decode()


async def task_shown(history: History, times: Timeline, local: str, payloads: Payloads) -> TaskShown:
    """Find all of a task. Raises NotFound if the run has none of this name."""
    row = row_of(history, local)
    tries = tuple(times.tasks.get(local, ()))
    state = history.state
    task = state.task(local) if state is not None else None
    reused = history.accepted.reused.get(local) if history.accepted is not None else None
    if row is None or (task is None and not tries and reused is None):
        raise NotFound(
            f"run {history.run_id} has ordered no task {local}",
            "a step has a task once its parents have ended; a shard is named like extract.7, a page extract.7/p1.3",
            "the run's page lists its tasks",
        )
    context, room = await _context(history, local, payloads)
    given = reused.payload if reused is not None and not tries else None
    result = _result(history, local, tries) or given
    fault = next((each.settled.fault.said for each in reversed(tries) if each.settled.fault), "")
    return TaskShown(
        local=local,
        title=said(history, local),
        row=row,
        tries=tries,
        ordered_ms=times.time_at(task.cause) if task is not None and task.letter == "r" else None,
        retry_ms=history.timers.get(f"retry:{local}"),
        inputs=tuple(_inputs(history, local)) or tuple(_inputs_then(history, local)),
        result=None if result is None else value_of(result),
        reused=given is not None,
        fault=fault,
        memos=tuple(_memos(history, local)),
        context=context,
        room=room,
    )


def _result(history: History, local: str, tries: tuple[Try, ...]) -> Payload | None:
    """Find what a task gave, as its run took it: not what came too late, nor a plan that was refused."""
    state = history.state
    if state is not None and state.has_result(local):
        return state.result(local).payload
    task = None if state is None else state.task(local)
    if task is not None and task.letter in _WITHOUT:
        return None
    results = (each.settled.result for each in tries if each.ok)
    return next((each for each in results if each is not None), None)


async def _context(
    history: History, local: str, payloads: Payloads
) -> tuple[ContextShown | None, int | None]:
    try:
        return await context_of(history, local, payloads, counted=True)
    except (NotFound, LookupError):  # of an iteration that the run has forgotten, or a step that runs no task
        return None, None


def _inputs(history: History, local: str) -> Iterator[InputParts]:
    state, place = history.state, place_of(history, local)
    if state is None or place is None:
        return
    try:
        plan = plan_in(state)
        given, names = inputs_for(state, plan, place), names_of(state, plan, place)
    except (LookupError, TypeError):  # forgotten since, or never sent
        return
    for each in given:
        entries = (each.source,) if each.gathered is None else each.gathered
        sources = names.get(each.name, ())
        whose = sources if len(sources) == len(entries) else ("",) * len(entries)
        if each.item is not None and len(entries) == 1:
            entries = (_item(entries[0], each.item),)
        parts = tuple(map(_part, whose[:MOST_PARTS], entries[:MOST_PARTS]))
        select = each.select or ("" if each.item is None else f"item {each.item + 1} of {each.of}")
        yield InputParts(each.name, select, parts, max(0, len(entries) - MOST_PARTS))


def _inputs_then(history: History, local: str) -> Iterator[InputParts]:
    """Find what a task was given that the run has forgotten since: its log is folded once more, if it is short."""
    if not history.settles(task_id(history.run_id, local)) or len(history.records) > MOST_REFOLDED:
        return
    node = lineage(history).nodes.get(local)
    for fed in () if node is None else node.inputs:
        parts = tuple(_part(each.source, each.entry) for each in fed.parts[:MOST_PARTS])
        yield InputParts(fed.given.name, fed.given.select or "", parts, max(0, len(fed.parts) - MOST_PARTS))


def _item(entry: Entry, number: int) -> Entry:
    """Take one item's payload out of a list's manifest, if that is at hand."""
    if isinstance(entry, Inline) and isinstance(entry.value, list) and number < len(entry.value):
        with suppress(ValidationError):
            return _PAYLOAD.validate_python(entry.value[number])
    return entry


def _part(source: str, entry: Entry) -> PartShown:
    if isinstance(entry, HoleInput):
        return PartShown(source, None, f"{entry.hole.outcome}: {entry.hole.reason}")
    return PartShown(source, value_of(entry))


def _memos(history: History, local: str) -> Iterator[Memo]:
    name = task_id(history.run_id, local)
    for each in history.records:
        message = each.message
        if isinstance(message, StepRecorded) and message.task_id == name:
            yield Memo(
                message.name,
                message.attempt,
                cut(pretty(_unwrapped(message.value)), MOST_CHARACTERS // 4),
                logged=True,
            )


def _unwrapped(value: JsonValue) -> JsonValue:
    """Take a memo's value out of its payload."""
    with suppress(ValidationError):
        payload = _PAYLOAD.validate_python(value)
        return payload.value if isinstance(payload, Inline) else value
    return value


def payloads_in(history: History) -> Iterator[Payload]:
    """Yield all payloads that the run's records name: only these may be asked for on its pages."""
    accepted, ended = history.accepted, history.ended
    if accepted is not None:
        yield accepted.input
        yield from (each.payload for each in accepted.reused.values() if each.payload is not None)
    for settles in history.by_task.values():
        yield from (each.result for each in settles if each.result is not None)
    if ended is not None and ended.result is not None:
        yield ended.result


def payload_of(history: History, sha256: str) -> Payload:
    """Find a payload of the run by its hash. Raises NotFound."""
    for payload in payloads_in(history):
        if hash_of(payload) == sha256:
            return payload
    raise NotFound(
        f"run {history.run_id} has no value {sha256[:12]}…",
        "only values that its own records name are shown here",
        "follow the links of the run's page",
    )
