"""What a simulated fleet runs: agents whose effects are counted, in pipelines of every form."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from argosy import Context, Hole, Pipeline, Reject, Retry, agent, all_ended, any_of, by_deadline, quorum
from argosy.pipelines.agent import Agent
from argosy.schemas.errors import ContextOverflow
from argosy.testing.damage import Damage
from argosy.testing.gate import GATE
from argosy.testing.oracle import Finding
from argosy.testing.process import Process, forever
from argosy.testing.stage import agents_of
from argosy.testing.world import World


class Task(BaseModel):
    """What a run is told to do: which step fails, and how; which steps make effects."""

    fail: str = ""
    flaky: str = ""
    slow: str = ""
    log: bool = False
    items: int = 0
    pad: int = 0
    """Characters that every value is longer by: over 64 KiB it goes to the payload store."""
    measured: int = 0
    """Tokens that the model finds in what is asked, above all that was planned."""


class Made(BaseModel):
    """What a step answered: a value that no other execution of it has."""

    step: str
    value: str
    pad: str = ""


class Whole(BaseModel):
    """What a join was given, in its order; None: a hole."""

    given: list[Made | None]


class Counted(BaseModel):
    """How many shards there were, and what the ones that are there gave."""

    shards: int
    values: list[str]


@dataclass
class Ledger:
    """The outside world: every effect that was made, and every memo that a handler had in hand, with its time."""

    world: World
    made: list[tuple[str, str, float, bool]] = field(default_factory=list)
    """Key, value, when its maker looked, whether the memo is a logged one."""
    known: list[tuple[str, str, float, float, bool]] = field(default_factory=list)
    """Key, value, when its handler asked for it and when it had it, whether the memo is a logged one."""
    numbers: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    """Workers that each task has killed."""
    squeezed: list[str] = field(default_factory=list)
    """Tasks that were begun although their inputs don't fit."""

    def now(self) -> float:
        return self.world.loop.time()

    def unique(self, task_id: str) -> str:
        self.numbers[task_id] += 1
        return f"{task_id}:{self.numbers[task_id]}"

    def findings(self, damage: Damage) -> Iterator[Finding]:
        """A memo that a handler had is made again, or changed, never if it is a logged one, else after a loss only."""
        for task_id in self.squeezed:
            yield Finding("dispatched above its window", task_id)
        made, known = _by_key(self.made), _by_key(self.known)
        for key, several in known.items():
            if damage.excuses(key.split("/", 1)[0]):
                continue
            for value, asked, at, logged in several:
                for other, looked, _ in made.get(key, ()):
                    lost = damage.lost_between(asked, looked)
                    if looked > at and (logged or not lost):
                        yield Finding(
                            "memo run again",
                            f"{key}: {value} known at {at:.3f}, {other} made at {looked:.3f}",
                        )
                for other, begun, then, _ in several:
                    lost = damage.lost_between(min(asked, begun), max(at, then))
                    if other != value and (logged or not lost):
                        yield Finding("memo changed", f"{key}: {value} at {at:.3f}, {other} at {then:.3f}")


def _by_key(entries: Sequence[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for key, *rest in entries:
        found.setdefault(key, []).append(tuple(rest))
    return found


LEDGER: list[Ledger] = []
WINDOW = 2_000
_PAUSES = (0.0, 0.0, 0.0, 0.02, 0.02, 0.5, 2.0)


async def _work(ctx: Context, step: str, task: Task) -> Made:
    ledger = LEDGER[-1]
    if task.fail == step:
        message = f"{step} was told to fail"
        raise Reject(message)
    if task.flaky == step and ctx.attempt == 1:
        message = f"{step} fails once"
        raise (Retry(message, after_seconds=0.3) if task.log else ValueError(message))
    await asyncio.sleep(random.choice((0.0, 0.01, 0.2)) if task.slow != step else 4.0)  # noqa: S311 - no secret
    key, looked = f"{ctx.task_id} {ctx.idempotency_key('effect')}", ledger.now()

    async def make() -> str:
        value = ledger.unique(f"{ctx.task_id} effect")
        ledger.made.append((key, value, looked, task.log))
        await asyncio.sleep(random.choice(_PAUSES))  # noqa: S311 - no secret
        return value

    value = await ctx.step("effect", make, log=task.log)
    ledger.known.append((key, value, looked, ledger.now(), task.log))
    await asyncio.sleep(random.choice(_PAUSES))  # noqa: S311 - no secret
    return Made(step=step, value=ledger.unique(ctx.task_id), pad="x" * task.pad)


@agent(retries=1, backoff_seconds=0.2, max_deliveries=30)
async def research(ctx: Context, task: Task) -> Made:
    return await _work(ctx, "research", task)


@agent(retries=1, backoff_seconds=0.2, max_deliveries=30)
async def summarise(ctx: Context, task: Task) -> Made:
    return await _work(ctx, "summarise", task)


@agent(retries=1, backoff_seconds=0.2, max_deliveries=30)
async def criticise(ctx: Context, summary: Made, task: Task) -> Made:
    if summary.step != "summarise":
        message = f"got {summary.step} for a summary"
        raise Reject(message)
    return await _work(ctx, "criticise", task)


@agent(retries=1, backoff_seconds=0.2, max_deliveries=30)
async def synthesise(ctx: Context, first: Made | Hole, second: Made | Hole, third: Made | Hole) -> Whole:  # noqa: ARG001
    return Whole(given=[None if isinstance(made, Hole) else made for made in (first, second, third)])


@agent(retries=1, backoff_seconds=0.2, max_deliveries=30)
async def shard(ctx: Context, item: int) -> str:
    if item % 7 == 3:
        message = "this item fails"
        raise Reject(message)
    return LEDGER[-1].unique(ctx.task_id)


@agent(retries=1, backoff_seconds=0.2, max_deliveries=30)
async def polish(ctx: Context, text: str) -> str:  # noqa: ARG001
    return LEDGER[-1].unique(ctx.task_id)


@agent(retries=1, backoff_seconds=0.2, max_deliveries=30)
async def count(ctx: Context, values: Sequence[str | Hole]) -> Counted:  # noqa: ARG001
    return Counted(shards=len(values), values=[value for value in values if isinstance(value, str)])


@agent(retries=1, backoff_seconds=0.2, max_deliveries=30, window=WINDOW, threshold=0.8, reserve=100)
async def narrow(ctx: Context, made: Made, task: Task) -> Made:
    """Have a small window, and a model that may find more in it than was planned."""
    ledger = LEDGER[-1]
    if len(made.pad) > WINDOW:
        ledger.squeezed.append(ctx.task_id)
    if task.measured:
        message = "the model found too much"
        raise ContextOverflow(message, measured_tokens=task.measured)
    return Made(step="narrow", value=ledger.unique(ctx.task_id))


@agent(max_deliveries=3)
async def perish(ctx: Context, times: int) -> str:
    """Kill so many workers before it answers."""
    ledger, process = LEDGER[-1], GATE.get()
    ledger.deaths[ctx.task_id] += 1
    if ledger.deaths[ctx.task_id] <= times and isinstance(process, Process):
        ledger.world.observer.crash(process)
        await forever()
    return ledger.unique(ctx.task_id)


diamond = Pipeline("diamond", takes=Task, gives=Whole)
_notes = diamond.step(research, diamond.input)
_summary = diamond.step(summarise, diamond.input)
_critique = diamond.step(criticise, _summary, diamond.input)
diamond.returns(diamond.step(synthesise, _notes, _summary, _critique))

outer = Pipeline("outer", takes=Task, gives=Whole)
outer.returns(outer.step(diamond, outer.input))

solo = Pipeline("solo", takes=Task, gives=Made)
solo.returns(solo.step(research, solo.input))

squeeze = Pipeline("squeeze", takes=Task, gives=Made)
squeeze.returns(squeeze.step(narrow, squeeze.step(research, squeeze.input), squeeze.input))

race = Pipeline("race", takes=Task, gives=Whole)
_first, _second = race.step(research, race.input), race.step(summarise, race.input)
race.returns(race.step(synthesise, _first.or_hole(), _second.or_hole(), _second.or_hole(), join=any_of()))

late = Pipeline("late", takes=Task, gives=Whole)
_first, _second = late.step(research, late.input), late.step(summarise, late.input)
_third = late.step(criticise, _second, late.input, when=late.input.pick(lambda task: task.log))
late.returns(
    late.step(synthesise, _first.or_hole(), _second.or_hole(), _third.or_hole(), join=by_deadline(2))
)

spread = Pipeline("spread", takes=list[int], gives=Counted)
spread.returns(spread.step(count, spread.map(shard, over=spread.input, max_parallel=4, join=quorum(0.5))))

_pair = Pipeline("pair", takes=int, gives=str)
_pair.returns(_pair.step(polish, _pair.step(shard, _pair.input)))

nested = Pipeline("nested", takes=list[int], gives=Counted)
nested.returns(nested.step(count, nested.map(_pair, over=nested.input, max_parallel=2, join=all_ended())))

fatal = Pipeline("fatal", takes=int, gives=str)
fatal.returns(fatal.step(perish, fatal.input))

STEPS = ("research", "summarise", "criticise")
PIPELINES: Sequence[Pipeline[Any, Any]] = (diamond, outer, solo, squeeze, race, late, spread, nested, fatal)
AGENTS: Mapping[str, Agent[..., Any]] = agents_of(PIPELINES)
