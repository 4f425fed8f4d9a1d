"""Uses of the author's API that every type checker must reject, each in the line marked `# error`. Never run."""

from collections.abc import Sequence

from pydantic import BaseModel

from argosy import (
    App,
    Argosy,
    Context,
    Hole,
    Pipeline,
    Plan,
    PlannedTask,
    PlanResult,
    Ref,
    Retry,
    agent,
    all_ended,
    all_of,
    by_deadline,
    const,
    quorum,
    size,
    tool,
)


class Page(BaseModel):
    text: str


class Facts(BaseModel):
    facts: list[str]


class Verdict(BaseModel):
    ok: bool
    score: int
    reason: str | None = None


class Shelf(BaseModel):
    topic: str
    pages: list[Page]


@tool
async def look_up(query: str, limit: int = 5) -> list[str]:
    return [query] * limit


@agent
async def read(ctx: Context, page: Page) -> Facts:
    return Facts(facts=[page.text])


@agent
async def again(ctx: Context, verdict: Verdict) -> Verdict:
    return verdict


@agent
async def planner(ctx: Context, goal: str) -> Plan:
    return Plan(tasks=[PlannedTask(key=goal, agent="again")])


@agent
async def judge(ctx: Context, facts: Facts) -> Verdict:
    return Verdict(ok=True, score=len(facts.facts))


@agent
async def compare(ctx: Context, page: Page, facts: Facts) -> Verdict:
    return Verdict(ok=bool(page.text), score=len(facts.facts))


@agent
async def find(ctx: Context, page: Page, topic: str) -> list[str]:
    return [page.text, topic]


@agent
async def blend(ctx: Context, page: Page, topic: str, limit: int) -> str:
    return f"{page.text} {topic} {limit}"


@agent
async def collect(ctx: Context, texts: list[list[str]]) -> str:
    return str(texts)


@agent
async def merge_ints(ctx: Context, results: list[int]) -> int:
    return sum(results)


async def plain(ctx: Context, page: Page) -> Facts:
    return Facts(facts=[page.text])


async def store(key: str, text: str) -> int:
    return len(key + text)


child = Pipeline("child", takes=Page, gives=Facts)
p = Pipeline("p", takes=Shelf, gives=Verdict)
pages = p.input.pick(lambda s: s.pages)
page = p.input.pick(lambda s: s.pages[0])
topic = p.input.pick(lambda s: s.topic)
facts = p.step(read, page)
verdict = p.step(judge, facts)

# -- steps
p.step(read, p.input)  # error: Shelf is no Page
p.step(read)  # error: an input is missing
p.step(read, page, page)  # error: one input too many
p.step(compare, page)  # error: one input too few
p.step(compare, facts, page)  # error: the other way round
p.step(plain, page)  # error: no agent
p.step(read, Page(text="x"))  # error: a value is no ref
p.step(read, const(3))  # error: int is no Page
p.step(judge, facts.or_hole())  # error: judge takes no hole
p.step(child, p.input)  # error: the child takes a Page
p.step(judge, p.step(compare, page, facts))  # error: Verdict is no Facts
p.step(read, page, when=topic)  # error: str is no bool
p.step(read, page, when=lambda s: s.urgent)  # error: no ref
p.step(read, page, unless=[verdict.pick(lambda v: v.score)])  # error: int is no bool
p.step(read, page, when=verdict.pick(lambda v: v.ok).or_hole())  # error: a hole is no bool
p.step(read, page, after=[read])  # error: an agent is no ref
p.step(read, page, after=facts)  # error: one ref is no list of refs
p.step(read, page, name=3)  # error: a name is text
p.step(read, page, join="all")  # error: no policy
p.step(read, page, deadline="1h")  # error: no such option
p.step(read, page, deadline_seconds="60")  # error: seconds are a number
p.step(read, page, max_parallel=3)  # error: an option of maps

# -- picks
p.input.pick(lambda s: s.nope)  # error: no such field
verdict.pick(lambda v: v.score > "x")  # error: int against str
verdict.pick(lambda v: v.score.real.nope)  # error: no such field
verdict.or_hole().pick(lambda v: v.ok)  # error: a hole has no ok
verdict.pick(lambda v: v.reason > "a")  # error: None has no order
verdict.pick(lambda v: size(v.score))  # error: int has no size
verdict.pick("score")  # error: no lambda
facts.facts  # error: a ref has no fields
p.input.pages[0]  # error: a ref has no fields
wrong_pick: Ref[str] = verdict.pick(lambda v: v.score)  # error: Ref[int]
wrong_query: Ref[str] = verdict.query("score", int)  # error: Ref[int]
wrong_const: Ref[str] = const(3)  # error: Ref[int]

# -- maps
p.map(read, over=p.input)  # error: Shelf is no list
p.map(read, over=topic.pick(lambda t: [t]))  # error: str is no Page
p.map(read, pages)  # error: over= is a keyword
p.map(find, over=pages)  # error: sharing is missing
p.map(find, over=pages, sharing=facts)  # error: Facts is no str
p.map(blend, over=pages, sharing=(const(3), topic))  # error: the other way round
p.map(blend, over=pages, sharing=topic)  # error: one of two
p.map(read, over=pages, max_parallel="all")  # error: a number
p.map(read, over=pages, join=3)  # error: no policy
p.step(collect, p.map(find, over=pages, sharing=topic, join=all_ended()))  # error: collect takes no holes
whole: Ref[list[Facts]] = p.map(read, over=pages, join=quorum(0.9))  # error: there may be holes
partial: Ref[Sequence[Hole]] = p.map(read, over=pages, join=all_of())  # error: there are no holes
p.map(child, over=p.input.pick(lambda s: s.topic))  # error: str is no Page
quorum("most")  # error: a number
by_deadline()  # error: no seconds


# -- loops
page = pages.pick(lambda found: found[0])
p.loop(read, page, until=lambda f: True, max_iterations=3)  # error: gives Facts, takes Page
p.loop(again, topic, until=lambda f: True, max_iterations=3)  # error: str is no Verdict
p.loop(again, verdict, until=lambda v: v.okay, max_iterations=3)  # error: no such field
p.loop(again, verdict, until=lambda v: v.score, max_iterations=3)  # error: int is no bool
p.loop(again, verdict, until=lambda v: v.ok)  # error: max_iterations is missing
p.loop(again, verdict, max_iterations=3)  # error: until is missing
p.loop(again, verdict, until=lambda v: v.ok, max_iterations=3, exhausted="stop")  # error: fail or last
p.loop(again, verdict.or_hole(), until=lambda v: True, max_iterations=3)  # error: there may be a hole
rounds: Ref[Facts] = p.loop(again, verdict, until=lambda v: v.ok, max_iterations=3)  # error: a Verdict

# -- plans
p.plan(again, verdict, agents=[again], max_tasks=3)  # error: gives no Plan
p.plan(planner, verdict, agents=[again], max_tasks=3)  # error: takes str, not Verdict
p.plan(planner, topic, agents=[again])  # error: max_tasks is missing
p.plan(planner, topic, agents=[child], max_tasks=3)  # error: a pipeline is no agent
made: Ref[PlanResult[Facts]] = p.plan(planner, topic, agents=[again], max_tasks=3)  # error: Verdicts

# -- pipelines
p.returns(facts)  # error: Facts is no Verdict
p.returns(verdict.or_hole())  # error: a hole is no Verdict
p.returns(judge)  # error: an agent is no ref
Pipeline("q", takes=Page(text="x"), gives=Facts)  # error: a value is no type
Pipeline("q", takes=Page)  # error: no gives
App(pipelines=[read])  # error: an agent is no pipeline
App(agents=[plain])  # error: no agent


# -- agents and tools
@agent(above="cut")  # error: no such way
async def a1(ctx: Context, page: Page) -> Facts:
    raise NotImplementedError


@agent(window="128k")  # error: tokens are a number
async def a2(ctx: Context, page: Page) -> Facts:
    raise NotImplementedError


@agent(temperature=0.3)  # error: no such term
async def a3(ctx: Context, page: Page) -> Facts:
    raise NotImplementedError


@agent(tools=[plain])  # error: no tool
async def a4(ctx: Context, page: Page) -> Facts:
    raise NotImplementedError


@agent(merge=merge_ints)  # error: merges int, not Facts
async def a5(ctx: Context, page: Page) -> Facts:
    raise NotImplementedError


@agent(merge=plain)  # error: no agent
async def a6(ctx: Context, page: Page) -> Facts:
    raise NotImplementedError


@agent  # error: not async
def a7(ctx: Context, page: Page) -> Facts:
    raise NotImplementedError


@tool  # error: not async
def t1(query: str) -> str:
    raise NotImplementedError


async def submits(fleet: Argosy, shelf: Pipeline[Shelf, str]) -> None:
    await fleet.submit(shelf, Page(text="x"))  # error: Page is no Shelf
    await fleet.submit(shelf, Shelf(topic="x", pages=[]), priority="high")  # error: a number
    await fleet.submit("shelf", Shelf(topic="x", pages=[]))  # error: a published one takes JSON
    run = await fleet.submit(shelf, Shelf(topic="x", pages=[]))
    number: int = await run.result()  # error: str is no int
    fleet.submit_many(shelf, [Page(text="x")])  # error: Page is no Shelf
    fleet.submit_many(shelf, [], run_id="s")  # error: one id for all
    fleet.run("r", "shelf")  # error: no pipeline
    await fleet.run("r").result(timeout=3)  # error: no such parameter


@agent
async def body(ctx: Context, page: Page) -> Facts:
    await read(ctx, "x")  # error: str is no Page
    await read(Page(text="x"))  # error: the context is missing
    text: str = await read(ctx, page)  # error: Facts is no str
    await ctx.tools.call(look_up, 3)  # error: int is no str
    await ctx.tools.call(look_up, "x", most=3)  # error: no such parameter
    await ctx.tools.call(plain, ctx, page)  # error: no tool
    number: int = await ctx.tools.call(look_up, "x")  # error: list[str] is no int
    await ctx.step("s", store, "key")  # error: the text is missing
    await ctx.step("s", store, "key", 3)  # error: int is no str
    stored: str = await ctx.step("s", store, "key", "text")  # error: int is no str
    answer: Facts = await ctx.model.ask("x")  # error: str is no Facts
    other: str = await ctx.model.ask("x", returns=Facts)  # error: Facts is no str
    await ctx.model.ask(3)  # error: int is no prompt
    await ctx.progress("x", done="half")  # error: a number
    ctx.tokens.left = 3  # error: read-only
    ctx.idempotency_key(3)  # error: a name is text
    raise Retry("x", after="5s")  # error: no such parameter
