"""An app with a step of each kind that makes tasks of its own: pages, a loop, a plan, a pipeline, a map of one."""

from pydantic import BaseModel

from argosy import Context, Pipeline, Plan, PlannedTask, PlanResult, agent, result_of


class Text(BaseModel):
    """What is worked on."""

    text: str
    left: int = 0


@agent(window=400, reserve=20, above="paginate")
async def lines(_: Context, text: Text) -> list[str]:
    """Give each line: page by page."""
    return text.text.splitlines()


@agent
async def mend(_: Context, text: Text) -> Text:
    """Have one less left."""
    return Text(text=text.text, left=text.left - 1)


@agent
async def shout(_: Context, text: str) -> str:
    """Answer."""
    return text.upper()


@agent
async def plan(_: Context, text: Text) -> Plan:
    """Two tasks, one after the other."""
    return Plan(
        tasks=[
            PlannedTask(key="one", agent="shout", inputs={"text": str(text.left)}),
            PlannedTask(key="two", agent="shout", inputs={"text": result_of("one")}),
        ]
    )


@agent
async def bind(
    _: Context, lines: list[str], mended: Text, planned: PlanResult[str], whole: str, each: list[str]
) -> str:
    """The join."""
    return f"{len(lines)} {mended.left} {len(planned.results)} {whole} {len(each)}"


inner = Pipeline("inner", takes=str, gives=str)
inner.returns(inner.step(shout, inner.step(shout, inner.input, name="one"), name="two"))

kinds = Pipeline("kinds", takes=Text, gives=str)
_lines = kinds.step(lines, kinds.input, name="lines")
_mended = kinds.loop(mend, kinds.input, until=lambda text: text.left <= 0, max_iterations=5, name="mend")
_planned = kinds.plan(plan, kinds.input, agents=(shout,), max_tasks=3, name="plan")
_whole = kinds.step(inner, kinds.input.pick(lambda text: text.text), name="whole")
_each = kinds.map(inner, over=_lines.query("[:2]", list[str]), name="each")
kinds.returns(kinds.step(bind, _lines, _mended, _planned, _whole, _each, name="bind"))
