"""The real model client against the scripted server: every fault, streams, tools, limits."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx2
import pytest
from pydantic import BaseModel

from argosy.agents import openai_client
from argosy.agents.answer import Answer
from argosy.agents.model_client import AnswerSchema, ModelRequest, ToolCall, ToolCalls, ToolResult, ToolSpec
from argosy.agents.openai_client import OpenAIClient
from argosy.agents.prompt import prompt_tokens
from argosy.broker import tokens
from argosy.schemas.chat import Message, Reply, Usage
from argosy.schemas.errors import ContextOverflow, ModelBusy, ModelFailed, ModelRefused
from argosy.testing import Limits, Rule, Say, Script, ScriptedModels, ToolAsk
from argosy.testing.model_faults import (
    Cut,
    EmptyChoices,
    Fault,
    Filtered,
    Malformed,
    OutOfTokens,
    SlowStart,
    SlowStream,
    Status,
    WrongUsage,
)
from support.worker_bench import until


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_client, "FIRST_WAIT_SECONDS", 0.0)


@asynccontextmanager
async def played(
    script: Script | None = None, *, timeout_seconds: float = 30.0
) -> AsyncGenerator[tuple[OpenAIClient, ScriptedModels]]:
    async with ScriptedModels(script) as server:
        client = OpenAIClient(server.settings.model_copy(update={"timeout_seconds": timeout_seconds}))
        try:
            yield client, server
        finally:
            await client.close()


def saying(*replies: Say | str, faults: Sequence[Fault] = ()) -> Script:
    return Script(rules=[Rule(name="all", replies=replies, faults=faults)])


def request(text: str = "hi", model: str = "m") -> ModelRequest:
    made = ModelRequest(
        provider="openai",
        model=model,
        agent="a",
        turns=(Message(role="user", content=text),),
        prompt_tokens=0,
    )
    return counted(made)


def counted(made: ModelRequest) -> ModelRequest:
    return replace(made, prompt_tokens=prompt_tokens(made))


async def pieces(client: OpenAIClient, asked: ModelRequest | None = None) -> list[str | Reply]:
    return [piece async for piece in client.stream(asked or request())]


async def until_it_ends(client: OpenAIClient, came: list[str | Reply]) -> None:
    async for piece in client.stream(request()):
        came.append(piece)  # noqa: PERF401 - what came is looked at when it broke


async def test_without_a_script_it_echoes_and_counts_as_argosy_counts() -> None:
    async with played() as (client, _):
        reply = (await client.complete(request("Say something, дорогой друг"))).reply
    assert reply.text == "You said: Say something, дорогой друг"
    assert reply.stop == "stop"
    assert reply.usage == Usage(
        input_tokens=request("Say something, дорогой друг").prompt_tokens,
        output_tokens=tokens.count(reply.text),
    )


class Finding(BaseModel):
    title: str
    certainty: float
    tags: list[str]
    next: "Finding | None"


async def test_without_a_script_it_gives_an_answer_that_fits_the_schema() -> None:
    for returns in (Finding, list[Finding], int, dict[str, int], bool):
        answer = Answer(returns)
        async with played() as (client, _):
            asked = counted(replace(request(), answer=answer.schema))
            reply = (await client.complete(asked)).reply
        answer.read(reply.text)
        assert reply.usage.input_tokens == asked.prompt_tokens


async def test_the_same_script_and_calls_give_the_same_bytes_each_time() -> None:
    script = saying("a", "b", faults=[Status(status=503, first=2, last=2)])

    async def transcript() -> list[bytes]:
        async with ScriptedModels(script) as server, httpx2.AsyncClient(trust_env=False) as http:
            body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
            found = [await http.post(f"{server.base_url}/chat/completions", json=body) for _ in range(4)]
            return [b"%d %b" % (answer.status_code, answer.content) for answer in found]

    first = await transcript()
    assert first == await transcript()
    assert [b"503" in one for one in first] == [False, True, False, False]
    assert b'"content":"b"' in first[2]


async def test_tools_are_asked_for_in_parallel_and_their_results_counted() -> None:
    script = Script(
        rules=[
            Rule(name="after", role="tool", replies=["both looked up"]),
            Rule(
                name="first",
                replies=[
                    Say(
                        text="I look.",
                        tool_calls=[
                            ToolAsk(name="search", arguments={"q": "x"}),
                            ToolAsk(name="search", arguments="{broken", id="mine"),
                        ],
                    )
                ],
            ),
        ]
    )
    tool = ToolSpec("search", "Look it up.", {"type": "object", "properties": {"q": {"type": "string"}}})
    asked = counted(replace(request(), tools=(tool,)))
    async with played(script) as (client, server):
        completion = await client.complete(asked)
        assert completion.reply.stop == "tool_calls"
        assert completion.reply.usage.input_tokens == asked.prompt_tokens
        first, second = completion.calls
        assert (first.name, first.arguments) == ("search", '{"q":"x"}')
        assert second == ToolCall("mine", "search", "{broken")
        results = (ToolResult(first.id, '["found"]'), ToolResult(second.id, '{"error": "no JSON"}'))
        turns = (*asked.turns, ToolCalls(completion.calls, "I look."), *results)
        again = counted(replace(asked, turns=turns))
        reply = (await client.complete(again)).reply
        assert reply.text == "both looked up"
        assert reply.usage.input_tokens == again.prompt_tokens
        assert [call.rule for call in server.calls] == ["first", "after"]


async def test_a_tool_that_the_request_does_not_offer_is_the_scripts_mistake_unless_it_is_meant() -> None:
    async with played(saying(Say(tool_calls=[ToolAsk(name="search")]))) as (client, _):
        with pytest.raises(ModelRefused, match="calls the tool search; the request offers none"):
            await client.complete(request())
    async with played(saying(Say(tool_calls=[ToolAsk(name="search")], fits=False))) as (client, _):
        assert (await client.complete(request())).calls[0].name == "search"


async def test_a_scripted_reply_must_fit_the_schema_unless_it_is_meant_not_to() -> None:
    asked = replace(request(), answer=Answer(Finding).schema)
    async with played(saying(Say(value={"title": "t"}))) as (client, _):
        with pytest.raises(ModelRefused, match="is no Finding as the request asks for"):
            await client.complete(asked)
    async with played(saying(Say(value={"title": "t"}, fits=False))) as (client, _):
        assert (await client.complete(asked)).reply.text == '{"title":"t"}'


async def test_a_rule_may_be_chosen_by_the_schemas_name_and_the_model() -> None:
    script = Script(
        rules=[
            Rule(schema_name="Notes", replies=["{}"]),
            Rule(model="small", matches=r"\bfacts?\b", replies=["small facts"]),
            Rule(within="all", contains="system word", replies=["seen"]),
        ]
    )
    async with played(script) as (client, _):
        notes = replace(request(), answer=AnswerSchema("Notes", {"type": "object"}, strict=False))
        assert (await client.complete(notes)).reply.text == "{}"
        assert (await client.complete(request("a fact", "small"))).reply.text == "small facts"
        turns = (Message(role="system", content="a system word"), Message(role="user", content="x"))
        assert (await client.complete(replace(request(), turns=turns))).reply.text == "seen"
        with pytest.raises(ModelRefused, match=r"no rule of the script fits this call of m.*'a fact'"):
            await client.complete(request("a fact"))


async def test_a_stream_gives_words_and_at_last_the_exact_usage() -> None:
    async with played(saying("one two\n three ")) as (client, _):
        *texts, reply = await pieces(client)
    assert texts == ["one", " two", "\n three", " "]
    assert isinstance(reply, Reply)
    assert reply.text == "one two\n three "
    assert reply.usage == Usage(
        input_tokens=request().prompt_tokens, output_tokens=tokens.count("one two\n three ")
    )


async def test_a_stream_has_the_form_that_openai_gives_it() -> None:
    script = saying(Say(tool_calls=[ToolAsk(name="f", arguments={"a": 1})], fits=False))
    body: dict[str, object] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    async with ScriptedModels(script) as server, httpx2.AsyncClient(trust_env=False) as http:
        plain = await http.post(f"{server.base_url}/chat/completions", json=body)
        with_usage = {**body, "stream_options": {"include_usage": True}}
        counted = await http.post(f"{server.base_url}/chat/completions", json=with_usage)
    assert plain.headers["content-type"] == "text/event-stream"
    assert plain.text.endswith("data: [DONE]\n\n")
    assert "usage" not in plain.text
    events = counted.text.split("\n\n")
    assert '"function":{"name":"f","arguments":""}' in events[1]
    assert '"finish_reason":"tool_calls"' in events[-4]
    assert '"usage":null' in events[-4]
    assert '"choices":[]' in events[-3]
    assert '"total_tokens"' in events[-3]


async def test_429_is_tried_again_after_its_time_and_the_reply_is_kept_for_that_try() -> None:
    script = saying("a", "b", faults=[Status(status=429, retry_after_seconds=0.001, last=1)])
    async with played(script) as (client, server):
        assert (await client.complete(request())).reply.text == "a"
        assert (await client.complete(request())).reply.text == "b"
        assert [call.status for call in server.calls] == [429, 200, 200]


async def test_retry_after_is_told_in_seconds_and_thousandths() -> None:
    script = saying("a", faults=[Status(status=429, retry_after_seconds=1.5)])
    async with ScriptedModels(script) as server, httpx2.AsyncClient(trust_env=False) as http:
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        answer = await http.post(f"{server.base_url}/chat/completions", json=body)
    assert (answer.headers["retry-after"], answer.headers["retry-after-ms"]) == ("2", "1500")
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"


async def test_a_long_wait_and_a_busy_server_are_patience_not_failure() -> None:
    async with played(saying("a", faults=[Status(status=429, retry_after_seconds=77)])) as (client, server):
        with pytest.raises(ModelBusy) as caught:
            await client.complete(request())
        assert caught.value.after_seconds == 77
        assert len(server.calls) == 1
    async with played(saying("a", faults=[Status(status=503)])) as (client, server):
        with pytest.raises(ModelBusy):
            await client.complete(request())
        assert len(server.calls) == openai_client.TRIES


async def test_other_statuses_are_what_they_are_at_openai() -> None:
    table: list[tuple[Fault, type[Exception]]] = [
        (Status(status=500), ModelFailed),
        (Status(status=401), ModelRefused),
        (Status(status=404), ModelRefused),
        (Status(status=429, code="insufficient_quota"), ModelRefused),
        (Status(status=400, code="context_length_exceeded"), ContextOverflow),
    ]
    for fault, error in table:
        async with played(saying("a", faults=[fault])) as (client, _):
            with pytest.raises(error):
                await client.complete(request())


async def test_a_prompt_over_the_scripts_window_is_an_overflow_with_its_size() -> None:
    asked = request("word " * 50)
    async with played(Script(window=40)) as (client, _):
        with pytest.raises(ContextOverflow) as caught:
            await client.complete(asked)
    assert caught.value.measured_tokens == asked.prompt_tokens


async def test_a_late_first_byte_is_waited_for_and_too_late_a_one_is_not() -> None:
    async with played(saying("a", faults=[SlowStart(seconds=0.05)])) as (client, server):
        assert (await client.complete(request())).reply.text == "a"
        assert server.calls[0].took_seconds >= 0.05
    script = saying("a", faults=[SlowStart(seconds=3_600)])
    async with played(script, timeout_seconds=0.2) as (client, _):
        with pytest.raises(ModelFailed, match="no answer within"):
            await client.complete(request())


async def test_who_hangs_up_is_noticed() -> None:
    async with played(saying("a", faults=[SlowStart(seconds=3_600)])) as (client, server):
        asking = asyncio.create_task(client.complete(request()), name="asking")
        await until(lambda: server.calls)
        asking.cancel()
        await until(lambda: server.calls[0].ending != "open")
        assert server.calls[0].ending == "left"


async def test_a_slow_stream_comes_piece_by_piece() -> None:
    async with played(saying("a b c", faults=[SlowStream(seconds=0.02)])) as (client, server):
        assert (await pieces(client))[:3] == ["a", " b", " c"]
        assert server.calls[0].took_seconds >= 0.02 * 6


async def test_a_server_that_holds_an_answer_ends_at_once_all_the_same() -> None:
    async with ScriptedModels(saying("a", faults=[SlowStart(seconds=3_600)])) as server:
        client = OpenAIClient(server.settings)
        asking = asyncio.create_task(client.complete(request()), name="asking")
        await until(lambda: bool(server.calls))
    with pytest.raises(ModelFailed, match="connection"):
        await asking
    await client.close()


async def test_a_connection_that_is_cut_is_tried_again_and_a_cut_stream_is_not() -> None:
    async with played(saying("a b c d", faults=[Cut(last=1)])) as (client, server):
        assert (await client.complete(request())).reply.text == "a b c d"
        assert [call.ending for call in server.calls] == ["cut", "answered"]
    async with played(saying("a b c d", faults=[Cut(last=1, after=3)])) as (client, server):
        came: list[str | Reply] = []
        with pytest.raises(ModelFailed, match="connection"):
            await until_it_ends(client, came)
        assert came == ["a", " b"]
        assert [call.ending for call in server.calls] == ["cut"]
        assert (await pieces(client))[0] == "a"


async def test_an_answer_that_is_no_json_is_tried_again_and_then_fails() -> None:
    async with played(saying("a", faults=[Malformed(last=1)])) as (client, _):
        assert (await client.complete(request())).reply.text == "a"
    async with played(saying("a", faults=[Malformed()])) as (client, server):
        with pytest.raises(ModelFailed, match="be read"):
            await client.complete(request())
        assert len(server.calls) == openai_client.TRIES
        with pytest.raises(ModelFailed, match="be read"):
            await pieces(client)


async def test_an_answer_without_a_choice_fails_and_is_no_empty_text() -> None:
    async with played(saying("a", faults=[EmptyChoices()])) as (client, _):
        with pytest.raises(ModelFailed, match="without a choice"):
            await client.complete(request())
        with pytest.raises(ModelFailed, match="without a choice"):
            await pieces(client)


async def test_a_reply_ends_where_its_tokens_do() -> None:
    text = "one two three four five six"
    async with played(saying(text)) as (client, _):
        reply = (await client.complete(replace(request(), max_output_tokens=3))).reply
        assert (reply.text, reply.stop, reply.usage.output_tokens) == ("one two three", "length", 3)
    async with played(saying(text, faults=[OutOfTokens()])) as (client, _):
        reply = (await client.complete(request())).reply
        assert (reply.text, reply.stop) == ("one two three", "length")


async def test_a_filter_and_a_refusal_are_told_as_such() -> None:
    async with played(saying("a", faults=[Filtered()])) as (client, _):
        reply = (await client.complete(request())).reply
        assert (reply.text, reply.stop) == ("", "content_filter")
    async with played(saying(Say(refusal="I would rather not."))) as (client, _):
        reply = (await client.complete(request())).reply
        assert (reply.text, reply.stop) == ("I would rather not.", "content_filter")


async def test_the_usage_may_be_wrong_or_absent() -> None:
    faults = [WrongUsage(prompt_tokens=1, completion_tokens=9, last=1), WrongUsage(first=2)]
    async with played(saying("a", faults=faults)) as (client, server):
        assert (await client.complete(request())).reply.usage == Usage(input_tokens=1, output_tokens=9)
        assert (await client.complete(request())).reply.usage == Usage()
        assert [call.prompt_tokens for call in server.calls] == [request().prompt_tokens] * 2


async def test_requests_over_the_limit_are_refused_with_the_time_to_come_back() -> None:
    script = Script(limits=Limits(requests_per_minute=2, tokens_per_minute=10_000))
    async with ScriptedModels(script) as server, httpx2.AsyncClient(trust_env=False) as http:
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        found = [await http.post(f"{server.base_url}/chat/completions", json=body) for _ in range(3)]
        assert [answer.status_code for answer in found] == [200, 200, 429]
        told = found[0].headers
        assert (told["x-ratelimit-limit-requests"], told["x-ratelimit-remaining-requests"]) == ("2", "1")
        assert told["x-ratelimit-limit-tokens"] == "10000"
        assert 0 < int(found[2].headers["retry-after"]) <= 30
        assert found[2].headers["x-ratelimit-remaining-requests"] == "0"
        other = await http.post(
            f"{server.base_url}/chat/completions", json=body, headers={"authorization": "Bearer other"}
        )
        assert other.status_code == 200
        totals = (await http.get(f"{server.address}/ledger")).json()["totals"]
    assert (totals["answered"], totals["limited"], totals["calls"]) == (3, 1, 4)


async def test_tokens_and_calls_at_a_time_have_limits_too() -> None:
    async with played(Script(limits=Limits(tokens_per_minute=20))) as (client, _):
        with pytest.raises(ModelBusy, match="20 tokens per minute"):
            await client.complete(request("word " * 30))
    slow = Script(limits=Limits(concurrency=1), faults=[SlowStart(seconds=3_600, last=1)])
    async with played(slow) as (client, server):
        first = asyncio.create_task(client.complete(request()), name="first")
        await until(lambda: bool(server.calls))
        with pytest.raises(ModelBusy, match="1 calls at a time"):
            await client.complete(request())
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await until(lambda: server.calls[0].ending != "open")
        assert (await client.complete(request())).reply.text == "You said: hi"


async def test_faults_are_ordered_and_lifted_while_it_runs() -> None:
    script = Script(rules=[Rule(name="a", contains="a", replies=["a"]), Rule(name="b", replies=["b"])])
    async with ScriptedModels(script) as server, httpx2.AsyncClient(trust_env=False) as http:

        async def ask(text: str) -> int:
            body = {"model": "m", "messages": [{"role": "user", "content": text}]}
            return (await http.post(f"{server.base_url}/chat/completions", json=body)).status_code

        fault = {"kind": "status", "status": 500, "last": 2}
        ordered = await http.post(f"{server.address}/faults", json={"fault": fault, "rule": "a"})
        assert ordered.status_code == 200
        assert [await ask("a"), await ask("b"), await ask("a"), await ask("a")] == [500, 200, 500, 200]
        server.order(Status(status=503))
        assert await ask("b") == 503
        assert (await http.delete(f"{server.address}/faults")).json() == {"lifted": 2}
        assert await ask("b") == 200
        wrong = await http.post(f"{server.address}/faults", json={"fault": fault, "rule": "c"})
        assert wrong.status_code == 404
        assert "there are a, b" in wrong.json()["error"]["message"]
        bad = await http.post(f"{server.address}/faults", json={"fault": {"kind": "status", "status": 200}})
        assert bad.status_code == 400
        assert "fault.status.status" in bad.json()["error"]["message"]
        await http.post(f"{server.address}/reset")
        assert server.calls == ()


async def test_what_is_no_request_is_refused_in_openais_form() -> None:
    async with ScriptedModels(Script(models=["m"])) as server, httpx2.AsyncClient(trust_env=False) as http:
        url = f"{server.base_url}/chat/completions"
        broken = await http.post(url, content=b"{")
        empty = await http.post(url, json={"model": "m", "messages": []})
        other = await http.post(url, json={"model": "x", "messages": [{"role": "user", "content": "hi"}]})
        lost = await http.get(f"{server.address}/v2")
        models = await http.get(f"{server.base_url}/models")
        one = await http.get(f"{server.base_url}/models/m")
    assert [answer.status_code for answer in (broken, empty, other, lost)] == [400, 400, 404, 404]
    assert "messages" in empty.json()["error"]["message"]
    assert other.json()["error"]["code"] == "model_not_found"
    assert [model["id"] for model in models.json()["data"]] == ["m"]
    assert one.json()["id"] == "m"


async def test_the_ledger_tells_who_asked_by_a_sum_and_not_by_the_key() -> None:
    async with ScriptedModels() as server, httpx2.AsyncClient(trust_env=False) as http:
        headers = {"authorization": "Bearer sk-secret", "idempotency-key": "k1"}
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        answer = await http.post(f"{server.base_url}/chat/completions", json=body, headers=headers)
        told = (await http.get(f"{server.address}/ledger")).text
        later = (await http.get(f"{server.address}/ledger?since=1")).json()
        wrong = await http.get(f"{server.address}/ledger?since=x")
    (call,) = server.calls
    assert call.request_id == answer.headers["x-request-id"]
    assert call.idempotency_key == "k1"
    assert "sk-secret" not in told
    assert later["calls"] == []
    assert wrong.status_code == 400
