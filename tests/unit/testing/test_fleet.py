from collections.abc import Callable

import pytest
from pydantic import BaseModel

from argosy import Context, Pipeline, RunFailed, agent
from argosy.schemas.errors import ConfigurationError, ModelFailed
from argosy.testing import FakeModel, Fleet, context
from argosy.testing.traps import At


class Document(BaseModel):
    title: str
    text: str


class Notes(BaseModel):
    facts: list[str]


class Critique(BaseModel):
    severity: int
    points: list[str]


class Brief(BaseModel):
    markdown: str


@agent(model="openai:gpt-5-mini")
async def research(ctx: Context, document: Document) -> Notes:
    return await ctx.model.ask(f"List the facts.\n{document.text}", returns=Notes)


@agent(model="openai:gpt-5-mini")
async def summarise(ctx: Context, document: Document) -> str:
    return await ctx.model.ask(f"Summarise:\n{document.text}")


@agent(model="openai:gpt-5-mini")
async def criticise(ctx: Context, summary: str) -> Critique:
    return await ctx.model.ask(f"What is wrong with this?\n{summary}", returns=Critique)


@agent(model="openai:gpt-5-mini")
async def synthesise(ctx: Context, notes: Notes, summary: str, critique: Critique) -> Brief:
    return Brief(markdown=await ctx.model.ask(f"{notes.facts}\n{summary}\n{critique.points}"))


briefing = Pipeline("briefing", takes=Document, gives=Brief)
_notes = briefing.step(research, briefing.input)
_summary = briefing.step(summarise, briefing.input)
_critique = briefing.step(criticise, _summary)
briefing.returns(briefing.step(synthesise, _notes, _summary, _critique))

DOCUMENT = Document(title="t", text="x")


def model() -> FakeModel:
    return (
        FakeModel("a summary")
        .reply(Notes(facts=["f"]), agent=research)
        .reply(Critique(severity=1, points=[]), agent=criticise)
        .reply("a brief", agent=synthesise)
    )


async def test_an_agent_is_a_plain_function() -> None:
    assert (await research(context(model=FakeModel(Notes(facts=["f"]))), DOCUMENT)).facts == ["f"]


async def test_a_run_goes_from_submit_to_result() -> None:
    async with Fleet(briefing, model=model()) as fleet:
        run = await fleet.submit(briefing, DOCUMENT)
        assert (await run.result()).markdown == "a brief"
        assert await run.state() == "succeeded"
        history = await fleet.history(run)
        assert set(history.order()) == {"research", "summarise", "criticise", "synthesise"}
        assert history.order()[-1] == "synthesise"


async def test_a_critic_that_dies_after_storing_is_not_run_again() -> None:
    async with Fleet(briefing, model=model()) as fleet:
        fleet.crash(criticise, at="after_store")
        run = await fleet.submit(briefing, DOCUMENT)
        await fleet.advance(600)
        assert (await run.result()).markdown
        critic = (await fleet.history(run)).task(f"{run.run_id}/criticise")
        assert (critic.deliveries, critic.handled, critic.attempts) == (2, 1, 1)


@pytest.mark.parametrize("at", ["before_claim", "in_handler", "after_store", "after_publish"])
async def test_a_worker_that_dies_anywhere_costs_no_attempt(at: At) -> None:
    async with Fleet(briefing, model=model()) as fleet:
        fleet.crash(criticise, at=at)
        run = await fleet.submit(briefing, DOCUMENT)
        assert (await run.result()).markdown == "a brief"
        assert (await fleet.history(run)).task("criticise").attempts == 1
        assert "dies" in fleet.story


MADE: list[str] = []


async def pay(key: str) -> str:
    MADE.append(key)
    return key


@agent
async def payer(ctx: Context, how: str) -> str:
    logged = how == "logged"
    first = await ctx.step("first", pay, ctx.idempotency_key("first"), log=logged)
    second = await ctx.step("second", pay, ctx.idempotency_key("second"), log=logged)
    return f"{first} {second}"


paying = Pipeline("paying", takes=str, gives=str)
paying.returns(paying.step(payer, paying.input))


@pytest.mark.parametrize("how", ["plain", "logged"])
@pytest.mark.parametrize(("step", "made"), [("", (3, 1)), ("first", (3, 1)), ("second", (1, 3))])
async def test_a_worker_that_dies_between_an_effect_and_its_memo_makes_it_again_under_the_same_key(
    step: str, made: tuple[int, int], how: str
) -> None:
    MADE.clear()
    async with Fleet(paying) as fleet:
        fleet.crash(payer, at="after_effect", step=step, times=2)
        run = await fleet.submit(paying, how)
        first, second = (await run.result()).split()
        task = (await fleet.history(run)).task("payer")
        assert (task.attempts, task.handled) == (1, 3)
        assert (MADE.count(first), MADE.count(second)) == made
        assert f"dies after effect of step {step or 'first'!r}" in fleet.story


async def test_only_an_effect_has_a_step() -> None:
    async with Fleet(paying) as fleet:
        with pytest.raises(ConfigurationError, match="of the step 'first'"):
            fleet.crash(payer, at="after_store", step="first")
        with pytest.raises(ConfigurationError, match="is no agent"):
            fleet.crash("coordinator", step="first")


async def _never_crashes() -> None:
    async with Fleet(paying) as fleet:
        fleet.crash(payer, step="third", times=2)
        await (await fleet.submit(paying, "plain")).result()


async def test_a_crash_that_never_happened_is_an_error_at_the_fleets_end() -> None:
    with pytest.raises(
        ConfigurationError, match="payer at 'after_effect' of the step 'third', 2 times"
    ) as missed:
        await _never_crashes()
    assert "never happened" in missed.value.what
    assert missed.value.do


async def _fails_before() -> None:
    async with Fleet(paying) as fleet:
        fleet.crash(payer, step="third")
        raise ZeroDivisionError


async def test_what_a_test_raises_itself_is_told_and_no_crash_that_never_happened() -> None:
    with pytest.raises(ZeroDivisionError):
        await _fails_before()


async def test_settle_stops_where_only_time_would_help() -> None:
    async with Fleet(briefing, model=model()) as fleet:
        fleet.crash(criticise, at="in_handler")
        run = await fleet.submit(briefing, DOCUMENT)
        before = fleet.now
        await fleet.settle()
        assert fleet.now - before < 1
        assert await run.state() == "running"
        await fleet.advance(120)
        assert await run.state() == "succeeded"


async def test_what_the_model_has_no_reply_for_fails_the_run_with_the_question() -> None:
    async with Fleet(briefing, model=FakeModel().reply("only this", when="never asked")) as fleet:
        run = await fleet.submit(briefing, DOCUMENT)
        with pytest.raises(RunFailed, match="no reply for agent"):
            await run.result()


async def test_faults_on_order_change_no_result() -> None:
    async with Fleet(briefing, model=model(), workers=2, coordinators=2) as fleet:
        fleet.duplicate(criticise)
        runs = [await fleet.submit(briefing, DOCUMENT, run_id=f"r-{n}") for n in range(3)]
        fleet.rebalance()
        fleet.pause("criticise-1", 40)
        fleet.lose_answers(research, 2)
        fleet.crash("coordinator-1")
        await fleet.advance(5)
        fleet.lose_redis(writes=20)
        await fleet.advance(5)
        fleet.lose_redis()
        assert [(await run.result()).markdown for run in runs] == ["a brief"] * 3


async def test_a_service_that_no_process_calls_is_named_with_those_that_are() -> None:
    async with Fleet(briefing, model=model()) as fleet:
        with pytest.raises(ConfigurationError, match="kafka, payloads, redis"):
            fleet.lose_answers(research, of="disk")


async def test_a_fault_that_would_do_nothing_is_an_error() -> None:
    async with Fleet(briefing, model=model()) as fleet:
        with pytest.raises(ConfigurationError, match="times=0"):
            fleet.crash(research, at="in_handler", times=0)
        with pytest.raises(ConfigurationError, match="times=0"):
            fleet.duplicate(research, times=0)
        with pytest.raises(ConfigurationError, match="seconds=-1"):
            fleet.pause(research, -1)
        with pytest.raises(ConfigurationError, match="writes=-1"):
            fleet.lose_redis(writes=-1)
        with pytest.raises(ConfigurationError, match="count=0"):
            fleet.lose_answers(research, 0)
        with pytest.raises(ConfigurationError, match="seconds=-1"):
            await fleet.advance(-1)
        assert fleet.now >= 0


async def test_the_traceback_of_a_failing_model_does_not_grow_with_its_calls() -> None:
    failing = FakeModel(ModelFailed("away"))

    async def depth() -> int:
        with pytest.raises(ModelFailed) as caught:
            await context(model=failing).model.ask("a question")
        return len(caught.traceback)

    assert await depth() == await depth() == await depth()


async def test_the_same_seed_gives_the_same_story() -> None:
    async def story(seed: int) -> str:
        async with Fleet(briefing, model=model(), seed=seed) as fleet:
            fleet.crash(research, at="in_handler")
            run = await fleet.submit(briefing, DOCUMENT)
            await run.result()
            return fleet.story

    first = await story(1)
    assert await story(1) == first
    assert await story(2) != first


async def test_fixtures_give_a_fleet_and_its_model(
    fleet: Callable[..., Fleet], fake_model: FakeModel
) -> None:
    fake_model.reply("a summary", agent=summarise).reply(Notes(facts=[]), agent=research)
    fake_model.reply(Critique(severity=0, points=[]), agent=criticise).reply("whole", agent=synthesise)
    async with fleet(briefing) as running:
        assert (await (await running.submit(briefing, DOCUMENT)).result()).markdown == "whole"
    assert [call.agent for call in fake_model.calls].count("synthesise") == 1
