"""A context for one call of an agent, as the plain function that it is: no fleet, no services."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar, TypeVarTuple, cast

from pydantic import JsonValue

from argosy.agents.guard import Guard
from argosy.agents.handler_context import UNKNOWN_ROOM
from argosy.agents.model_client import ModelClient, ToolSpec
from argosy.agents.models import Models
from argosy.agents.step import output_of
from argosy.broker import tokens
from argosy.broker.values import decode_value, encode_value
from argosy.pipelines import terms
from argosy.pipelines.agent import Agent
from argosy.pipelines.context import Log, Model, Page, Payload
from argosy.pipelines.mcp import McpTool
from argosy.pipelines.tool import P, Tool
from argosy.schemas.canonical import canonical_hash, sha256_hex
from argosy.schemas.chat import Usage
from argosy.schemas.errors import ModelRefused, ToolNotAllowed
from argosy.schemas.settings import ModelSettings
from argosy.telemetry import logs

if TYPE_CHECKING:
    from argosy.pipelines.port import Port

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_DEADLINE: Final = timedelta(seconds=300)


def context(  # noqa: PLR0913 - all by name
    *,
    model: ModelClient | None = None,
    agent: Agent[..., Any] | None = None,
    run_id: str = "run",
    step: str = "step",
    attempt: int = 1,
    memos: Mapping[str, JsonValue] | None = None,
    payloads: Mapping[str, JsonValue] | None = None,
    page: Page | None = None,
    tools: Mapping[str, Callable[..., Awaitable[Any]]] | None = None,
    refused: str | None = None,
) -> "LoneContext":
    """Make a context. `memos` are there already, so that `ctx.step` makes no such effect again.

    `agent` gives the contract that its model calls are checked against; `payloads` are what `ctx.payload` finds;
    `page` is `ctx.page`, `refused` is `ctx.refused`; `tools` stand in for tools of these names: for those of MCP
    servers, as `files_read`, and for any other.
    """
    return LoneContext(
        client=model,
        agent=agent,
        run_id=run_id,
        task_id=f"{run_id}/{step}",
        attempt=attempt,
        memos=dict(memos or {}),
        payloads=dict(payloads or {}),
        page=page,
        stand_ins=dict(tools or {}),
        refused=refused,
    )


@dataclass(slots=True)
class LoneContext:
    """See `argosy.Context`. What the handler did is in its fields afterwards."""

    client: ModelClient | None
    agent: Agent[..., Any] | None
    run_id: str
    task_id: str
    attempt: int
    memos: dict[str, JsonValue]
    payloads: dict[str, JsonValue]
    stand_ins: dict[str, Callable[..., Awaitable[Any]]]
    page: Page | None
    refused: str | None
    deadline: datetime = field(default_factory=lambda: datetime.now(UTC) + _DEADLINE)
    told: list[str] = field(default_factory=list[str])
    """What it told by `progress`."""
    streamed: list[str] = field(default_factory=list[str])
    usage: Usage = field(default_factory=Usage)

    @property
    def log(self) -> Log:
        """See `Context.log`."""
        return cast("Log", logs.get("argosy.agent"))

    @property
    def _guard(self) -> Guard:
        contract = self.agent.contract if self.agent else terms.make_contract("lone", {}, merge=None)
        return Guard(contract, contract.window)

    @property
    def tokens(self) -> "_Room":
        """See `Context.tokens`."""
        return _Room(self._guard)

    @property
    def tools(self) -> "_Tools":
        """See `Context.tools`."""
        return _Tools(self)

    @property
    def model(self) -> Model:
        """See `Context.model`."""
        if self.client is None:
            raise ModelRefused("this context has no model: context(model=FakeModel(...))")
        contract = self._guard.contract
        return Models(self.client, ModelSettings()).for_task(
            agent=self.agent.name if self.agent else "lone",
            model=contract.model or "fake:model",
            guard=self._guard,
            spent=self._spent,
            step=self.step,
            tools=self.tools,
        )

    def _spent(self, usage: Usage) -> None:
        self.usage += usage

    def payload(self, input_name: str, /) -> Payload:
        """See `Context.payload`."""
        return _Given(self.payloads[input_name])

    def idempotency_key(self, name: str, /) -> str:
        """See `Context.idempotency_key`: the key that a fleet would give."""
        return sha256_hex(f"{self.task_id}\n{name}".encode())

    async def progress(self, text: str, /, *, done: int | None = None, of: int | None = None) -> None:
        """See `Context.progress`."""
        self.told.append(text if done is None else f"{text} ({done} of {of})")

    async def stream(self, text: str, /, *, restart: bool = False) -> None:
        """See `Context.stream`."""
        if restart:
            self.streamed.clear()
        self.streamed.append(text)

    async def step(
        self, name: str, function: Callable[[*Ts], Awaitable[T]], /, *args: *Ts, log: bool = False
    ) -> T:
        """See `Context.step`: the memo is one of `memos`, and what is made becomes one."""
        del log
        port: Port[T] = output_of(function)
        await asyncio.sleep(0)
        if name not in self.memos:
            self.memos[name] = decode_value(port.encode(await function(*args)))
        return port.decode(encode_value(self.memos[name]), name=f"memo {name!r}")


@dataclass(frozen=True, slots=True)
class _Room:
    guard: Guard

    def count(self, text: str) -> int:
        return tokens.count(text)

    @property
    def left(self) -> int:
        room = self.guard.room
        return UNKNOWN_ROOM if room is None else room


@dataclass(frozen=True, slots=True)
class _Tools:
    context: LoneContext

    async def call(self, tool: Tool[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        self.check(tool)
        stands_in: Callable[..., Awaitable[T]] | None = self.context.stand_ins.get(tool.name)
        return await (tool.function if stands_in is None else stands_in)(*args, **kwargs)

    def check(self, tool: Tool[..., Any], /) -> None:
        agent = self.context.agent
        if agent is not None and tool not in agent.tools:
            raise ToolNotAllowed(
                f"agent {agent.name} doesn't declare the tool {tool.name}: nothing was called"
            )

    def permit(self, tool: Tool[..., Any], /) -> None:
        self.check(tool)

    def skipped(self, tool: Tool[..., Any], arguments: bytes, /) -> None:
        """Nothing is counted: calls are no memos here."""

    async def describe(self, tool: McpTool, /) -> ToolSpec | None:
        return ToolSpec(tool.name, tool.description, tool.schema())


@dataclass(frozen=True, slots=True)
class _Given:
    value: JsonValue

    @property
    def sha256(self) -> str:
        return canonical_hash(self.value)

    @property
    def bytes(self) -> int:
        return len(encode_value(self.value))

    @property
    def tokens(self) -> int:
        return tokens.count(encode_value(self.value).decode())

    async def text(self) -> str:
        return self.value if isinstance(self.value, str) else encode_value(self.value).decode()
