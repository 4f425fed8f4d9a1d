"""How the buckets of models stand, for people who look. Reads only; what it says is as old as a round trip."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from argosy.broker.keys import ModelKeys, model_of, models_pattern
from argosy.broker.store import Store
from argosy.schemas.settings import ModelLimits


@dataclass(frozen=True, slots=True)
class BucketFigures:
    """One bucket, as its last round trip left it, with what has flown in since. Figures without a limit are None."""

    model: str
    key_name: str
    limits: ModelLimits
    tokens: int | None
    """There now; below zero, owed."""
    requests: float | None
    calls: int
    """Under way in the whole fleet."""
    waiting: dict[str, int]
    """Calls that wait for their turn, by agent."""
    blocked_seconds: float
    """For so long the server wants patience."""
    rate: float
    """As a share of the limit: less than 1 for a while after the server was busy."""
    granted: int
    refused: int
    """Calls that the server refused for now, of those granted."""


@dataclass(frozen=True, slots=True)
class ModelWait:
    """A task of a run that waits for its turn at a limited model."""

    task_id: str
    attempt: int
    bucket: BucketFigures
    tokens: int
    """That it asks for."""
    ahead: int | None
    """Calls before it; None: it gave its slot away, and keeps its place until it comes back."""


async def model_waits(
    store: Store, key_prefix: str, found: Iterable[BucketFigures], run_id: str, now_ms: int
) -> tuple[ModelWait, ...]:
    """Find the tasks of a run that wait for a turn at one of these models. Raises Unreachable and Refused."""
    waits: list[ModelWait] = []
    for bucket in found:
        if not bucket.waiting:
            continue
        keys = ModelKeys(key_prefix, bucket.model, bucket.key_name)
        places = await store.hgetall(keys.places)
        mine = {place: said for place, said in places.items() if place.startswith(f"{run_id}/".encode())}
        if not mine:
            continue
        queue = {place: index for index, (place, _) in enumerate(await store.zrange(keys.queue, 0, -1))}
        seen = dict(await store.zrange(keys.seen, 0, -1))
        for place, said in sorted(mine.items()):
            if place not in queue and seen.get(place, 0) <= now_ms:
                continue
            task_id, _, rest = place.decode().rpartition("#")
            tokens = int(said.split()[1])
            waits.append(ModelWait(task_id, int(rest.partition(":")[0]), bucket, tokens, queue.get(place)))
    return tuple(waits)


async def buckets(store: Store, key_prefix: str, now_ms: int) -> tuple[BucketFigures, ...]:
    """Look at all buckets there are; `now_ms` is near enough to the server's clock. Raises Unreachable and Refused."""
    found: list[BucketFigures] = []
    states = {key async for key in store.scan(models_pattern(key_prefix))}
    for key in sorted(states):
        which = model_of(key.decode())
        if which is None:
            continue
        keys = ModelKeys(key_prefix, *which)
        state, places = await store.hgetall(keys.state), await store.hgetall(keys.places)
        held = await store.zrange(keys.held, 0, -1)
        if state:
            calls = sum(until > now_ms for _, until in held)
            found.append(figures(which, state, places.values(), calls, now_ms))
    return tuple(found)


def figures(
    which: tuple[str, str], state: Mapping[bytes, bytes], places: Iterable[bytes], calls: int, now_ms: int
) -> BucketFigures:
    """Read what `bucket.lua` wrote."""

    def number(name: str, otherwise: float = 0.0) -> float:
        return float(state.get(name.encode(), otherwise))

    rpm, tpm, burst = number("rpm"), number("tpm"), number("burst") / 60_000
    rate = number("slow", 1000) / 1000
    minutes = max(0.0, now_ms - number("at")) / 60_000
    waiting = Counter(place.decode().split(" ", 2)[2] for place in places)
    return BucketFigures(
        model=which[0],
        key_name=which[1],
        limits=ModelLimits(
            requests_per_minute=int(rpm) or None,
            tokens_per_minute=int(tpm) or None,
            calls=int(number("most")) or None,
            burst_seconds=burst * 60,
        ),
        tokens=int(min(tpm * burst, number("level") + minutes * tpm * rate)) if tpm else None,
        requests=round(min(max(1, rpm * burst), number("requests") + minutes * rpm * rate), 2)
        if rpm
        else None,
        calls=calls,
        waiting=dict(sorted(waiting.items())),
        blocked_seconds=round(max(0.0, number("blocked") - now_ms) / 1000, 1),
        rate=round(rate, 3),
        granted=int(number("granted")),
        refused=int(number("refused")),
    )
