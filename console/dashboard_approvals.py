"""What waits for people: the question, the value with its hash, and the two answers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from argosy.broker.values import load
from argosy.client.awaited import Awaited
from argosy.console.dashboard_page import Asked, Item, Region, View
from argosy.console.dashboard_task import MOST_CHARACTERS, Value, pretty, value_of
from argosy.console.dashboard_text import cut
from argosy.console.numbers import counted
from argosy.schemas.errors import ArgosyError

if TYPE_CHECKING:
    from argosy.console.dashboard_desk import Desk

MOST: Final = 50
"""Those that wait for longest; more are told in number."""
_MOST_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class WaitFacts:
    """One that waits."""

    run_id: str
    step: str
    kind: str
    pipeline: str
    question: str
    by: str
    since_ms: int
    until_ms: int
    refusal: str
    value: Value | None
    values: str


async def look_approvals(desk: "Desk", _: Asked) -> View:
    """Show what waits."""
    found = await desk.awaited.get()
    shown = [Item(f"{one.run_id}/{one.step}", await _facts(desk, one)) for one in found[:MOST]]
    said = f"{counted(len(found), 'question')} of runs under way" if found else "Nothing waits for anybody."
    said += f"; the {MOST} that wait for longest are shown" if len(found) > MOST else ""
    return View(
        "Approvals",
        (
            Region("count", "run_items.html:text", (Item("count", said),)),
            Region("waiting", "run_items.html:waiting_item", tuple(shown)),
        ),
    )


async def _facts(desk: "Desk", one: Awaited) -> WaitFacts:
    value = None if one.about is None else value_of(one.about)
    if one.about is not None and value is not None and value.text is None and value.bytes <= _MOST_BYTES:
        try:
            text = cut(pretty(await load(one.about, desk.services.payloads)), MOST_CHARACTERS)
        except ArgosyError as error:
            text = f"(it can't be read: {error})"
        value = Value(one.about_sha256 or value.sha256, value.bytes, value.tokens, value.taint, text)
    elif value is not None and one.about_sha256:
        value = Value(one.about_sha256, value.bytes, value.tokens, value.taint, value.text)
    return WaitFacts(
        one.run_id,
        one.step,
        one.kind,
        one.pipeline,
        one.question,
        " or ".join(one.by),
        one.since_ms,
        one.until_ms,
        f"{one.refused}, the last one: {one.refusal}" if one.refused else "",
        value,
        f"/runs/{one.run_id}/values/",
    )
