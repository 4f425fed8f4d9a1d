"""What runs wait for from outside: signals, approvals, larger budgets; read from the lanes' state in Redis."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from argosy.broker.keys import LaneKeys
from argosy.client.budgets import FIELDS, Reading, budget_in
from argosy.schemas.asking import BUDGET_TIMER
from argosy.schemas.ids import lane_of
from argosy.schemas.payload import Payload
from argosy.schemas.pipeline import ApprovalStep, CompiledPipeline, SignalStep, Step
from argosy.schemas.waiting import WAITING, wait_timer, waiting_field

_TIMER: Final = f"|{wait_timer('')}"
_BUDGET: Final = f"|{BUDGET_TIMER}"
_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class Awaited:
    """A step, or a run whose budget is spent, that waits for somebody. It may have ended since."""

    run_id: str
    pipeline: str
    """`name@version`."""
    step: str
    """Its name in the run: where the signal is to be sent; empty, of a budget."""
    kind: Literal["signal", "approval", "budget"]
    since_ms: int
    until_ms: int
    question: str = ""
    """Of an approval; of a budget: what was spent, and what was asked for."""
    by: tuple[str, ...] = ()
    """Who may answer; empty: anybody."""
    about: Payload | None = None
    """Of an approval: the value; None: the lane has not looked at it yet."""
    about_sha256: str = ""
    """What the answer must name."""
    refused: int = 0
    """Signals that came and did not count, and why the last one did not."""
    tasks: int = 0
    """Of a budget: how many tasks wait for it."""
    budget: int | None = None
    """What it is by now, in tokens; None: they are not limited."""
    budget_micros: int | None = None
    """The same in money, in millionths."""
    refusal: str = ""


async def of_run(links: Reading, run_id: str) -> list[Awaited]:
    """List what a run waits for, in the order of names; empty if nothing, or no such run. Raises Unreachable."""
    keys = _keys(links, lane_of(run_id, links.settings.fleet.lanes))
    (epoch,) = await links.store.hmget(keys.checkpoint, ["epoch"])
    if epoch is None:
        return []
    fields = await links.store.hgetall(keys.run(epoch.decode(), run_id))
    lead = waiting_field("").encode()
    names = sorted(name.removeprefix(lead).decode() for name in fields if name.startswith(lead))
    plan = fields.get(b"plan")
    if plan is None or fields.get(b"st") != b"active":
        return []
    pipeline = CompiledPipeline.model_validate_json(plan)
    found = [_awaited(run_id, pipeline, name, fields[waiting_field(name).encode()]) for name in names]
    found.append(_asking(run_id, pipeline, [fields.get(name.encode()) for name in FIELDS]))
    return [one for one in found if one is not None]


async def of_fleet(links: Reading) -> list[Awaited]:
    """List what all runs wait for, those that wait for longest first. Reads all timers. Raises Unreachable."""
    lanes = range(links.settings.fleet.lanes)
    found = [one for some in await asyncio.gather(*(_of_lane(links, lane) for lane in lanes)) for one in some]
    return sorted(found, key=lambda one: (one.since_ms, one.run_id, one.step))


async def _of_lane(links: Reading, lane: int) -> list[Awaited]:
    keys = _keys(links, lane)
    (epoch,) = await links.store.hmget(keys.checkpoint, ["epoch"])
    if epoch is None:
        return []
    timers = [member.decode() for member, _ in await links.store.zrange(keys.timers(epoch.decode()), 0, -1)]
    waits = [timer.partition(_TIMER) for timer in timers if _TIMER in timer]
    asking = [timer.removesuffix(_BUDGET) for timer in timers if timer.endswith(_BUDGET)]
    found: list[Awaited] = []
    for run_id in asking:
        plan, *fields = await links.store.hmget(keys.run(epoch.decode(), run_id), ["plan", *FIELDS])
        one = None if plan is None else _asking(run_id, CompiledPipeline.model_validate_json(plan), fields)
        found += [] if one is None else [one]
    for start in range(0, len(waits), _AT_ONCE):
        some = waits[start : start + _AT_ONCE]
        read = (
            links.store.hmget(keys.run(epoch.decode(), run_id), ["plan", waiting_field(step)])
            for run_id, _, step in some
        )
        for (run_id, _, step), (plan, raw) in zip(some, await asyncio.gather(*read), strict=True):
            if plan is not None and raw is not None:
                one = _awaited(run_id, CompiledPipeline.model_validate_json(plan), step, raw)
                found += [] if one is None else [one]
    return found


def _keys(links: Reading, lane: int) -> LaneKeys:
    return LaneKeys(links.settings.redis.key_prefix, lane)


def _awaited(run_id: str, pipeline: CompiledPipeline, name: str, raw: bytes) -> Awaited | None:
    waiting, step = WAITING.validate_json(raw), _step(pipeline, name)
    if not waiting.until_ms or not isinstance(step, SignalStep | ApprovalStep):
        return None  # signals came for it, it doesn't wait yet
    return Awaited(
        run_id=run_id,
        pipeline=f"{pipeline.name}@{pipeline.version}",
        step=name,
        kind=step.kind,
        since_ms=waiting.since_ms,
        until_ms=waiting.until_ms,
        question=step.question if isinstance(step, ApprovalStep) else "",
        by=step.by if isinstance(step, ApprovalStep) else (),
        about=waiting.about,
        about_sha256=waiting.sha256,
        refused=waiting.refused,
        refusal=waiting.refusal,
    )


def _asking(run_id: str, pipeline: CompiledPipeline, fields: Sequence[bytes | None]) -> Awaited | None:
    budget = budget_in(fields)
    if budget is None or budget.asking.waiting == 0:
        return None
    return Awaited(
        run_id=run_id,
        pipeline=f"{pipeline.name}@{pipeline.version}",
        step="",
        kind="budget",
        since_ms=budget.asking.since_ms,
        until_ms=budget.asking.until_ms,
        question=budget.asking.said,
        tasks=budget.asking.waiting,
        budget=budget.tokens,
        budget_micros=budget.micros,
    )


def _step(pipeline: CompiledPipeline, name: str) -> Step | None:
    """Find a step by its name in the run: `ok`, `c/ok`, `c.7/ok`, `c~2/ok`."""
    first, slash, rest = name.partition("/")
    base = first.partition(".")[0].partition("~")[0]
    step = next((step for step in pipeline.steps if step.name == base), None)
    if not slash or step is None or step.pipeline is None:
        return step
    return _step(step.pipeline, rest)
