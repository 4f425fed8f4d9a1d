"""What a handler sees of the fleet while it runs. The worker implements it, and so does the testing kit."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ParamSpec, Protocol, TypeVar, TypeVarTuple, overload

from argosy.pipelines.mcp import McpServer
from argosy.pipelines.tool import Tool
from argosy.schemas.chat import Message, Reply

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Prompt = str | Sequence[Message]


class Log(Protocol):
    """A structured logger, bound to trace, run and task. `event` says what happened, `values` the figures."""

    def debug(self, event: str, **values: object) -> None:
        """Say what only a developer wants to know."""

    def info(self, event: str, **values: object) -> None:
        """Say what happened."""

    def warning(self, event: str, **values: object) -> None:
        """Say what may need a look."""

    def error(self, event: str, **values: object) -> None:
        """Say what went wrong."""

    def exception(self, event: str, **values: object) -> None:
        """Say what went wrong, with the traceback of the exception that is being handled."""


class Tokens(Protocol):
    """The room in the agent's context window."""

    def count(self, text: str) -> int:
        """Count the tokens of a text, as the agent's model would."""
        ...

    @property
    def left(self) -> int:
        """Tokens that the next model call may still take: the safe part of the window less the reserve."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """Which page of which input a task is given, as that is too large for its window."""

    input: str
    number: int
    """From 1 up to `of`."""
    of: int
    overlap: int = 0
    """Characters of a text at the beginning of the page that are on the page before too."""


class Tools(Protocol):
    """Calls of tools, each with its span; a tool of `repeatable=False` is memoised like `ctx.step`."""

    async def call(self, tool: Tool[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a tool with its own parameters."""
        ...


class Model(Protocol):
    """The agent's model. Each call is checked against the context window before it is sent."""

    @overload
    async def ask(
        self,
        prompt: Prompt,
        *,
        system: str | None = None,
        tools: Sequence[Tool[..., Any] | McpServer] = (),
        repairs: int | None = None,
        name: str | None = None,
    ) -> str: ...
    @overload
    async def ask(
        self,
        prompt: Prompt,
        *,
        returns: type[T],
        system: str | None = None,
        tools: Sequence[Tool[..., Any] | McpServer] = (),
        repairs: int | None = None,
        name: str | None = None,
    ) -> T: ...
    async def ask(  # noqa: PLR0913 - all by name
        self,
        prompt: Prompt,
        *,
        returns: type[Any] = str,
        system: str | None = None,
        tools: Sequence[Tool[..., Any] | McpServer] = (),
        repairs: int | None = None,
        name: str | None = None,
    ) -> Any:
        """Ask for a text, or for a value of a JSON type (`returns`), that the answer is validated against.

        `name` makes the call a memo: its answer survives a crash of the worker. An answer that is not of the type is
        asked for again, `repairs` times at most (None: as the setting says). The model may call `tools`, which the
        agent must list. ContextRefused if the prompt doesn't fit, ToolNotAllowed for a tool that isn't listed.
        """
        ...

    async def chat(self, messages: Sequence[Message], /) -> Reply:
        """Send a conversation; give the answer with its usage and why it stopped."""
        ...

    def stream(self, prompt: Prompt, /) -> AsyncIterator[str]:
        """Ask for a text and give it in pieces, as it comes."""
        ...


class Payload(Protocol):
    """An input as it came: hash, size, and the original text, also where the input is only a page of it."""

    @property
    def sha256(self) -> str:
        """The hash of the original's canonical JSON, in hex."""
        ...

    @property
    def bytes(self) -> int:
        """Size of the original's JSON."""
        ...

    @property
    def tokens(self) -> int:
        """Tokens of the original."""
        ...

    async def text(self) -> str:
        """Read the original; PayloadGone if the store doesn't have it any more."""
        ...


class Context(Protocol):
    """The first parameter of every agent."""

    @property
    def run_id(self) -> str:
        """The run that this task belongs to."""
        ...

    @property
    def task_id(self) -> str:
        """The id of this task; it stays over retries and redeliveries."""
        ...

    @property
    def attempt(self) -> int:
        """1 at first; each retry that the coordinator orders adds one, a redelivery doesn't."""
        ...

    @property
    def refused(self) -> str | None:
        """Of a planner's agent: why the last plan of an earlier attempt was refused (`bad_plan`); else None."""
        ...

    @property
    def deadline(self) -> datetime:
        """When this attempt ends, in UTC: the earliest of its timeout, its step's and its run's deadline."""
        ...

    @property
    def log(self) -> Log:
        """The logger, bound to this task."""
        ...

    @property
    def tokens(self) -> Tokens:
        """The room in the context window."""
        ...

    @property
    def tools(self) -> Tools:
        """Calls of tools."""
        ...

    @property
    def page(self) -> Page | None:
        """Which page of an input this is; None for a task that is given all of its inputs."""
        ...

    @property
    def model(self) -> Model:
        """The model of the agent's contract."""
        ...

    def payload(self, input_name: str, /) -> Payload:
        """Give an input as it came, by the name of its parameter; KeyError if there is none."""
        ...

    def idempotency_key(self, name: str, /) -> str:
        """Make a key for an outside system: the same for this task and name in every attempt and delivery."""
        ...

    async def progress(self, text: str, /, *, done: int | None = None, of: int | None = None) -> None:
        """Tell who watches the run how far this task is. Lossy; nothing may depend on it."""

    async def stream(self, text: str, /, *, restart: bool = False) -> None:
        """Send a piece of text to who watches the run. Lossy; nothing may depend on it.

        Pieces of another attempt, or of a worker that died, are told apart by themselves; `restart` says that this one
        begins the text anew within one attempt.
        """

    async def step(
        self, name: str, function: Callable[[*Ts], Awaitable[T]], /, *args: *Ts, log: bool = False
    ) -> T:
        """Run a side effect once: its outcome is a memo, and every later attempt gets it from there.

        A recorded memo is never run again as long as Redis keeps its data; with `log=True` it is in the run
        log too and survives the loss of Redis. An effect whose memo was not recorded, since the worker died
        in between, runs again: pass `ctx.idempotency_key(name)` to the outside system. The outcome is a JSON
        value of the function's return annotation; BuildError if it has none.
        """
        ...
