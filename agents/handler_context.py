"""The context that a handler sees: `argosy.Context`, as the worker fills it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, TypeVarTuple

from argosy.agents.guard import Guard
from argosy.agents.models import DEFAULT_PROVIDER
from argosy.agents.running import Running
from argosy.agents.services import Services
from argosy.agents.step import Steps, output_of
from argosy.broker import values
from argosy.broker.store import Payloads
from argosy.pipelines.agent import Agent
from argosy.pipelines.context import Log, Model, Page
from argosy.schemas.canonical import canonical_hash, sha256_hex
from argosy.schemas.chat import Usage
from argosy.schemas.errors import ModelRefused
from argosy.schemas.payload import Inline, Payload
from argosy.schemas.prices import price_of
from argosy.schemas.watch import TaskProgressed, TextStreamed
from argosy.telemetry import logs, propagation

if TYPE_CHECKING:
    from argosy.agents.admission import Admissions
    from argosy.agents.conversation import Step
    from argosy.agents.tool_calls import Calls
    from argosy.agents.tools import ToolCalls

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class ModelSource(Protocol):
    """Where `ctx.model` comes from: one for the process, one Model for each attempt."""

    def for_task(  # noqa: PLR0913 - all that one attempt differs in
        self,
        *,
        agent: str,
        model: str | None,
        guard: Guard,
        spent: Callable[[Usage], None],
        step: "Step",
        tools: "Calls",
        admissions: "Admissions | None" = None,
    ) -> Model:
        """Return the model of one attempt; `spent` hears the usage of every call."""
        ...


@dataclass(frozen=True, slots=True)
class InputPayload:
    """An input as it came (`argosy.pipelines.context.Payload`)."""

    payload: Payload
    payloads: Payloads

    @property
    def sha256(self) -> str:
        """The hash of the value's JSON."""
        return canonical_hash(self.payload.value) if isinstance(self.payload, Inline) else self.payload.sha256

    @property
    def bytes(self) -> int:
        """Size of the value's JSON."""
        return self.payload.bytes

    @property
    def tokens(self) -> int:
        """Tokens, as whoever produced it counted them."""
        return self.payload.tokens

    async def text(self) -> str:
        """Read it: a text itself, of anything else its JSON."""
        value = await values.load(self.payload, self.payloads)
        return value if isinstance(value, str) else values.encode_value(value).decode()


@dataclass(frozen=True, slots=True)
class Room:
    """`ctx.tokens`."""

    guard: Guard
    count_tokens: values.CountTokens

    def count(self, text: str) -> int:
        """Count the tokens of a text."""
        return self.count_tokens(text)

    @property
    def left(self) -> int:
        """Tokens that the next model call may take; where no window is known, more than any model has."""
        room = self.guard.room
        return UNKNOWN_ROOM if room is None else room


UNKNOWN_ROOM = 1_000_000_000


class TaskContext:
    """`ctx` of one attempt. Belongs to its handler; nothing of it outlives the attempt."""

    def __init__(
        self,
        running: Running,
        services: Services,
        deadline: float,
        models: ModelSource | None,
        agent: Agent[..., Any],
    ) -> None:
        """`deadline` (epoch seconds) is when this attempt ends; `agent` says what tools it may call."""
        # What most handlers never ask for is made when it is.
        self._running, self._services, self._models, self._deadline = running, services, models, deadline
        self._agent = agent
        self._model: Model | None = None
        self._made_steps: Steps | None = None
        self._made_tools: ToolCalls | None = None
        self._made_guard: Guard | None = None
        self._streamed = self._restarts = 0

    @property
    def run_id(self) -> str:
        """The run that this task belongs to."""
        return self._running.order.run_id

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self._running.order.body.task_id

    @property
    def attempt(self) -> int:
        """Which attempt the coordinator ordered."""
        return self._running.order.body.attempt

    @property
    def refused(self) -> str | None:
        """Why a planner's last plan was refused; None if none was."""
        refused = self._running.order.body.refused
        return None if refused is None else refused.reason

    @property
    def deadline(self) -> datetime:
        """When this attempt ends, in UTC."""
        return datetime.fromtimestamp(self._deadline, UTC)

    @property
    def log(self) -> Log:
        """The logger, bound to this task."""
        return logs.get("argosy.agent")

    @property
    def tokens(self) -> Room:
        """The room in the context window."""
        return Room(self._guard, self._services.count_tokens)

    @property
    def tools(self) -> "ToolCalls":
        """Calls of tools."""
        return self._tools

    @property
    def page(self) -> Page | None:
        """Which page of an input it is given; None if it is given all inputs whole, or with summaries in them."""
        return self._running.page

    @property
    def usage(self) -> Usage:
        """What all model calls took so far."""
        return self._running.usage

    @property
    def _steps(self) -> Steps:
        if self._made_steps is None:
            self._made_steps = Steps(self._running, self._services)
        return self._made_steps

    @property
    def _tools(self) -> "ToolCalls":
        if self._made_tools is None:
            from argosy.agents.tools import ToolCalls  # noqa: PLC0415 - a worker starts sooner without

            self._made_tools = ToolCalls(self._steps, self._running, self._agent, self._services.servers)
        return self._made_tools

    @property
    def _guard(self) -> Guard:
        if self._made_guard is None:
            body = self._running.order.body
            self._made_guard = Guard(body.contract, body.window, body.factor)
        return self._made_guard

    @property
    def model(self) -> Model:
        """The model of the agent's contract."""
        if self._model is None:
            if self._models is None:
                raise ModelRefused("this worker was started without a model: give Worker its `models`")
            body = self._running.order.body
            self._model = self._models.for_task(
                agent=body.agent,
                model=body.contract.model,
                guard=self._guard,
                spent=self.spent,
                step=self._recorded,
                tools=self._tools,
                admissions=self._admissions(),
            )
        return self._model

    def _admissions(self) -> "Admissions | None":
        services, running = self._services, self._running
        body, settings = running.order.body, services.settings.model
        budgeted = body.budget is not None or body.budget_micros is not None
        tenant = None if body.tenant is None else services.ledger(body.tenant)
        if services.limiter is None and not budgeted and tenant is None:
            return None
        from argosy.agents.admission import Admissions  # noqa: PLC0415 - a worker starts sooner without
        from argosy.agents.purse import Purse  # noqa: PLC0415

        purse = None
        if budgeted or tenant is not None:
            purse = Purse(services.budgets if budgeted else None, tenant, running, settings.prices)
        return Admissions(services.limiter, purse, running, settings.limit_wait_seconds)

    def payload(self, input_name: str, /) -> InputPayload:
        """Give an input as it came; KeyError if there is none of that name, or a hole is in its place."""
        return InputPayload(self._running.payloads[input_name], self._services.payloads)

    def idempotency_key(self, name: str, /) -> str:
        """Make a key for an outside system: 64 hexadecimal digits, the same in every attempt and delivery."""
        return sha256_hex(f"{self.task_id}\n{name}".encode())

    def spent(self, usage: Usage) -> None:
        """Count what a model call took, and learn from it."""
        body = self._running.order.body
        model = self._services.settings.model.replace_with or body.contract.model
        self._services.learning.saw(body.agent, model, usage)
        if body.budget_micros is not None and model is not None:
            provider, _colon, name = model.rpartition(":")
            price = price_of(self._services.settings.model.prices, provider or DEFAULT_PROVIDER, name)
            if price is not None:
                usage = usage.model_copy(update={"micros": price.of(usage)})
        self._running.usage += usage

    async def progress(self, text: str, /, *, done: int | None = None, of: int | None = None) -> None:
        """Tell who watches how far this task is."""
        message = TaskProgressed(task_id=self.task_id, attempt=self.attempt, text=text, done=done, of=of)
        self._services.watchers.tell(self.run_id, message, propagation.current().traceparent)

    async def stream(self, text: str, /, *, restart: bool = False) -> None:
        """Send a piece of text to who watches."""
        if restart:
            self._restarts, self._streamed = self._restarts + 1, 0
        message = TextStreamed(
            task_id=self.task_id,
            attempt=self.attempt,
            ordinal=self._streamed,
            text=text,
            claimed_ms=self._running.granted_ms,
            restarts=self._restarts,
        )
        self._streamed += 1
        self._services.watchers.tell(self.run_id, message, propagation.current().traceparent)

    async def step(
        self, name: str, function: Callable[[*Ts], Awaitable[T]], /, *args: *Ts, log: bool = False
    ) -> T:
        """Make a side effect once; see `argosy.Context`."""
        return await self._steps.step(name, function, args, log=log)

    async def _recorded(self, name: str, function: Callable[[], Awaitable[T]], /) -> T:
        """Record what a conversation makes; it says itself what is made inside of a step."""
        return await self._steps.memoised(name, output_of(function), function)
