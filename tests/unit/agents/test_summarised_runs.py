"""Runs of whole fleets whose inputs are summarised: the agent gets all of them, in the room that there is."""

import re

import pytest
from pydantic import BaseModel

from argosy import Context, Pipeline, RunFailed, agent
from argosy.broker import tokens
from argosy.schemas.chat import Reply, Usage
from argosy.testing import FakeModel, Fleet

LIMIT = 300  # 400 x 0.8 - 20


class Document(BaseModel):
    title: str
    text: str


class Told(BaseModel):
    title: str
    text: str
    size: int


@agent(window=1_000, reserve=200, above="summarise", model="fake:m")
async def tell(_: Context, document: Document) -> Told:
    size = tokens.count(document.text)
    assert size <= 600
    return Told(title=document.title, text=document.text, size=size)


@agent(window=1_000, reserve=200, above="summarise", model="fake:m", weights={"notes": 2})
async def weigh(_: Context, notes: str, log: str, topic: str) -> list[int]:
    assert topic == "birds"
    return [tokens.count(notes), tokens.count(log)]


@agent
async def note(_: Context, number: int) -> str:
    return f"FACT{number:03d} " + "something that was found out. " * 20


@agent(window=1_000, reserve=200, above="summarise", model="fake:m")
async def gather(ctx: Context, notes: list[str]) -> str:
    assert sum(map(tokens.count, notes)) <= 600
    return await ctx.model.ask("answer: " + "\n".join(notes))


class Three(BaseModel):
    notes: str
    log: str
    topic: str


tells = Pipeline("tells", takes=Document, gives=Told)
tells.returns(tells.step(tell, tells.input))
weighs = Pipeline("weighs", takes=Three, gives=list[int])
weighs.returns(
    weighs.step(
        weigh,
        weighs.input.pick(lambda three: three.notes),
        weighs.input.pick(lambda three: three.log),
        weighs.input.pick(lambda three: three.topic),
    )
)
gathers = Pipeline("gathers", takes=list[int], gives=str)
gathers.returns(gathers.step(gather, gathers.map(note, over=gathers.input, max_parallel=50)))


def budget_in(question: str) -> int:
    found = re.search(r"At most (\d+) tokens", question)
    assert found is not None
    return int(found[1])


def facts(question: str) -> str:
    """Keep what matters, as a model would."""
    kept = " ".join(dict.fromkeys(re.findall(r"FACT\d+", question)))
    if question.startswith("answer: "):
        return kept
    assert tokens.count(kept) <= budget_in(question)
    return kept


def as_long_as_may_be(question: str) -> str:
    return "word " * (budget_in(question) - 1)


def log_of(lines: int) -> str:
    return "".join(
        f"line {n}: {f'FACT{n}' if n % 50 == 0 else ''} nothing much happened here\n" for n in range(lines)
    )


def asks_for_a_summary(question: str) -> bool:
    return "At most " in question


async def test_a_text_is_given_with_summaries_in_its_place_that_hold_every_fact() -> None:
    model = FakeModel().reply(facts)
    async with Fleet(tells, model=model) as fleet:
        run = await fleet.submit(tells, Document(title="the log", text=log_of(1_000)))
        await fleet.settle()
        told = await run.result()
    assert told.title == "the log"
    assert re.findall(r"FACT\d+", told.text) == [f"FACT{n}" for n in range(0, 1_000, 50)]
    assert len(model.calls) > 20


async def test_rounds_go_on_until_it_fits() -> None:
    model = FakeModel().reply(as_long_as_may_be)
    async with Fleet(tells, model=model) as fleet:
        run = await fleet.submit(tells, Document(title="t", text=log_of(3_000)))
        await fleet.settle()
        told = await run.result()
        story = fleet.story
    assert 300 < told.size <= 600
    assert "tell/p2#1" in story


async def test_inputs_share_the_room_by_their_weights() -> None:
    model = FakeModel().reply(as_long_as_may_be)
    async with Fleet(weighs, model=model) as fleet:
        run = await fleet.submit(weighs, Three(notes=log_of(300), log=log_of(300), topic="birds"))
        await fleet.settle()
        notes, log = await run.result()
    assert 300 < notes <= 400
    assert 130 < log <= 200


async def test_a_fan_in_of_many_texts_becomes_a_list_of_a_few() -> None:
    model = FakeModel().reply(facts)
    async with Fleet(gathers, model=model) as fleet:
        run = await fleet.submit(gathers, list(range(100)))
        await fleet.settle()
        found = await run.result()
    assert found.split() == [f"FACT{number:03d}" for number in range(100)]


async def test_a_summary_over_its_budget_is_asked_for_again() -> None:
    model = FakeModel().reply("word " * 500, facts)
    async with Fleet(tells, model=model) as fleet:
        run = await fleet.submit(tells, Document(title="t", text=log_of(300)))
        await fleet.advance(60)
        told = await run.result()
    assert re.findall(r"FACT\d+", told.text) == [f"FACT{n}" for n in range(0, 300, 50)]


async def test_summaries_that_never_shrink_fail_the_run_and_say_why() -> None:
    model = FakeModel().reply("word " * 500)
    async with Fleet(tells, model=model) as fleet:
        run = await fleet.submit(tells, Document(title="t", text=log_of(300)))
        await fleet.advance(600)
        with pytest.raises(RunFailed, match="tokens, where at most"):
            await run.result()


async def test_workers_that_die_change_nothing_of_it() -> None:
    model = FakeModel().reply(facts)
    async with Fleet(tells, model=model, workers=2) as fleet:
        for where in ("before_claim", "in_handler", "after_store", "after_publish"):
            fleet.crash(tell, at=where)
        run = await fleet.submit(tells, Document(title="t", text=log_of(300)))
        await fleet.advance(600)
        told = await run.result()
    assert re.findall(r"FACT\d+", told.text) == [f"FACT{n}" for n in range(0, 300, 50)]


async def test_a_summary_that_was_cut_off_is_none_and_is_asked_for_again() -> None:
    cut = Reply(text="FACT0 and then", stop="length", usage=Usage(input_tokens=500, output_tokens=200))
    model = FakeModel().reply(facts).reply(cut, "FACT0 and all the rest", when="line 0:")
    async with Fleet(tells, model=model) as fleet:
        run = await fleet.submit(tells, Document(title="t", text=log_of(100)))
        told = await run.result()
    assert "FACT0 and all the rest" in told.text
    assert "and then" not in told.text


async def test_summaries_that_are_cut_off_again_and_again_end_in_a_fault_that_says_so() -> None:
    cut = Reply(text="FACT0 and then", stop="length", usage=Usage(input_tokens=500, output_tokens=200))
    async with Fleet(tells, model=FakeModel(cut)) as fleet:
        run = await fleet.submit(tells, Document(title="t", text=log_of(100)))
        with pytest.raises(RunFailed, match="cut off at 200 tokens"):
            await run.result()


async def test_a_summary_has_room_to_be_a_little_longer_than_was_asked() -> None:
    model = FakeModel().reply(facts)
    async with Fleet(tells, model=model) as fleet:
        run = await fleet.submit(tells, Document(title="the log", text=log_of(80)))
        await run.result()
    asked = [call for call in model.calls if asks_for_a_summary(call.question)]
    assert asked
    assert all(budget_in(call.question) * 5 <= (call.request.max_output_tokens or 0) * 4 for call in asked)
