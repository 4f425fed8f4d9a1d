"""A load for simulations: runs that succeed, stumble, fail and are cancelled, with side effects that are counted."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, JsonValue

from argosy import Context, Hole, Pipeline, Reject, RunConflict, agent, quorum
from argosy.client.connection import Argosy
from argosy.client.run import Run
from argosy.pipelines.agent import Agent
from argosy.schemas.errors import Unreachable
from argosy.schemas.payload import Inline
from argosy.testing.oracle import Finding, Oracle, Story
from argosy.testing.stage import Stage, agents_of
from argosy.testing.world import World

T = TypeVar("T")


class Task(BaseModel):
    """What a run is told to do: which step fails, and how; which steps make effects."""

    fail: str = ""
    flaky: str = ""
    slow: str = ""
    log: bool = False
    items: int = 0


class Made(BaseModel):
    """What a step answered: a value that no other execution of it has."""

    step: str
    value: str


class Whole(BaseModel):
    """What the join was given, in its order."""

    given: list[Made]


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

    def now(self) -> float:
        return self.world.loop.time()

    def unique(self, task_id: str) -> str:
        self.numbers[task_id] += 1
        return f"{task_id}:{self.numbers[task_id]}"

    def findings(self, losses: Sequence[float]) -> Iterator[Finding]:
        """A memo that a handler had is made again, or changed, never if it is a logged one, else after a loss only."""
        for key, value, asked, at, logged in self.known:
            for again, other, looked, _ in self.made:
                lost = any(asked <= loss <= looked for loss in losses)
                if again == key and looked > at and (logged or not lost):
                    yield Finding(
                        "memo run again", f"{key}: {value} known at {at:.3f}, {other} made at {looked:.3f}"
                    )
            for again, other, begun, then, _ in self.known:
                lost = any(min(asked, begun) <= loss <= max(at, then) for loss in losses)
                if again == key and other != value and (logged or not lost):
                    yield Finding("memo changed", f"{key}: {value} at {at:.3f}, {other} at {then:.3f}")


_LEDGER: list[Ledger] = []
_PAUSES = (0.0, 0.0, 0.0, 0.02, 0.02, 0.5, 2.0)


async def _work(ctx: Context, step: str, task: Task) -> Made:
    ledger = _LEDGER[-1]
    if task.fail == step:
        message = f"{step} was told to fail"
        raise Reject(message)
    if task.flaky == step and ctx.attempt == 1:
        message = f"{step} fails once"
        raise ValueError(message)
    await asyncio.sleep(random.choice((0.0, 0.01, 0.2)) if task.slow != step else 4.0)  # noqa: S311 - no secret
    key, looked = ctx.idempotency_key("effect"), ledger.now()

    async def make() -> str:
        value = ledger.unique(f"{ctx.task_id} effect")
        ledger.made.append((key, value, looked, task.log))
        await asyncio.sleep(random.choice(_PAUSES))  # noqa: S311 - no secret
        return value

    value = await ctx.step("effect", make, log=task.log)
    ledger.known.append((key, value, looked, ledger.now(), task.log))
    await asyncio.sleep(random.choice(_PAUSES))  # noqa: S311 - no secret
    return Made(step=step, value=ledger.unique(ctx.task_id))


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
async def synthesise(ctx: Context, notes: Made, summary: Made, critique: Made) -> Whole:  # noqa: ARG001
    return Whole(given=[notes, summary, critique])


@agent(retries=1, backoff_seconds=0.2, max_deliveries=30)
async def shard(ctx: Context, item: int) -> str:
    if item % 7 == 3:
        message = "this item fails"
        raise Reject(message)
    return _LEDGER[-1].unique(ctx.task_id)


@agent(retries=1, backoff_seconds=0.2, max_deliveries=30)
async def count(ctx: Context, values: Sequence[str | Hole]) -> Counted:  # noqa: ARG001
    return Counted(shards=len(values), values=[value for value in values if isinstance(value, str)])


diamond = Pipeline("diamond", takes=Task, gives=Whole)
_notes = diamond.step(research, diamond.input)
_summary = diamond.step(summarise, diamond.input)
_critique = diamond.step(criticise, _summary, diamond.input)
diamond.returns(diamond.step(synthesise, _notes, _summary, _critique))

spread = Pipeline("spread", takes=list[int], gives=Counted)
spread.returns(spread.step(count, spread.map(shard, over=spread.input, max_parallel=4, join=quorum(0.5))))

STEPS = ("research", "summarise", "criticise")
AGENTS: Mapping[str, Agent[..., Any]] = agents_of([diamond, spread])


@dataclass
class Submitted:
    """An acknowledged run, and how it may end."""

    run: Run[Any]
    kind: str
    outcomes: frozenset[str]


@dataclass
class SimulatedLoad:
    """See `Load`."""

    world: World
    most: int = 20
    runs: dict[str, Submitted] = field(default_factory=dict)
    submits: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Every acknowledged submit, by position: its run and the hash of its data."""
    agents: Mapping[str, Agent[..., Any]] = field(default_factory=lambda: AGENTS)
    model: None = None

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.world)
        _LEDGER[:] = [self.ledger]

    async def submit(self, stage: Stage, chance: random.Random, last: float) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(self.most):
                at = chance.choice((0.0, 0.0, 0.1, 0.5, 3.0, 9.0)) * last / 16
                group.create_task(self._one(stage.client, number, at, _chance(stage, number)))

    async def _one(self, client: Argosy, number: int, at: float, chance: random.Random) -> None:
        await asyncio.sleep(at)
        kind = chance.choices(("ok", "flaky", "fail", "slow", "cancel", "spread"), (6, 3, 1, 1, 1, 3))[0]
        run_id = f"run-{number}"
        if kind == "spread":
            pipeline: Pipeline[Any, Any] = spread
            value: Any = list(range(chance.choice((0, 1, 3, 12))))
        else:
            step = chance.choice(STEPS)
            value = Task.model_validate(
                {kind: step, "log": chance.random() < 0.5}
            )  # other kinds fail nowhere
            pipeline = diamond
        run = await _patiently(lambda: client.submit(pipeline, value, run_id=run_id, deadline_seconds=900))
        self._note(run)
        outcomes = {"fail": {"failed"}, "cancel": {"cancelled", "succeeded"}}.get(kind, {"succeeded"})
        self.runs[run_id] = Submitted(run, kind, frozenset(outcomes))
        for _ in range(chance.choice((0, 0, 1, 2))):
            await asyncio.sleep(chance.choice((0.005, 0.5, 4.0)))
            self._note(await self._again(client, run_id, pipeline, value, other=chance.random() < 0.5))
        if chance.random() < 0.3:  # while it is ending, and at once after that
            with suppress(RunConflict):  # another submit of the id was the first: ours is not the run
                await run.ended()
            for again in await asyncio.gather(
                *(self._again(client, run_id, pipeline, value, other=False) for _ in range(3))
            ):
                self._note(again)
        if kind == "cancel":
            await asyncio.sleep(chance.choice((0.005, 0.5, 3.0)))
            await _patiently(lambda: run.cancel("told to"))

    async def _again(
        self, client: Argosy, run_id: str, pipeline: Pipeline[Any, Any], value: object, *, other: bool
    ) -> Run[Any]:
        """Submit again, under the same id, the same data or other."""
        if other:
            pipeline, value = diamond, Task(items=99)
        return await _patiently(lambda: client.submit(pipeline, value, run_id=run_id, deadline_seconds=900))

    def _note(self, run: Run[Any]) -> None:
        assert run.receipt is not None
        self.submits[run.receipt.position] = run.run_id, run.receipt.data_hash

    def waiting(self, oracle: Oracle) -> Iterator[str]:
        stories, refusals = oracle.stories(), oracle.refusals()
        for run_id in self.runs:
            if not stories[run_id].results:
                yield f"{run_id} has no result"
        for position in self._to_be_refused(stories):
            if position not in refusals:
                yield f"the other submit of {self.submits[position][0]} at {position} is not refused"

    def _to_be_refused(self, stories: Mapping[str, Story]) -> set[str]:
        """Of submits with one run id and other data the first in the log is the run; all others are refused."""
        return {
            position
            for position, (run_id, data_hash) in self.submits.items()
            if stories[run_id].accepted and stories[run_id].accepted[0].data_hash != data_hash
        }

    def findings(self, oracle: Oracle, losses: Sequence[float]) -> Iterator[Finding]:
        yield from self.ledger.findings(losses)
        stories = oracle.stories()
        for run_id, submitted in self.runs.items():
            story = stories[run_id]
            assert submitted.run.receipt is not None
            if story.ended and story.ended[0].data_hash == submitted.run.receipt.data_hash:
                yield from _judged(run_id, submitted, story)
        yield from _unanswered(oracle)
        to_be_refused = self._to_be_refused(stories)
        for position, refusal in oracle.refusals().items():
            if position in self.submits and position not in to_be_refused:
                yield Finding("refused", f"{position}: {refusal}")


def _unanswered(oracle: Oracle) -> Iterator[Finding]:
    """A repeat of a run that has ended is answered with its result again, whoever was told before."""
    for run_id, repeated_ms, told_ms in oracle.repeats():
        if not told_ms or max(told_ms) < repeated_ms:
            yield Finding("repeat not answered", f"{run_id}: repeated at {repeated_ms}, told at {told_ms}")


def _chance(stage: Stage, number: int) -> random.Random:
    return random.Random(f"{stage.world.seed} run {number}")  # noqa: S311 - repeatable, no secret


def _judged(run_id: str, submitted: Submitted, story: Story) -> Iterator[Finding]:
    end = story.ended[0]
    if end.outcome not in submitted.outcomes:
        yield Finding("wrong outcome", f"{run_id} ({submitted.kind}): {end.outcome} {end.fault}")
    if end.outcome != "succeeded" or not isinstance(end.result, Inline):
        return
    values = {
        local: _value(settled.result.value)
        for local, settled in story.first_successes().items()
        if isinstance(settled.result, Inline)
    }
    result = end.result.value
    assert isinstance(result, dict)
    if submitted.kind == "spread":
        found = result["values"]
        assert isinstance(found, list)
        accepted = {str(values.get(f"shard.{n}")) for n in range(20)}
        if not set(map(str, found)) <= accepted:
            yield Finding("inputs differ", f"{run_id}: {found}, taken: {accepted}")
        return
    given = result["given"]
    assert isinstance(given, list)
    wanted = [values.get(step) for step in STEPS]
    if [_value(one) for one in given] != wanted:
        yield Finding("inputs differ", f"{run_id}: {given}, taken: {wanted}")


def _value(value: JsonValue) -> JsonValue:
    return value.get("value") if isinstance(value, dict) else value


async def _patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Do as a good client does: repeat what wasn't answered."""
    while True:
        try:
            return await call()
        except Unreachable:
            await asyncio.sleep(0.05)
