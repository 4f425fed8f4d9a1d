"""Random pipelines, outcomes, orders, duplicates, late and stale settles, against the slow reference."""

import random
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.coordinator.messages import ended_of, result_of, written_result
from argosy.coordinator.paging import paging_of
from argosy.coordinator.plan import index
from argosy.coordinator.run_plan import plan_in
from argosy.coordinator.state import RunState
from argosy.coordinator.system_tasks import wants_for
from argosy.coordinator.unsupported import unsupported
from argosy.coordinator.waiting import waiting_of
from argosy.coordinator.wants import wants_of
from argosy.schemas.codec import encode_body
from argosy.schemas.edges import Constant
from argosy.schemas.facts import Facts
from argosy.schemas.pipeline import ApprovalStep, CompiledPipeline, SignalStep
from argosy.schemas.reuse import Reused
from argosy.schemas.runlog import BudgetReceived, CancelReceived, SignalReceived, TaskSettled, TimerFired
from argosy.schemas.task import HoleInput, PageOf, TaskDispatched
from support import reference_summaries
from support.fold_log import FoldLog
from support.fold_pipelines import (
    WINDOWS,
    Data,
    accepted,
    cut_pipelines,
    facts_for,
    failed,
    pipelines,
    planned,
    planning_pipelines,
    spent,
    succeeded,
    text,
    waiting_pipelines,
)
from support.fold_plans import a_task, of, plan_facts
from support.reference import Reference
from support.reference_asking import Purse
from support.reference_pages import above_of, ends_all, merged, round_of
from support.reference_summaries import cuts_of, is_plan
from support.reference_summaries import planned as summaries_planned
from support.reference_waits import hash_about, is_over, kept

if TYPE_CHECKING:
    from pydantic import JsonValue

FAST = settings(max_examples=200, deadline=None)

ACTS = st.sampled_from(["settle"] * 5 + ["fire"] * 3 + ["late"] * 2 + ["look"] * 4 + ["repeat", "stale"])

SIGNAL_ACTS = st.sampled_from(
    ["signal"] * 8 + ["settle"] * 5 + ["fire"] + ["look"] * 6 + ["late", "repeat", "stale"]
)

ASKING_ACTS = st.sampled_from(
    ["answer"] * 3 + ["settle"] * 9 + ["fire"] + ["look"] * 4 + ["late", "repeat", "stale"]
)

ENDS = ["good", "good", "again", "again", "large", "bad"]
CUT_ENDS = ["large"] * 6 + ["good", "again", "bad"]
PAGE_ENDS = ["good"] * 24 + ["again", "again", "large", "large", "bad"]
"""Of pages: else few of them would come to a merge."""
SUMMARY_TOKENS = (2, 2, 2, 5_000, 20_000, 45_000)
PAGES = [0] + [1, 2, 3, 5, 20] * 5


class Race:
    """One pipeline, run by fold and by the reference side by side."""

    def __init__(
        self,
        compiled: CompiledPipeline,
        data: st.DataObject,
        ends: list[str] = ENDS,
        again: "Race | None" = None,
        on_spent: str = "",
    ) -> None:
        """`again` is a race of the same pipeline that is over: some of what its tasks left is given to this one."""
        self.pipeline, self.data, self.ends = compiled, data, ends
        self.acts = ACTS
        self.left: dict[str, Reused] = {}
        """What tasks had left when the run's end was decided."""
        self.chance = data.draw(st.randoms(use_true_random=True))
        if again is None:
            self.facts, reused = data.draw(facts_for(wants_of(compiled, "input"))), {}
        else:
            self.facts, share = again.facts, self.chance.choice((0.3, 0.8, 1))
            # The reference is told rooms by fold, and can't be of summaries that begin in the very event that it folds.
            plan = index(compiled)
            reused = {
                local: left
                for local, left in again.left.items()
                if self.chance.random() < share
                and not (
                    (place := plan.find(local)) and place.system and place.step.terms.above == "summarise"
                )
            }
        facts = self.facts
        self.log, self.reference = FoldLog(), Reference(compiled, facts)
        self.reference.handed = {local: as_settle(local, left) for local, left in reused.items()}
        self.stale: list[TimerFired] = []
        self.compared: set[tuple[str, int]] = set()
        """What was out at the last comparison: its inputs stay as they are."""
        self.reference.room_of = self.room_of
        self.reference.begin()
        budget = {"budget": 100, "on_spent": on_spent, "ask_ms": 5_000} if on_spent else {}
        self.reference.purse = Purse(100 if on_spent else None, asks=on_spent == "ask")
        self.log.add(accepted(compiled, facts=facts, rules=2, windows=WINDOWS, reused=reused, **budget))
        self.compare()
        assert not self.log.ordered & {(local, 1) for local in reused}

    def room_of(self, local: str) -> int:
        paging = None if self.log.state is None else paging_of(self.log.state, local)
        assert paging is not None
        return paging.room

    @property
    def is_over(self) -> bool:
        return self.reference.outcome is not None

    def settle(self, message: TaskSettled) -> None:
        self.reference.settled(message)
        self.log.add(message)
        self.compare()

    def success(self, local: str, attempt: int) -> TaskSettled:
        state = self.log.state
        assert state is not None
        place = plan_in(state).find(local)
        if place is not None and place.system is not None and local not in state.tasks():
            place = None
        if place is not None and place.step.allowed is not None:
            return succeeded(local, attempt, facts=plan_facts(drawn_plan(self.chance)), tokens=attempt)
        if place is not None and place.role == "plan":
            return succeeded(local, attempt, facts=self.planned(local), tokens=attempt)
        facts = self.data.draw(facts_for(() if place is None else wants_for(state, place)))
        settled = succeeded(local, attempt, facts=facts, tokens=attempt)
        if place is not None and place.role == "summary":
            result = text(f"{local}#{attempt}", self.chance.choice(SUMMARY_TOKENS))
            settled = settled.model_copy(update={"result": result})
        return settled

    def planned(self, local: str) -> Facts:
        """Say of a plan that it has some number of pages."""
        pages = self.chance.choice(PAGES)
        where, name = self.reference.at(local)
        assert where is not None
        if not where.summarises(name):
            return planned(pages)
        kept = self.chance.choice((0, 100, 9_000))
        return summaries_planned(pages, kept, kept + self.chance.choice((9_000, 60_000, 500_000)))

    def overflow(self, local: str, attempt: int) -> TaskSettled:
        """Settle as too large what `bg` was given, anything else as failed."""
        assert self.log.state is not None
        place = plan_in(self.log.state).find(local)
        bad = failed(local, attempt, tokens=attempt)
        if place is None or place.agent != "bg":
            return bad
        return bad.model_copy(update={"outcome": "overflow", "measured_tokens": 200_000})

    def answer(self, local: str, *, good: bool) -> None:
        """Answer a look, as the lane would."""
        look = self.log.look(local)
        if look.at.gathered is not None and not look.canonical:
            step = local.removesuffix("/=")
            assert len(look.at.gathered) == self.log.state.step(step).length if self.log.state else False
        facts = self.data.draw(facts_for(look.wants))
        self.settle(succeeded(local, look.attempt, facts=facts) if good else failed(local, look.attempt))

    @property
    def spends(self) -> bool:
        return self.reference.purse.budget is not None

    def spent(self, local: str, attempt: int) -> TaskSettled:
        """Settle as refused by the budget: as it is now, or as it was once."""
        limits = [100, *range(200, (self.reference.purse.budget or 0) + 1, 100)]
        return spent(local, attempt, limit=self.chance.choice([limits[-1], *limits]), tokens=attempt)

    def answer_budget(self) -> None:
        """Raise the budget or not, or say no; or repeat what was said."""
        number = self.chance.randint(0, 9)
        more = (self.reference.purse.budget or 0) + self.chance.choice((-100, 0, 100, 100))
        refused = self.chance.random() < 0.2
        answer = BudgetReceived(answer_id=f"{number}", tokens=None if refused else more, refused=refused)
        self.reference.answered(answer)
        self.log.add(answer)
        self.compare()

    def waits(self) -> list[str]:
        """Name steps that wait for signals; in maps over pipelines, those of the first shards."""
        steps = self.reference.plan.steps
        found = [name for name, step in steps.items() if isinstance(step.step, SignalStep | ApprovalStep)]
        return [
            re.sub(r"\*", str(shard), name) for name in found for shard in ((0, 1) if "*" in name else (0,))
        ]

    def signal(self) -> None:
        """Send a signal to some step: a new one or a repeat, early, late or in time, right or wrong."""
        names = self.waits()
        if not names or self.data.draw(st.integers(0, 9)) == 0:
            names = ["s0", "s9/s1", "nap", "input"]
        name = self.data.draw(st.sampled_from(names))
        value: dict[str, JsonValue] | str = {"approved": True} if self.chance.random() < 0.9 else "yes"
        about = hash_about(name) if self.chance.random() < 0.7 else "another"
        signal_id = f"{name}#{self.chance.randint(0, 9)}"
        message = SignalReceived(signal_id=signal_id, name=name, value=value, about_sha256=about)
        self.reference.sent(message)
        self.log.add(message)
        self.compare()

    def compare_signals(self) -> None:
        fields = self.log.hash
        queues = {
            name: list(waiting_of(self.log.state, name).queue)
            for name in (field[2:] for field in fields if field.startswith("w:"))
            if self.log.state is not None
        }
        held = {name: queue for name, queue in queues.items() if queue and not is_over(self.reference, name)}
        assert held == kept(self.reference)

    def act(self) -> None:  # noqa: C901 - a table
        """Do one thing that may happen next."""
        out, timers = sorted(self.log.out.items()), sorted(set(self.log.timers) - {"deadline"})
        match self.data.draw(self.acts):
            case "repeat" if self.log.settles():
                self.settle(self.data.draw(st.sampled_from(self.log.settles())))
            case "stale" if self.stale:
                self.log.add(self.data.draw(st.sampled_from(self.stale)))
                self.compare()
            case "late":
                self.late_settle()
            case "signal":
                self.signal()
            case "answer":
                self.answer_budget()
            case "fire" if timers:
                self.fire(self.data.draw(st.sampled_from(timers)))
            case "look" if self.log.looks:
                local = self.data.draw(st.sampled_from(sorted(self.log.looks)))
                self.answer(local, good=self.data.draw(st.integers(0, 9)) > 0)
            case _ if out:
                local, attempt = self.data.draw(st.sampled_from(out))
                outcome = self.chance.choice(PAGE_ENDS if above_of(local) else self.ends)
                outcome = "spent" if self.spends and self.chance.random() < 0.4 else outcome
                bad = failed(local, attempt, retriable=outcome == "again", tokens=attempt)
                if outcome == "spent":
                    bad = self.spent(local, attempt)
                if outcome == "large":
                    bad = self.overflow(local, attempt)
                self.settle(self.success(local, attempt) if outcome == "good" else bad)
            case _ if timers:
                self.fire(timers[0])
            case _:
                pass

    def late_settle(self) -> None:
        """Settle any task there is or might be, by any attempt up to the current one."""
        tasks = self.reference.all_tasks()
        local = self.data.draw(
            st.sampled_from([*(sorted(tasks) or ["s0"]), "s0.99", "s9", "s0/s0", "s1.0/s0", "s1.0", "s1"])
        )
        if local in self.log.looks:
            self.answer(local, good=True)
            return
        current = tasks[local].attempt if local in tasks else 1
        attempt = self.data.draw(st.integers(1, current))
        good = self.data.draw(st.booleans())
        self.settle(
            self.success(local, attempt) if good else failed(local, attempt, retriable=True, tokens=attempt)
        )

    def fire(self, name: str) -> None:
        kind, _, what = name.partition(":")
        armed = self.log.timers[name]
        self.stale.append(TimerFired(name=name, armed=armed.armed))
        {
            "retry": self.reference.retry,
            "step": self.reference.expire,
            "join": self.reference.join_late,
            "wait": self.reference.timed_out,
            "sleep": self.reference.woke,
            "budget": self.reference.nobody_answered,
        }[kind](what)
        self.log.fire(name)
        self.compare()

    def compare(self) -> None:
        reference, log = self.reference, self.log
        state = log.state
        assert state is not None
        assert {local: (log.letter(local), log.attempt(local)) for local in state.tasks()} == {
            local: (task.letter, task.attempt) for local, task in reference.all_tasks().items()
        }
        if not self.is_over:
            self.compare_steps(reference, state, "")
            self.compare_signals()
        assert state.totals()[0].input_tokens == reference.all_tokens()
        assert state.totals()[1] == len(reference.all_tasks())
        assert (state.st == "active") == (not self.is_over)
        assert set(log.looks) == self.looks_of(reference, "")
        out = {(local, attempt) for local, attempt in log.out.items()}
        fresh, some = sorted(out - self.compared), sorted(out & self.compared)[:3]
        for local, _ in (*fresh, *some):
            self.compare_inputs(local)
        self.compared = out

    def looks_of(self, reference: Reference, scope: str) -> set[str]:
        """What the reference would have the lane look at."""
        if reference.outcome is not None:
            return set()
        found = {f"{scope}{local}" for local in reference.looking}
        return found.union(
            *(self.looks_of(inner, f"{scope}{name}/") for name, inner in reference.inside.items())
        )

    def compare_steps(self, reference: Reference, state: RunState, scope: str) -> None:
        for step in reference.pipeline.steps:
            letter, _ = reference.ended.get(step.name, ("r" if step.name in reference.fired else "w", ""))
            assert state.step(scope + step.name).letter == letter
        for name, (letter, _) in reference.done.items():
            assert state.step(scope + name).letter == letter
        for name, inner in reference.inside.items():
            if inner.outcome is None or inner.outcome[0] in {"succeeded", "failed"}:
                self.compare_steps(inner, state, f"{scope}{name}/")

    def compare_inputs(self, local: str) -> None:
        """What a handler would get: accepted results in declared order, holes where the join went on without."""
        body = self.log.dispatch(local)
        where, name = self.reference.at(body.step)
        assert where is not None
        if above_of(local) is not None and (
            where.summarises(self.reference.at(local)[1]) or not local.endswith("/p0")
        ):
            _, inner = self.reference.at(local)
            last = ends_all(inner, where.tasks, merges=where.merges(inner))
            if where.summarises(inner):
                self.compare_summaries(where, inner, body)
                return
            assert self.log.state is not None
            assert body.wants == (plan_in(self.log.state).steps[body.step].wants if last else ())
        if above_of(local) is not None and round_of(local) > 1:
            _, inner = self.reference.at(local)
            taken = merged(inner, where.tasks, merges=where.merges(inner))
            (results,) = body.inputs
            assert [getattr(entry, "value", None) for entry in results.gathered or ()] == [
                where.result(task) for task in taken
            ]
            return
        chain = [page.number for given in body.inputs for page in given.pages if isinstance(page, PageOf)]
        assert chain == [int(page) for page in re.findall(r"/p1\.(\d+)", local)]
        step = where.pipeline.step(name)
        assert [given.name for given in body.inputs] == [given.name for given in step.inputs]
        for found, edge in zip(body.inputs, step.inputs, strict=True):
            if (
                isinstance(edge, Constant)
                or found.item is not None
                or edge.name == getattr(step, "over", None)
            ):
                continue
            match where.read(name, edge):
                case "hole", cause:
                    assert isinstance(found.source, HoleInput)
                    assert found.source.hole.task_id == f"r/{cause}"
                case "value", expected:
                    value = getattr(found.source, "value", None)
                    if found.gathered is not None:
                        value = [getattr(entry, "value", None) for entry in found.gathered]
                    assert (value, found.select) == expected
                case _:
                    assert found.source == text("the input")

    def compare_summaries(self, where: Reference, local: str, body: TaskDispatched) -> None:
        """What is summarised, or stands in place of what was; and that what ends a task says what that is asked."""
        if not is_plan(local):
            assert self.log.state is not None
            step = plan_in(self.log.state).steps[body.step]
            assert body.wants == (step.wants if reference_summaries.ends_all(local) else ())
        found: list[str | list[str]] = []
        for cut in next(one.pages for one in body.inputs if one.name == "p0"):
            if isinstance(cut, PageOf):
                found.append(f"{cut.number} of {cut.of}")
            else:
                found.append([str(getattr(made, "value", None)) for made in cut.summaries])
        assert found == [
            cut if isinstance(cut, str) else [str(where.result(made)) for made in cut]
            for cut in cuts_of(where.tasks, local)
        ]

    def finish(self) -> None:
        """Let every attempt that is out succeed until the run is over, then check how it ended."""
        while not self.is_over:
            if self.log.looks:
                self.answer(min(self.log.looks), good=True)
            elif self.log.out:
                local, attempt = min(self.log.out.items())
                self.settle(self.success(local, attempt))
            else:
                self.fire(min(set(self.log.timers) - {"deadline"}))
        assert self.reference.outcome is not None
        outcome, cause = self.reference.outcome
        body = ended_of(self.log.state)
        assert body is not None
        assert body.outcome == outcome
        assert self.log.state is not None
        self.left = what_is_left(self.log.state)
        if outcome == "failed":
            assert body.fault is not None
            assert body.fault.task_id == f"r/{cause}"
        for message in self.log.settles()[-2:]:
            self.log.add(message)
        assert ended_of(self.log.state) == body
        self.log.add(body)
        assert result_of(self.log.state) == body
        assert written_result(self.log.state) == (body.outcome, encode_body(body))
        assert not self.log.out
        assert not self.log.timers
        assert not self.log.claims
        assert self.log.sends == ["end:r", "result:r"]


@pytest.mark.timeout(400)
@FAST
@given(pipelines(), st.data())
def test_fold_is_what_the_reference_says_whatever_happens_in_whatever_order(
    compiled: CompiledPipeline, data: st.DataObject
) -> None:
    assert not unsupported(compiled)
    run(Race(compiled, data), data.draw(st.integers(0, 40)))


@pytest.mark.timeout(400)
@FAST
@given(cut_pipelines(), st.data())
def test_so_it_is_where_nearly_all_is_too_large(compiled: CompiledPipeline, data: st.DataObject) -> None:
    run(Race(compiled, data, CUT_ENDS), data.draw(st.integers(20, 60)))


@pytest.mark.timeout(400)
@FAST
@given(waiting_pipelines(), st.data())
def test_so_it_is_where_steps_wait_for_signals(compiled: CompiledPipeline, data: st.DataObject) -> None:
    race = Race(compiled, data)
    race.acts = SIGNAL_ACTS
    run(race, data.draw(st.integers(10, 60)))


@pytest.mark.timeout(400)
@FAST
@given(planning_pipelines(), st.data())
def test_so_it_is_where_agents_plan(compiled: CompiledPipeline, data: st.DataObject) -> None:
    run(Race(compiled, data), data.draw(st.integers(10, 60)))


def drawn_plan(chance: random.Random) -> "JsonValue":
    """A plan in an order that says nothing: later tasks read earlier ones. One in ten may not be run."""
    keys = [f"t{number}" for number in range(chance.choice((0, 1, 2, 3, 4, 6)))]
    tasks: list[Data] = []
    for number, key in enumerate(keys):
        some = chance.sample(keys[:number], min(number, chance.choice((0, 1, 1, 2))))
        reads = [of(source, or_hole=chance.random() < 0.5) for source in some]
        after = chance.sample(keys[:number], min(number, chance.choice((0, 0, 1))))
        tasks.append(a_task(key, "a value", *reads, agent=chance.choice(("ag", "bg")), after=after))
    if tasks and chance.random() < 0.1:
        tasks[-1]["agent"] = "nobody"
    return {"tasks": chance.sample(tasks, len(tasks))}


@pytest.mark.timeout(400)
@FAST
@given(st.one_of(pipelines(), cut_pipelines()), st.sampled_from(["ask", "ask", "fail"]), st.data())
def test_so_it_is_where_budgets_are_spent(
    compiled: CompiledPipeline, on_spent: str, data: st.DataObject
) -> None:
    race = Race(compiled, data, on_spent=on_spent)
    race.acts = ASKING_ACTS
    run(race, data.draw(st.integers(10, 60)))


@pytest.mark.timeout(400)
@FAST
@given(st.one_of(pipelines(), cut_pipelines()), st.data())
def test_so_it_is_where_results_of_an_earlier_run_are_given(
    compiled: CompiledPipeline, data: st.DataObject
) -> None:
    first = Race(compiled, data)
    run(first, data.draw(st.integers(0, 30)))
    run(Race(compiled, data, again=first), data.draw(st.integers(0, 10)))


def what_is_left(state: RunState) -> dict[str, Reused]:
    found: dict[str, Reused] = {}
    for local in state.tasks():
        task = state.task(local)
        if task is not None and task.letter in "kf" and state.has_result(local):
            result = state.result(local)
            payload = None if result.fault is not None else result.payload
            found[local] = Reused(payload=payload, facts=result.facts, fault=result.fault)
    return found


def as_settle(local: str, left: Reused) -> TaskSettled:
    """What an end that was given would be, had its task been run: used up nothing, and is final."""
    fault = None if left.fault is None else left.fault.model_copy(update={"retriable": False})
    return TaskSettled(
        task_id=f"r/{local}",
        attempt=1,
        outcome="succeeded" if fault is None else "failed",
        result=left.payload,
        facts=left.facts,
        fault=fault,
    )


def run(race: Race, acts: int) -> None:
    data = race.data
    for _ in range(acts):
        if not race.is_over:
            race.act()
    if not race.is_over and data.draw(st.integers(0, 9)) == 0:
        race.reference.finish("cancelled")
        race.log.add(CancelReceived(reason="enough"))
        race.compare()
    race.finish()
