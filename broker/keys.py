"""Every key in Redis, its type, and how long it lives. No other module builds a key.

All keys of a lane carry its hash tag (`{lane-17}`), so that one script works in one slot of a cluster.
Permanent, because a lane, and a schedule, has no end: `PERMANENT`, and the hash of a run while it is active. They are
bounded by the runs that are active, and by the schedules. Everything else has a TTL.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal
from urllib.parse import quote, unquote

Kind = Literal[
    "lane",
    "live",
    "timers",
    "ready",
    "agents",
    "out",
    "wait",
    "outbox",
    "quarantine",
    "load",
    "windows",
    "schedule",
    "run",
    "task",
    "budget",
    "present",
    "model",
]

PERMANENT: Final[frozenset[Kind]] = frozenset(
    {
        "lane",
        "live",
        "timers",
        "ready",
        "agents",
        "out",
        "wait",
        "outbox",
        "quarantine",
        "load",
        "windows",
        "schedule",
    }
)
_KEY: Final = re.compile(
    r"(?P<prefix>[^{]+):\{lane-(?P<lane>\d+)\}:"
    r"(?:(?P<own>lane|live)|task:(?P<task>.+)|budget:(?P<budget>.+)"
    r"|e(?P<epoch>[^:]+):(?:(?P<state>timers|agents|out|wait|outbox|quarantine|load|windows)|ready:(?P<agent>.+)|run:(?P<run>.+)))",
    re.DOTALL,
)


@dataclass(frozen=True)
class LaneKeys:
    """The keys of one lane. Cheap to make; `epoch` is the lane's state epoch (see `state`)."""

    prefix: str
    lane: int

    @cached_property
    def base(self) -> str:
        """What all keys of the lane begin with."""
        return f"{self.prefix}:{{lane-{self.lane}}}"

    @property
    def checkpoint(self) -> str:
        """HASH, permanent: chain, next, last_offset, last_time, last_key, horizon, layout, epoch, sweep."""
        return f"{self.base}:lane"

    @property
    def live(self) -> str:
        """STRING, permanent: the server identity under which the lane was marked live. Absence never grants."""
        return f"{self.base}:live"

    def state(self, epoch: str) -> str:
        """Prefix of everything that a drop throws away; a drop starts a new epoch, the old one is swept later."""
        return f"{self.base}:e{epoch}"

    def run(self, epoch: str, run_id: str) -> str:
        """HASH: the run's fields (see `coordinator.state`); TTL: longest run + window once it is a tombstone."""
        return f"{self.state(epoch)}:run:{run_id}"

    def timers(self, epoch: str) -> str:
        """ZSET, permanent: `<run>|<timer>` -> due, epoch milliseconds."""
        return f"{self.state(epoch)}:timers"

    def ready(self, epoch: str, agent: str) -> str:
        """ZSET, permanent: what may go out, by agent -> ready_at minus priority x step."""
        return f"{self.state(epoch)}:ready:{agent}"

    def ready_agents(self, epoch: str) -> str:
        """SET, permanent: the agents that have, or ever had, a `ready` in this lane."""
        return f"{self.state(epoch)}:agents"

    def out(self, epoch: str) -> str:
        """ZSET, permanent: `<task>#<attempt>` -> when to send again, epoch milliseconds."""
        return f"{self.state(epoch)}:out"

    def out_wait(self, epoch: str) -> str:
        """HASH, permanent: `<task>#<attempt>` -> the agent and the wait in milliseconds that doubles."""
        return f"{self.state(epoch)}:wait"

    def outbox(self, epoch: str) -> str:
        """HASH, permanent: entry id -> the offset that asked for it."""
        return f"{self.state(epoch)}:outbox"

    def quarantine(self, epoch: str) -> str:
        """HASH, permanent: run -> the error of its fold."""
        return f"{self.state(epoch)}:quarantine"

    def load(self, epoch: str) -> str:
        """HASH, permanent: `runs` and `bytes` under way, `of:<pipeline>` -> its runs under way; `asking` likewise."""
        return f"{self.state(epoch)}:load"

    def windows(self, epoch: str) -> str:
        """HASH, permanent: agent -> how many of its tasks may be out, once that is not what it began with."""
        return f"{self.state(epoch)}:windows"

    def task(self, task_id: str) -> str:
        """HASH: claim, result and memos of a task; not under the epoch: a drop spares it.

        TTL from its first write: the run's deadline + window; deleted by the commit that folds its terminal result.
        """
        return f"{self.base}:task:{task_id}"

    def budget(self, run_id: str) -> str:
        """HASH: what a run that has a budget spent and reserved; not under the epoch: a drop spares it.

        TTL: the run's deadline + window.
        """
        return f"{self.base}:budget:{run_id}"


@dataclass(frozen=True, slots=True)
class FleetKeys:
    """The keys of the fleet as a whole: who is there, how full it is. All lie in one slot; TTL: some seconds."""

    prefix: str

    @property
    def present(self) -> str:
        """HASH: process name -> what it last said of itself (`broker.presence`)."""
        return f"{self.prefix}:{{fleet}}:present"

    @property
    def factors(self) -> str:
        """HASH: agent and model -> tokens by our count and the model's (`broker.factors`). TTL: months."""
        return f"{self.prefix}:{{fleet}}:factors"

    @property
    def until(self) -> str:
        """ZSET: process name -> counts as there until, epoch milliseconds of the server's clock."""
        return f"{self.prefix}:{{fleet}}:until"

    @property
    def fullness(self) -> str:
        """STRING: how full the fleet is, as a receiver saw it last (`broker.fullness`)."""
        return f"{self.prefix}:{{fleet}}:full"


@dataclass(frozen=True, slots=True)
class ModelKeys:
    """The bucket of one model and key, in a slot of its own. TTL of all: a day after it was last asked."""

    prefix: str
    model: str
    """`<provider>:<model>`."""
    key_name: str

    @property
    def base(self) -> str:
        """What all of them begin with."""
        return f"{self.prefix}:{{model-{quote(self.model, safe=':.-_')}@{self.key_name}}}"

    def all(self) -> list[str]:
        """Give them in the order in which `agents/bucket.lua` takes them."""
        return [f"{self.base}:{part}" for part in MODEL_PARTS]

    @property
    def state(self) -> str:
        """HASH: levels, the limits as last told, until when it is blocked, how slow it is, figures."""
        return f"{self.base}:state"

    @property
    def queue(self) -> str:
        """ZSET: place of a waiting call -> start tag: the least is next."""
        return f"{self.base}:queue"

    @property
    def seen(self) -> str:
        """ZSET: place, also of one that gave its slot away -> forgotten at, epoch milliseconds."""
        return f"{self.base}:seen"

    @property
    def places(self) -> str:
        """HASH: place of a waiting call -> call, tokens, agent."""
        return f"{self.base}:places"

    @property
    def held(self) -> str:
        """ZSET: call under way -> end of its lease, epoch milliseconds."""
        return f"{self.base}:held"


@dataclass(frozen=True, slots=True)
class TenantKeys:
    """The key of one tenant's budget, in a slot of its own."""

    prefix: str
    tenant: str

    @property
    def spent(self) -> str:
        """HASH: what it spent today, and what its calls under way reserved; TTL: two days."""
        return f"{self.prefix}:{{tenant-{quote(self.tenant, safe=':.-_')}}}:spent"


_TENANT_KEY: Final = re.compile(r"[^{]+:\{tenant-(?P<tenant>[^{}]+)\}:spent")
MODEL_PARTS: Final = ("state", "queue", "away", "places", "seen", "held", "reserved", "tags")
"""`queue`, `away` ZSET: place -> start tag; `seen` ZSET: place -> forgotten at; `reserved` HASH: call -> what it holds;
`tags` HASH: agent -> finish tag."""
_MODEL_KEY: Final = re.compile(
    rf"[^{{]+:\{{model-(?P<model>[^{{}}@]+)@(?P<key>[^{{}}@]+)\}}:(?:{'|'.join(MODEL_PARTS)})"
)


def tenants_pattern(prefix: str) -> str:
    """Give the pattern of what tenants spend, for tools that look."""
    return f"{prefix}:{{tenant-*}}:spent"


def tenant_of(key: str) -> str | None:
    """Name the tenant whose spending a key holds."""
    found = _TENANT_KEY.fullmatch(key)
    return None if found is None else unquote(found["tenant"])


def models_pattern(prefix: str) -> str:
    """Give the pattern of the states of all buckets, for tools that look."""
    return f"{prefix}:{{model-*}}:state"


def model_of(key: str) -> tuple[str, str] | None:
    """Say whose bucket a key is part of: `<provider>:<model>` and the key's name."""
    found = _MODEL_KEY.fullmatch(key)
    return None if found is None else (unquote(found["model"]), found["key"])


def schedule_key(prefix: str, name: str) -> str:
    """HASH, permanent, for the times of a schedule have no end: last, run, seen, paused (`client.schedule_book`)."""
    return f"{prefix}:{{schedule-{name}}}"


_SCHEDULE_KEY: Final = re.compile(r"[^{]+:\{schedule-[^{}]+\}")
_FLEET_KEY: Final = re.compile(r"[^{]+:\{fleet\}:(present|until|full|factors)")


_OTHERS: Final[tuple[tuple[re.Pattern[str], Kind], ...]] = (
    (_SCHEDULE_KEY, "schedule"),
    (_TENANT_KEY, "budget"),
    (_MODEL_KEY, "model"),
    (_FLEET_KEY, "present"),
)


def kind_of(key: str) -> Kind | None:
    """Say what one of our keys is, for tools and checks; None for a key that isn't ours."""
    found = _KEY.fullmatch(key)
    if found is None:
        return next((kind for pattern, kind in _OTHERS if pattern.fullmatch(key)), None)
    own, state = found["own"], found["state"]
    if own is not None:
        return "lane" if own == "lane" else "live"
    if found["task"] is not None or found["budget"] is not None:
        return "task" if found["budget"] is None else "budget"
    if state is not None:
        return next(kind for kind in PERMANENT if kind == state)
    return "ready" if found["agent"] is not None else "run"
