"""The records of the run log: all that happens to runs, in one total order per run. The record of truth."""

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field, JsonValue

from argosy.schemas.chat import Usage
from argosy.schemas.facts import Fact, Facts
from argosy.schemas.fault import Fault
from argosy.schemas.late import Late
from argosy.schemas.payload import Payload, Reference
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.result import Full
from argosy.schemas.reuse import ReplayOf, Reused

_RECORD = ConfigDict(frozen=True, extra="ignore")

OnSpent = Literal["fail", "ask"]
"""What becomes of a task that the budget of its run refuses: it fails, or waits until the budget is raised."""

RunOutcome = Literal["succeeded", "failed", "cancelled", "expired"]


class RunAccepted(Late):
    """A submit that passed, with everything pinned that the run will ever depend on.

    The first of these in the lane for a run id *is* the run; a later one changes nothing and is answered.
    """

    KIND: ClassVar[str] = "run.accepted"
    model_config = _RECORD
    rules: int
    pipeline: CompiledPipeline
    input: Payload
    # A plain `{}` would be copied deeply for each message, in Python.
    facts: Facts = Field(default_factory=dict[str, Fact], json_schema_extra={"default": {}})
    data_hash: str
    """SHA-256 of the client's own data (the submit's whole body as sent), nothing of ours."""
    position: str
    """`<partition>/<offset>` in the inbox: the `ce_id` of an answer to just this submit."""
    submitted_ms: int
    deadline_ms: int
    """Epoch milliseconds; counted from `submitted_ms`."""
    longest_and_window_ms: int
    """Longest run + window, as set when this was accepted."""
    priority: int = 5
    tenant: str | None = None
    budget: int | None = None
    budget_micros: int | None = None
    on_spent: OnSpent = "fail"
    ask_ms: int | None = None
    """How long to wait for an answer; absent: to the run's deadline."""
    windows: dict[str, int] = Field(default_factory=dict[str, int], json_schema_extra={"default": {}})
    """Context window by agent, resolved from the contract or the table of models; absent = no limit known."""
    factors: dict[str, int] = Field(default_factory=dict[str, int], json_schema_extra={"default": {}})
    """Learned token factor by agent, per mille; absent = 1000."""
    replay_of: ReplayOf | None = None
    reused: dict[str, Reused] = Field(default_factory=dict[str, Reused], json_schema_extra={"default": {}})
    """By task, without its run: what counts as its result, as soon as it could be ordered. From rules 2 on."""


class SubmitTurnedAway(Late):
    """A submit that came while the fleet was full, and would not wait: refused, if its run id is a new one.

    Only its lane knows that for certain; of a known one it is a repeat like any other.
    """

    KIND: ClassVar[str] = "submit.turned_away"
    model_config = _RECORD
    data_hash: str
    position: str
    """As of `run.accepted`."""
    full: Full


class TaskSettled(Late):
    """The outcome of one attempt of one task."""

    KIND: ClassVar[str] = "task.settled"
    model_config = _RECORD
    task_id: str
    attempt: int
    outcome: Literal["succeeded", "failed", "overflow", "poison"]
    result: Payload | None = None
    facts: Facts = Field(default_factory=dict[str, Fact], json_schema_extra={"default": {}})
    fault: Fault | None = None
    measured_tokens: int | None = None
    usage: Usage = Usage()
    worker: str = ""
    deliveries: int = 0
    duration_ms: int = 0


class StepRecorded(Late):
    """A memo with `log=True`: the first in the log for (task, name) wins."""

    KIND: ClassVar[str] = "step.recorded"
    model_config = _RECORD
    task_id: str
    attempt: int
    name: str
    value: JsonValue = None


class SignalReceived(Late):
    """A signal that passed the receiver; deduplicated by `signal_id` (the client's `ce_id`)."""

    KIND: ClassVar[str] = "signal.received"
    model_config = _RECORD
    signal_id: str
    name: str
    value: JsonValue = None
    value_ref: Reference | None = None
    """Of one over 64 KiB."""
    about_sha256: str | None = None


class CancelReceived(Late):
    """A cancel that passed the receiver."""

    KIND: ClassVar[str] = "cancel.received"
    model_config = _RECORD
    reason: str = ""


class BudgetReceived(Late):
    """An answer to a run whose budget is spent, or soon will be; deduplicated by `answer_id` (the client's `ce_id`)."""

    KIND: ClassVar[str] = "budget.received"
    model_config = _RECORD
    answer_id: str
    tokens: int | None = None
    micros: int | None = None
    refused: bool = False
    by: str = ""
    reason: str = ""


class TimerFired(Late):
    """A timer that came due. It names the offset that armed it; fold never compares times."""

    KIND: ClassVar[str] = "timer.fired"
    model_config = _RECORD
    name: str
    """The timer's name inside its run, such as `deadline`, `budget`, `retry:research`, `step:research`."""
    armed: int


class RunEnded(Late):
    """The outcome. The first one in the log is final, whatever a later fold would find.

    Also the record on `argosy.results`, byte for byte.
    """

    KIND: ClassVar[str] = "run.ended"
    model_config = _RECORD
    outcome: RunOutcome
    data_hash: str
    pipeline: str = ""
    """`name@version`."""
    result: Payload | None = None
    fault: Fault | None = None
    usage: Usage = Usage()
    tasks: int = 0
    accepted_ms: int = 0


LogMessage = (
    RunAccepted
    | SubmitTurnedAway
    | TaskSettled
    | StepRecorded
    | SignalReceived
    | CancelReceived
    | BudgetReceived
    | TimerFired
    | RunEnded
)
