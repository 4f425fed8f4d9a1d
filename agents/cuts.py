"""What a task is given of an input that was cut: a page of it, or the whole with summaries in place of its pages."""

import asyncio
from collections.abc import Sequence
from copy import deepcopy
from typing import Final, NamedTuple, cast

from pydantic import JsonValue, TypeAdapter, ValidationError

from argosy.broker.facts import select
from argosy.broker.recent import Recent
from argosy.broker.store import Payloads
from argosy.broker.values import decode_value, encode_value, load, load_all
from argosy.pipelines.port import Given
from argosy.schemas.errors import InvalidInput
from argosy.schemas.late import LATE
from argosy.schemas.pages import PagePlan, SummaryPlan
from argosy.schemas.payload import Inline, Payload, Reference
from argosy.schemas.task import Cut, HoleInput, PageOf, SummariesOf, TaskInput

_SLOW_BYTES: Final = 1024 * 1024
"""Decoding more than this would hold up the event loop."""
_PLAN: Final = TypeAdapter[PagePlan | SummaryPlan](PagePlan | SummaryPlan, config=LATE)
_SOURCES: Final = Recent[JsonValue](64 * 1024 * 1024)
"""What was cut last, decoded, by SHA-256: each page of it is read out of the same. Nobody changes one."""
_PLANS: Final = Recent[PagePlan | SummaryPlan](16 * 1024 * 1024)


class Shown(NamedTuple):
    """What is left of an input."""

    value: Given
    over: int | None = None
    """Tokens of a page that is known to be too large: one item of a list, which is to be cut in turn."""
    overlap: int = 0
    """Of a page: its code points, or items, at the beginning that are on the page before too."""


async def source_of(payload: Payload, payloads: Payloads) -> JsonValue:
    """Read a value that is to be cut. It belongs to all who ask: see `shown`. Raises as `load`."""
    if not isinstance(payload, Reference) or payload.shape != "value":
        return await load(payload, payloads)
    found = _SOURCES.get(payload.sha256)
    if found is None:
        data = await payloads.get(payload.sha256)
        slow = len(data) > _SLOW_BYTES
        found = await asyncio.to_thread(decode_value, data) if slow else decode_value(data)
        _SOURCES.put(payload.sha256, found, len(data))
    return found


async def gathered(
    one: TaskInput, parts: Sequence[Payload | HoleInput], payloads: Payloads
) -> tuple[Given, Sequence[Cut], Shown | None]:
    """Read the results of a map, of which a page of the list needs no more than its own.

    Gives them, what is still to be cut of them, and what the page was that is cut already.
    """
    cuts, shown = one.pages, None
    if cuts and isinstance(cuts[0], PageOf) and not one.select:
        plan = await _plan(cuts[0].plan, payloads)
        if isinstance(plan, PagePlan) and not plan.path and cuts[0].number < len(plan.pages):
            page = plan.pages[cuts[0].number]
            parts, cuts = parts[page.start : page.end], cuts[1:]
            shown = Shown(None, page.tokens if page.tokens > plan.limit else None)
    values = iter(await load_all([part for part in parts if not isinstance(part, HoleInput)], payloads))
    found = [part.hole if isinstance(part, HoleInput) else next(values) for part in parts]
    # JMESPath hands holes on as they are: they have no fields.
    return cast("Given", select(one.select, cast("JsonValue", found))), cuts, shown


async def shown(value: Given, cuts: Sequence[Cut], name: str, payloads: Payloads) -> Shown:
    """Cut a value, one cut after the other; what is given belongs to who asks.

    The page of a summary comes as what is to be said of it: its text, and how long its summary may be.
    """
    found = Shown(value)
    if not cuts:
        return found
    from argosy.agents.page_plan import page_of  # noqa: PLC0415 - a worker starts sooner without the rules of cutting
    from argosy.agents.summary_plan import page_text, with_summaries  # noqa: PLC0415 - as above

    for cut in cuts:
        plan, whole = await _plan(cut.plan, payloads), cast("JsonValue", found.value)
        match cut, plan:
            case PageOf(), PagePlan():
                page, part = page_of(whole, plan, cut.number), plan.pages[cut.number]
                # A page of a page may begin with what was on the page before that.
                repeated = max(part.own, found.overlap) - part.start
                overlap = min(max(0, repeated), part.end - part.start)
                found = Shown(cast("Given", page.value), page.over, overlap)
            case PageOf(), SummaryPlan():
                text = page_text(whole, plan, cut.number)
                budget = plan.pages[cut.number].budget
                found = Shown({"text": text, "budget": budget, "limit": plan.limit})
            case SummariesOf(), SummaryPlan():
                made = await load_all(cut.summaries, payloads)
                found = Shown(cast("Given", with_summaries(whole, plan, name, cut.first, made)))
            case _:
                message = f"{name}: summaries by a plan of pages"
                raise InvalidInput(message)
    return found._replace(value=deepcopy(found.value))


async def _plan(payload: Payload, payloads: Payloads) -> PagePlan | SummaryPlan:
    key = None if isinstance(payload, Inline) else payload.sha256
    found = None if key is None else _PLANS.get(key)
    if found is None:
        data = (
            encode_value(payload.value) if isinstance(payload, Inline) else await payloads.get(payload.sha256)
        )
        try:
            found = _PLAN.validate_json(data)
        except ValidationError:
            message = "a plan of pages is none"
            raise InvalidInput(message) from None
        if key is not None:
            _PLANS.put(key, found, len(data))
    return found
