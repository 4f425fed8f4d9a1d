"""What goes wrong in a simulation, and when: events that a seed draws beforehand, so that a story can be shortened."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal[
    "crash", "crash_soon", "terminate", "pause", "skew", "deaf", "cut_off", "reply_lost", "request_lost", "late",
    "slow", "torn", "block", "split", "sleep",
    "rebalance", "offsets_lost", "again", "gap", "wipe", "restart", "failover", "failback", "redis_down",
    "redis_refuses", "redis_read_only", "redis_full", "redis_clock", "kafka_down", "kafka_clock", "tail_lost", "cut",
    "retention", "payloads_down", "payloads_lost", "rebuild", "all_sleep", "leaders_moved",
]  # fmt: skip
"""`crash_soon` counts steps: death comes between any two awaits. `restart`
loses writes and changes the identity; `failback` is two failovers: the old `run_id` returns with lost data. `again`
appends an old dispatch once more; `gap` uses up offsets, as control records do; `late` requests arrive seconds later,
when their sender has long given up; `slow`: answers to the next calls come late, and some
requests never arrive. `torn`: of the next calls some are lost, others not, as parts of a batch are.
`block`: the event loop stands still, the thread that renews leases doesn't. `split`: a replica is promoted, and one
process goes on talking to the old primary for a while. `sleep` is a pause for longer than a tombstone lives.
`tail_lost`: an unclean election loses acknowledged records. `cut`: retention takes all that lies before the first
record of a run that goes on; `retention`: whatever is too old. `leaders_moved`: of some partitions, as when a broker
dies; who asks the old one is sent on."""

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
        "slow",
        "torn",
        "block",
        "split",
        "sleep",
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
    "slow": (2, 5, 20),
    "gap": (1, 3),
    "restart": (0, 1, 2, 3, 5, 8, 13, 30, 80),
    "failover": (0, 1, 3, 8, 30, 80),
    "failback": (1, 2, 3, 5, 8, 13, 30),
    "redis_down": (0.5, 4.0, 8.0),
    "redis_refuses": (0.3, 2.0),
    "kafka_down": (0.5, 2.0, 6.0),
    "payloads_down": (0.5, 3.0),
    "torn": (3, 8, 20),
    "block": (0.7, 2.0, 4.0, 7.0),
    "split": (0.3, 1.0, 4.0),
    "sleep": (75.0,),
    "all_sleep": (75.0, 150.0),
    "redis_read_only": (0.3, 2.0, 6.0),
    "redis_full": (0.3, 2.0, 6.0),
    "redis_clock": (-4.0, -0.5, 0.5, 4.0),
    "kafka_clock": (-8.0, -0.5, 0.5, 8.0),
    "tail_lost": (1, 2, 5, 13, 40),
    "payloads_lost": (1, 100),
    "leaders_moved": (1, 4, 1000),
}
"""What an event's amount may be: seconds, steps, calls, writes, offsets or partitions."""

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
    "slow": {"slow": 8, "terminate": 2, "pause": 2, "rebalance": 1},
    "wipes": {"wipe": 5, "pause": 2, "late": 2, "crash_soon": 3, "redis_refuses": 1},
    "failback": {"failback": 5, "failover": 2, "pause": 1, "reply_lost": 1, "rebalance": 1},
    "pair": {"split": 4, "failover": 2, "failback": 1, "rebalance": 1, "reply_lost": 1},
    "full": {"redis_full": 3, "redis_read_only": 3, "crash_soon": 2, "reply_lost": 2, "terminate": 1},
    "blocked": {"block": 5, "crash_soon": 2, "reply_lost": 1, "rebalance": 1},
    "torn": {"torn": 6, "crash_soon": 3, "restart": 1, "rebalance": 1},
    "clocks": {"skew": 3, "redis_clock": 3, "kafka_clock": 3, "crash_soon": 2, "restart": 1},
    "payloads": {"payloads_down": 3, "payloads_lost": 1, "reply_lost": 2, "crash_soon": 2, "wipe": 1},
    "cut": {"cut": 5, "crash_soon": 3, "pause": 2, "rebalance": 2, "restart": 1, "wipe": 1},
    "tail": {"tail_lost": 4, "crash_soon": 2, "rebalance": 1, "restart": 1, "reply_lost": 1},
    "leaders": {
        "leaders_moved": 6,
        "reply_lost": 2,
        "request_lost": 1,
        "crash_soon": 2,
        "rebalance": 1,
        "pause": 1,
    },
    "ages": {
        "sleep": 4,
        "all_sleep": 1,
        "retention": 2,
        "again": 3,
        "restart": 1,
        "wipe": 1,
        "reply_lost": 1,
    },
}
"""Weights of kinds. `swarm` draws its own for each seed."""
ALL_PROFILES: Final = (*PROFILES, "swarm")

_LONG: Final[frozenset[Kind]] = frozenset({"sleep", "all_sleep", "retention"})
_EVERY: Final[tuple[Kind, ...]] = tuple(sorted(frozenset(get_args(Kind)) - _LONG))
FLEETS: Final[Mapping[str, Mapping[str, float]]] = {"ages": {"longest_run_seconds": 40, "window_seconds": 20}}
"""Settings of a fleet that a profile needs: `sleep` is longer than a tombstone lives in it."""
SPLIT_COMMITS: Final = frozenset({"torn"})
"""Profiles whose lanes commit in small parts."""


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

    @property
    def until(self) -> float:
        """When somebody who sleeps wakes up."""
        return self.at + (self.amount if self.kind in {"sleep", "all_sleep"} else 0.0)


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
