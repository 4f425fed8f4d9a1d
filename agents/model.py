"""`ctx.model`: the model of one attempt. Checks the context window, counts tokens, holds answers to types.

The client is shared by the whole process; what is here belongs to one attempt of one task.
"""

from collections import Counter
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any, Final, Protocol, TypeVar, cast, overload

from pydantic import JsonValue

from argosy.agents.admission import Entered
from argosy.agents.answer import Answer
from argosy.agents.conversation import Conversation, Step, name_of
from argosy.agents.model_call import ModelCall, TaskTerms
from argosy.agents.model_client import Completion, ModelClient, ModelRequest, Turn
from argosy.agents.prompt import prompt_tokens, turns_of
from argosy.agents.tool_calls import Calls, ToolBelt, opened
from argosy.agents.within import apart, inside
from argosy.pipelines.context import Prompt
from argosy.pipelines.mcp import McpServer
from argosy.pipelines.tool import Tool
from argosy.schemas.chat import Message, Reply
from argosy.schemas.errors import ContextOverflow, ModelRefused
from argosy.schemas.settings import ModelSettings
from argosy.telemetry import names

T = TypeVar("T")

TOKENS_PER_TURN: Final = 4
"""What a server puts around each message: its role and its limits."""
TOKENS_PER_PROMPT: Final = 3


class TaskModel:
    """`ctx.model` of one attempt. Safe to call from several tasks of the handler at once."""

    def __init__(
        self, client: ModelClient, terms: TaskTerms, step: Step, tools: Calls, settings: ModelSettings
    ) -> None:
        """Use `Models.for_task`."""
        self._client = client
        self._terms = terms
        self._step = step
        self._tools = tools
        self._settings = settings
        self._begun = Counter[str]()

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
        """Ask for a text, or for a value of `returns`; see pipelines.context.Model.

        ModelFailed if the answer is not of that type, after so many `repairs`: tries to have it mended.
        """
        turns = turns_of(prompt, system)
        belt = await opened(tools, self._tools, self._settings.tools_at_once)
        answer: Answer[Any] | None = None if returns is str else Answer(returns)
        conversation = Conversation(
            self,
            self._terms.model,
            self._terms.agent,
            self._settings,
            belt,
            answer,
            turns,
            repairs=self._settings.repairs if repairs is None else repairs,
            step=self._step if self._records(belt) else None,
            name=self._conversation(name_of(turns, belt, answer)) if belt.declared else "",
        )

        async def asked() -> object:
            return await conversation.answered()

        async def asked_as_json() -> JsonValue:
            with inside(name or ""):
                value = await asked()
            return cast("str", value) if answer is None else answer.dump(value)

        if name is None:
            return await asked()
        memo = await self._step(name, asked_as_json)
        return memo if answer is None else answer.value(memo)

    def _records(self, belt: ToolBelt) -> bool:
        match self._settings.record_turns:
            case "always":
                return bool(belt.declared)
            case "unrepeatable":
                return not belt.repeatable
            case "never":
                return False

    def _conversation(self, begin: str) -> str:
        """Name a conversation: by its begin, and how many began so before."""
        begin = apart(begin)
        self._begun[begin] += 1
        return f"turn:{begin}:{self._begun[begin]}"

    async def chat(self, messages: Sequence[Message], /) -> Reply:
        """Send a conversation; the reply tells why the model stopped, and is given as it is."""
        return (await self.complete(self.request(tuple(messages)))).reply

    async def stream(self, prompt: Prompt, /) -> AsyncIterator[str]:
        """Ask for a text and give it in pieces. A stream that breaks off raises; nothing is repeated."""
        request = self.request(turns_of(prompt, None))
        while True:
            entered = await self._entered(request)
            pieces = self._client.stream(entered.request)
            async with entered.calling() as turn:
                call = ModelCall(self._terms, request)
                try:
                    with self._overflow_judged(), call:
                        call.span.set({names.REQUEST_STREAM: True})
                        async with aclosing(cast("_Closing", pieces)):
                            while True:
                                # Current only while we wait: what the handler does between two pieces is its own.
                                with call.span.current():
                                    piece = await anext(pieces, None)
                                match piece:
                                    case str():
                                        turn.begun = True
                                        call.streamed(piece)
                                        yield piece
                                    case Reply():
                                        call.answered(piece)
                                    case None:
                                        return
                finally:
                    turn.usage = call.usage if call.usage.total_tokens else None

    def request(
        self, turns: tuple[Turn, ...], belt: ToolBelt | None = None, answer: Answer[Any] | None = None
    ) -> ModelRequest:
        """Build a request; ContextRefused or ContextOverflow if the contract finds it too large."""
        request = self._built(turns, belt, answer)
        self._terms.guard.check(request.prompt_tokens)
        return request

    def left(self, turns: tuple[Turn, ...], belt: ToolBelt, answer: Answer[Any] | None) -> int | None:
        """Return the tokens that turns leave for what comes next; None if no limit is known."""
        room = self._terms.guard.room
        return None if room is None else room - self._built(turns, belt, answer).prompt_tokens

    def _built(
        self, turns: tuple[Turn, ...], belt: ToolBelt | None, answer: Answer[Any] | None
    ) -> ModelRequest:
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
        return replace(request, prompt_tokens=prompt_tokens(request))

    async def complete(self, request: ModelRequest, *, repair: int = 0) -> Completion:
        """Send a request; `repair`: the how many-th one in which an answer is to be mended."""
        while True:
            entered = await self._entered(request)
            async with entered.calling() as turn:
                with self._overflow_judged(), ModelCall(self._terms, request) as call, call.span.current():
                    if repair:
                        call.span.set({names.REPAIR: repair})
                    completion = await self._client.complete(entered.request)
                    call.answered(completion.reply)
                turn.usage = call.usage
                return completion

    async def _entered(self, request: ModelRequest) -> Entered:
        admissions = self._terms.admissions
        return Entered(request) if admissions is None else await admissions.enter(request)

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
