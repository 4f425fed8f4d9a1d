"""The page of lanes and timers: who owns each lane, how far it is, what it will do by itself."""

import time
from dataclasses import dataclass
from typing import Final

from argosy.console.dashboard_desk import SHOWN_TIMERS, Desk
from argosy.console.dashboard_page import Asked, Item, Page, Region, View
from argosy.console.lane_lines import MOST_COUNTED, LaneLine, Queues, Timer
from argosy.console.moments import length, moment
from argosy.console.timer_words import timer_words


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A lane as the table has it."""

    lane: int
    owner: str
    word: str
    css: str
    why: str
    next: str
    behind: str
    ready: str
    out: str
    outbox: str
    timers: str
    set_aside: int


@dataclass(frozen=True, slots=True)
class TimerRow:
    """A timer as the table has it."""

    lane: int
    run_id: str
    name: str
    due: str
    left: str


async def look(desk: Desk, _: Asked) -> View:
    """Ask Kafka and Redis. Raises ConfigurationError, Unreachable and Refused."""
    lines, queues = await desk.lanes.get()
    now_ms = time.time_ns() // 1_000_000
    rows = [_row(line, kept) for line, kept in zip(lines, queues, strict=True)]
    timers = sorted((each for kept in queues for each in kept.timers), key=lambda each: each.due_ms)
    shown = [_timer(each, now_ms) for each in timers[:SHOWN_TIMERS]]
    return View(
        "Lanes and timers",
        (
            Region("lanes", "lanes_items.html:lane", tuple(Item(str(row.lane), row) for row in rows)),
            Region(
                "timers",
                "lanes_items.html:timer",
                tuple(Item(f"{row.run_id}|{row.name}", row) for row in shown),
            ),
        ),
    )


def _row(line: LaneLine, kept: Queues) -> LaneRow:
    word, _, why = line.says.partition(" ")
    if not line.owner:
        word, css, why = "nobody", "bad", "no coordinator owns it"
    else:
        css = {"live": "ok", "": "off"}.get(word, "warn")
    behind = "" if line.next is None else str(max(0, line.log_end - line.next))
    return LaneRow(
        line.lane,
        line.owner or "nobody",
        word or "silent",
        css,
        why,
        "" if line.next is None else str(line.next),
        behind,
        _count(kept.ready),
        _count(kept.out),
        _count(kept.outbox),
        _count(kept.armed),
        line.set_aside,
    )


def _timer(timer: Timer, now_ms: int) -> TimerRow:
    left = (timer.due_ms - now_ms) / 1000
    # By the minute where it is far: what changes each second is sent each second.
    words = "due" if left <= 0 else f"in {length(left if left < 60 else left // 60 * 60)}"  # noqa: PLR2004 - a minute
    return TimerRow(timer.lane, timer.run_id, timer_words(timer.name), moment(timer.due_ms), words)


def _count(number: int) -> str:
    return f"{MOST_COUNTED}+" if number >= MOST_COUNTED else str(number)


LANES: Final = Page("/lanes", "lanes.html", look, "lanes")
