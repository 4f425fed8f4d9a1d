"""A simulated load most of whose runs wait for people, who answer too early, too late, twice, and wrong."""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, JsonValue

from argosy import Approval, Context, Hole, Pipeline, agent, all_ended
from argosy.client.awaited import Awaited
from argosy.client.connection import Argosy
from argosy.client.run import Run
from argosy.pipelines.agent import Agent
from argosy.schemas.canonical import canonical_hash
from argosy.schemas.errors import Refused
from argosy.testing.oracle import Finding, Story
from argosy.testing.stage import Stage, agents_of
from support.simulated_agents import PIPELINES, Made, Task, polish, research
from support.simulated_load import SimulatedLoad, patiently
from support.simulated_runs import KINDS, Plan, first_successes, loaded, wrong_fault

RIGHT = 7
LARGE = 70_000


class Word(BaseModel):
    """What a signal brings."""

    number: int
    pad: str = ""


class Heard(BaseModel):
    """What a run was told while it waited."""

    value: str
    number: int
    answer: Approval | None


@agent(retries=1, backoff_seconds=0.2, max_deliveries=30)
async def heed(ctx: Context, made: Made, word: Word, answer: Approval | Hole) -> Heard:  # noqa: ARG001
    told = None if isinstance(answer, Hole) else answer
    return Heard(value=made.value, number=word.number, answer=told)


asks = Pipeline("asks", takes=Task, gives=Heard)
_made = asks.step(research, asks.input)
_nap = asks.sleep(1.5, name="nap", after=[_made])
_ok = asks.approval("Good?", about=_made, name="ok", within_seconds=800, by=["ann", "bob"], after=[_nap])
_word = asks.signal("word", Word, within_seconds=800)
asks.returns(asks.step(heed, _made, _word, _ok.or_hole()))

nobody = Pipeline("nobody", takes=Task, gives=Heard)
_made = nobody.step(research, nobody.input)
_none = nobody.approval("Good?", about=_made, name="ok", within_seconds=3, on_timeout="hole")
_word = nobody.signal("word", Word, within_seconds=800)
nobody.returns(nobody.step(heed, _made, _word, _none.or_hole()))

hopeless = Pipeline("hopeless", takes=Task, gives=Heard)
_made = hopeless.step(research, hopeless.input)
_none = hopeless.approval("Good?", about=_made, name="ok", within_seconds=3)
hopeless.returns(hopeless.step(heed, _made, hopeless.signal("word", Word, within_seconds=800), _none))

_gated = Pipeline("gated", takes=int, gives=str)
_go = _gated.signal("go", str, within_seconds=800)
_gated.returns(_gated.step(polish, _go))
gates = Pipeline("gates", takes=list[int], gives=list[str | Hole])
gates.returns(gates.map(_gated, over=gates.input, name="gate", max_parallel=2, join=all_ended()))

OURS = (asks, nobody, hopeless, gates)
WAITED: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = {
    **{name: (weight / 8, make) for name, (weight, make) in KINDS.items()},
    "asks": (
        4,
        lambda chance: Plan(asks, Task(log=chance.random() < 0.5, flaky=chance.choice(("", "research")))),
    ),
    "large_asks": (1, lambda _: Plan(asks, Task(pad=LARGE))),
    "nobody": (1, lambda _: Plan(nobody, Task())),
    "hopeless": (1, lambda _: Plan(hopeless, Task(), frozenset({"failed"}), fault="expired")),
    "gates": (2, lambda chance: Plan(gates, list(range(chance.choice((0, 1, 3)))))),
    "cancel": (1, lambda _: Plan(asks, Task(), frozenset({"succeeded", "cancelled"}))),
}
"""As `KINDS`."""


@dataclass
class WaitingLoad(SimulatedLoad):
    """As `SimulatedLoad`, with people."""

    agents: Mapping[str, Agent[..., Any]] = field(default_factory=lambda: agents_of((*PIPELINES, *OURS)))
    kinds: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = field(default_factory=lambda: WAITED)

    people: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    async def submit(self, stage: Stage, chance: random.Random, last: float) -> None:
        self.people.append(asyncio.create_task(self._answer_all(stage), name="people"))
        await super().submit(stage, chance, last)

    async def _answer_all(self, stage: Stage) -> None:
        """Look for what waits, again and again, and say something to it."""
        chance = random.Random(f"{stage.world.seed} people")  # noqa: S311 - repeatable, no secret
        while True:
            await asyncio.sleep(chance.choice((0.1, 0.7, 2.0)))
            with suppress(Refused):  # a full Redis
                for submitted in list(self.runs.values()):
                    if submitted.plan.pipeline in OURS:
                        await self._talk(stage.client, submitted.run, chance)
                for one in await patiently(stage.client.waiting):
                    await self._say(stage.client.run(one.run_id), one, chance)

    async def _talk(self, client: Argosy, run: Run[Any], chance: random.Random) -> None:
        """Say something to a run, whether it waits or not."""
        said: list[tuple[str, JsonValue]] = [("word", "wrong"), ("ok", {"approved": True}), ("nobody", 1)]
        if chance.random() < 0.3:
            step, value = chance.choice(said)
            await patiently(lambda: client.run(run.run_id).signal(step, value))

    async def _say(self, run: Run[JsonValue], one: Awaited, chance: random.Random) -> None:
        if chance.random() < 0.3:
            return  # later
        if one.kind == "signal":
            pad = "x" * chance.choice((0, 0, 0, LARGE))
            right: JsonValue = "go" if one.step.endswith("/go") else {"number": RIGHT, "pad": pad}
            wrong: JsonValue = {"number": "x"}
            values: list[list[JsonValue]] = [[right], [3, right], [right, right], [right, wrong]]
            for value in chance.choice(values):
                await patiently(lambda: run.signal(one.step, value))  # noqa: B023 - awaited at once
        elif one.about_sha256 and self.runs[one.run_id].plan.pipeline is asks:
            answer = chance.choice(("ann", "bob")), one.about_sha256
            eve, other = ("eve", one.about_sha256), ("ann", "0" * 64)
            for by, sha256 in chance.choice(([answer], [eve, answer], [other, answer], [answer, answer])):
                await patiently(lambda: run.approve(one.step, by=by, sha256=sha256))  # noqa: B023 - awaited at once

    def judged(self, run_id: str, plan: Plan, story: Story) -> Iterator[Finding]:
        """Judge that only right answers counted, and that what was approved is what was given."""
        if plan.pipeline not in OURS:
            yield from super().judged(run_id, plan, story)
            return
        end = story.ended[0]
        yield from wrong_fault(run_id, plan, end)
        result: Any = loaded(end, self.world)
        if end.outcome != "succeeded" or result is None:
            return
        made: Any = {local: loaded(settled, self.world) for local, settled in first_successes(story).items()}
        if plan.pipeline is gates:
            wanted = [made.get(f"gate.{number}/polish") for number in range(len(plan.value))]
            if result != wanted:
                yield Finding("inputs differ", f"{run_id}: {result}, taken: {wanted}")
            return
        answer, first = result["answer"], made["research"]
        if result["number"] != RIGHT or (first is not None and result["value"] != first["value"]):
            yield Finding("inputs differ", f"{run_id}: {result}, taken: {first}")
        if plan.pipeline is nobody and answer is not None:
            yield Finding("a hole was expected", f"{run_id}: {answer}")
        if plan.pipeline is asks and not _is_right(answer, first):
            yield Finding("a wrong answer counted", f"{run_id}: {answer}")


def _is_right(answer: Any, about: Any) -> bool:  # noqa: ANN401 - JSON
    if answer is None or answer["by"] not in ("ann", "bob"):
        return False
    return about is None or bool(answer["about_sha256"] == canonical_hash(about))
