"""A model that says what it was told to say: replaces the model client of a `Fleet`, and of a lone `context`."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic_core import to_json

from argosy.agents.model_client import Completion, ModelRequest, ToolCalls
from argosy.broker import tokens
from argosy.pipelines.agent import Agent
from argosy.schemas.chat import Message, Reply, Usage
from argosy.schemas.errors import ModelRefused

Answer = Any
"""What a reply may be: a text, a model or JSON value (sent as JSON), a whole `Reply`, `ToolCalls`, an exception that
is raised, or a function of the question that gives one of these."""

When = str | Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Asked:
    """A call of the model: by which agent, and all of the conversation as text."""

    agent: str
    question: str
    request: ModelRequest


@dataclass(slots=True)
class _Script:
    agent: str | None
    when: When | None
    replies: tuple[Answer, ...]
    used: int = 0

    def answers(self, asked: Asked) -> bool:
        if self.agent is not None and self.agent != asked.agent:
            return False
        if self.when is None:
            return True
        return self.when in asked.question if isinstance(self.when, str) else self.when(asked.question)

    def next(self) -> Answer:
        reply = self.replies[min(self.used, len(self.replies) - 1)]
        self.used += 1
        return reply


@dataclass(slots=True)
class FakeModel:
    """`FakeModel("for everybody").reply("for one", agent=research).reply("on this", when="a word")`.

    Replies of one script are given in their order, the last one again and again. Of scripts that fit, the one
    that says most counts (agent and `when`, then `when`, then agent, then neither), of equals the last. A call
    that none fits is refused, which ends its task as failed.
    """

    calls: list[Asked] = field(default_factory=list[Asked])
    """All calls so far, in their order."""
    _scripts: list[_Script] = field(default_factory=list[_Script])

    def __init__(self, *replies: Answer) -> None:
        """Give `replies` to whoever asks, unless `reply` says something else."""
        self.calls, self._scripts = [], []
        if replies:
            self._scripts.append(_Script(None, None, replies))

    def reply(
        self, *replies: Answer, agent: Agent[..., Any] | str | None = None, when: When | None = None
    ) -> Self:
        """Give `replies` to one agent, or to questions that contain a text or that a function takes."""
        name = agent.name if isinstance(agent, Agent) else agent
        self._scripts.append(_Script(name, when, replies))
        return self

    async def complete(self, request: ModelRequest) -> Completion:
        """See `ModelClient.complete`."""
        asked = Asked(request.agent, "\n".join(_text(turn) for turn in request.turns), request)
        self.calls.append(asked)
        answer = self._answer(asked)
        if isinstance(answer, ToolCalls):
            return Completion(Reply(text=answer.text, stop="tool_calls", model=request.model), answer.calls)
        if isinstance(answer, Reply):
            return Completion(answer)
        text = answer if isinstance(answer, str) else to_json(answer, by_alias=True).decode()
        usage = Usage(input_tokens=request.prompt_tokens, output_tokens=tokens.count(text))
        return Completion(Reply(text=text, usage=usage, model=request.model))

    async def stream(self, request: ModelRequest) -> AsyncIterator[str | Reply]:
        """See `ModelClient.stream`: word by word."""
        reply = (await self.complete(request)).reply
        words = reply.text.split(" ")
        for number, word in enumerate(words):
            yield word if number == len(words) - 1 else f"{word} "
        yield reply

    async def close(self) -> None:
        """Close nothing."""

    def _answer(self, asked: Asked) -> Answer:
        fitting = [script for script in self._scripts if script.answers(asked)]
        if not fitting:
            raise ModelRefused(
                f"the FakeModel has no reply for agent {asked.agent}, which asked: {asked.question[:200]!r}"
            )
        script = max(reversed(fitting), key=lambda one: (one.when is not None, one.agent is not None))
        answer = script.next()
        if callable(answer) and not isinstance(answer, type):
            answer = answer(asked.question)
        if isinstance(answer, BaseException):
            raise answer.with_traceback(None)  # one object for many calls: its traceback would grow with each
        return answer


def _text(turn: object) -> str:
    match turn:
        case Message(content=content):
            return content
        case ToolCalls(text=text):
            return text
        case _:
            return str(getattr(turn, "content", ""))
