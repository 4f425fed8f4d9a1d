"""A plan is its tasks, written out as steps: random plans, run as both, side by side."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.coordinator.inputs import Given
from argosy.schemas.canonical import canonical_hash
from argosy.schemas.payload import Inline
from argosy.schemas.task import HoleInput, TaskInput
from support.fold_log import FoldLog
from support.fold_pipelines import Data, failed, pipeline, succeeded
from support.fold_plans import AGENTS, a_task, begun, log_of, of, planning, plans

ENDS = ["good"] * 6 + ["again", "bad"]


@st.composite
def drawn_plans(draw: st.DrawFn) -> list[Data]:
    """A plan in an order that says nothing: later tasks read earlier ones, then all are shuffled."""
    tasks: list[Data] = []
    for number in range(draw(st.integers(0, 7))):
        earlier = [str(task["key"]) for task in tasks]
        some = draw(st.lists(st.sampled_from(earlier), max_size=3, unique=True)) if earlier else []
        reads = [of(key, or_hole=draw(st.booleans())) for key in some]
        after = draw(st.lists(st.sampled_from(earlier), max_size=2, unique=True)) if earlier else []
        gathers = draw(st.booleans()) and bool(reads)
        inputs = (reads,) if gathers else (f"value {number}", *reads)
        tasks.append(a_task(f"t{number}", *inputs, agent=draw(st.sampled_from(["ag", "bg"])), after=after))
    return draw(st.permutations(tasks))


def written_out(tasks: list[Data]) -> FoldLog:
    """The same tasks as steps of a pipeline, each list of results as one input for each."""
    left, steps = list(tasks), list[Data]()
    while left:
        there = {step["name"] for step in steps}
        task = next(task for task in left if _reads(task) <= there)
        left.remove(task)
        inputs: list[Data] = []
        for value in _values(task):
            name = f"p{len(inputs)}"
            if isinstance(value, dict):
                inputs.append({"name": name, "from": value["result_of"], "hole": value["or_hole"]})
            else:
                inputs.append({"name": name, "value": value})
        after = [{"from": key} for key in task["after"]]
        steps.append(
            {"name": task["key"], "kind": "task", "agent": task["agent"], "inputs": inputs, "after": after}
        )
    waits = [{"from": step["name"], "hole": True} for step in steps]
    steps.append({"name": "z", "kind": "task", "agent": "planner", "inputs": [], "after": waits})
    return begun(pipeline(*steps, agents=AGENTS))


def _values(task: Data) -> list[Data | str]:
    found: list[Data | str] = []
    for value in task["inputs"].values():
        found += value if isinstance(value, list) else [value]
    return found


def _reads(task: Data) -> set[object]:
    return {*(value["result_of"] for value in _values(task) if isinstance(value, dict)), *task["after"]}


class Both:
    """A plan, and the same written out, run by fold; how each attempt ends follows from its task's key alone."""

    def __init__(self, tasks: list[Data], parallel: int, salt: int) -> None:
        self.keys = [str(task["key"]) for task in tasks]
        self.parallel, self.salt = parallel, salt
        self.plan, self.steps = log_of(planning(max_parallel=parallel)), written_out(tasks)
        plans(self.plan, *tasks)
        self.check()

    def act(self, data: st.DataObject) -> bool:
        """Let one thing happen to the plan, and the same to the steps if it can; False if nothing is left."""
        out, retries = sorted(self.plan.out), sorted(name for name in self.plan.timers if name != "deadline")
        if not out and not retries:
            return False
        what = data.draw(st.sampled_from([*out, *retries]))
        if what in retries:
            self.plan.fire(what)
        else:
            self.end(self.plan, what)
        self.check()
        return True

    def end(self, log: FoldLog, local: str) -> None:
        key, attempt = local.rpartition("/")[2], log.out[local]
        how = ENDS[int(canonical_hash([self.salt, key, attempt])[:8], 16) % len(ENDS)]
        if how == "good":
            log.add(succeeded(local, attempt, value=f"{key}#{attempt}"))
        else:
            log.add(failed(local, attempt, retriable=how == "again"))

    def check(self) -> None:
        state = self.plan.state
        assert state is not None
        under = [local for local in state.tasks() if local.startswith("q/")]
        running = [local for local in under if self.plan.letter(local) in "rb"]
        assert len(running) <= self.parallel
        assert state.step("q").open == len(running)

    def finish(self) -> None:
        """Run the steps to their end, and compare."""
        while self.steps.out != {"z": 1}:
            retries = [name for name in self.steps.timers if name != "deadline"]
            out = [local for local in self.steps.out if local != "z"]
            if out:
                self.end(self.steps, out[0])
            else:
                self.steps.fire(retries[0])
        one, other = self.plan.state, self.steps.state
        assert one is not None
        assert other is not None
        for key in self.keys:
            mine, same = one.step(f"q/{key}"), other.step(key)
            assert mine.letter == same.letter
            assert (mine.cause is None) == (same.cause is None)
            if mine.cause is not None and same.cause is not None:
                assert mine.cause.local == f"q/{same.cause.local}"
        look = self.plan.look("q/=")
        assert look.keys == tuple(self.keys)
        for key, entry in zip(self.keys, look.at.gathered or (), strict=True):
            assert isinstance(entry, HoleInput) == (other.step(key).letter != "k")
            assert isinstance(entry, HoleInput) or entry == other.result(key).payload


def said(given: TaskInput | Given) -> list[object]:
    """What a task reads, however it comes."""
    entries = (given.source,) if given.gathered is None else given.gathered
    return [entry.value if isinstance(entry, Inline) else "a hole" for entry in entries]


@pytest.mark.timeout(400)
@settings(max_examples=150, deadline=None)
@given(drawn_plans(), st.sampled_from([1, 2, 1000]), st.integers(0, 10**6), st.data())
def test_a_plan_is_its_tasks_written_out(
    tasks: list[Data], parallel: int, salt: int, data: st.DataObject
) -> None:
    both = Both(tasks, parallel, salt)
    while both.act(data):
        pass
    both.finish()


@settings(max_examples=80, deadline=None)
@given(drawn_plans())
def test_each_task_is_given_what_it_names(tasks: list[Data]) -> None:
    plan, steps = log_of(planning(max_parallel=1000)), written_out(tasks)
    plans(plan, *tasks)
    while plan.out:
        assert sorted(plan.out) == sorted(f"q/{local}" for local in steps.out)
        for local in sorted(plan.out):
            key = local.removeprefix("q/")
            mine = [part for each in plan.dispatch(local).inputs for part in said(each)]
            same = [part for each in steps.dispatch(key).inputs for part in said(each)]
            assert mine == same
        local = min(plan.out)
        key = local.removeprefix("q/")
        plan.add(succeeded(local, 1, value=key))
        steps.add(succeeded(key, 1, value=key))
    assert plan.look("q/=").keys == tuple(task["key"] for task in tasks)
