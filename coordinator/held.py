"""Payloads as JSON, written once: into the state, and into each dispatch that holds them."""

from typing import Final

from pydantic import TypeAdapter

from argosy.schemas.facts import Facts, ListFact
from argosy.schemas.payload import Payload

_PAYLOAD: Final[TypeAdapter[Payload]] = TypeAdapter(Payload)
_HELD_TIMES: Final = 3
"""What a payload costs beside its field, in lengths of its JSON: as a view, and as it goes into dispatches."""


class Held:
    """What is held of one run, by the object, which is kept beside it: no other one can have its id."""

    __slots__ = "_texts", "size"

    def __init__(self) -> None:
        """Hold nothing."""
        self._texts: dict[int, tuple[Payload, bytes]] = {}
        self.size = 0
        """What it takes, roughly."""

    def hold(self, payload: Payload | None) -> None:
        """Write one, and keep that."""
        if payload is not None:
            text = payload.__pydantic_serializer__.to_json(payload, exclude_defaults=True)
            if id(payload) not in self._texts:
                self.size += _HELD_TIMES * len(text)
            self._texts[id(payload)] = payload, text

    def hold_all(self, payload: Payload | None, facts: Facts) -> None:
        """Write a value, and the lists in it that maps spread: each dispatch of a shard names one."""
        self.hold(payload)
        for fact in facts.values():
            if isinstance(fact, ListFact):
                self.hold(fact.manifest)

    def release_all(self, payload: Payload | None, facts: Facts) -> None:
        """Keep what `hold_all` keeps no longer."""
        self.release(payload)
        for fact in facts.values():
            if isinstance(fact, ListFact):
                self.release(fact.manifest)

    def release(self, payload: Payload | None) -> None:
        """Keep one no longer, if it is kept."""
        found = self._texts.pop(id(payload), None)
        if found is not None:
            self.size -= _HELD_TIMES * len(found[1])

    def json_of(self, payload: Payload) -> bytes:
        """Return the JSON of a payload."""
        known = self._texts.get(id(payload))
        return _PAYLOAD.dump_json(payload, exclude_defaults=True) if known is None else known[1]
