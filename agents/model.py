"""`ctx.model`: the model of one attempt. Checks the context window, counts tokens, holds answers to types.

The client is shared by the whole process; what is here belongs to one attempt of one task.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeVar, cast, overload

from pydantic import JsonValue

from argosy.agents.answer import Answer, BadAnswer
from argosy.agents.guard import Guard
from argosy.agents.model_call import ModelCall, TaskTerms
from argosy.agents.model_client import Completion, ModelClient, ModelRequest, ToolCalls, Turn
from argosy.agents.prompt import prompt_tokens, turns_of
from argosy.agents.tool_calls import ToolBelt
from argosy.pipelines.context import Model, Prompt, Tools
from argosy.pipelines.tool import Tool
from argosy.schemas.chat import Message, Reply, Usage
from argosy.schemas.errors import ContextOverflow, ModelFailed, ModelRefused
from argosy.schemas.settings import ModelSettings
from argosy.telemetry import names

T = TypeVar("T")

TOKENS_PER_TURN: Final = 4
"""What a server puts around each message: its role and its limits."""
TOKENS_PER_PROMPT: Final = 3
REPAIRS: Final = 1
TOOL_ROUNDS: Final = 8
DEFAULT_PROVIDER: Final = "openai"


class Step(Protocol):
    """`ctx.step`, as far as a named `ask` needs it."""

    async def __call__(self, name: str, function: Callable[[], Awaitable[JsonValue]], /) -> JsonValue:
        """Run a function once; its outcome is a memo."""
        ...


@dataclass(frozen=True, slots=True)
class Models:
    """Gives each attempt its `ctx.model`. One per process."""

    client: ModelClient
    settings: ModelSettings

    def for_task(  # noqa: PLR0913 (all that one attempt differs in)
        self,
        *,
        agent: str,
        model: str | None,
        guard: Guard,
        spent: Callable[[Usage], None],
        step: Step,
        tools: Tools,
    ) -> Model:
        """Make the model of one attempt; `model` is its contract's, `spent` hears the usage of every call."""
        provider, _colon, name = (self.settings.replace_with or model or "").rpartition(":")
        terms = TaskTerms(agent, provider or DEFAULT_PROVIDER, name, guard, spent)
        return TaskModel(self.client, terms, step, tools)


class TaskModel:
    """`ctx.model` of one attempt. Safe to call from several tasks of the handler at once."""

    def __init__(self, client: ModelClient, terms: TaskTerms, step: Step, tools: Tools) -> None:
        """Use `Models.for_task`."""
        self._client = client
        self._terms = terms
        self._step = step
        self._tools = tools

    @overload
    async def ask(
        self,
        prompt: Prompt,
        *,
        system: str | None = None,
        tools: Sequence[Tool[..., Any]] = (),
        name: str | None = None,
    ) -> str: ...
    @overload
    async def ask(
        self,
        prompt: Prompt,
        *,
        returns: type[T],
        system: str | None = None,
        tools: Sequence[Tool[..., Any]] = (),
        name: str | None = None,
    ) -> T: ...
    async def ask(
        self,
        prompt: Prompt,
        *,
        returns: type[Any] = str,
        system: str | None = None,
        tools: Sequence[Tool[..., Any]] = (),
        name: str | None = None,
    ) -> Any:
        """Ask for a text, or for a value of `returns`; see pipelines.context.Model.

        ModelFailed if the answer is not of that type, after one try to have it mended.
        """
        turns = turns_of(prompt, system)
        belt = ToolBelt(tuple(tools), self._tools)
        answer: Answer[Any] | None = None if returns is str else Answer(returns)

        async def asked() -> object:
            return await self._answered(turns, belt, answer)

        async def asked_as_json() -> JsonValue:
            value = await asked()
            return cast("str", value) if answer is None else answer.dump(value)

        if name is None:
            return await asked()
        memo = await self._step(name, asked_as_json)
        return memo if answer is None else answer.value(memo)

    async def chat(self, messages: Sequence[Message], /) -> Reply:
        """Send a conversation; the reply tells why the model stopped, and is given as it is."""
        return (await self._call(self._request(tuple(messages)))).reply

    async def stream(self, prompt: Prompt, /) -> AsyncIterator[str]:
        """Ask for a text and give it in pieces. A stream that breaks off raises; nothing is repeated."""
        request = self._request(turns_of(prompt, None))
        pieces = self._client.stream(request)
        with self._overflow_judged(), ModelCall(self._terms, request) as call:
            call.span.set({names.REQUEST_STREAM: True})
            async with aclosing(cast("_Closing", pieces)):
                while True:
                    # Current only while we wait: what the handler does between two pieces is its own.
                    with call.span.current():
                        piece = await anext(pieces, None)
                    match piece:
                        case str():
                            call.streamed(piece)
                            yield piece
                        case Reply():
                            call.answered(piece)
                        case None:
                            return

    async def _answered(self, turns: tuple[Turn, ...], belt: ToolBelt, answer: Answer[Any] | None) -> object:
        for repairs_left in range(REPAIRS, -1, -1):
            turns, reply = await self._with_tools(turns, belt, answer)
            if reply.stop == "content_filter":
                raise ModelRefused(
                    f"{self._terms.model} declines to answer: {reply.text[:200] or 'content filter'}"
                )
            if answer is None:
                return reply.text
            try:
                return answer.read(reply.text)
            except BadAnswer as bad:
                cut = (
                    f"it was cut off at {reply.usage.output_tokens} tokens; "
                    if reply.stop == "length"
                    else ""
                )
                if not repairs_left:
                    message = f"{self._terms.model} gave no {answer.schema.name} twice: {cut}{bad}"
                    raise ModelFailed(message) from None
                wish = (
                    f"That is not the JSON that was asked for: {cut}{bad}. Answer again, with the JSON alone"
                )
                wish = f"{wish}, and shorter." if cut else f"{wish}."
                turns = (
                    *turns,
                    Message(role="assistant", content=reply.text),
                    Message(role="user", content=wish),
                )
        raise AssertionError  # the last try returned or raised

    async def _with_tools(
        self, turns: tuple[Turn, ...], belt: ToolBelt, answer: Answer[Any] | None
    ) -> tuple[tuple[Turn, ...], Reply]:
        """Call the model, and the tools that it asks for, until it answers; give the conversation too."""
        for _ in range(TOOL_ROUNDS):
            request = self._request(turns, belt, answer)
            completion = await self._call(request)
            if not completion.calls:
                return turns, completion.reply
            results = await belt.call_all(completion.calls)
            turns = (*turns, ToolCalls(completion.calls, completion.reply.text), *results)
        raise ModelFailed(f"{self._terms.model} still asks for tools after {TOOL_ROUNDS} rounds")

    def _request(
        self, turns: tuple[Turn, ...], belt: ToolBelt | None = None, answer: Answer[Any] | None = None
    ) -> ModelRequest:
        """Build a request; ContextRefused or ContextOverflow if the contract finds it too large."""
        terms = self._terms
        if not terms.model:
            raise ModelRefused(
                f"agent {terms.agent} names no model; say @agent(model='openai:…') or don't ask one"
            )
        request = ModelRequest(
            provider=terms.provider,
            model=terms.model,
            agent=terms.agent,
            turns=turns,
            prompt_tokens=0,
            max_output_tokens=terms.guard.contract.reserve or None,
            answer=answer.schema if answer else None,
            tools=belt.specs if belt else (),
        )
        request = replace(request, prompt_tokens=prompt_tokens(request))
        terms.guard.check(request.prompt_tokens)
        return request

    async def _call(self, request: ModelRequest) -> Completion:
        with self._overflow_judged(), ModelCall(self._terms, request) as call, call.span.current():
            completion = await self._client.complete(request)
            call.answered(completion.reply)
            return completion

    @contextmanager
    def _overflow_judged(self) -> Generator[None]:
        """Let the contract say what becomes of a prompt that the model itself finds too large."""
        try:
            yield
        except ContextOverflow as error:
            self._terms.guard.measured(error.measured_tokens)
            raise


class _Closing(Protocol):
    async def aclose(self) -> None: ...
