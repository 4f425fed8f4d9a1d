"""The built-in coder writes one part; the mender changes what the reviewer or the tests found. Both commit once."""

from argosy.agents.planner import RESERVE_TOKENS
from argosy.agents.researcher import MODEL
from argosy.agents.team_work import Assignment, Change, Part, Review, Sources, Work
from argosy.agents.workshop import NotOurs, Said, committed, protected, read
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context

_WHOLE = "Answer with whole files: path and text. Write nothing that you don't change."


@agent(name="coder", model=MODEL, reserve=RESERVE_TOKENS)
async def coder(ctx: Context, part: Part, assignment: Assignment) -> Change:
    """Write the part's files, and no others."""
    files = await read(assignment, assignment.base)
    prompt = (
        f"{files}\nGoal of the team: {assignment.goal}\n\nPart: {part.name}\n{part.task}\n"
        f"Your files, and no others: {', '.join(part.files)}\n{_WHOLE}"
    )
    sources = await ctx.model.ask(prompt, returns=Sources, name="code")
    others = [file.path for file in sources.files if file.path not in part.files or protected(file.path)]
    if others:
        raise NotOurs(f"{others[0]} is no file of the part {part.name!r}")
    message = f"Write {part.name}\n\n{part.task}"
    commit = await ctx.step(
        "commit", committed, assignment, ctx.task_id, assignment.base, sources.files, Said("coder", message)
    )
    return Change(part=part.name, commit=commit)


@agent(name="mender", model=MODEL, reserve=RESERVE_TOKENS)
async def mender(ctx: Context, work: Work, review: Review) -> Work:
    """Change what was found; where nothing was, the commit stays, and is approved."""
    number = work.round + 1
    failing = number > 1 and not work.passed
    if review.approved and not failing:
        return work.model_copy(update={"round": number, "approved": True, "remarks": review.remarks})
    found = "\n".join(f"- {remark}" for remark in review.remarks)
    tests = f"The tests failed:\n{work.output}\n" if failing else ""
    files = await read(work.assignment, work.commit.commit)
    prompt = (
        f"{files}\nGoal: {work.assignment.goal}\n\nRound {number}. Mend what was found.\n"
        f"The reviewer says:\n{found or '- nothing'}\n{tests}{_WHOLE} Don't change tests."
    )
    sources = await ctx.model.ask(prompt, returns=Sources, name="mend")
    mended = [file for file in sources.files if not protected(file.path)]
    remarks = review.remarks
    if len(mended) < len(sources.files):
        # Who may change the tests can make any code pass them.
        refused = ", ".join(file.path for file in sources.files if protected(file.path))
        ctx.log.warning("protected files were left as they are", files=refused)
        remarks = [*remarks, f"Files that may not be changed were left as they are: {refused}"]
    message = f"Mend what round {number} found\n\n{found}"
    commit = await ctx.step(
        "commit", committed, work.assignment, ctx.task_id, work.commit.commit, mended, Said("mender", message)
    )
    return work.model_copy(update={"round": number, "commit": commit, "approved": False, "remarks": remarks})
