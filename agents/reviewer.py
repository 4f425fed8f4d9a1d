"""The built-in reviewer: reads all changes since the base."""

import asyncio

from argosy.agents.planner import RESERVE_TOKENS
from argosy.agents.researcher import MODEL
from argosy.agents.team_work import Review, Work
from argosy.agents.workshop import read, repository_of
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context

_ASK = (
    "Review these changes against the goal. Approve them if they reach it and you'd merge them; else say in short"
    " remarks what is wrong and where. Tests are run by somebody else."
)


@agent(name="reviewer", model=MODEL, reserve=RESERVE_TOKENS)
async def reviewer(ctx: Context, work: Work) -> Review:
    """Approve, or say what is wrong."""
    repository = repository_of(work.assignment)
    changes = await asyncio.to_thread(repository.changes, work.assignment.base, work.commit.commit)
    files = await read(work.assignment, work.commit.commit)
    prompt = (
        f"{files}\nThe changes:\n{changes}\n\n{_ASK}\n\nGoal: {work.assignment.goal}\nRound {work.round + 1}."
    )
    review = await ctx.model.ask(prompt, returns=Review, name="review")
    await ctx.progress("approved" if review.approved else f"found: {'; '.join(review.remarks)}")
    ctx.log.info("reviewed", approved=review.approved, remarks=len(review.remarks))
    return review
