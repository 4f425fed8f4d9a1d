"""A software team on a repository of yours: planner, coders in parallel, reviewer and test runner until all is green.

    argosy dev examples/software_team.py       then, in another shell:
    python examples/software_team.py FOLDER "what is to be done"

FOLDER's HEAD is brought into the workshop (`ARGOSY_WORKSHOP__FOLDER`); FOLDER stays as it is, the result is fetched
with git. The tests (`ARGOSY_WORKSHOP__TEST_COMMAND`) run in a sandbox: no network, limits, their own checkout. Killed
anywhere, no task commits twice. Needs git and bubblewrap.
"""

import sys
from pathlib import Path

from pydantic import BaseModel

import argosy
from argosy import Context, Pipeline, agent
from argosy.agents.coder import coder, mender
from argosy.agents.git import Git
from argosy.agents.integrator import integrator, release
from argosy.agents.planner import planner
from argosy.agents.repository import Repository
from argosy.agents.reviewer import reviewer
from argosy.agents.team_work import Assignment, Delivery, Work
from argosy.agents.tester import tester
from argosy.schemas.settings import Settings

ROUNDS = 5


class Report(BaseModel):
    """The result: what was delivered, and a note on it for people."""

    delivery: Delivery
    note: str


@agent(model="openai:gpt-5-mini", reserve=512)
async def announce(ctx: Context, delivery: Delivery, assignment: Assignment) -> Report:
    """Write a release note: an agent of yours beside the built-in ones."""
    if not delivery.released:
        return Report(delivery=delivery, note="Nothing was released.")
    done = f"{assignment.goal}\n\nThis was done, and its tests pass."
    return Report(
        delivery=delivery, note=await ctx.model.ask(f"{done} Write a release note of one sentence.")
    )


round_ = Pipeline("team-round", version="1", takes=Work, gives=Work)
mended = round_.step(mender, round_.input, round_.step(reviewer, round_.input))
round_.returns(round_.step(tester, mended))

team = Pipeline("team", version="1", takes=Assignment, gives=Report)
plan = team.step(planner, team.input)
changes = team.map(coder, over=plan.pick(lambda p: p.parts), sharing=team.input, max_parallel=8)
joined = team.step(integrator, changes, team.input)
work = team.loop(
    round_, joined, until=lambda w: w.done, max_iterations=ROUNDS, exhausted="last", name="round"
)
team.returns(team.step(announce, team.step(release, work), team.input))


def cloned(folder: Path) -> tuple[Repository, str]:
    """Bring a folder's HEAD into the workshop; return the repository there, and its name."""
    name = "".join(sign if sign.isalnum() else "-" for sign in folder.resolve().name.lower()).strip("-")
    there = Settings().workshop.folder.absolute() / f"{name}.git"
    there.mkdir(parents=True, exist_ok=True)
    git = Git(there)
    git("init", "--quiet", "--bare", "--initial-branch=main", ".")  # of one that is there: nothing
    git("fetch", "--quiet", str(folder.resolve()), "+HEAD:refs/heads/main")
    return Repository(git), name


if __name__ == "__main__":
    repository, name = cloned(Path(sys.argv[1]))
    goal = Assignment(goal=sys.argv[2], repository=name, base=repository.head().commit)
    report = argosy.run(team, goal)
    done = report.delivery
    print(done.output)
    print(f"tests {'pass' if done.passed else 'fail'}, run in: {done.isolation}; rounds: {done.rounds}")
    print(report.note)
    print(f"git fetch {repository.git.folder} main" if done.released else "main stays where it was")
    sys.exit(0 if done.released else 1)
