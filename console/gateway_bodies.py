"""What travels through the gateway, as models: they check requests and make the OpenAPI document."""

from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator
from pydantic_core import from_json

from argosy.client.receipt import Receipt
from argosy.schemas.chat import Usage
from argosy.schemas.errors import BadMessage
from argosy.schemas.fault import Fault
from argosy.schemas.field_path import first_wrong
from argosy.schemas.ids import RUN_ID_PATTERN, is_run_id
from argosy.schemas.inbox import MOST_BUDGET
from argosy.schemas.payload import Sha256
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import OnSpent, RunOutcome

M = TypeVar("M", bound=BaseModel)

_ASKED: Final = ConfigDict(frozen=True, extra="forbid")


class Submit(BaseModel):
    """Start a run."""

    model_config = _ASKED
    pipeline: str | CompiledPipeline
    """A published pipeline's name, `name@version`, or the whole compiled document."""
    input: JsonValue = None
    run_id: Annotated[str, Field(pattern=RUN_ID_PATTERN)] | None = None
    """Yours, so that a repeat is harmless; absent = a new one."""
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
    """At the edge of its budget: its tasks fail, or (`ask`) wait until somebody raises it."""
    ask_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """With `ask`: how long they wait at most."""
    when_busy: Literal["wait", "refuse"] = "refuse"
    """Where the fleet has as many runs under way as it may hold: be answered 429, or wait for room, for a while."""


class Cancel(BaseModel):
    """End a run as cancelled."""

    model_config = _ASKED
    reason: Annotated[str, Field(max_length=1_000)] = ""


class Signal(BaseModel):
    """Tell a waiting step something."""

    model_config = _ASKED
    step: Annotated[str, Field(min_length=1, max_length=512)]
    """Its name in the run: `ok`, in a pipeline inside `c/ok`, in a map's shard `c.7/ok`."""
    value: JsonValue = None
    signal_id: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[ -~]+$")] | None = None
    """Yours, so that a repeat is harmless."""


class Answer(BaseModel):
    """Answer the question of an approval."""

    model_config = _ASKED
    step: Annotated[str, Field(min_length=1, max_length=512)]
    approved: bool
    reason: Annotated[str, Field(max_length=4_000)] = ""
    by: Annotated[str, Field(max_length=256)] = ""
    """Who answers."""
    about_sha256: Sha256
    """Of the value that was shown: `waiting` tells it. For another value the answer doesn't count."""


class BudgetAnswer(BaseModel):
    """Raise a run's budget, to so many tokens or so much money, or say that nobody will."""

    model_config = _ASKED
    tokens: Annotated[int, Field(gt=0, le=MOST_BUDGET)] | None = None
    micros: Annotated[int, Field(gt=0, le=MOST_BUDGET)] | None = None
    refused: bool = False
    by: Annotated[str, Field(max_length=128)] = ""
    reason: Annotated[str, Field(max_length=1_000)] = ""
    answer_id: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[ -~]+$")] | None = None
    """Yours, so that a repeat is harmless."""

    @model_validator(mode="after")
    def _one_answer(self) -> "BudgetAnswer":
        if self.refused == (self.tokens is not None or self.micros is not None):
            message = "give tokens or micros to raise it, or refused"
            raise ValueError(message)
        return self


class Awaits(BaseModel):
    """A step, or a run whose budget is spent, that waits for somebody."""

    step: str
    """Empty, of a budget."""
    kind: Literal["signal", "approval", "budget"]
    since_ms: int
    until_ms: int
    question: str
    by: tuple[str, ...]
    """Who may answer; empty: anybody."""
    about: JsonValue = None
    """Of an approval: the value, once it is known."""
    about_sha256: str
    refused: int
    """Signals that came and did not count, and why the last one did not."""
    refusal: str


class Waits(BaseModel):
    """What a run waits for from outside, as far as is known now."""

    run_id: str
    waiting: tuple[Awaits, ...]


class RunLinks(BaseModel):
    """Where to go on, relative to the gateway."""

    run: str
    result: str
    events: str
    cancel: str


class Submitted(BaseModel):
    """The run is safe: it will end, or be refused with a reason."""

    run_id: str
    receipt: str
    """Names just this submit; with it, `result` also tells of a refusal or a conflict. No secret."""
    links: RunLinks


class RunView(BaseModel):
    """How far a run is. `submitted`: acknowledged, not yet accepted."""

    run_id: str
    state: Literal["submitted", "running", "succeeded", "failed", "cancelled", "expired"]


class RunResult(BaseModel):
    """How a run ended."""

    run_id: str
    outcome: RunOutcome
    pipeline: str
    """`name@version`."""
    result: JsonValue = None
    """Of a run that succeeded."""
    fault: Fault | None = None
    """Why it did not."""
    usage: Usage
    tasks: int


class Health(BaseModel):
    """Whether the gateway serves."""

    status: Literal["ok", "draining", "kafka away"]


class ErrorParts(BaseModel):
    """What happened, why, and what to do about it."""

    code: str
    what: str
    why: str = ""
    """Absent where `what` says it all; so are the other parts where there is nothing to say."""
    do: str = ""
    field: str = ""
    """Dotted path of the value that is wrong, as in `input.documents.3.title`."""
    run_id: str = ""
    """What to repeat the submit with."""


class ErrorBody(BaseModel):
    """Every answer that isn't 2xx."""

    error: ErrorParts


def read_submit(data: bytes) -> Submit:
    """Decode a submit. Raises BadMessage that names the field."""
    return _read(Submit, data)


def read_cancel(data: bytes) -> Cancel:
    """Decode a cancel; no body is one without a reason. Raises BadMessage that names the field."""
    return _read(Cancel, data or b"{}")


def read_signal(data: bytes) -> Signal:
    """Decode a signal. Raises BadMessage that names the field."""
    return _read(Signal, data)


def read_answer(data: bytes) -> Answer:
    """Decode an answer to an approval. Raises BadMessage that names the field."""
    return _read(Answer, data)


def read_budget(data: bytes) -> BudgetAnswer:
    """Decode an answer about a budget. Raises BadMessage that names the field."""
    return _read(BudgetAnswer, data)


def _read(model: type[M], data: bytes) -> M:
    try:
        from_json(data, allow_inf_nan=False)  # the models' own parser would let NaN into a free value
    except ValueError as error:
        raise BadMessage(f"is no JSON: {error}", field="body") from None
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        path, message = first_wrong(error)
        raise BadMessage(message, field=path or "body") from None


def links_of(run_id: str, receipt: Receipt | None) -> RunLinks:
    """Say where to go on; run ids and receipts are safe in a URL as they are."""
    run = f"/runs/{run_id}"
    proof = "" if receipt is None else f"?receipt={receipt}"
    return RunLinks(
        run=run + proof, result=f"{run}/result{proof}", events=f"{run}/events{proof}", cancel=f"{run}/cancel"
    )


def checked_run_id(run_id: str) -> str:
    """Raise BadMessage for what can't be a run's id."""
    if not is_run_id(run_id):
        raise BadMessage(f"{run_id[:140]!r} is no run id: it must match {RUN_ID_PATTERN}", field="run_id")
    return run_id
