"""A loop is what its iterations are, written out one after the other: random pipelines, run as both, side by side."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.coordinator.messages import ended_of
from argosy.coordinator.plan import Plan, index
from argosy.coordinator.system_tasks import wants_for
from argosy.coordinator.wants import wants_of
from argosy.schemas.canonical import canonical_hash
from argosy.schemas.facts import Facts, SizeFact, ValueFact, Want
from argosy.schemas.payload import Inline
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import CancelReceived, TaskSettled
from argosy.schemas.task import HoleInput, TaskDispatched, TaskInput
from support.fold_log import FoldLog
from support.fold_pipelines import (
    WINDOWS,
    Data,
    accepted,
    failed,
    inner_pipelines,
    listing,
    looped,
    pipeline,
    planned,
    succeeded,
    task,
)

UNTIL = "enough"
ENDS = ["good"] * 12 + ["again", "again", "large", "bad"]
ACTS = ["settle"] * 12 + ["fire", "late", "late", "repeat"]


def written_out(local: str) -> str:
    """Name in the other pipeline what is in iteration n of the loop: `l~n/x` is `in/x`."""
    return re.sub(r"^l~([0-9]+)", r"i\1", local)


class Side:
    """One of the two pipelines; what its tasks give follows from their names alone."""

    def __init__(self, compiled: CompiledPipeline, salt: int, times: int) -> None:
        self.salt, self.times, self.log = salt, times, FoldLog()
        self.plan: Plan = index(compiled)
        facts = self.facts("input", wants_of(compiled, "input"))
        self.log.add(accepted(compiled, facts=facts, rules=2, windows=WINDOWS))
        self.look()

    def facts(self, local: str, wants: tuple[Want, ...]) -> Facts:
        """Answer by what is asked last of a value, so that both say the same wherever it is asked."""
        found: Facts = {}
        number = re.match(r"i([0-9]+)", written_out(local))
        for want in wants:
            last = (want.select or "").rpartition(" | ")[2]
            chance = int(canonical_hash([self.salt, want.kind, last])[:8], 16)
            if last == UNTIL:
                is_last = number is not None and int(number[1]) == self.times
                found[want.key] = ValueFact(kind="value", value=is_last)
            elif want.kind == "value":
                found[want.key] = ValueFact(kind="value", value=chance % 4 > 0)
            elif want.kind == "list":
                found[want.key] = listing(*(f"i{item}" for item in range(chance % 4)))
            else:
                found[want.key] = SizeFact(kind="size", bytes=9, tokens=3)
        return found

    def settle(self, local: str, attempt: int, outcome: str) -> None:
        self.log.add(self.settled(local, attempt, outcome))
        self.look()

    def settled(self, local: str, attempt: int, outcome: str) -> TaskSettled:
        place, state = self.plan.find(local), self.log.state
        assert state is not None
        bad = failed(local, attempt, retriable=outcome == "again")
        if outcome == "large" and place is not None and place.agent == "bg":
            return bad.model_copy(update={"outcome": "overflow", "measured_tokens": 200_000})
        if outcome != "good":
            return bad
        facts: Facts = {}
        if place is not None and place.role == "plan":
            facts = planned(2)
        elif place is not None and state.st == "active" and state.task(local) is not None:
            facts = self.facts(local, wants_for(state, place))
        return succeeded(local, attempt, facts=facts, value=f"of {written_out(local)}#{attempt}")

    def look(self) -> None:
        """Answer all looks: who looks at what is not the same in both."""
        while self.log.looks:
            local = min(self.log.looks)
            facts = self.facts(local, self.log.look(local).wants)
            self.log.add(succeeded(local, facts=facts, value=f"looked at {written_out(local)}"))


class Both:
    """A loop over a pipeline that ends after some times, and that pipeline so many times, run by fold."""

    def __init__(self, inner: CompiledPipeline, times: int, data: st.DataObject) -> None:
        self.data, salt = data, data.draw(st.integers(0, 10**6))
        agents = {name: found.model_dump(mode="json") for name, found in inner.agents.items()}
        child, chain = inner.dump(), list[Data]()
        for number in range(1, times + 1):
            fed: Data = {"name": "input", "from": "input" if number == 1 else f"i{number - 1}"}
            chain.append({"name": f"i{number}", "kind": "task", "pipeline": child, "inputs": [fed]})
        most = data.draw(st.integers(times, times + 1))
        loop = looped("l", "input", runs=inner, until=UNTIL, max_iterations=most)
        self.loop = Side(pipeline(loop, task("z", "l?"), agents=agents), salt, times)
        self.chain = Side(pipeline(*chain, task("z", f"i{times}?"), agents=agents), salt, times)
        self.done: list[tuple[str, int, str]] = []
        self.compare()

    @property
    def is_over(self) -> bool:
        return self.loop.log.state is not None and self.loop.log.state.st != "active"

    def act(self) -> None:
        out, timers = sorted(self.loop.log.out.items()), sorted(set(self.loop.log.timers) - {"deadline"})
        act = self.data.draw(st.sampled_from(ACTS))
        if (act == "fire" or not out) and timers:
            name = self.data.draw(st.sampled_from(timers))
            self.loop.log.fire(name)
            kind, _, local = name.partition(":")
            self.chain.log.fire(f"{kind}:{written_out(local)}")
            self.loop.look()
            self.chain.look()
        elif act in {"late", "repeat"} and self.done:
            local, attempt, outcome = self.data.draw(st.sampled_from(self.done))
            self.settle(local, attempt, outcome if act == "repeat" else "good")
        elif out:
            local, attempt = self.data.draw(st.sampled_from(out))
            self.settle(local, attempt, self.data.draw(st.sampled_from(ENDS)))
        self.compare()

    def settle(self, local: str, attempt: int, outcome: str) -> None:
        self.done.append((local, attempt, outcome))
        self.loop.settle(local, attempt, outcome)
        self.chain.settle(written_out(local), attempt, outcome)

    def compare(self) -> None:
        loop, chain = self.loop.log, self.chain.log
        assert {written_out(local): attempt for local, attempt in loop.out.items()} == chain.out
        timers = {written_out(name.partition(":")[2]) for name in loop.timers}
        assert timers == {name.partition(":")[2] for name in chain.timers}
        assert loop.state is not None
        assert chain.state is not None
        assert loop.state.st == chain.state.st
        assert loop.state.totals()[1] == chain.state.totals()[1]
        for local in sorted(loop.out)[:4]:
            self.compare_inputs(loop.dispatch(local), chain.dispatch(written_out(local)))
        assert (
            len([name for name in loop.state.dump() if name.startswith("v:l~")])
            <= len([name for name in chain.state.dump() if name.startswith("v:i")]) + 2
        )

    def compare_inputs(self, one: TaskDispatched, other: TaskDispatched) -> None:
        assert [found.name for found in one.inputs] == [found.name for found in other.inputs]
        for found, same in zip(one.inputs, other.inputs, strict=True):
            # A part of what an iteration gave is picked before it is fed back, a map's list is put together before.
            if same.select is None and same.gathered is None and same.item is None:
                assert said(found) == said(same)

    def finish(self) -> None:
        while not self.is_over:
            out = sorted(self.loop.log.out.items())
            if out:
                self.settle(*out[0], "good")
                self.compare()
            else:
                self.act()
        one, other = ended_of(self.loop.log.state), ended_of(self.chain.log.state)
        assert one is not None
        assert other is not None
        assert one.outcome == other.outcome
        assert one.result == other.result
        if one.fault is not None and one.fault.task_id is not None and other.fault is not None:
            assert written_out(one.fault.task_id.removeprefix("r/")) == (other.fault.task_id or "")[2:]


def said(found: TaskInput) -> object:
    if isinstance(found.source, HoleInput):
        hole = found.source.hole
        return written_out(hole.task_id.removeprefix("r/")), hole.outcome
    assert isinstance(found.source, Inline)
    return str(found.source.value), found.select


@pytest.mark.timeout(400)
@settings(max_examples=150, deadline=None)
@given(inner_pipelines(), st.integers(1, 3), st.data())
def test_a_loop_is_what_its_iterations_are_written_out(
    inner: CompiledPipeline, times: int, data: st.DataObject
) -> None:
    both = Both(inner, times, data)
    for _ in range(data.draw(st.integers(0, 40))):
        if not both.is_over:
            both.act()
    if not both.is_over and data.draw(st.integers(0, 9)) == 0:
        both.loop.log.add(CancelReceived(reason="enough"))
        both.chain.log.add(CancelReceived(reason="enough"))
        both.compare()
    both.finish()
