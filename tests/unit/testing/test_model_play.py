import asyncio
from typing import TYPE_CHECKING

import orjson
import pytest
from starlette.types import Message

from argosy.testing import Rule, Say, Script
from argosy.testing.model_delivery import Delivery
from argosy.testing.model_faults import Cut, Fault, SlowStart, Status
from argosy.testing.model_ledger import Call, Ledger
from argosy.testing.model_play import Play, Turn
from argosy.testing.model_question import BadQuestion, Question, read_question
from argosy.testing.model_service import ModelService
from argosy.testing.model_structured import misfit, sample

if TYPE_CHECKING:
    from argosy.schemas.contract import JsonSchema


def asked(text: str, model: str = "m") -> Question:
    return read_question(orjson.dumps({"model": model, "messages": [{"role": "user", "content": text}]}))


def said(turn: Turn) -> str:
    return turn.say.content() if turn.say else ""


def test_replies_come_in_their_order_and_the_last_for_ever() -> None:
    play = Play(Script(rules=[Rule(replies=["a", Say(text="b")])]))
    assert [said(play.turn(asked("x"))) for _ in range(4)] == ["a", "b", "b", "b"]


def test_the_first_rule_that_fits_answers_and_each_counts_for_itself() -> None:
    play = Play(Script(rules=[Rule(contains="x", replies=["1", "2"]), Rule(name="rest", replies=["3"])]))
    turns = [play.turn(asked(text)) for text in ("x", "y", "x")]
    assert [(turn.rule, turn.call, said(turn)) for turn in turns] == [
        ("rules.0", 1, "1"),
        ("rest", 1, "3"),
        ("rules.0", 2, "2"),
    ]


def test_calls_may_be_counted_for_each_prompt_so_that_their_order_does_not_matter() -> None:
    rule = Rule(replies=["a", "b"], faults=[Status(status=429, last=1)], count_by="prompt")
    play = Play(Script(rules=[rule]))
    turns = [play.turn(asked(text)) for text in ("x", "y", "y", "x", "y")]
    assert [bool(turn.faults) for turn in turns] == [True, True, False, False, False]
    assert [said(turn) for turn in turns[2:]] == ["a", "a", "b"]


def test_a_reply_that_did_not_arrive_is_kept_for_the_next_call() -> None:
    faults: list[Fault] = [Cut(first=2, last=2), SlowStart(seconds=1.0, first=3, last=3)]
    play = Play(Script(rules=[Rule(replies=["a", "b", "c", "d"], faults=faults)]))
    assert [said(play.turn(asked("x"))) for _ in range(4)] == ["a", "b", "b", "c"]


def test_faults_of_the_script_are_counted_over_all_calls() -> None:
    play = Play(Script(faults=[Status(first=2, every=2)], rules=[Rule(contains="x"), Rule()]))
    assert [bool(play.turn(asked(text)).faults) for text in "xyxy"] == [False, True, False, True]


def test_what_no_rule_fits_is_echoed_or_refused() -> None:
    assert not Play(Script()).turn(asked("x")).refused
    assert Play(Script(rules=[Rule(contains="y")])).turn(asked("x")).refused
    assert not Play(Script(rules=[Rule(contains="y")], otherwise="echo")).turn(asked("x")).refused
    assert Play(Script(otherwise="refuse")).turn(asked("x")).refused


def test_an_unknown_rule_can_not_be_hurt() -> None:
    with pytest.raises(KeyError):
        Play(Script()).order(Status(), "x")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"{}", "model: "),
        (b'{"model": "m", "messages": [{"role": "robot", "content": ""}]}', "messages.0.role: "),
        (b'{"model": "m", "n": 2, "messages": [{"role": "user", "content": ""}]}', "n: "),
        (
            b'{"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}',
            "messages.0.content",
        ),
    ],
)
def test_a_wrong_request_is_told_where(body: bytes, where: str) -> None:
    with pytest.raises(BadQuestion, match=where):
        read_question(body)


def test_the_texts_of_parts_are_one_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    body = {
        "model": "m",
        "messages": [{"role": "developer", "content": "s"}, {"role": "user", "content": parts}],
    }
    question = read_question(orjson.dumps(body))
    assert (question.last, question.everything, question.role) == ("ab", "s\nab", "user")


def test_the_ledger_keeps_the_last_calls_and_the_sums_of_all() -> None:
    ledger = Ledger(kept=2)
    for _ in range(3):
        call = ledger.begin(Call(0, 0.0, "m", "k", "", status=200, prompt_tokens=2, completion_tokens=1))
        ledger.end(
            Call(call.number, 0.0, "m", "k", call.request_id, status=200, prompt_tokens=2, ending="cut")
        )
    ledger.begin(Call(0, 0.0, "m", "k", ""))
    assert [call.number for call in ledger.calls()] == [3, 4]
    assert [call.number for call in ledger.calls(since=3)] == [4]
    totals = ledger.totals()
    assert (totals["calls"], totals["kept"], totals["open"], totals["cut"]) == (4, 2, 1, 3)
    assert (totals["statuses"], totals["prompt_tokens"]) == ({"200": 3}, 6)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 40},
        {"type": "string", "maxLength": 2},
        {"type": "integer", "minimum": 3, "maximum": 3},
        {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        {"type": "array", "items": {"type": "boolean"}, "minItems": 3},
        {"type": ["string", "null"]},
        {"enum": ["b", "a"]},
        {"const": 7},
        {"allOf": [{"type": "integer"}]},
        {
            "$ref": "#/$defs/N",
            "$defs": {
                "N": {"anyOf": [{"$ref": "#/$defs/T"}, {"type": "null"}]},
                "T": {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}}, "required": ["n"]},
            },
        },
        {
            "$ref": "#/$defs/T",
            "$defs": {
                "T": {
                    "type": "object",
                    "required": ["n"],
                    "properties": {"n": {"type": "array", "items": {"$ref": "#/$defs/T"}}},
                }
            },
        },
    ],
)
def test_a_sample_fits_its_schema_and_is_the_same_each_time(schema: dict[str, object]) -> None:
    value = sample(schema)  # type: ignore[arg-type]
    assert misfit(orjson.dumps(value).decode(), schema) == ""  # type: ignore[arg-type]
    assert value == sample(schema)  # type: ignore[arg-type]


def test_a_misfit_says_where() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}}
    assert misfit("{", schema).startswith("it is no JSON")  # type: ignore[arg-type]
    assert misfit('{"a": [1, "x"]}', schema).startswith("a.1: ")  # type: ignore[arg-type]
    assert "schema is none" in misfit("1", {"type": "nothing"})


def test_a_schema_that_nothing_fits_or_that_points_outside_is_told_and_not_followed() -> None:
    endless: JsonSchema = {
        "$ref": "#/$defs/T",
        "$defs": {"T": {"type": "object", "properties": {"n": {"$ref": "#/$defs/T"}}, "required": ["n"]}},
    }
    assert misfit(orjson.dumps(sample(endless)).decode(), endless)
    assert "schema is none" in misfit("1", {"$ref": "http://127.0.0.1:9/schema.json"})


def test_an_answer_of_any_json_costs_no_tokens_of_a_schema() -> None:
    body: dict[str, object] = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    plain = read_question(orjson.dumps(body))
    question = read_question(orjson.dumps({**body, "response_format": {"type": "json_object"}}))
    assert question.prompt_tokens == plain.prompt_tokens
    assert question.answer is not None
    assert sample(question.answer.schema) == {}


def test_calls_that_were_open_when_all_began_anew_end_in_the_old_ledger() -> None:
    service = ModelService(Script())
    body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]})
    old = service.take(body, {})
    before = service.ledger
    service.reset()
    service.take(body, {})
    drained = asyncio.run(_sent(old))
    assert drained[-1]["more_body"] is False
    assert before.totals()["answered"] == 1
    assert service.ledger.totals()["open"] == 1


async def _sent(delivery: Delivery) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    await delivery({"type": "http"}, receive, send)
    return sent
