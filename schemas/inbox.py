"""What any client sends to the inbox, in any language; judged by the receiver before it counts."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, JsonValue, model_validator

from argosy.schemas.canonical import canonical_hash
from argosy.schemas.late import Late
from argosy.schemas.payload import Reference
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.reuse import ReplayOf, Reused
from argosy.schemas.runlog import OnSpent

MOST_BUDGET: Final = 1 << 53
"""What scripts can still count with."""
NO_DATA: Final = ("when_busy",)
"""Fields of a submit that are no part of its data."""


class RunSubmitted(Late):
    """Start a run; `ce_subject` is the run id. A repeat with the same data is answered again."""

    KIND: ClassVar[str] = "run.submitted"
    model_config = ConfigDict(frozen=True, extra="forbid")
    pipeline: str | CompiledPipeline
    """A published pipeline's name, `name@version`, or the whole compiled document."""
    input: JsonValue = None
    input_ref: Reference | None = None
    """Instead of `input`, when the client has put a large input into the payload store itself."""
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    deadline_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    untrusted: bool = False
    """The input may hold content of strangers: it is tainted as `document`."""
    tenant: Annotated[str, Field(max_length=128)] | None = None
    budget: Annotated[int, Field(gt=0)] | None = None
    """Tokens that the whole run may use."""
    budget_micros: Annotated[int, Field(gt=0)] | None = None
    """Money that the whole run may cost, in millionths."""
    on_spent: OnSpent = "fail"
    """When a model call would go over the budget: its task fails, or (`ask`) waits until somebody raises the budget."""
    ask_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """With `ask`: how long tasks wait before they fail after all; absent: to the run's deadline."""
    when_busy: Literal["wait", "refuse"] = "wait"
    """While as many runs are under way as the fleet may hold: wait in the inbox, or be refused as `busy` at once."""

    replay_of: ReplayOf | None = None
    """The earlier run of which this one is a replay."""
    reused: dict[Annotated[str, Field(max_length=512)], Reused] = Field(
        default_factory=dict[str, Reused], json_schema_extra={"default": {}}
    )
    """By task, without its run: what tasks left there, and are not run for here."""

    @property
    def data_hash(self) -> str:
        """What makes a repeat one: the SHA-256 of the client's own data.

        Defaults are left out: to the next release, which has a field more, the same submit says the same. So is
        what a repeat may say otherwise: whether it waits.
        """
        return canonical_hash(self.model_dump(mode="json", exclude_defaults=True, exclude=set(NO_DATA)))

    @model_validator(mode="after")
    def _one_input(self) -> "RunSubmitted":
        if self.input_ref is not None and self.input is not None:
            message = "give input or input_ref, not both"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _asks_for_something(self) -> "RunSubmitted":
        if self.on_spent == "ask" and self.budget is None and self.budget_micros is None:
            message = "on_spent is ask, and there is no budget to be asked for"
            raise ValueError(message)
        if self.ask_seconds is not None and self.on_spent != "ask":
            message = "ask_seconds is how long on_spent: ask waits"
            raise ValueError(message)
        return self


class SignalSent(Late):
    """Tell a waiting step something; `ce_subject` is the run id, `ce_id` deduplicates."""

    KIND: ClassVar[str] = "signal.sent"
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Annotated[str, Field(max_length=512)]
    """Of the step that waits, in its run: `ok`, in a pipeline inside `c/ok`, in a map's shard `c.7/ok`."""
    value: JsonValue = None
    value_ref: Reference | None = None
    """Instead of `value`, when the client has put a large value into the payload store itself."""
    about_sha256: Annotated[str, Field(max_length=64)] | None = None
    """Of an approval: the SHA-256 of the canonical JSON of the value that it approves or rejects."""

    @model_validator(mode="after")
    def _one_value(self) -> "SignalSent":
        if self.value_ref is not None and self.value is not None:
            message = "give value or value_ref, not both"
            raise ValueError(message)
        return self


class CancelRequested(Late):
    """End a run as cancelled; `ce_subject` is the run id. Idempotent, and allowed before the run is known."""

    KIND: ClassVar[str] = "cancel.requested"
    model_config = ConfigDict(frozen=True, extra="forbid")
    reason: Annotated[str, Field(max_length=1_000)] = ""


class BudgetAnswered(Late):
    """Raise the budget of a run, or say that nobody will; `ce_subject` is the run id, `ce_id` deduplicates."""

    KIND: ClassVar[str] = "budget.answered"
    model_config = ConfigDict(frozen=True, extra="forbid")
    tokens: Annotated[int, Field(gt=0, le=MOST_BUDGET)] | None = None
    """What the whole run may use, with what it has used; it is only ever raised."""
    micros: Annotated[int, Field(gt=0, le=MOST_BUDGET)] | None = None
    """What the whole run may cost, in millionths, likewise."""
    refused: bool = False
    """No: the tasks that wait fail, and so does what is refused from now on."""
    by: Annotated[str, Field(max_length=128)] = ""
    reason: Annotated[str, Field(max_length=1_000)] = ""

    @model_validator(mode="after")
    def _one_answer(self) -> "BudgetAnswered":
        if self.refused == (self.tokens is not None or self.micros is not None):
            message = "give tokens or micros to raise it, or refused"
            raise ValueError(message)
        return self


InboxMessage = RunSubmitted | SignalSent | CancelRequested | BudgetAnswered
