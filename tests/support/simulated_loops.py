"""A simulated load most of whose runs go round: loops of agents and of pipelines, in maps and in each other."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from argosy import Context, Pipeline, agent
from argosy.pipelines.agent import Agent
from argosy.testing.oracle import Finding, Story
from argosy.testing.stage import agents_of
from support.simulated_agents import PIPELINES
from support.simulated_load import SimulatedLoad
from support.simulated_runs import KINDS, Plan, loaded, wrong_fault

LARGE = 70_000


class Turn(BaseModel):
    """What goes round."""

    path: list[str]
    left: int
    """Until it is enough."""
    rounds: int = 0
    pad: str = ""
    flaky: float = 0.0


def _step(ctx: Context, turn: Turn, by: int) -> Turn:
    if ctx.attempt == 1 and turn.flaky and random.Random(ctx.task_id).random() < turn.flaky:  # noqa: S311 - repeatable
        message = "not this time"
        raise RuntimeError(message)
    local = ctx.task_id.partition("/")[2]
    return turn.model_copy(update={"path": [*turn.path, local], "left": turn.left - by})


@agent(retries=3, backoff_seconds=0.2, max_deliveries=30)
async def go_on(ctx: Context, turn: Turn) -> Turn:
    """Take one step."""
    return _step(ctx, turn, 1)


@agent(retries=3, backoff_seconds=0.2, max_deliveries=30)
async def look_back(ctx: Context, turn: Turn) -> Turn:
    """Take none, and say where it was."""
    return _step(ctx, turn, 0)


once = Pipeline("once", takes=Turn, gives=Turn)
once.returns(once.step(look_back, once.step(go_on, once.input)))

simple = Pipeline("simple", takes=Turn, gives=Turn)
simple.returns(simple.loop(go_on, simple.input, until=lambda t: t.left <= 0, max_iterations=6))

whole = Pipeline("whole", takes=Turn, gives=Turn)
whole.returns(
    whole.step(look_back, whole.loop(once, whole.input, until=lambda t: t.left <= 0, max_iterations=6))
)

many = Pipeline("many", takes=list[Turn], gives=list[Turn])
many.returns(many.map(whole, over=many.input, name="m", max_parallel=2))

inner = Pipeline("inner", takes=Turn, gives=Turn)
inner.returns(
    inner.loop(once, inner.input, until=lambda t: t.left <= 2, max_iterations=2, exhausted="last", name="in")
)
nested = Pipeline("nested", takes=Turn, gives=Turn)
nested.returns(nested.loop(inner, nested.input, until=lambda t: t.left <= 0, max_iterations=9, name="out"))

OURS = (simple, whole, many, nested)


def _turn(chance: random.Random, most: int = 5) -> Turn:
    pad = "x" * LARGE if chance.random() < 0.1 else ""
    return Turn(path=[], left=chance.randint(1, most), pad=pad, flaky=chance.choice((0.0, 0.0, 0.3)))


LOOPED: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = {
    **{name: (weight / 8, make) for name, (weight, make) in KINDS.items()},
    "simple": (3, lambda chance: Plan(simple, _turn(chance))),
    "whole": (3, lambda chance: Plan(whole, _turn(chance))),
    "many": (2, lambda chance: Plan(many, [_turn(chance, 3) for _ in range(chance.choice((0, 1, 4)))])),
    "nested": (2, lambda chance: Plan(nested, _turn(chance))),
    "endless": (
        1,
        lambda _: Plan(simple, Turn(path=[], left=99), frozenset({"failed"}), fault="loop_exhausted"),
    ),
    "cancel": (1, lambda _: Plan(whole, Turn(path=[], left=5), frozenset({"succeeded", "cancelled"}))),
}
"""As `KINDS`."""


@dataclass
class LoopingLoad(SimulatedLoad):
    """As `SimulatedLoad`, going round."""

    agents: Mapping[str, Agent[..., Any]] = field(default_factory=lambda: agents_of((*PIPELINES, *OURS)))
    kinds: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = field(default_factory=lambda: LOOPED)

    def judged(self, run_id: str, plan: Plan, story: Story) -> Iterator[Finding]:
        """Judge that each iteration was given what the one before gave, and none came twice or was left out."""
        if plan.pipeline not in OURS:
            yield from super().judged(run_id, plan, story)
            return
        end = story.ended[0]
        yield from wrong_fault(run_id, plan, end)
        result: Any = loaded(end, self.world)
        if end.outcome != "succeeded" or result is None:
            return
        turns = plan.value if plan.pipeline is many else [plan.value]
        for number, (turn, found) in enumerate(
            zip(turns, result if plan.pipeline is many else [result], strict=True)
        ):
            if "path" not in found:
                continue  # a large one: the list refers to it
            lead = f"m.{number}/" if plan.pipeline is many else ""
            wanted = [f"{lead}{local}" for local in _path(plan.pipeline, turn.left)]
            if found["path"] != wanted:
                yield Finding("inputs differ", f"{run_id}: {found['path']}, wanted: {wanted}")


def _path(pipeline: Pipeline[Any, Any], left: int) -> list[str]:
    """List the tasks that what goes round must have come through."""
    if pipeline is simple:
        return [f"go_on~{number}" for number in range(1, left + 1)]
    if pipeline is not nested:
        rounds = [f"once~{number}/{step}" for number in range(1, left + 1) for step in ("go_on", "look_back")]
        return [*rounds, "look_back"]
    path: list[str] = []
    outer = 0
    while left > 0:
        outer += 1
        for number in (1, 2):
            path += [f"out~{outer}/in~{number}/{step}" for step in ("go_on", "look_back")]
            left -= 1
            if left <= 2:
                break
    return path
