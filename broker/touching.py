"""Payloads that are referred to again: made young, with all that their lists refer to, so that none is collected."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import TypeAdapter, ValidationError

from argosy.broker.store import Payloads
from argosy.schemas.facts import ListFact
from argosy.schemas.late import LATE
from argosy.schemas.payload import Inline, Payload, Reference
from argosy.schemas.reuse import Reused

AT_ONCE: Final = 16
_ITEMS: Final = TypeAdapter(list[Payload], config=LATE)


async def touch_all(reused: Iterable[Reused], payloads: Payloads) -> None:
    """Make young what these refer to. Idempotent. Raises PayloadGone for what is no longer kept, and Unreachable."""
    whole: dict[str, None] = {}
    lists: dict[str, None] = {}
    for reference in _references(reused):
        (lists if reference.shape == "manifest" else whole)[reference.sha256] = None
    room = asyncio.Semaphore(AT_ONCE)

    async def touch(sha256: str) -> None:
        async with room:
            await payloads.touch(sha256)

    async def read(sha256: str) -> list[str]:
        async with room:
            items = _items(await payloads.get(sha256))
            await payloads.touch(sha256)
        return [item.sha256 for item in items if isinstance(item, Reference)]

    for found in await asyncio.gather(*map(read, lists)):
        whole |= dict.fromkeys(found)
    await asyncio.gather(*map(touch, whole))


def _references(reused: Iterable[Reused]) -> Iterator[Reference]:
    for each in reused:
        if isinstance(each.payload, Reference):
            yield each.payload
        for fact in each.facts.values():
            if not isinstance(fact, ListFact):
                continue
            if isinstance(fact.manifest, Inline):
                yield from _of_value(fact.manifest)
            else:
                yield fact.manifest


def _of_value(manifest: Inline) -> Iterator[Reference]:
    try:
        items = _ITEMS.validate_python(manifest.value)
    except ValidationError:
        return  # what is no list of payloads refers to nothing
    yield from (item for item in items if isinstance(item, Reference))


def _items(data: bytes) -> list[Payload]:
    try:
        return _ITEMS.validate_json(data)
    except ValidationError:
        return []
