"""What is known of a run that may not be going on: the facts, as data, with nothing concluded from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from argosy.agents.bucket_figures import BucketFigures, ModelWait
from argosy.agents.budget_figures import BudgetFigures, TenantFigures
from argosy.broker.fullness import Fullness
from argosy.console.why_waits import WaitIs
from argosy.coordinator.kept import Letter


@dataclass(frozen=True, slots=True)
class Service:
    """Kafka or Redis: where it is, and what it said instead of an answer (empty: it answers)."""

    where: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group on one topic."""

    name: str
    topic: str
    members: int
    waiting: int
    seconds: float
    exists: bool = True
    """The topic does."""


@dataclass(frozen=True, slots=True)
class Submit:
    """The run's submit where it lies in the inbox: not yet committed by a receiver, nor answered."""

    partition: int
    offset: int
    committed: int
    time_ms: int
    names: str = ""
    """The pipeline that it names, if that is not published."""
    newer: str = ""
    """Its `ce_type`, if that is of a newer release."""
    published: tuple[str, ...] = ()
    """What is, each `name@version`."""
    homeless: tuple[str, ...] = ()
    """Topics of its agents that aren't there: its receiver makes them, if it may."""
    pipeline: str = ""
    """Name of its pipeline, if that is known."""
    until_ms: int = 0
    """When a receiver that knows neither, or has no such topic, refuses it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a submit of this run id that was refused."""

    reason: str
    message: str
    position: str


@dataclass(frozen=True, slots=True)
class LaneIs:
    """The run's lane: what Kafka's group says, what Redis has of it, what its coordinator says."""

    number: int
    log_end: int
    owner: str = ""
    """The member of the lanes' group that has the partition; empty: nobody."""
    next: int | None = None
    """Offset to read on at; None: Redis has no state of the lane."""
    layout: int = 0
    newest_layout: int = 0
    """The layout that this release knows."""
    live: bool = False
    paused: str = ""
    first_unfolded: int | None = None
    """The run's first record that the lane has not folded."""
    quarantined: str = ""


@dataclass(frozen=True, slots=True)
class RunIs:
    """The run as its log says."""

    offset: int
    accepted_ms: int
    deadline_ms: int
    pipeline: str
    rules: int
    newest_rules: int
    outcome: str = ""
    """Empty: it has not ended."""
    ended_ms: int = 0
    ended_offset: int = 0
    fault: str = ""
    ending: bool = False
    """Its outcome is decided, `run.ended` is not in the log yet."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim of the task's current attempt. `lease_ms` is when its lease ends, by the server's clock."""

    holder: str
    since_ms: int
    lease_ms: int
    present: bool
    """Its holder says that it is there."""


@dataclass(frozen=True, slots=True)
class TaskIs:
    """A task that was ordered and has not ended."""

    local: str
    agent: str
    letter: Letter
    attempt: int
    attempts: int
    """At most so many."""
    timeout_seconds: float = 300.0
    retry_ms: int | None = None
    """When its next attempt may go, while it backs off."""
    last_fault: str = ""
    ahead: int | None = None
    """Tasks before it in the queue of what may go out; None: it isn't there."""
    out: bool = False
    """The lane has sent it, or sends it."""
    again_ms: int | None = None
    """When the lane sends it again."""
    partition: int | None = None
    offset: int | None = None
    """Where its work message lies, if not yet committed."""
    committed: int | None = None
    claim: Claimed | None = None
    deliveries: int = 0
    stored: bool = False
    """Its result is stored and not folded yet."""
    said: str = ""
    """Its name for people, who are told what a page is a page of; absent: `local`."""

    @property
    def name(self) -> str:
        """Name it for people."""
        return self.said or self.local


@dataclass(frozen=True, slots=True)
class AgentIs:
    """Those who work for an agent. `out` and `window` are of the run's lane."""

    name: str
    group: Group
    workers: tuple[str, ...] = ()
    running: int = 0
    parked: int = 0
    slots: int = 0
    out: int = 0
    window: int = 0


@dataclass(frozen=True, slots=True)
class JoinIs:
    """A step that waits for parents."""

    step: str
    parents: int
    missing: tuple[str, ...]
    policy: str = ""
    due_ms: int | None = None
    """When its join's time is up."""


@dataclass(frozen=True, slots=True)
class LimitsAre:
    """The limits that a run may wait for."""

    buckets: tuple[BucketFigures, ...] = ()
    """Of the models that have limits, in the whole fleet."""
    waits: tuple[ModelWait, ...] = ()
    """Tasks of the run that wait for their turn at one of them."""
    budget: BudgetFigures | None = None
    """None: the run has none."""
    tenant: TenantFigures | None = None
    """None: the run names none, or none that spent of a budget today."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it, as of `now_ms`. What could not be asked is None or empty, and the service's error says so."""

    run_id: str
    now_ms: int
    kafka: Service
    redis: Service
    no_topics: bool = False
    missing: tuple[str, ...] = ()
    """Topics of the fleet that aren't there, though others are."""
    receivers: Group | None = None
    lanes: Group | None = None
    submit: Submit | None = None
    refusal: Refusal | None = None
    cancelled_before: bool = False
    """A cancel came before the run did."""
    fullness: Fullness | None = None
    """How many runs are under way, and may be."""
    busy_wait_seconds: float = 0.0
    """How long a submit waits for room."""
    lane: LaneIs | None = None
    run: RunIs | None = None
    tasks: tuple[TaskIs, ...] = ()
    agents: Mapping[str, AgentIs] = field(default_factory=dict[str, AgentIs])
    joins: tuple[JoinIs, ...] = ()
    limits: LimitsAre = LimitsAre()
    looks: tuple[str, ...] = ()
    """Lists and items that the lane was asked to look at."""
    waits: tuple[WaitIs, ...] = ()
    more_tasks: int = 0
    """Open tasks that were not looked at."""
