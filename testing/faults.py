"""What goes wrong in a simulation, and when: events that a seed draws beforehand, so that a story can be shortened."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "crash", "crash_soon", "terminate", "pause", "skew", "deaf", "cut_off", "reply_lost", "request_lost", "late",
    "rebalance", "offsets_lost", "again", "gap", "wipe", "restart", "failover", "failback", "redis_down",
    "redis_refuses", "kafka_down", "payloads_down", "rebuild",
]  # fmt: skip
"""`crash_soon` counts steps: death comes between any two awaits. `restart`
loses writes and changes the identity; `failback` is two failovers: the old `run_id` returns with lost data. `again`
appends an old dispatch once more; `gap` uses up offsets, as control records do; `late` requests arrive seconds later,
when their sender has long given up."""

PROCESS_KINDS: Final[frozenset[Kind]] = frozenset(
    {
        "crash",
        "crash_soon",
        "terminate",
        "pause",
        "skew",
        "deaf",
        "cut_off",
        "reply_lost",
        "request_lost",
        "late",
    }
)
"""Kinds that meet one process."""

AMOUNTS: Final[Mapping[Kind, tuple[float, ...]]] = {
    "crash_soon": (1, 3, 10, 30, 100, 300, 1000),
    "pause": (0.05, 0.7, 3.5, 6.0, 9.0),
    "skew": (-8.0, -1.5, 1.5, 8.0, 3600.0),
    "deaf": (1.0, 9.0),
    "cut_off": (0.5, 4.0),
    "reply_lost": (1, 2, 5),
    "request_lost": (1, 2, 5),
    "late": (1, 2),
    "gap": (1, 3),
    "restart": (0, 1, 2, 3, 5, 8, 13, 30, 80),
    "failover": (0, 1, 3, 8, 30, 80),
    "failback": (1, 2, 3, 5, 8, 13, 30),
    "redis_down": (0.5, 4.0, 8.0),
    "redis_refuses": (0.3, 2.0),
    "kafka_down": (0.5, 2.0, 6.0),
    "payloads_down": (0.5, 3.0),
}
"""What an event's amount may be: seconds, steps, calls, writes or offsets."""

PROFILES: Final[Mapping[str, Mapping[Kind, float]]] = {
    "calm": {},
    "crash": {"crash": 2, "crash_soon": 5, "reply_lost": 3, "request_lost": 2, "terminate": 1},
    "zombie": {"pause": 5, "deaf": 3, "rebalance": 3, "late": 3, "reply_lost": 2},
    "redis": {"wipe": 2, "restart": 4, "reply_lost": 2, "crash_soon": 1, "pause": 1, "redis_down": 1},
    "kafka": {
        "offsets_lost": 2,
        "rebalance": 3,
        "kafka_down": 2,
        "reply_lost": 2,
        "again": 2,
        "gap": 2,
        "late": 1,
    },
    "rebuild": {"rebuild": 4, "crash_soon": 2, "wipe": 2, "pause": 1, "reply_lost": 1},
    "skew": {"skew": 4, "crash_soon": 3, "pause": 2, "restart": 1},
    "busy": {"pause": 3, "late": 4, "reply_lost": 6, "request_lost": 2},
    "wipes": {"wipe": 5, "pause": 2, "late": 2, "crash_soon": 3, "redis_refuses": 1},
    "failback": {"failback": 5, "failover": 2, "pause": 1, "reply_lost": 1, "rebalance": 1},
}
"""Weights of kinds. `swarm` draws its own for each seed."""

_EVERY: Final[tuple[Kind, ...]] = (
    *sorted(PROCESS_KINDS), "rebalance", "offsets_lost", "again", "gap", "wipe", "restart", "failover",
    "failback", "redis_down", "redis_refuses", "kafka_down", "payloads_down", "rebuild",
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """Something that goes wrong `at` virtual seconds after the fleet has begun. `who`: a process, if it meets one."""

    at: float
    kind: Kind
    who: str = ""
    amount: float = 0.0

    def __str__(self) -> str:
        """Tell it in a line."""
        amount = f" {self.amount:g}" if self.amount else ""
        return f"{self.at:.3f} {self.kind}{amount}{f' at {self.who}' if self.who else ''}"


def draw(profile: str, seed: int | str, processes: Sequence[str], last: float) -> tuple[Event, ...]:
    """Draw the events of a seed, up to `last` seconds."""
    chance = random.Random(f"faults {profile} {seed}")  # noqa: S311 - repeatable, no secret
    weights = _swarm(chance) if profile == "swarm" else PROFILES[profile]
    if not weights:
        return ()
    kinds = chance.choices(list(weights), list(weights.values()), k=chance.choice((1, 3, 6, 12, 20)))
    return tuple(sorted(_event(kind, chance, processes, last) for kind in kinds))


def _swarm(chance: random.Random) -> dict[Kind, float]:
    return {kind: chance.choice((1, 2, 5)) for kind in chance.sample(_EVERY, chance.randint(2, 7))}


def _event(kind: Kind, chance: random.Random, processes: Sequence[str], last: float) -> Event:
    at = round(chance.random() ** 2 * last, 3)  # most early: there is most work then
    who = chance.choice(processes) if kind in PROCESS_KINDS else ""
    return Event(at, kind, who, chance.choice(AMOUNTS.get(kind, (0.0,))))
