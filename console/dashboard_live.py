"""What changes in a page, as server-sent events: items put, items gone, and the order where it changed."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

from pydantic_core import to_json

from argosy.console.dashboard_page import Item, Region, View
from argosy.console.dashboard_pen import draw
from argosy.console.dashboard_text import finished
from argosy.schemas.errors import ArgosyError

QUIET_SECONDS: Final = 15.0
"""After this long without a change a comment is sent: so each side learns that the other is gone."""
MOST_SEEN: Final = 64
STALLED: Final = b": nothing new\n\n"

Regions = Mapping[str, Region]


class Seen:
    """What pages were given lately: who then watches is sent what changed since, not all of it again."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._views: OrderedDict[str, Regions] = OrderedDict()

    def keep(self, view: View) -> str:
        """Remember a page; return its name."""
        name = token_hex(8)
        self._views[name] = {region.name: region for region in view.regions}
        while len(self._views) > MOST_SEEN:
            self._views.popitem(last=False)
        return name

    def take(self, name: str) -> Regions | None:
        """Return what a page was given, once."""
        return self._views.pop(name, None)


@dataclass(frozen=True, slots=True)
class Change:
    """Of one region. `put` are items that are new or differ, `order` all keys, where that doesn't make it."""

    region: str
    put: tuple[tuple[str, str], ...]
    gone: tuple[str, ...]
    order: tuple[str, ...] | None


def change_of(before: Region | None, now: Region) -> Change | None:
    """Compare a region with what a page has of it; None: nothing changed, or the same object."""
    if before is now:
        return None
    had = {} if before is None else {item.key: item for item in before.items}
    keys = tuple(item.key for item in now.items)
    put = tuple(item for item in now.items if _differs(had.get(item.key), item))
    there = frozenset(keys)
    gone = tuple(key for key in had if key not in there)
    left = [key for key in had if key in there]
    left += [item.key for item in put if item.key not in had]
    order = None if before is not None and left == list(keys) else keys
    if not put and not gone and order is None:
        return None
    drawn = tuple((_written(item.key), str(draw(now, item))) for item in put)
    return Change(
        now.name,
        drawn,
        tuple(_written(key) for key in gone),
        None if order is None else tuple(_written(key) for key in order),
    )


def _written(text: str) -> str:
    """Write a text as templates do: so a key is that of its item, and what looks like a secret is masked."""
    return str(finished(text))


def _differs(had: Item | None, item: Item) -> bool:
    return had is None or (had is not item and had.facts != item.facts)


def changes(before: Regions | None, now: Sequence[Region]) -> list[Change]:
    """Compare all regions; `before` None: nothing is known of what the page has."""
    found = (change_of(None if before is None else before.get(region.name), region) for region in now)
    return [change for change in found if change is not None]


async def frames(
    look: Callable[[], Awaitable[View]], before: Regions | None, seconds: float, stop: asyncio.Event
) -> AsyncGenerator[bytes]:
    """Look every so many seconds, and yield what changed, until `stop`. Errors are told; looking goes on."""
    yield b"retry: 2000\n\n"
    told, trouble = time.monotonic(), ""
    while not stop.is_set():
        began = time.monotonic()
        try:
            view = await look()
        except ArgosyError as error:
            if str(error) != trouble:
                trouble = str(error)
                yield _frame("trouble", {"text": _written(trouble)})
        else:
            if trouble:
                trouble = ""
                yield _frame("trouble", {"text": ""})
            for change in changes(before, view.regions):
                told = time.monotonic()
                yield _frame("change", change)
                await asyncio.sleep(0)
            before = {region.name: region for region in view.regions}
        if time.monotonic() - told > QUIET_SECONDS:
            told = time.monotonic()
            yield STALLED
        took = time.monotonic() - began
        # A page that takes long to look at is looked at seldom: half of the time is others'.
        await _unless(stop, max(seconds, took))


async def _unless(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def _frame(event: str, data: object) -> bytes:
    return b"event: " + event.encode() + b"\ndata: " + to_json(data) + b"\n\n"
