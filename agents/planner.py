"""The built-in planner: cuts a goal into parts for coders who work at the same time."""

from argosy.agents.researcher import MODEL
from argosy.agents.team_work import Assignment, Plan
from argosy.agents.workshop import protected, read
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.schemas.errors import Reject

RESERVE_TOKENS = 8192
_ASK = (
    "You plan the work of programmers who work at the same time and don't talk to each other. Cut the goal into parts:"
    " for each a short name, the files that it alone may write, and what to do, with all that its programmer must know"
    " of the other parts (names, signatures). No file may be in two parts. Don't change tests."
)


@agent(name="planner", model=MODEL, reserve=RESERVE_TOKENS)
async def planner(ctx: Context, assignment: Assignment) -> Plan:
    """Ask for a plan, and refuse one that gives a file to two coders."""
    files = await read(assignment, assignment.base)
    plan = await ctx.model.ask(f"{files}\n{_ASK}\n\nGoal: {assignment.goal}", returns=Plan, name="plan")
    given = [path for part in plan.parts for path in part.files]
    twice = sorted({path for path in given if given.count(path) > 1})
    if twice:
        raise Reject(f"the plan gives {', '.join(twice)} to two parts")
    fixed = [path for path in given if protected(path)]
    if fixed:
        raise Reject(f"the plan gives away {fixed[0]}, which may not be changed")
    await ctx.progress(f"parts: {', '.join(part.name for part in plan.parts)}")
    ctx.log.info("planned", parts=[part.name for part in plan.parts])
    return plan
