"""Uses of the author's API that every type checker must accept. Only checked, never run."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, assert_type

from pydantic import BaseModel, JsonValue

import argosy
from argosy import (
    Agent,
    App,
    Approval,
    Argosy,
    Context,
    Hole,
    Message,
    Pipeline,
    Plan,
    PlannedTask,
    PlanResult,
    Ref,
    Reject,
    Reply,
    Retry,
    Run,
    Schedule,
    agent,
    all_ended,
    all_of,
    any_of,
    by_deadline,
    const,
    exists,
    quorum,
    result_of,
    size,
    tool,
)


class Page(BaseModel):
    text: str


class LongPage(Page):
    number: int


class Facts(BaseModel):
    facts: list[str]


class Verdict(BaseModel):
    ok: bool
    score: int
    reason: str | None = None


class Shelf(BaseModel):
    topic: str
    pages: list[Page]
    urgent: bool = False
    limits: Mapping[str, int] = {}


# -- agents and tools


@tool
async def look_up(query: str, limit: int = 5) -> list[str]:
    return [query] * limit


@tool(name="send-mail", repeatable=False)
async def send_mail(to: str) -> bool:
    return bool(to)


@agent
async def read(ctx: Context, page: Page) -> Facts:
    return Facts(facts=[page.text, ctx.run_id])


@agent(model="openai:gpt-5", window=16_000, reserve=1_000, above="paginate", tools=[look_up, send_mail])
async def find(ctx: Context, page: Page, topic: str) -> list[str]:
    found = await ctx.tools.call(look_up, topic, limit=3)
    assert_type(found, list[str])
    sent = await ctx.tools.call(send_mail, to="a@b.c")
    assert_type(sent, bool)
    return [*found, page.text]


@agent
async def join_lists(ctx: Context, results: list[list[str]]) -> list[str]:
    return [text for result in results for text in result]


@agent(merge=join_lists, above="paginate", page="page.text", timeout_seconds=1.5)
async def find_all(ctx: Context, page: Page) -> list[str]:
    return [page.text]


@agent
async def judge(ctx: Context, facts: Facts, *, strict: bool = True) -> Verdict:
    return Verdict(ok=strict, score=len(facts.facts))


@agent
async def weigh(ctx: Context, facts: Facts, weight: float = 1.0) -> Verdict:
    return Verdict(ok=weight > 1, score=len(facts.facts))


@agent
async def polish(ctx: Context, text: str) -> str:
    return text


@agent
async def reweigh(ctx: Context, verdict: Verdict, topic: str, weight: int = 1) -> Verdict:
    return Verdict(ok=bool(topic), score=verdict.score * weight)


@agent
async def judge_again(ctx: Context, verdict: Verdict) -> Verdict:
    return verdict


@agent
async def write(ctx: Context, texts: Sequence[list[str] | Hole], verdict: Verdict | Hole) -> str:
    whole = [text for found in texts if not isinstance(found, Hole) for text in found]
    return "" if isinstance(verdict, Hole) else "\n".join(whole)


@agent
async def whole(ctx: Context, texts: list[list[str]]) -> str:
    return str(texts)


@agent
async def blend(ctx: Context, page: Page, topic: str, limit: int, weight: float) -> str:
    return f"{page.text} {topic} {limit} {weight}"


@agent
async def six(ctx: Context, a: str, b: str, c: str, d: str, e: str, f: int) -> str:
    return a + b + c + d + e + str(f)


async def store(key: str, text: str) -> int:
    return len(key + text)


@agent(model="openai:gpt-5")
async def ask(ctx: Context, question: str) -> str:
    text = await ctx.model.ask(question, system="Be brief.", name="first")
    assert_type(text, str)
    facts = await ctx.model.ask([Message(role="user", content=question)], returns=Facts)
    assert_type(facts, Facts)
    several = await ctx.model.ask(question, returns=list[Facts], tools=[look_up])
    assert_type(several, list[Facts])
    reply = await ctx.model.chat([Message(role="user", content=question)])
    assert_type(reply, Reply)
    pieces = ctx.model.stream(question)
    assert_type(pieces, AsyncIterator[str])
    async for piece in pieces:
        await ctx.stream(piece)
    written = await ctx.step("store", store, ctx.idempotency_key("store"), text, log=True)
    assert_type(written, int)
    await ctx.progress("stored", done=1, of=2)
    ctx.log.info("stored", characters=written, room=ctx.tokens.left)
    original = await ctx.payload("question").text()
    if ctx.tokens.count(original) > ctx.tokens.left:
        message = "too long"
        raise Reject(message)
    if ctx.attempt > 1 and ctx.deadline.year > 0:
        message = "again"
        raise Retry(message, after_seconds=5)
    return reply.text


async def an_agent_is_a_plain_function(ctx: Context) -> None:
    assert_type(await read(ctx, Page(text="x")), Facts)
    assert_type(await weigh(ctx, Facts(facts=[]), weight=2), Verdict)


# -- pipelines

child = Pipeline("child", takes=Page, gives=Facts)
child.returns(child.step(read, child.input))

shelf = Pipeline("shelf", version="2", takes=Shelf, gives=str, deadline_seconds=900)
assert_type(shelf, Pipeline[Shelf, str])
pages = shelf.input.pick(lambda s: s.pages)
assert_type(pages, Ref[list[Page]])
topic = shelf.input.pick(lambda s: s.topic)
first = shelf.input.pick(lambda s: s.pages[0])
assert_type(first, Ref[Page])
facts = shelf.step(child, first, name="first")
assert_type(facts, Ref[Facts])
verdict = shelf.step(judge, facts, when=facts.pick(lambda f: size(f.facts) > 1))
assert_type(verdict, Ref[Verdict])
lighter = shelf.step(weigh, facts, name="lighter")
heavier = shelf.step(weigh, facts, const(2), name="heavier", after=[lighter.or_hole()], deadline_seconds=60)
good = verdict.pick(lambda v: (v.score > 1) & v.ok | exists(v.reason))
assert_type(good, Ref[bool])
found = shelf.map(find, over=pages, sharing=topic)
assert_type(found, Ref[list[list[str]]])
partly = shelf.map(find, over=pages, sharing=topic, join=quorum(0.9), max_parallel=4, name="partly")
assert_type(partly, Ref[list[list[str] | Hole]])
plainly = shelf.map(find, over=pages, sharing=const("kafka"), join=all_of(), name="plainly")
assert_type(plainly, Ref[list[list[str]]])
inside = shelf.map(child, over=pages, name="inside", join=all_ended())
assert_type(inside, Ref[list[Facts | Hole]])
insides = shelf.map(child, over=pages, name="insides")
assert_type(insides, Ref[list[Facts]])
# parts of what a map makes
enough = insides.pick(lambda found: size(found) > 1)
assert_type(enough, Ref[bool])
one_of_them = insides.pick(lambda found: found[0].facts)
assert_type(one_of_them, Ref[list[str]])
all_of_them = inside.query("[].facts[]", list[str])
each_of_them = shelf.map(ask, over=all_of_them, name="each", when=enough)
assert_type(each_of_them, Ref[list[str]])
blended = shelf.map(
    blend, over=pages, sharing=(topic, const(3), const(4)), when=[good, verdict.pick(lambda v: v.ok)]
)
assert_type(blended, Ref[list[str]])
text = shelf.step(
    write, partly, verdict.or_hole(), join=by_deadline(60), unless=topic.pick(lambda t: t == "x")
)
assert_type(text, Ref[str])
# a list that may have holes also takes one that has none
again = shelf.step(write, found, verdict, name="again")
sooner = shelf.step(write, found, verdict.or_hole(), name="sooner", join=any_of(within_seconds=5))
shelf.step(whole, found)
shelf.step(six, text, text, text, text, topic, verdict.pick(lambda v: v.score))
limit = shelf.input.pick(lambda s: s.limits["a"])
assert_type(limit, Ref[int])
asked = shelf.input.query("pages[*].text | [0]", str)
assert_type(asked, Ref[str])
shelf.step(ask, asked)
# loops: what is fed back is what is given
mended = shelf.loop(polish, text, until=lambda t: size(t) > 100, max_iterations=5)
assert_type(mended, Ref[str])
weighed = shelf.loop(
    reweigh,
    verdict,
    sharing=(topic, const(3)),
    until=lambda v: v.ok & (v.score > 3),
    max_iterations=9,
    exhausted="last",
    when=[good],
    deadline_seconds=60,
)
assert_type(weighed, Ref[Verdict])
rounds = Pipeline("rounds", takes=Verdict, gives=Verdict)
rounds.returns(rounds.step(judge_again, rounds.input))
assert_type(
    shelf.loop(rounds, weighed, until=lambda v: v.reason == "enough", max_iterations=2, name="more"),
    Ref[Verdict],
)


# plans: what agents have in common is what they give
async def read_plan(ctx: Context, goal: str) -> Plan:
    return Plan(
        tasks=[
            PlannedTask(key="a", agent="polish", inputs={"text": goal, "more": [result_of("b"), 3]}),
            PlannedTask(key="b", agent="polish", inputs={"text": result_of("a", or_hole=True)}, after=["a"]),
        ]
    )


planner = agent(read_plan)
one_kind = shelf.plan(planner, topic, agents=[polish], max_tasks=9)
assert_type(one_kind, Ref[PlanResult[str]])
two_kinds = shelf.plan(
    planner,
    topic,
    agents=(reweigh, judge_again),
    max_tasks=9,
    max_parallel=3,
    name="two",
    after=[one_kind],
    when=good,
)
assert_type(two_kinds, Ref[PlanResult[Verdict]])
assert_type(two_kinds.pick(lambda made: made.results["a"].ok), Ref[bool])
assert_type(two_kinds.pick(lambda made: size(made.holes)), Ref[int])
shelf.returns(text)

# a subclass where its base is declared
longs = Pipeline("longs", takes=list[LongPage], gives=list[Facts])
longs.returns(longs.map(read, over=longs.input))
one_long = Pipeline("one-long", takes=LongPage, gives=Facts)
one_long.returns(one_long.step(read, one_long.input))
wider: Ref[Page] = one_long.input


# -- submitting


async def submits(fleet: Argosy) -> None:
    run = await fleet.submit(shelf, Shelf(topic="x", pages=[], limits={}), run_id="r-1", priority=7)
    assert_type(run, Run[str])
    assert_type(await run.result(timeout_seconds=9), str)
    assert_type((await run.ended()).outcome, Literal["succeeded", "failed", "cancelled", "expired"])
    async for event in run.events():
        assert_type(event.kind, str)
    named = await fleet.submit("shelf@2", {"topic": "x"}, deadline_seconds=60, tenant="t")
    assert_type(named, Run[JsonValue])
    assert_type(await named.result(), JsonValue)
    found = fleet.run("r-1", shelf, receipt=run.receipt)
    assert_type(found, Run[str])
    assert_type(fleet.run("r-2"), Run[JsonValue])
    shelves = (Shelf(topic=str(number), pages=[], limits={}) for number in range(9))
    async for each in fleet.submit_many(shelf, shelves, run_id=lambda s: f"s-{s.topic}", in_flight=100):
        assert_type(each, Run[str])
    async for some_run in fleet.submit_many("shelf", [{"topic": "x"}], priority=1):
        assert_type(some_run, Run[JsonValue])
    await run.cancel("enough")
    await run.signal("go", {"x": 1}, signal_id="s-1")


def runs_a_script() -> None:
    assert_type(argosy.run(one_long, LongPage(text="x", number=1), timeout_seconds=9), Facts)


app = App(pipelines=[shelf, longs], agents=[read, find, ask])
some: Sequence[Agent[..., object]] = [read, find]


waits = Pipeline("waits", takes=Page, gives=Facts)
told = waits.signal("told", Page, within_seconds=60, on_timeout="hole")
assert_type(told, Ref[Page])
answer = waits.approval("Good?", about=told, name="ok", within_seconds=60, by=["ann"], after=[told])
assert_type(answer, Ref[Approval])
assert_type(answer.pick(lambda a: a.approved), Ref[bool])
nap = waits.sleep(5, name="nap", when=answer.pick(lambda a: a.approved))
assert_type(nap, Ref[None])
nightly = Schedule(
    "nightly", "0 2 * * *", waits, Page(text="x"), timezone="Europe/Berlin", missed="all", overlap="queue"
)
scheduled = App(schedules=[nightly])
