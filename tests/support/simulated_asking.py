"""A simulated load whose runs come to the edge of their budgets, and people who raise them, late, twice, or not."""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from argosy import Context, Hole, Pipeline, agent, all_ended
from argosy.agents.model_client import ModelClient
from argosy.client.awaited import Awaited
from argosy.client.connection import Argosy
from argosy.pipelines.agent import Agent
from argosy.schemas.chat import Reply, Usage
from argosy.schemas.errors import Refused
from argosy.testing import FakeModel
from argosy.testing.oracle import Finding, Story
from argosy.testing.stage import Stage, agents_of
from support.simulated_agents import LEDGER, PIPELINES
from support.simulated_load import SimulatedLoad, patiently
from support.simulated_runs import KINDS, Plan, first_successes, loaded, wrong_fault

BILL = Usage(input_tokens=60, output_tokens=40)
ENOUGH = 1_000_000


@agent(model="openai:gpt-5-mini", reserve=100, retries=1, backoff_seconds=0.2, max_deliveries=30)
async def spend(ctx: Context, number: int) -> str:
    """Make an effect, then ask the model: the effect is not made again when the call was refused."""
    ledger = LEDGER[-1]
    key, looked = f"{ctx.task_id} {ctx.idempotency_key('effect')}", ledger.now()

    async def make() -> str:
        value = ledger.unique(f"{ctx.task_id} effect")
        ledger.made.append((key, value, looked, False))
        return value

    value = await ctx.step("effect", make)
    ledger.known.append((key, value, looked, ledger.now(), False))
    await ctx.model.ask(f"{number}?")
    return ledger.unique(ctx.task_id)


asked = Pipeline("asked", takes=list[int], gives=list[str])
asked.returns(asked.map(spend, over=asked.input, max_parallel=3))

holed = Pipeline("holed", takes=list[int], gives=list[str | Hole])
holed.returns(holed.map(spend, over=holed.input, max_parallel=3, join=all_ended()))

OURS = (asked, holed)
_ASKS = {"budget": 250, "on_spent": "ask"}


def _items(chance: random.Random) -> list[int]:
    return list(range(chance.choice((1, 4, 8))))


ASKED: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = {
    **{name: (weight / 8, make) for name, (weight, make) in KINDS.items()},
    "asked": (5, lambda chance: Plan(asked, _items(chance), options=_ASKS)),
    "fails": (
        1,
        lambda _: Plan(
            asked, [*range(8)], frozenset({"failed"}), fault="budget_spent", options={"budget": 250}
        ),
    ),
    "denied": (
        1,
        lambda _: Plan(asked, [*range(8)], frozenset({"failed"}), fault="budget_spent", options=_ASKS),
    ),
    "silent": (
        1,
        lambda _: Plan(
            asked,
            [*range(8)],
            frozenset({"failed"}),
            fault="budget_spent",
            options={**_ASKS, "ask_seconds": 5},
        ),
    ),
    "holed": (1, lambda _: Plan(holed, [*range(6)], options={**_ASKS, "ask_seconds": 3})),
    "cancel": (1, lambda _: Plan(asked, [*range(8)], frozenset({"succeeded", "cancelled"}), options=_ASKS)),
}
"""As `KINDS`."""


@dataclass
class AskingLoad(SimulatedLoad):
    """As `SimulatedLoad`, with budgets, and people who are asked."""

    agents: Mapping[str, Agent[..., Any]] = field(default_factory=lambda: agents_of((*PIPELINES, *OURS)))
    kinds: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = field(default_factory=lambda: ASKED)
    model: ModelClient | None = field(default_factory=lambda: FakeModel(Reply(text="yes", usage=BILL)))
    people: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    async def submit(self, stage: Stage, chance: random.Random, last: float) -> None:
        self.people.append(asyncio.create_task(self._answer_all(stage), name="people"))
        await super().submit(stage, chance, last)

    async def _answer_all(self, stage: Stage) -> None:
        chance = random.Random(f"{stage.world.seed} people")  # noqa: S311 - repeatable, no secret
        while True:
            await asyncio.sleep(chance.choice((0.1, 0.7, 2.0)))
            with suppress(Refused):  # a full Redis
                for one in await patiently(stage.client.waiting):
                    await self._say(stage.client, one, chance)

    async def _say(self, client: Argosy, one: Awaited, chance: random.Random) -> None:
        submitted = self.runs.get(one.run_id)
        if submitted is None or one.budget is None or chance.random() < 0.3:
            return  # later
        run = client.run(one.run_id)
        more, repeats = chance.choice((one.budget + 100, one.budget + 400, ENOUGH)), chance.choice((1, 1, 2))
        for _ in range(repeats):
            match submitted.kind:
                case "denied":
                    await patiently(lambda: run.deny_budget(answer_id="no"))
                case "asked" | "cancel":
                    await patiently(lambda: run.raise_budget(more, answer_id=f"to {more}"))
                case _:
                    return

    def judged(self, run_id: str, plan: Plan, story: Story) -> Iterator[Finding]:
        """Judge that refusals used no attempt up, and that results are whole."""
        if plan.pipeline not in OURS:
            yield from super().judged(run_id, plan, story)
            return
        end = story.ended[0]
        yield from wrong_fault(run_id, plan, end)
        result: Any = loaded(end, self.world)
        if end.outcome != "succeeded" or result is None:
            return
        made = {local: loaded(one, self.world) for local, one in first_successes(story).items()}
        wanted = [made.get(f"spend.{number}") for number in range(len(plan.value))]
        found = [None if isinstance(one, dict) else one for one in result]
        if found != wanted or (plan.pipeline is asked and None in found):
            yield Finding("inputs differ", f"{run_id}: {result}, taken: {wanted}")
