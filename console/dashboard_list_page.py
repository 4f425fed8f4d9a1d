"""The list of runs: filtered, searched, by pages that stay as they are while new runs come."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from argosy.console.dashboard_index import Filter, Found, Index
from argosy.console.dashboard_page import Asked, Item, Region, View
from argosy.console.dashboard_run_line import STATES, RunLine
from argosy.console.dashboard_run_page import Named
from argosy.console.dashboard_states import Shown, shown
from argosy.console.moments import length
from argosy.console.numbers import counted, short

if TYPE_CHECKING:
    from argosy.console.dashboard_desk import Desk

SPANS: Final = (
    ("", "any time"),
    ("900", "last 15 min"),
    ("3600", "last hour"),
    ("86400", "last day"),
    ("604800", "last week"),
)
_DIGITS: Final = 15
_MOST: Final = 128


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A row."""

    run_id: str
    state: Shown
    pipeline: str
    version: str
    tenant: str
    accepted_ms: int
    length: str
    done: str
    tokens: str
    fault: str
    replay_of: str


async def look_runs(desk: "Desk", asked: Asked) -> View:
    """Show a page of the list."""
    now_ms = time.time_ns() // 1_000_000
    wanted, _, page = filter_of(asked, now_ms)
    return list_view(desk.index, asked, desk.index.find(wanted, page), now_ms)


def filter_of(asked: Asked, now_ms: int) -> tuple[Filter, str, int]:
    """Read what is wanted; what isn't there or makes no sense filters nothing. Pure."""
    query = {name: value[:_MOST] for name, value in asked.query.items()}
    last = query.get("last", "") if query.get("last", "") in dict(SPANS) else ""
    state = query.get("state", "")
    wanted = Filter(
        text=query.get("text", "").strip(),
        state=state if state in STATES else "",
        pipeline=query.get("pipeline", ""),
        tenant=query.get("tenant", "").strip(),
        waits=query.get("waits", "") == "yes",
        since_ms=now_ms - int(last) * 1000 if last else 0,
        until_ms=_number(query.get("until", "0")),
    )
    return wanted, last, max(1, _number(query.get("page", "1")))


def list_view(index: Index, asked: Asked, found: Found, now_ms: int) -> View:
    """Make the page. Pure."""
    wanted, last, _ = filter_of(asked, now_ms)
    rows = tuple(Item(line.run_id, _row(line, now_ms)) for line in found.lines)
    kept = {
        name: value
        for name, value in asked.query.items()
        if name in {"text", "state", "pipeline", "tenant", "waits", "last"} and value
    }
    until = wanted.until_ms or (found.lines[0].accepted_ms if found.lines else 0)
    said = counted(found.count, "run") + (" that fit" if replace(wanted, until_ms=0) != Filter() else "")
    return View(
        "Runs",
        (
            Region("count", "run_items.html:text", (Item("count", said),)),
            Region("rows", "run_items.html:run_row", rows),
            Region("pager", "run_items.html:link", tuple(_pager(found, kept, until))),
        ),
        {
            "asked": wanted,
            "last": last,
            "spans": SPANS,
            "states": STATES,
            "pipelines": tuple(index.pipelines()),
            "filtered": bool(kept),
        },
    )


def _pager(found: Found, kept: dict[str, str], until: int) -> Iterator[Item]:
    if found.page > 1:
        yield Item("newest", Named("", "newest", href=f"/runs?{urlencode(kept)}"))
        yield Item("newer", Named("", "newer", href=_address(kept, until, found.page - 1)))
    if found.pages > 1:
        yield Item(
            "here", Named("", f"page {found.page} of {found.pages}", href=_address(kept, until, found.page))
        )
    if found.page < found.pages:
        yield Item("older", Named("", "older", href=_address(kept, until, found.page + 1)))


def _address(kept: dict[str, str], until: int, page: int) -> str:
    return f"/runs?{urlencode({**kept, 'until': until, 'page': page})}"


def _row(line: RunLine, now_ms: int) -> RunFacts:
    seconds = line.milliseconds(now_ms) / 1000
    return RunFacts(
        line.run_id,
        shown(line.state),
        line.shape.pipeline,
        line.shape.version,
        line.tenant,
        line.accepted_ms,
        length(seconds if line.ended_ms else float(int(seconds))),
        f"{line.settled}" + (f" ({line.failed} lost)" if line.failed else ""),
        f"{short(line.input_tokens)} / {short(line.output_tokens)}",
        line.fault,
        line.replay_of,
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0
