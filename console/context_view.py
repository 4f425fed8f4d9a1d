"""What an agent really got: the inputs of one task against its context window, as bars. Mostly pure."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

from pydantic import JsonValue, TypeAdapter, ValidationError

from argosy.agents.inputs import read_one
from argosy.agents.page_plan import tokens_in
from argosy.broker.store import Payloads
from argosy.broker.tokens import count
from argosy.broker.values import encode_value
from argosy.console.run_history import History
from argosy.console.system_words import cut_into, plan_in, reduction, words
from argosy.coordinator.capacity import room_of
from argosy.coordinator.inputs import Given
from argosy.coordinator.system_tasks import factor_for, inputs_for, reduced_for
from argosy.schemas.canonical import canonical_hash
from argosy.schemas.errors import InvalidInput, NotFound, PayloadGone, Unreachable
from argosy.schemas.pages import PagePlan, Reduction, SummaryPlan
from argosy.schemas.payload import Inline, Payload
from argosy.schemas.task import Cut, HoleInput, PageOf, TaskInput

WIDTH: Final = 40
"""Characters of a bar that is the whole window."""
_EACH_TOKENS: Final = 2
"""What a summary takes beside its own tokens."""
_COUNTED_BYTES: Final = 8 * 1024 * 1024
"""A part of a larger value is not counted: that would take seconds."""
_UNUSED: Final = "unused"
_PLAN: Final = TypeAdapter[PagePlan | SummaryPlan](PagePlan | SummaryPlan)


@dataclass(frozen=True, slots=True)
class InputShown:
    """One input as its task got it."""

    name: str
    how: str
    """`whole`, `page 3 of 60`, `summary of 9 pages`, `hole`."""
    tokens: int
    """As we count them."""
    exact: bool
    """False: no more than so many; the payload that says it is not to be had."""
    original_tokens: int
    sha256: str | None
    """Of the original's JSON, where it is one payload."""


@dataclass(frozen=True, slots=True)
class ContextShown:
    """A task's context. Tokens as we count them; times the factor (per mille) they are the model's."""

    task: str
    agent: str
    model: str | None
    what: str
    """What it is in people's words; its name, of a task of the plan."""
    window: int | None
    threshold_per_mille: int
    reserve: int
    factor: int
    inputs: list[InputShown]
    reduced: tuple[Reduction, ...]
    cut: str = ""
    """Of a task that was too large itself: into how many pages, and which tasks they are."""

    @property
    def used(self) -> int:
        """Tokens of all inputs, as the model counts them."""
        return sum(given.tokens for given in self.inputs) * self.factor // 1000

    def left(self, room: int) -> int:
        """Tokens that the agent's own prompt may have."""
        return room - self.used


async def context_of(
    history: History, local: str, payloads: Payloads, *, counted: bool = False
) -> tuple[ContextShown, int | None]:
    """Find what a task got, or would get now, and the room of its inputs. NotFound if the run has no such task.

    `counted`: read parts of values and items of lists, and count them; else each is told as no more than the whole.
    """
    state = history.state
    place = None if state is None or state.get("plan") is None else plan_in(state).find(local)
    if state is None or place is None or state.task(local) is None:
        raise NotFound(
            f"run {history.run_id} has ordered no task {local}"
            if local
            else f"{history.run_id} names a run, no task",
            "a step has a task once its parents have ended; a shard is named like extract.7, a page extract.7/p1.3",
            f"argosy runs show {history.run_id} --shards lists its tasks",
        )
    inputs = [
        await input_shown(given, payloads, await _counted(given, payloads) if counted else None)
        for given in inputs_for(state, plan_in(state), place)
    ]
    window = state.pinned.windows.get(place.agent)
    shown = ContextShown(
        task=f"{history.run_id}/{local}",
        agent=place.agent,
        model=place.terms.model,
        what=words(state, place),
        window=window,
        threshold_per_mille=place.terms.threshold_per_mille,
        reserve=place.terms.reserve,
        factor=factor_for(state, place),
        inputs=inputs,
        reduced=reduced_for(state, place),
        cut=cut_into(state, local),
    )
    return shown, None if window is None else room_of(place.terms, window)


async def input_shown(given: Given, payloads: Payloads, counted: int | None = None) -> InputShown:
    """Tell how a task got one of its inputs, and how large that is; `counted`: tokens of it before any cut."""
    if isinstance(given.source, HoleInput):
        return InputShown(given.name, "hole", 0, exact=True, original_tokens=0, sha256=None)
    parts = (given.source,) if given.gathered is None else given.gathered
    tokens = sum(part.tokens for part in parts if not isinstance(part, HoleInput))
    if given.item is not None:
        tokens //= max(1, given.of or 1)
    exact = counted is not None or (given.item is None and given.select is None)
    tokens = tokens if counted is None else counted
    how = "whole" if given.select is None else f"its part {given.select}"
    original, sha256 = tokens, None if given.gathered is not None else _sha256(given.source)
    for one in given.pages:
        plan = await _plan(one.plan, payloads)
        how, tokens = _cut(one, plan, given.name, tokens)
        exact = exact and plan is not None
    return InputShown(given.name, how, tokens, exact=exact, original_tokens=original, sha256=sha256)


async def _counted(given: Given, payloads: Payloads) -> int | None:
    """Count a part of a value, or an item of a list, as the worker read it; None: neither, or not to be had."""
    source = given.source
    if isinstance(source, HoleInput) or (given.select is None and given.item is None):
        return None
    parts = (source,) if given.gathered is None else given.gathered
    if sum(part.bytes for part in parts if not isinstance(part, HoleInput)) > _COUNTED_BYTES:
        return None
    whole = TaskInput(
        name=given.name,
        source=source,
        select=given.select,
        item=given.item,
        of=given.of,
        gathered=given.gathered,
    )
    try:
        shown, _ = await read_one(whole, payloads, text=False)
        return await asyncio.to_thread(tokens_in, cast("JsonValue", shown.value), count)
    except (
        PayloadGone,
        Unreachable,
        InvalidInput,
        TypeError,
        ValueError,
    ):  # the last two: holes among the values
        return None


def _cut(cut: Cut, plan: PagePlan | SummaryPlan | None, name: str, before: int) -> tuple[str, int]:
    """Say what is left of an input, and how many tokens: with the rest of its value, about."""
    if isinstance(cut, PageOf):
        if plan is None:
            return f"page {cut.number + 1}", before
        how = f"page {cut.number + 1} of {len(plan.pages)}"  # not `cut.of`: the merges have come since
        rest = before - sum(page.tokens for page in plan.pages) if isinstance(plan, PagePlan) else 0
        return how, plan.pages[cut.number].tokens + max(0, rest)
    made = sum(summary.tokens + _EACH_TOKENS for summary in cut.summaries)
    records = plan.records if plan is not None else ()
    gone = sum(record.before for record in records if record.input == name)
    return f"summary of {len(cut.summaries)} pages", made + max(0, before - gone if records else 0)


async def _plan(payload: Payload, payloads: Payloads) -> PagePlan | SummaryPlan | None:
    try:
        data = (
            encode_value(payload.value) if isinstance(payload, Inline) else await payloads.get(payload.sha256)
        )
        return _PLAN.validate_json(data)
    except (PayloadGone, Unreachable, ValidationError):
        return None


def _sha256(payload: Payload) -> str:
    return canonical_hash(payload.value) if isinstance(payload, Inline) else payload.sha256


def drawn(shown: ContextShown, room: int | None) -> Iterator[str]:
    """Draw the inputs, the reserve and what is left, each against the window."""
    model = f", {shown.model}" if shown.model else ""
    yield f"{shown.task}: {shown.what}; agent {shown.agent}{model}"
    names = max([len(given.name) for given in shown.inputs] + [len(_UNUSED)])
    if shown.window is None or room is None:
        yield "the window of its model is not known: nothing was cut"
    if shown.cut:
        yield shown.cut
    for given in shown.inputs:
        tokens = given.tokens * shown.factor // 1000
        told = f"{'' if given.exact else 'at most '}{tokens} tokens, {given.how}"
        told += f" (of {given.original_tokens})" if given.original_tokens != given.tokens else ""
        told += f"  sha256 {given.sha256[:12]}…" if given.sha256 else ""
        yield f"{given.name:<{names}} {_bar(tokens, shown.window)} {told}"
    if shown.window is not None and room is not None:
        percent, safe = shown.threshold_per_mille / 10, shown.window * shown.threshold_per_mille // 1000
        for name, tokens, what in (
            ("reserve", shown.reserve, "for the answer"),
            ("left", shown.left(room), "for its own prompt"),
            (_UNUSED, shown.window - safe, f"above {percent:g} %"),
            ("window", shown.window, f"of the model, factor {shown.factor / 1000:g}"),
        ):
            yield f"{name:<{names}} {_bar(tokens, shown.window)} {tokens} tokens {what}"
    for record in shown.reduced:
        yield f"{record.method}: {reduction(record)}"


def _bar(tokens: int, window: int | None) -> str:
    if not window:
        return ""
    filled = min(WIDTH, max(0, tokens) * WIDTH // window)
    if tokens > 0 and filled == 0:
        filled = 1
    return f"[{'#' * filled}{'.' * (WIDTH - filled)}]"
