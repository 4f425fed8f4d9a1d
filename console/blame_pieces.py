"""A value piece by piece: who first had each sentence and each field of it."""

from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from argosy.broker.store import Payloads
from argosy.console.blame_facts import Piece
from argosy.console.blame_way import walk
from argosy.console.evidence import Evidence
from argosy.console.lineage_facts import Lineage
from argosy.console.sought import Sought, dotted, sentences, shortened
from argosy.schemas.edges import INPUT

MOST_PIECES: Final = 60
MOST_TASKS: Final = 200
"""More than that would be read again for each piece."""
_LEAST: Final = 4
"""Characters of a piece of a text; less stands everywhere."""


async def pieces(value: JsonValue, found: Lineage, payloads: Payloads) -> tuple[Piece, ...]:
    """Find where each piece comes from; nothing of a value of one piece, of very many, or of a very large run."""
    listed = list(_pieces(value, ()))
    if not 1 < len(listed) <= MOST_PIECES or len(found.nodes) > MOST_TASKS:
        return ()
    made: list[Piece] = []
    for text, piece in listed:
        trail = await walk(found, Evidence(payloads, Sought(piece).within))
        maker = next((name for name in found.nodes if name in trail.makers), INPUT if trail.given else "")
        made.append(Piece(shortened(text), maker))
    return tuple(made)


def _pieces(value: JsonValue, path: tuple[str | int, ...]) -> Iterator[tuple[str, JsonValue]]:
    lead = f"{dotted(path)}: " if path else ""
    match value:
        case dict():
            for name, each in value.items():
                yield from _pieces(each, (*path, name))
        case list():
            for number, each in enumerate(value):
                yield from _pieces(each, (*path, number))
        case str():
            yield from ((f"{lead}{each}", each) for each in sentences(value) if len(each) >= _LEAST)
        case int() | float() if not isinstance(value, bool):
            yield f"{lead}{value}", value
        case _:
            return
