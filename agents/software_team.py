"""The built-in software team: `argosy worker argosy.agents.software_team`.

A planner cuts a goal into parts, coders write them at the same time, each in a commit of its own; an integrator joins
them. Then, round for round, a reviewer reads, a mender changes what was found and a test runner runs the tests in a
sandbox, until one commit is both approved and green, or the rounds are used up. `main` moves last, if at all.
"""

from typing import Final

from argosy.agents.coder import coder, mender
from argosy.agents.integrator import integrator, release
from argosy.agents.planner import planner
from argosy.agents.reviewer import reviewer
from argosy.agents.team_work import Assignment, Delivery, Work
from argosy.agents.tester import tester
from argosy.pipelines.pipeline import Pipeline

ROUNDS: Final = 5

team_round = Pipeline("software-team-round", version="1", takes=Work, gives=Work)
_review = team_round.step(reviewer, team_round.input, name="review")
_mended = team_round.step(mender, team_round.input, _review, name="mend")
team_round.returns(team_round.step(tester, _mended, name="test"))

software_team = Pipeline("software-team", version="1", takes=Assignment, gives=Delivery)
_plan = software_team.step(planner, software_team.input, name="plan")
_changes = software_team.map(
    coder, over=_plan.pick(lambda plan: plan.parts), sharing=software_team.input, max_parallel=8, name="code"
)
_work = software_team.step(integrator, _changes, software_team.input, name="join")
_last = software_team.loop(
    team_round, _work, until=lambda work: work.done, max_iterations=ROUNDS, exhausted="last", name="round"
)
software_team.returns(software_team.step(release, _last, name="release"))
