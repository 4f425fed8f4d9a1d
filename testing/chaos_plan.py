"""Which faults happen when, to whom: all of it follows from a seed. Data only; who carries it out is elsewhere."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Target = Literal[
    "worker", "workers", "coordinator", "coordinators", "submitter", "service", "link", "agent", "own"
]
"""Whom a fault is for; `own`: only with an app that has the handlers for it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of faults. `code` is its number in the matrix of `docs/failures.md`; it lasts between `seconds`."""

    name: str
    code: str
    target: Target
    text: str
    seconds: tuple[float, float] = (0.0, 0.0)
    forgets: bool = False
    """Redis loses data by it."""
    sleeps: bool = False
    """Its victims may stand still for longer than a lease, and wake."""


KINDS: Final[tuple[Kind, ...]] = (
    Kind("kill-worker", "F1", "worker", "kill -9 a worker"),
    Kind("kill-half", "F1", "workers", "kill -9 half of the workers at once"),
    Kind("kill-coordinator", "F2", "coordinator", "kill -9 a coordinator"),
    Kind("kill-coordinators", "F2", "coordinators", "kill -9 all coordinators at once"),
    Kind("kill-submitter", "F2", "submitter", "kill -9 the client that submits"),
    Kind(
        "freeze-worker",
        "F3",
        "worker",
        "SIGSTOP a worker for three leases, then SIGCONT",
        (3, 3),
        sleeps=True,
    ),
    Kind("freeze-coordinator", "F3", "coordinator", "the same to a coordinator", (3, 3), sleeps=True),
    Kind("stop-worker", "F4", "worker", "SIGTERM a worker, start it again"),
    Kind("stop-coordinator", "F4", "coordinator", "SIGTERM a coordinator, start it again"),
    Kind("kill-kafka", "F5", "service", "kill -9 Kafka, start it again", (1, 4)),
    Kind("kill-redis", "F6", "service", "kill -9 Redis, start it again with its data", (0.5, 3)),
    Kind("cut-tail", "F7", "service", "kill -9 Redis, cut the end of its log off", (0.5, 2), forgets=True),
    Kind("wipe", "F8", "service", "FLUSHALL: Redis loses everything", forgets=True),
    Kind("empty", "F8", "service", "kill -9 Redis, start it again empty", (0.5, 2), forgets=True),
    Kind("cut", "F10", "link", "cut the network", (1, 8), sleeps=True),
    Kind("stall", "F10", "link", "the network stands still, then delivers", (1, 8), sleeps=True),
    Kind("one-way", "F10", "link", "one way of the network is lost", (1, 8), sleeps=True),
    Kind("half-open", "F11", "link", "connections are open, and nothing comes", (2, 10), sleeps=True),
    Kind("lost-replies", "F12", "link", "one reply in ten is lost with its connection", (2, 6), sleeps=True),
    Kind("slow", "F13", "link", "50 to 400 ms more each way", (2, 8)),
    Kind("narrow", "F14", "link", "20 KB a second", (2, 6), sleeps=True),
    Kind("duplicates", "F15", "service", "old records once more, up to three times each"),
    Kind("replay", "F17", "agent", "an agent's committed offsets back to the beginning"),
    Kind("poison", "F18", "service", "records that nobody can decode"),
    Kind("killer", "F19", "own", "a task that kills whoever runs it"),
    Kind("rebalances", "F21", "agent", "a member joins and leaves, again and again", (4, 8)),
    Kind("forget-scripts", "F24", "service", "SCRIPT FLUSH, again and again", (2, 5)),
    Kind("block-loop", "F25", "own", "a handler blocks its event loop for longer than a lease", sleeps=True),
)
BY_NAME: Final = {kind.name: kind for kind in KINDS}

LINKS: Final = ("coordinators-kafka", "coordinators-redis", "workers-kafka", "workers-redis")
"""The pairs that have a network between them which can be hurt."""
_TOGETHER: Final = 0.25
"""One fault in four comes while the one before is under way (F30)."""


_LEAST_SECONDS: Final = 0.2
"""From one fault to the next: without pauses there would be no end to those that take no time."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who is there to be hurt."""

    workers: tuple[str, ...]
    coordinators: tuple[str, ...]
    agents: tuple[str, ...]
    lease_seconds: float
    own: bool
    """The app is ours: it has handlers that kill and block."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: when (seconds from the start), what, to whom, for how long. `dice` seeds what else is chosen."""

    number: int
    at: float
    kind: Kind
    victims: tuple[str, ...]
    seconds: float
    dice: int

    def __str__(self) -> str:
        """Tell it in a few words."""
        lasts = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.kind.name} {', '.join(self.victims)}".rstrip() + lasts


@dataclass(frozen=True, slots=True)
class Pace:
    """How long it goes on, how long it is calm first, and about how long between one fault's end and the next."""

    seconds: float
    calm_seconds: float
    pause_seconds: float
    alone: bool = False
    """No fault begins while another is under way."""


def plan(seed: int, pace: Pace, cast: Cast, kinds: Sequence[Kind]) -> list[Strike]:
    """Plan what happens. Each kind comes once before any comes again. The same arguments give the same plan."""
    chance = random.Random(seed)  # noqa: S311 - a reproducible choice, no secret
    possible = [kind for kind in kinds if kind.target != "own" or cast.own]
    strikes: list[Strike] = []
    at = pace.calm_seconds
    for kind in _deck(possible, chance):
        lasts = chance.uniform(*kind.seconds)
        if kind.name.startswith("freeze-"):
            lasts *= cast.lease_seconds
        if at + lasts > pace.seconds:
            return strikes
        victims = _victims(kind, cast, chance)
        strikes.append(Strike(len(strikes) + 1, at, kind, victims, lasts, chance.getrandbits(32)))
        together = chance.random() < _TOGETHER and len(possible) > 1 and not pace.alone
        calm = chance.uniform(0.2, 2.0) if together else lasts + pace.pause_seconds * chance.uniform(0.6, 1.4)
        at += max(_LEAST_SECONDS, calm)
    return strikes


def _deck(kinds: Sequence[Kind], chance: random.Random) -> Iterator[Kind]:
    while kinds:
        yield from chance.sample(list(kinds), len(kinds))


def _victims(kind: Kind, cast: Cast, chance: random.Random) -> tuple[str, ...]:
    among: dict[Target, tuple[str, ...]] = {
        "worker": cast.workers,
        "coordinator": cast.coordinators,
        "submitter": ("submitter",),
        "link": LINKS,
        "agent": cast.agents,
    }
    if kind.target == "coordinators":
        return cast.coordinators
    if kind.target == "workers":
        return tuple(sorted(chance.sample(cast.workers, max(1, len(cast.workers) // 2))))
    return (chance.choice(among[kind.target]),) if kind.target in among else ()
