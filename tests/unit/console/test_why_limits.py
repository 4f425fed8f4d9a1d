"""A run that waits for a limit is told so, with figures: of a model, of its budget, of its tenant's day."""

from dataclasses import replace

from argosy.agents.bucket_figures import BucketFigures, ModelWait
from argosy.agents.budget_figures import Asked, BudgetFigures, TenantFigures
from argosy.broker.fullness import Fullness
from argosy.console.why import text_of
from argosy.console.why_facts import AgentIs, Claimed, Facts, Group, LaneIs, LimitsAre, RunIs, Service, TaskIs
from argosy.console.why_rules import judge
from argosy.schemas.settings import ModelLimits

NOW = 1_700_000_000_000
LIMITS = ModelLimits(requests_per_minute=60, tokens_per_minute=9_000, calls=4)
BUCKET = BucketFigures("openai:m", "default", LIMITS, -70, 0.5, 4, {"critic": 7, "poet": 2}, 3.0, 0.75, 90, 1)
BUDGET = BudgetFigures(300, 0, 150, 0, 500, None, {"critique": Asked(100, 0, NOW)})
TASK = TaskIs("critique", "critic", "r", attempt=2, attempts=4, out=True, partition=1, offset=30, committed=4)
CLAIMED = replace(TASK, claim=Claimed("h-1", NOW - 3_000, NOW + 9_000, present=True))
FACTS = Facts(
    run_id="r",
    now_ms=NOW,
    kafka=Service("k"),
    redis=Service("r"),
    lanes=Group("lanes", "runs", 1, 0, 0.0),
    lane=LaneIs(3, 20, owner="c-1", next=20, layout=1, newest_layout=1, live=True),
    run=RunIs(10, NOW - 60_000, NOW + 600_000, "p@1", 2, 2),
    tasks=(TASK,),
    agents={"critic": AgentIs("critic", Group("g", "t", 2, 40, 9.0), ("h-1",), 8, 2, 8)},
)


def test_a_task_that_waits_for_its_turn_is_told_so_with_the_figures_of_the_bucket() -> None:
    wait = ModelWait("r/critique", 2, BUCKET, 120, 5)
    for task in (TASK, CLAIMED):
        cause = judge(replace(FACTS, tasks=(task,), limits=LimitsAre((BUCKET,), (wait,)))).cause
        assert (cause.code, cause.figures["ahead"], cause.figures["waiting"]) == ("model_limit", 5, 9)
        assert "waits for its turn at the limit of openai:m: a call of 120 tokens" in cause.what
        assert cause.why.startswith(
            "the server wants patience for 3.0 s, 0.5 requests there, of 60 a minute, -70 tokens there, of 9000 a"
            " minute, 4 of 4 calls under way, at 75% of the rate, as the server was busy, 9 calls waiting; 5 calls"
        )
        assert "argosy limits" in cause.do
    away = replace(wait, ahead=None)
    assert "gave its slot" in judge(replace(FACTS, limits=LimitsAre((BUCKET,), (away,)))).cause.why


def test_a_wait_of_another_attempt_or_task_is_none_of_this_one() -> None:
    calm = replace(BUCKET, waiting={})
    for wait in (ModelWait("r/critique", 1, calm, 1, 0), ModelWait("r/critiques", 2, calm, 1, 0)):
        found = judge(replace(FACTS, tasks=(CLAIMED,), limits=LimitsAre((calm,), (wait,))))
        assert found.cause.code == "in_handler"


def test_a_task_behind_others_that_wait_for_a_model_is_not_told_to_start_workers() -> None:
    cause = judge(replace(FACTS, limits=LimitsAre((BUCKET,)))).cause
    assert cause.code == "model_limit"
    assert "lies behind others of critic that wait for the limit of openai:m" in cause.what
    assert "more workers make it go no faster" in cause.do
    other = replace(BUCKET, waiting={"poet": 2})
    assert judge(replace(FACTS, limits=LimitsAre((other,)))).cause.code == "worker_behind"


def test_a_worker_that_died_at_a_limit_is_told_first() -> None:
    gone = replace(TASK, claim=Claimed("h-1", NOW - 3_000, NOW + 9_000, present=False))
    wait = ModelWait("r/critique", 2, BUCKET, 120, 5)
    assert (
        judge(replace(FACTS, tasks=(gone,), limits=LimitsAre((BUCKET,), (wait,)))).cause.code == "worker_gone"
    )


def test_a_task_that_waits_for_room_in_a_budget_is_told_so_with_what_it_asks_for() -> None:
    found = judge(replace(FACTS, tasks=(CLAIMED,), limits=LimitsAre(budget=BUDGET)))
    assert found.cause.code == "budget_reserved"
    assert (
        "300 of 500 tokens spent and 150 reserved by calls under way; it asks for 100 tokens"
        in found.cause.why
    )
    day = TenantFigures("team", replace(BUDGET, waiting={"r/critique": Asked(100, 0, NOW)}))
    found = judge(replace(FACTS, tasks=(CLAIMED,), limits=LimitsAre(tenant=day)))
    assert found.cause.code == "tenant_reserved"
    assert "the day's budget of tenant team" in found.cause.what


def test_how_the_budget_of_a_run_stands_is_told_beside_whatever_it_waits_for() -> None:
    found = judge(replace(FACTS, limits=LimitsAre(budget=replace(BUDGET, waiting={}))))
    assert (found.cause.code, found.others[-1].code) == ("worker_behind", "budget")
    assert found.others[-1].figures["reserved_tokens"] == 150


def test_a_run_that_nobody_knows_may_be_one_that_its_client_holds_back_while_the_fleet_is_full() -> None:
    nobody = replace(FACTS, run=None, tasks=(), fullness=Fullness(runs=7, most_runs=7, bytes=1, most_bytes=9))
    assert "its client waits for room" in judge(nobody).cause.why
    roomy = replace(nobody, fullness=Fullness(runs=6, most_runs=7, bytes=1, most_bytes=9))
    assert "room" not in judge(roomy).cause.why
    of_one = Fullness(runs=6, most_runs=7, bytes=1, most_bytes=9, pipelines={"p": (2, 2)})
    assert "2 runs of p are under way, 2 may be" in judge(replace(nobody, fullness=of_one)).cause.why


def test_what_is_so_of_several_tasks_is_said_once() -> None:
    nobody = replace(FACTS.agents["critic"], group=Group("g", "t", 0, 40, 9.0))
    tasks = tuple(replace(TASK, local=f"a.{number}") for number in range(5))
    found = judge(replace(FACTS, tasks=tasks, agents={"critic": nobody}))
    assert len(found.others) == 4
    assert text_of(found).count("no worker serves agent critic") == 1
