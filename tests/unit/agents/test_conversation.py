"""Conversations with tools: recorded turns, calls at once and their failures, room for results, repairs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import pytest
from pydantic import BaseModel, JsonValue

from argosy.agents.guard import Guard
from argosy.agents.model_client import Completion, ModelRequest, ToolCall, ToolCalls, ToolResult, ToolSpec
from argosy.agents.models import Models
from argosy.agents.tool_calls import MOST_CALLS, fitted
from argosy.broker import tokens
from argosy.pipelines import terms
from argosy.pipelines.mcp import McpTool, mcp
from argosy.pipelines.tool import Tool, tool
from argosy.schemas.chat import Reply, Usage
from argosy.schemas.errors import ContextRefused, ModelFailed, Tainted, ToolNotAllowed
from argosy.schemas.settings import ModelSettings

P = ParamSpec("P")
T = TypeVar("T")
BILL = Usage(input_tokens=20, output_tokens=5)


class Notes(BaseModel):
    facts: list[str]


@dataclass
class Talk:
    """A model with a mind of its own: each attempt may get other answers."""

    answers: list[Completion | str | Exception]
    asked: list[ModelRequest] = field(default_factory=list[ModelRequest])

    async def complete(self, request: ModelRequest) -> Completion:
        self.asked.append(request)
        await asyncio.sleep(0)
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, Completion) else Completion(Reply(text=found, usage=BILL))

    def stream(self, request: ModelRequest) -> AsyncIterator[str | Reply]:
        raise NotImplementedError(request)

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Task:
    """What outlives an attempt: memos, and the outside world."""

    memos: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    spent: list[Usage] = field(default_factory=list[Usage])
    settings: ModelSettings = field(default_factory=ModelSettings)
    window: int | None = None
    refused: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    skipped: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])

    def attempt(self, *answers: Completion | str | Exception) -> "tuple[Any, Talk]":
        talk = Talk(list(answers))
        contract = terms.make_contract(
            "buyer", {"window": self.window, "reserve": 0, "threshold": 1.0}, merge=None
        )
        model = Models(talk, self.settings).for_task(
            agent="buyer",
            model="openai:gpt-5",
            guard=Guard(contract, self.window),
            spent=lambda usage: self.spent.append(usage.model_copy(update={"counted_tokens": 0})),
            step=self.step,
            tools=Calling(self),
        )
        return model, talk

    async def step(self, name: str, function: Callable[[], Awaitable[JsonValue]], /) -> JsonValue:
        if name not in self.memos:
            self.memos[name] = await function()
        return self.memos[name]


@dataclass
class Calling:
    """`ctx.tools`: memos by argument, as a worker has them."""

    task: Task

    async def call(self, tool: Tool[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if tool.repeatable:
            return await tool(*args, **kwargs)
        key = f"{tool.name}{tool.arguments(args, kwargs)!r}"
        if key not in self.task.memos:
            self.task.memos[key] = await tool(*args, **kwargs)  # type: ignore[assignment]
        return self.task.memos[key]  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    def check(self, tool: Tool[..., Any], /) -> None:
        if tool.name == "hidden":
            raise ToolNotAllowed(tool.name)

    async def describe(self, tool: McpTool, /) -> ToolSpec | None:
        """Tell of those that the server lists just now."""
        if tool.name not in self.task.listed:
            return None
        return ToolSpec(tool.name, tool.description, tool.schema())

    def permit(self, tool: Tool[..., Any], /) -> None:
        if tool.name in self.task.refused:
            raise Tainted(tool.name)

    def skipped(self, tool: Tool[..., Any], arguments: bytes, /) -> None:
        self.task.skipped.append((tool.name, arguments))


BOUGHT: list[str] = []
SEARCHED: list[str] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    BOUGHT.clear()
    SEARCHED.clear()


@tool(repeatable=False)
async def buy(item: str) -> str:
    """Buy it."""
    await asyncio.sleep(0)
    if item == "broken":
        message = "no such item"
        raise ValueError(message)
    BOUGHT.append(item)
    return f"bought {item}"


@tool
async def search(word: str) -> str:
    SEARCHED.append(word)
    return f"{word} {len(SEARCHED)}"


@tool
async def hidden() -> str:
    return ""


@tool
async def long(words: int) -> str:
    return " word" * words


def wants(*calls: tuple[str, str]) -> Completion:
    asks = tuple(ToolCall(str(number), name, arguments) for number, (name, arguments) in enumerate(calls))
    return Completion(Reply(text="", usage=BILL, stop="tool_calls"), asks)


def results(request: ModelRequest) -> list[str]:
    return [turn.content for turn in request.turns if isinstance(turn, ToolResult)]


async def test_a_later_attempt_goes_on_from_the_recorded_turn_whatever_the_model_would_say_now() -> None:
    task = Task()
    model, _ = task.attempt(wants(("buy", '{"item": "a"}')), RuntimeError("the worker dies"))
    with pytest.raises(RuntimeError):
        await model.ask("get me something", tools=[buy])
    # Asked anew, it would have bought b.
    model, talk = task.attempt("it is here")
    assert await model.ask("get me something", tools=[buy]) == "it is here"
    assert BOUGHT == ["a"]
    assert results(talk.asked[0]) == ['"bought a"']


async def test_a_crash_between_the_turn_and_its_tools_calls_what_was_recorded() -> None:
    task = Task()
    model, _ = task.attempt(wants(("buy", '{"item": "broken"}')))
    with pytest.raises(ValueError, match="no such item"):
        await model.ask("get me something", tools=[buy])
    model, talk = task.attempt()
    with pytest.raises(ValueError, match="no such item"):
        await model.ask("get me something", tools=[buy])
    assert talk.asked == []


async def test_results_of_a_recorded_turn_come_from_its_memo_too() -> None:
    task = Task()
    model, _ = task.attempt(
        wants(("search", '{"word": "x"}')), wants(("buy", '{"item": "x 1"}')), RuntimeError("dies")
    )
    with pytest.raises(RuntimeError):
        await model.ask("get me x", tools=[search, buy])
    model, talk = task.attempt("done")
    assert await model.ask("get me x", tools=[search, buy]) == "done"
    assert SEARCHED == ["x"]
    assert BOUGHT == ["x 1"]
    assert results(talk.asked[0]) == ['"x 1"', '"bought x 1"']


async def test_calls_of_recorded_turns_are_told_once_their_results_are_recorded() -> None:
    task = Task()
    first = wants(("buy", '{"item": "a"}'), ("search", '{"word": "w"}'), ("buy", "{}"), ("nothing", "{}"))
    second = wants(("buy", '{ "item" : "b" }'))
    model, _ = task.attempt(first, second, RuntimeError("the worker dies"))
    with pytest.raises(RuntimeError):
        await model.ask("get me something", tools=[buy, search])
    assert task.skipped == []
    model, _ = task.attempt("they are here")
    await model.ask("get me something", tools=[buy, search])
    # What b gave is in no memo of a turn: it is called, and finds its own.
    assert task.skipped == [("buy", b'{"item":"a"}')]


async def test_a_conversation_has_its_name_whatever_tools_a_server_lists_just_now() -> None:
    task = Task(settings=ModelSettings(record_turns="always"))
    server = mcp("files", command=["files-server"], allow=("read", "write"), repeatable=("read", "write"))
    model, _ = task.attempt(wants(("files_list", "{}")), RuntimeError("the worker dies"))
    task.listed = ("files_read", "files_write")
    with pytest.raises(RuntimeError):
        await model.ask("look", tools=[server])
    for listed in (("files_read",), ()):
        task.listed = listed
        model, talk = task.attempt(f"{listed}")
        assert await model.ask("look", tools=[server]) == f"{listed}"
        assert len(talk.asked) == 1
        assert any(isinstance(turn, ToolCalls) for turn in talk.asked[0].turns)


async def test_an_answer_is_no_memo_unless_the_ask_is_named() -> None:
    task = Task()
    model, _ = task.attempt(wants(("buy", '{"item": "a"}')), "bad")
    assert await model.ask("get", tools=[buy]) == "bad"
    model, _ = task.attempt("better")
    assert await model.ask("get", tools=[buy]) == "better"
    assert BOUGHT == ["a"]


async def test_two_asks_of_one_prompt_are_two_conversations() -> None:
    task = Task()
    said: list[Completion | str] = [
        wants(("buy", '{"item": "a"}')),
        "one",
        wants(("buy", '{"item": "b"}')),
        "two",
    ]
    model, _ = task.attempt(*said)
    assert [await model.ask("get", tools=[buy]) for _ in range(2)] == ["one", "two"]
    model, talk = task.attempt("one", "two")
    assert [await model.ask("get", tools=[buy]) for _ in range(2)] == ["one", "two"]
    assert [results(request) for request in talk.asked] == [['"bought a"'], ['"bought b"']]
    assert BOUGHT == ["a", "b"]


async def test_turns_of_tools_that_may_be_repeated_are_recorded_only_where_that_is_wanted() -> None:
    task = Task()
    model, _ = task.attempt(wants(("search", '{"word": "x"}')), "done")
    await model.ask("find", tools=[search])
    assert task.memos == {}
    task = Task(settings=ModelSettings(record_turns="always"))
    model, _ = task.attempt(wants(("search", '{"word": "x"}')), "done")
    await model.ask("find", tools=[search])
    assert len(task.memos) == 1
    task = Task(settings=ModelSettings(record_turns="never"))
    model, _ = task.attempt(wants(("buy", '{"item": "a"}')), "done")
    await model.ask("find", tools=[buy])
    assert [name for name in task.memos if name.startswith("turn:")] == []


async def test_when_one_of_several_tools_fails_the_others_end_and_are_recorded() -> None:
    task = Task()
    calls = [("buy", '{"item": "broken"}'), ("buy", '{"item": "a"}'), ("buy", '{"item": "b"}')]
    model, _ = task.attempt(wants(*calls))
    with pytest.raises(ValueError, match="no such item"):
        await model.ask("get", tools=[buy])
    assert sorted(BOUGHT) == ["a", "b"]


async def test_several_failures_are_raised_as_one_group() -> None:
    calls = [("buy", '{"item": "broken"}')] * 2
    model, _ = Task().attempt(wants(*calls))
    with pytest.raises(ExceptionGroup, match="several tools failed"):
        await model.ask("get", tools=[buy])


async def test_so_many_tools_at_once_and_no_more() -> None:
    running = most = 0

    @tool
    async def count(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return number

    task = Task(settings=ModelSettings(tools_at_once=3))
    calls = [("count", f'{{"number": {number}}}') for number in range(MOST_CALLS + 2)]
    model, talk = task.attempt(wants(*calls), "done")
    await model.ask("count", tools=[count])
    assert most == 3
    found = results(talk.asked[1])
    assert found[:MOST_CALLS] == [str(number) for number in range(MOST_CALLS)]
    assert ["at most 32" in text for text in found[MOST_CALLS:]] == [True, True]


async def test_a_tool_that_the_agent_does_not_declare_is_not_offered() -> None:
    model, talk = Task().attempt("never asked")
    with pytest.raises(ToolNotAllowed):
        await model.ask("hi", tools=[hidden])
    assert talk.asked == []


async def test_a_model_that_asks_for_a_dangerous_tool_on_tainted_input_is_told_so() -> None:
    task = Task(refused=("buy",))
    model, talk = task.attempt(wants(("buy", '{"item": "a"}')), "I can't")
    assert await model.ask("get", tools=[buy]) == "I can't"
    assert "refused" in results(talk.asked[1])[0]
    assert BOUGHT == []


async def test_a_result_without_room_is_told_to_the_model_and_never_cut() -> None:
    task = Task(window=400)
    model, talk = task.attempt(
        wants(("long", '{"words": 1000}'), ("long", '{"words": 10}')),
        wants(("long", '{"words": 20}')),
        "done",
    )
    assert await model.ask("tell me", tools=[long]) == "done"
    told, short = results(talk.asked[1])
    assert "ask for less" in told
    assert "1003 tokens" in told or "tokens" in told
    assert short == '"' + " word" * 10 + '"'
    assert all(request.prompt_tokens <= 400 for request in talk.asked)


async def test_where_not_even_that_has_room_the_contract_says_what_becomes_of_it() -> None:
    task = Task(window=120)
    calls = [("long", '{"words": 1000}')] * 8
    model, _ = task.attempt(wants(*calls))
    with pytest.raises(ContextRefused):
        await model.ask("tell me", tools=[long])


def test_small_results_go_first_and_order_is_kept() -> None:
    given = [ToolResult("1", "x " * 100), ToolResult("2", "y"), ToolResult("3", "z " * 30)]
    found = fitted(given, 60)
    assert [result.call_id for result in found] == ["1", "2", "3"]
    assert (found[1], found[2]) == (given[1], given[2])
    assert "ask for less" in found[0].content
    assert fitted(given, None) == tuple(given)
    assert sum(tokens.count(result.content) for result in fitted(given, 1000)) > 100


@pytest.mark.parametrize(("repairs", "asked"), [(0, 1), (1, 2), (3, 4)])
async def test_a_bad_answer_is_asked_for_again_as_often_as_may_be(repairs: int, asked: int) -> None:
    task = Task(settings=ModelSettings(repairs=repairs))
    model, talk = task.attempt(*["no"] * 10)
    with pytest.raises(ModelFailed):
        await model.ask("hi", returns=Notes)
    assert len(talk.asked) == asked
    assert task.spent == [BILL] * asked


async def test_an_ask_says_itself_how_often() -> None:
    task = Task()
    model, _ = task.attempt("no", "no", '{"facts": []}')
    assert await model.ask("hi", returns=Notes, repairs=2) == Notes(facts=[])


async def test_turns_after_a_repair_are_recorded_too() -> None:
    task = Task()
    model, _ = task.attempt("no", wants(("buy", '{"item": "a"}')), RuntimeError("dies"))
    with pytest.raises(RuntimeError):
        await model.ask("hi", returns=Notes, tools=[buy])
    model, talk = task.attempt("still no", '{"facts": ["a"]}')
    assert await model.ask("hi", returns=Notes, tools=[buy]) == Notes(facts=["a"])
    assert BOUGHT == ["a"]
    assert any(isinstance(turn, ToolCalls) for turn in talk.asked[1].turns)
