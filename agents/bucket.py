"""The bucket of one model and key, shared by the whole fleet in Redis: what may be asked of a model, and who is next.

A call reserves what it may take at most before it is made, and tells afterwards what it took. Nothing but the rate of
calls hangs on it: a bucket that Redis lost begins anew, empty.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from argosy.broker.keys import ModelKeys
from argosy.broker.store import Arg, Script, Store
from argosy.schemas.settings import ModelLimits, ModelSettings

_BUCKET: Final = Script(__file__, "bucket")
_FIGURES: Final = 8
LEASE_SECONDS: Final = 9.0
"""A call that nobody speaks for so long counts as over: its process died. What it reserved stays spent."""

What = Literal["ask", "leave", "hold", "end", "drop", "busy", "loaded"]


@dataclass(frozen=True, slots=True)
class Word:
    """What a process has to say about one of its calls; see `bucket.lua`."""

    what: What
    call: str
    """Of one claim: no other call has this id."""
    place: str = "-"
    """In the queue: the same for the next delivery of the task, which takes it over."""
    agent: str = "-"
    tokens: int = 0
    ms: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """How a bucket stands. `waits_ms`, for each `ask`: None if it was granted, else about how long it still waits."""

    fresh: bool
    """It began anew: what is under way must be told again."""
    blocked_ms: int
    rate_per_mille: int
    tokens: int
    requests: float
    held: int
    waiting: int
    waits_ms: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Bucket:
    """The bucket of one model and key."""

    store: Store
    keys: ModelKeys
    limits: ModelLimits

    async def tell(self, words: Sequence[Word]) -> Told:
        """Say all that there is to say, and hear what was granted. Safe to repeat. Raises Unreachable, Refused."""
        limits = self.limits
        args: list[Arg] = [
            limits.requests_per_minute or 0,
            limits.tokens_per_minute or 0,
            limits.calls or 0,
            round(limits.burst_seconds * 1000),
            round(LEASE_SECONDS * 1000),
        ]
        for word in words:
            args += (word.what, word.call, word.place, word.agent, word.tokens, word.ms)
        said = await self.store.run(_BUCKET, self.keys.all(), args)
        if not isinstance(said, list) or len(said) < _FIGURES:
            message = f"bucket.lua gave {said!r}"
            raise TypeError(message)
        figures = [one if isinstance(one, int) else 0 for one in said]
        _now, fresh, blocked, rate, there, requests, held, waiting = figures[:_FIGURES]
        waits = tuple(None if wait < 0 else wait for wait in figures[_FIGURES:])
        return Told(fresh == 1, blocked, rate, there, requests / 1000, held, waiting, waits)


def limits_of(settings: ModelSettings, provider: str, model: str) -> ModelLimits | None:
    """Find the limits of a model: under `<provider>:<model>`, its name, or `*`."""
    limits = settings.limits
    return limits.get(f"{provider}:{model}") or limits.get(model) or limits.get("*")


def bucket_of(
    store: Store, key_prefix: str, settings: ModelSettings, provider: str, model: str
) -> Bucket | None:
    """Give the bucket of a model; None if it has no limits."""
    limits = limits_of(settings, provider, model)
    if limits is None:
        return None
    return Bucket(store, ModelKeys(key_prefix, f"{provider}:{model}", settings.key_name), limits)
