"""The built-in integrator joins the coders' commits; the release moves `main`. Neither asks a model."""

from argosy.agents.team_work import Assignment, Change, Delivery, Work
from argosy.agents.workshop import Said, merged, released
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context


@agent(name="integrator")
async def integrator(ctx: Context, changes: list[Change], assignment: Assignment) -> Work:
    """Make one commit of all parts, in the plan's order."""
    heads = [change.commit.commit for change in changes]
    message = f"Join {', '.join(change.part for change in changes)}"
    commit = await ctx.step("merge", merged, assignment, ctx.task_id, heads, Said("integrator", message))
    return Work(assignment=assignment, commit=commit)


@agent(name="release")
async def release(ctx: Context, work: Work) -> Delivery:
    """Move `main` to what is approved and passes; leave it where it is else."""
    moved = work.done and await ctx.step("release", released, work.assignment, work.commit.commit)
    return Delivery(
        passed=work.passed,
        approved=work.approved,
        released=moved,
        rounds=work.round,
        commit=work.commit,
        output=work.output,
        isolation=work.isolation,
        remarks=work.remarks,
    )
