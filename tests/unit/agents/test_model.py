import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import pytest
from pydantic import BaseModel, JsonValue

from argosy.agents.guard import Guard
from argosy.agents.model_client import Completion, ModelRequest, ToolCall, ToolResult, ToolSpec
from argosy.agents.models import Models
from argosy.pipelines import tool as tools
from argosy.pipelines.context import Model
from argosy.pipelines.mcp import McpTool
from argosy.pipelines.tool import Tool
from argosy.schemas.chat import Message, Reply, Usage
from argosy.schemas.contract import Above, Contract
from argosy.schemas.errors import ContextOverflow, ContextRefused, ModelFailed, ModelRefused
from argosy.schemas.settings import ModelSettings
from argosy.telemetry import content
from support.all_logged import all_logged
from support.traces import Spans, attributes

if TYPE_CHECKING:
    from argosy.agents.handler_context import ModelSource

P = ParamSpec("P")
T = TypeVar("T")


class Notes(BaseModel):
    facts: list[str]


GOOD = '{"facts": ["a"]}'
BILL = Usage(input_tokens=20, output_tokens=5)


class Scripted:
    """A client that answers by script, and keeps what it was asked."""

    def __init__(self, *answers: str | Reply | Completion | Exception) -> None:
        self.asked: list[ModelRequest] = []
        self._answers = list(answers)

    async def complete(self, request: ModelRequest) -> Completion:
        self.asked.append(request)
        match self._answers.pop(0):
            case str(text):
                return Completion(Reply(text=text, usage=BILL, model="m-2026"))
            case Reply() as reply:
                return Completion(reply)
            case Completion() as completion:
                return completion
            case Exception() as error:
                raise error

    async def stream(self, request: ModelRequest) -> AsyncIterator[str | Reply]:
        self.asked.append(request)
        for answer in self._answers:
            if isinstance(answer, Exception):
                raise answer
            assert isinstance(answer, str | Reply)
            yield answer

    async def close(self) -> None:
        """Nothing is open."""


class Calling:
    """`ctx.tools` that calls the plain function."""

    async def call(self, tool: Tool[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await tool(*args, **kwargs)

    def check(self, tool: Tool[..., Any], /) -> None:
        """All are declared."""

    async def describe(self, tool: McpTool, /) -> ToolSpec | None:
        """There are no servers."""
        raise NotImplementedError(tool)

    def permit(self, tool: Tool[..., Any], /) -> None:
        """All may be called."""

    def skipped(self, tool: Tool[..., Any], arguments: bytes, /) -> None:
        """Nothing is counted."""


class Attempt:
    """All that an attempt gives to its model, and what the model told it."""

    def __init__(self, client: Scripted, *, window: int | None = 1000, above: Above = "refuse") -> None:
        self.spent: list[Usage] = []
        self.memos: dict[str, JsonValue] = {}
        contract = Contract(
            model="openai:gpt-5-mini",
            window=None,
            reserve=64,
            threshold=0.8,
            above=above,
            concurrency=1,
            timeout_seconds=10,
            retries=0,
            backoff_seconds=1,
            max_deliveries=1,
            version="1",
        )
        self._client = client
        self._guard = Guard(contract, window)

    def model(self, name: str | None = "openai:gpt-5-mini", settings: ModelSettings | None = None) -> Model:
        source: ModelSource = Models(self._client, settings or ModelSettings())
        return source.for_task(
            agent="critic",
            model=name,
            guard=self._guard,
            spent=lambda usage: self.spent.append(usage.model_copy(update={"counted_tokens": 0})),
            step=self._step,
            tools=Calling(),
        )

    async def _step(self, name: str, function: Callable[[], Awaitable[JsonValue]], /) -> JsonValue:
        if name not in self.memos:
            self.memos[name] = json.loads(json.dumps(await function()))
        return self.memos[name]


def said(request: ModelRequest) -> list[str]:
    return [turn.content for turn in request.turns if isinstance(turn, Message)]


async def test_a_text_is_asked_for_and_its_bill_told() -> None:
    client = Scripted("hello")
    attempt = Attempt(client)
    assert await attempt.model().ask("hi", system="be kind") == "hello"
    assert attempt.spent == [BILL]
    (request,) = client.asked
    assert (request.provider, request.model, request.max_output_tokens) == ("openai", "gpt-5-mini", 64)
    assert request.turns == (Message(role="system", content="be kind"), Message(role="user", content="hi"))
    assert request.prompt_tokens > 4


async def test_messages_are_sent_as_they_are() -> None:
    client = Scripted("hello")
    turns = [Message(role="user", content="a"), Message(role="assistant", content="b")]
    assert await Attempt(client).model().ask(turns) == "hello"
    assert client.asked[0].turns == tuple(turns)


async def test_an_answer_is_held_to_its_type() -> None:
    client = Scripted(GOOD)
    assert await Attempt(client).model().ask("hi", returns=Notes) == Notes(facts=["a"])
    assert client.asked[0].answer is not None


async def test_a_list_of_models_is_a_type_too() -> None:
    client = Scripted('{"answer": [{"facts": []}]}')
    assert await Attempt(client).model().ask("hi", returns=list[Notes]) == [Notes(facts=[])]


async def test_a_bad_answer_is_mended_once_and_both_calls_are_billed() -> None:
    client = Scripted('{"facts": 3}', GOOD)
    attempt = Attempt(client)
    assert await attempt.model().ask("hi", returns=Notes) == Notes(facts=["a"])
    first, second = client.asked
    assert said(second)[:2] == [*said(first), '{"facts": 3}']
    assert "facts" in said(second)[2]
    assert attempt.spent == [BILL, BILL]


async def test_an_answer_that_stays_bad_fails_the_attempt() -> None:
    client = Scripted("no", "no")
    with pytest.raises(ModelFailed, match="Notes twice"):
        await Attempt(client).model().ask("hi", returns=Notes)
    assert len(client.asked) == 2


async def test_an_answer_that_was_cut_off_is_wished_shorter() -> None:
    cut = Reply(text='{"facts": ["a', usage=BILL, stop="length")
    client = Scripted(cut, GOOD)
    await Attempt(client).model().ask("hi", returns=Notes)
    assert "cut off at 5 tokens" in said(client.asked[1])[2]


async def test_a_text_that_was_cut_off_is_given_and_the_log_says_so() -> None:
    cut = Reply(text="the first half", usage=BILL, stop="length")
    with all_logged() as logged:
        assert await Attempt(Scripted(cut)).model().ask("hi") == "the first half"
    assert [(one["event"], one["output_tokens"]) for one in logged] == [("an answer was cut off", 5)]


async def test_a_model_that_declines_is_not_asked_again() -> None:
    client = Scripted(Reply(text="I can't help with that.", usage=BILL, stop="content_filter"))
    with pytest.raises(ModelRefused, match="can't help"):
        await Attempt(client).model().ask("hi", returns=Notes)


async def test_a_named_ask_is_a_memo() -> None:
    client = Scripted(GOOD, "text")
    attempt = Attempt(client)
    for _ in range(2):
        assert await attempt.model().ask("hi", returns=Notes, name="notes") == Notes(facts=["a"])
        assert await attempt.model().ask("hi", name="words") == "text"
    assert len(client.asked) == 2
    assert attempt.memos == {"notes": {"facts": ["a"]}, "words": "text"}


async def test_chat_gives_the_reply_as_it_is() -> None:
    reply = Reply(text="cut", usage=BILL, stop="length", model="m")
    assert await Attempt(Scripted(reply)).model().chat([Message(role="user", content="hi")]) == reply


async def test_a_stream_gives_text_and_is_billed_at_its_end() -> None:
    attempt = Attempt(Scripted("hel", "lo", Reply(text="hello", usage=BILL)))
    assert [piece async for piece in attempt.model().stream("hi")] == ["hel", "lo"]
    assert attempt.spent == [BILL]


async def test_a_stream_that_nobody_reads_on_is_billed_by_our_count() -> None:
    attempt = Attempt(Scripted("hello", " world", Reply(text="hello world", usage=BILL)))
    stream = attempt.model().stream("hi")
    assert await anext(stream) == "hello"
    await stream.aclose()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - a generator
    (usage,) = attempt.spent
    assert usage.output_tokens == 1


async def test_a_server_that_tells_no_usage_is_billed_by_our_count() -> None:
    attempt = Attempt(Scripted(Reply(text="hello world")))
    await attempt.model().ask("hi")
    (usage,) = attempt.spent
    assert usage.input_tokens > 4
    assert usage.output_tokens == 2


async def test_a_prompt_over_the_threshold_is_never_sent() -> None:
    client = Scripted("hello")
    attempt = Attempt(client, window=200)
    model = attempt.model()
    with pytest.raises(ContextRefused) as caught:
        await model.ask("word " * 300)
    assert caught.value.tokens > 300
    assert caught.value.window == 200
    with pytest.raises(ContextRefused):
        await anext(model.stream("word " * 300))
    assert client.asked == []
    assert attempt.spent == []


async def test_an_overflow_that_the_model_finds_is_judged_by_the_contract() -> None:
    overflow = ContextOverflow("too long", measured_tokens=900)
    with pytest.raises(ContextRefused) as refused:
        await Attempt(Scripted(overflow)).model().ask("hi")
    assert refused.value.tokens == 900
    with pytest.raises(ContextOverflow) as caught:
        await Attempt(Scripted(overflow), above="paginate").model().ask("hi")
    assert caught.value.measured_tokens == 900


async def test_an_agent_without_a_model_is_told_so() -> None:
    with pytest.raises(ModelRefused, match="critic names no model"):
        await Attempt(Scripted()).model(None).ask("hi")


async def test_one_model_can_stand_for_all() -> None:
    client = Scripted("hello", "hello")
    attempt = Attempt(client)
    await attempt.model(settings=ModelSettings(replace_with="local:smollm2")).ask("hi")
    await attempt.model("bare-name").ask("hi")
    assert [(request.provider, request.model) for request in client.asked] == [
        ("local", "smollm2"),
        ("openai", "bare-name"),
    ]


@tools.tool
async def search(query: str, limit: int = 5) -> list[str]:
    """Look it up."""
    return [query] * limit


def wants(*calls: ToolCall) -> Completion:
    return Completion(Reply(text="", usage=BILL, stop="tool_calls"), calls)


async def test_tools_are_called_until_the_model_answers() -> None:
    client = Scripted(wants(ToolCall("1", "search", '{"query": "kafka", "limit": 2}')), GOOD)
    attempt = Attempt(client)
    assert await attempt.model().ask("hi", returns=Notes, tools=[search]) == Notes(facts=["a"])
    assert client.asked[0].tools[0].description == "Look it up."
    assert client.asked[1].turns[-1] == ToolResult("1", '["kafka","kafka"]')
    assert attempt.spent == [BILL, BILL]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (ToolCall("1", "delete_all", "{}"), "no tool 'delete_all'"),
        (ToolCall("1", "search", "not json"), "don't fit"),
        (ToolCall("1", "search", '{"query": 3}'), "don't fit"),
        (ToolCall("1", "search", "{}"), "missing: query"),
        (ToolCall("1", "search", '{"query": "q", "path": "/"}'), "unknown: path"),
    ],
)
async def test_what_a_model_asks_wrongly_is_told_to_the_model(call: ToolCall, told: str) -> None:
    client = Scripted(wants(call), "sorry")
    assert await Attempt(client).model().ask("hi", tools=[search]) == "sorry"
    result = client.asked[1].turns[-1]
    assert isinstance(result, ToolResult)
    assert told in result.content


async def test_a_model_that_never_stops_asking_for_tools_fails_the_attempt() -> None:
    client = Scripted(*[wants(ToolCall("1", "search", '{"query": "q"}'))] * 8)
    with pytest.raises(ModelFailed, match="still asks for tools"):
        await Attempt(client, window=None).model().ask("hi", tools=[search])


class Page(BaseModel):
    text: str


@tools.tool
async def index(pages: Sequence[Page]) -> int:
    """Index pages."""
    return len(pages)


async def test_a_tools_models_are_described_where_json_schema_has_them() -> None:
    client = Scripted("done")
    await Attempt(client).model().ask("hi", tools=[index])
    parameters = json.dumps(client.asked[0].tools[0].parameters)
    assert "#/$defs/Page" in parameters
    assert "#/schemas/" not in parameters


async def test_each_call_has_a_span_with_its_tokens() -> None:
    spans = Spans()
    before = content.mode()
    content.use("full")
    try:
        await Attempt(Scripted("hello")).model().ask("hi")
    finally:
        content.use(before)
    found = attributes(spans.one("chat gpt-5-mini"))
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.response.model": "m-2026",
        "gen_ai.agent.name": "critic",
        "gen_ai.usage.input_tokens": 20,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.request.max_tokens": 64,
        "gen_ai.output.messages": "hello",
    }
    assert {key: found.get(key) for key in expected} == expected
    assert found["gen_ai.response.finish_reasons"] == ("stop",)
    assert json.loads(str(found["gen_ai.input.messages"]))[0]["parts"][0]["content"] == "hi"
    assert isinstance(found["argosy.context.share"], float)


async def test_a_failed_call_has_a_span_with_its_error() -> None:
    spans = Spans()
    with pytest.raises(ModelFailed):
        await Attempt(Scripted(ModelFailed("down"))).model().ask("hi")
    assert attributes(spans.one("chat gpt-5-mini"))["error.type"] == "model_failed"


async def test_a_streams_span_is_not_current_between_its_pieces() -> None:
    spans = Spans()
    with_span = Attempt(Scripted("hel", Reply(text="hel", usage=BILL))).model().stream("hi")
    async for _piece in with_span:
        await Attempt(Scripted("inner")).model().ask("hi")
    stream, inner = sorted(spans.all(), key=lambda span: span.start_time or 0)
    assert inner.parent is None
    assert attributes(stream)["gen_ai.request.stream"] is True
    assert "gen_ai.response.time_to_first_chunk" in attributes(stream)
