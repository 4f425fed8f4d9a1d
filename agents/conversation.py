"""One `ask`: the model is asked, and the tools that it asks for are called, until its answer can be read.

A turn in which the model asks for tools is a memo where one of them can't be repeated: a later attempt goes on from the
recorded turns. Asked anew, the model might ask for other calls, and what was done would be done again in other words.
The memo of a turn holds the results of the turn before, so that tools are not called again to be read again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pydantic import JsonValue, TypeAdapter, ValidationError

from argosy.agents.answer import Answer, BadAnswer
from argosy.agents.model_client import Completion, ModelRequest, ToolCall, ToolCalls, ToolResult, Turn
from argosy.agents.tool_calls import ToolBelt
from argosy.schemas.canonical import sha256_hex
from argosy.schemas.chat import Message, Reply
from argosy.schemas.errors import BadMessage, ModelFailed, ModelRefused
from argosy.schemas.late import LATE
from argosy.schemas.settings import ModelSettings
from argosy.telemetry import logs, metrics


class Step(Protocol):
    """`ctx.step`, as far as an `ask` needs it."""

    async def __call__(self, name: str, function: Callable[[], Awaitable[JsonValue]], /) -> JsonValue:
        """Run a function once; its outcome is a memo."""
        ...


class Asking(Protocol):
    """The model of one attempt, as its conversations use it."""

    def request(self, turns: tuple[Turn, ...], belt: ToolBelt, answer: Answer[Any] | None) -> ModelRequest:
        """Build a request; ContextRefused or ContextOverflow if the contract finds it too large."""
        ...

    def left(self, turns: tuple[Turn, ...], belt: ToolBelt, answer: Answer[Any] | None) -> int | None:
        """Return the tokens that turns leave for what comes next; None if no limit is known."""
        ...

    async def complete(self, request: ModelRequest, *, repair: int = 0) -> Completion:
        """Send a request; `repair`: the how many-th one in which an answer is to be mended."""
        ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """A turn as its memo has it: what tools gave before it, and which ones it asks for."""

    results: tuple[ToolResult, ...]
    calls: tuple[ToolCall, ...]
    text: str


@dataclass(frozen=True, slots=True)
class _Made:
    recorded: Recorded
    reply: Reply


class _Answered(Exception):
    """The model asks for no more tools: that turn is no memo, so that a later attempt may have a better answer."""

    def __init__(self, made: _Made) -> None:
        super().__init__()
        self.made = made


_RECORDED: Final = TypeAdapter(Recorded)
_TURNS: Final = TypeAdapter(tuple[Message, ...], config=LATE)


@dataclass(slots=True)
class Conversation:
    """Begins with `turns`, and grows. Belongs to one `ask`."""

    asking: Asking
    model: str
    agent: str
    settings: ModelSettings
    belt: ToolBelt
    answer: Answer[Any] | None
    turns: tuple[Turn, ...]
    repairs: int
    step: Step | None
    """Records its turns; None: they need not be."""
    name: str = ""
    """Of its memos; theirs is followed by the number of the turn."""
    _pending: tuple[ToolCall, ...] = ()
    _asked: int = 0
    _rounds: int = 0

    async def answered(self) -> object:
        """Give the text, or the value that it is read into.

        ModelFailed if it can't be read after so many repairs, or if the model asks for tools again and again.
        """
        for repair in range(self.repairs + 1):
            reply = await self._reply(repair)
            if reply.stop == "content_filter":
                raise ModelRefused(f"{self.model} declines to answer: {reply.text[:200] or 'content filter'}")
            if self.answer is None:
                if reply.stop == "length":
                    self._tell_cut(reply)
                return reply.text
            try:
                return self.answer.read(reply.text)
            except BadAnswer as bad:
                cut = (
                    f"it was cut off at {reply.usage.output_tokens} tokens; "
                    if reply.stop == "length"
                    else ""
                )
                if repair == self.repairs:
                    times = {0: "", 1: " twice"}.get(repair, f" in {repair + 1} tries")
                    message = f"{self.model} gave no {self.answer.schema.name}{times}: {cut}{bad}"
                    raise ModelFailed(message) from None
                metrics.answer_repaired(self.agent, self.model)
                self._wish(reply.text, f"{cut}{bad}", shorter=bool(cut))
        raise AssertionError  # the last try returned or raised

    def _tell_cut(self, reply: Reply) -> None:
        """Tell of a text that breaks off: it can be of use, but nobody may take it for whole."""
        log, tokens = logs.get("argosy.model"), reply.usage.output_tokens
        log.warning("an answer was cut off", model=self.model, output_tokens=tokens)

    def _wish(self, said: str, wrong: str, *, shorter: bool) -> None:
        wish = f"That is not the JSON that was asked for: {wrong}. Answer again, with the JSON alone"
        wish = f"{wish}, and shorter." if shorter else f"{wish}."
        self.turns = (
            *self.turns,
            Message(role="assistant", content=said),
            Message(role="user", content=wish),
        )

    async def _reply(self, repair: int) -> Reply:
        """Go on until the model asks for no more tools."""
        while True:
            try:
                recorded = await self._turn(repair)
            except _Answered as end:
                self.turns, self._pending = (*self.turns, *end.made.recorded.results), ()
                return end.made.reply
            self.turns = (*self.turns, *recorded.results, ToolCalls(recorded.calls, recorded.text))
            self._pending = recorded.calls
            self._rounds += 1
            if self._rounds >= self.settings.tool_rounds:
                raise ModelFailed(f"{self.model} still asks for tools after {self._rounds} rounds")

    async def _turn(self, repair: int) -> Recorded:
        """Give a turn that asks for tools, made or recorded; raises _Answered for one that doesn't."""
        self._asked += 1
        anew = False

        async def made() -> JsonValue:
            nonlocal anew
            anew = True
            found = await self._make(repair)
            value: JsonValue = _RECORDED.dump_python(found, mode="json")
            return value

        if self.step is None:
            return await self._make(repair)
        name = f"{self.name}:{self._asked}"
        try:
            found = _RECORDED.validate_python(await self.step(name, made))
        except ValidationError:
            message = f"memo {name!r} is no turn of a conversation"
            raise BadMessage(message) from None
        if not anew:
            self.belt.skip(self._pending)
        return found

    async def _make(self, repair: int) -> Recorded:
        results: tuple[ToolResult, ...] = ()
        if self._pending:
            left = self.asking.left(self.turns, self.belt, self.answer)
            results = await self.belt.call_all(self._pending, left)
        request = self.asking.request((*self.turns, *results), self.belt, self.answer)
        completion = await self.asking.complete(request, repair=repair)
        found = Recorded(results, completion.calls, completion.reply.text)
        if not completion.calls:
            raise _Answered(_Made(found, completion.reply))
        return found


def name_of(turns: tuple[Message, ...], belt: ToolBelt, answer: Answer[Any] | None) -> str:
    """Name a conversation by how it begins: the same prompt, tools and answer in each attempt have the same name."""
    tools = ",".join(tool.name for tool in belt.declared)
    begin = f"{tools}\n{answer.schema.name if answer else ''}\n".encode() + _TURNS.dump_json(turns)
    return sha256_hex(begin)[:24]
