"""Loops as people see them: in a pipeline, in the tree of a run, among its tasks."""

from argosy.console.dag import branches, in_words
from argosy.console.run_history import History, Logged, take
from argosy.console.run_tree import tree
from argosy.console.task_table import rows
from argosy.console.why_kafka import agent_of
from argosy.schemas.envelope import Envelope
from argosy.schemas.facts import ValueFact
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import LogMessage, TaskSettled
from support.fold_pipelines import accepted, looped, mapped_pipeline, pipeline, succeeded, task
from support.fold_plans import AGENTS, a_task, of, plan_facts, planning

FIX = pipeline(looped("fix", "input", until="passed", max_iterations=3), task("last", "fix"))
INNER = pipeline(task("x", "input"), task("y", "x"))
WHOLE = pipeline(looped("round", "input", runs=INNER, until="passed", exhausted="last"))


def done(local: str, *, passed: bool = False) -> TaskSettled:
    return worked(succeeded(local, facts={"value:passed": ValueFact(kind="value", value=passed)}))


def worked(settled: TaskSettled) -> TaskSettled:
    """One that a worker wrote, not the lane for itself."""
    return settled.model_copy(update={"worker": "h-1", "deliveries": 1})


def history(compiled: CompiledPipeline, *messages: LogMessage) -> History:
    found = History("r")
    for offset, message in enumerate((accepted(compiled, rules=2), *messages), 10):
        envelope = Envelope(kind=message.KIND, id=str(offset), source="argosy/worker/h-1", subject="r")
        take(found, Logged(0, offset, 1_000 * offset, envelope, message))
    return found


def lines(found: History) -> list[str]:
    return [line.rstrip() for line in tree(found, now_ms=40_000).splitlines()[2:]]


def test_a_pipelines_tree_says_until_when_a_loop_goes_round() -> None:
    assert [in_words(branch.step) for branch in branches(FIX)] == [
        "ag, again on p0 until passed, 3 times at most",
        "ag",
    ]
    (loop, x, y) = branches(WHOLE)
    assert (
        in_words(loop.step) == "pipeline p, again on input until passed, 4 times at most, then its last value"
    )
    assert (x.name, y.name) == ("round~*/x", "round~*/y")


def test_a_runs_tree_says_in_which_iteration_a_loop_is() -> None:
    found = history(FIX)
    assert lines(found)[0].startswith("└─ fix  ag  running  iteration 1 of 3 at most, until passed")
    found = history(FIX, done("fix~1"))
    assert lines(found)[0].startswith("└─ fix  ag  running  iteration 2 of 3 at most, until passed")
    assert "fix~2  ag  out" in lines(found)[1]
    found = history(FIX, done("fix~1"), done("fix~2", passed=True))
    assert lines(found)[0] == "└─ fix  ag  succeeded  2 iterations of 3 at most"
    found = history(FIX, done("fix~1"), done("fix~2"), done("fix~3"))
    assert lines(found)[0] == "└─ fix  ag  failed  3 iterations of 3 at most, and never passed"


def test_tasks_that_a_run_has_forgotten_are_told_from_its_log() -> None:
    found = history(FIX, done("fix~1"), done("fix~2"), done("fix~3", passed=True))
    assert [(row.task, row.state, row.attempts) for row in rows(found)] == [
        ("fix", "succeeded", 0),
        ("fix~1", "succeeded", 1),
        ("fix~2", "succeeded", 1),
        ("fix~3", "succeeded", 1),
        ("last", "out", 1),
    ]
    found = history(WHOLE, done("round~1/x"), done("round~1/y"), done("round~2/x"))
    assert [(row.task, row.state) for row in rows(found)] == [
        ("round~1/x", "succeeded"),
        ("round~2/x", "succeeded"),
        ("round~1/y", "succeeded"),
        ("round~2/y", "out"),
        ("round", "running"),
    ]


def test_loops_in_maps_are_summed_up() -> None:
    each = pipeline(mapped_pipeline("m", FIX, "input"))
    found = history(each)
    assert [branch.name for branch in branches(each)] == ["m", "m.*/fix", "m.*/last"]
    assert agent_of(found, "m.0/fix~2") == "ag"


def test_tasks_of_plans_that_a_run_has_forgotten_are_told_too() -> None:
    inner = pipeline(planning(), task("y", "q"), agents=AGENTS)
    compiled = pipeline(looped("l", "input", runs=inner, until="passed"), agents=AGENTS)
    plan, bad = (
        plan_facts({"tasks": [a_task("x"), a_task("v", of("x"))]}),
        plan_facts({"tasks": [a_task("p1")]}),
    )
    found = history(
        compiled,
        worked(succeeded("l~1/q", facts=bad)),
        worked(succeeded("l~1/q", 2, facts=plan)),
        worked(succeeded("l~1/q/x")),
        worked(succeeded("l~1/q/v")),
        worked(succeeded("l~1/q/=")),
        done("l~1/y"),
        worked(succeeded("l~2/q", facts=plan_facts({"tasks": [a_task("w", agent="bg")]}))),
    )
    assert found.state is not None
    assert found.state.task("l~1/q/x") is None
    assert [(row.task, row.agent, row.state) for row in rows(found) if "/q" in row.task] == [
        ("l~1/q", "planner", "succeeded"),
        ("l~1/q/x", "ag", "succeeded"),
        ("l~1/q/v", "ag", "succeeded"),
        ("l~2/q", "planner", "succeeded"),
        ("l~2/q/w", "bg", "out"),
    ]
    assert "l~1/q/v" in tree(found, now_ms=40_000, shards=True)
