"""A simulated load whose runs are accepted by rules 2, and most of which are too large for their agents."""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import BaseModel

from argosy import Context, Pipeline, Reject, agent
from argosy.broker import tokens
from argosy.pipelines.agent import Agent
from argosy.schemas.errors import ContextOverflow
from argosy.testing.oracle import Finding, Story
from argosy.testing.stage import agents_of
from argosy.testing.world import World
from support.simulated_agents import LEDGER, PIPELINES
from support.simulated_load import SimulatedLoad
from support.simulated_runs import KINDS, Plan, first_successes, loaded

ROOM = 300
"""Tokens that an agent's inputs may have: 400 x 0.8 - 20."""
_LINES = (3, 20, 40, 90, 150)


class Sheet(BaseModel):
    """What is to be read, and what is to happen meanwhile."""

    text: str
    fail: str = ""
    """The page with this line fails."""
    flaky: str = ""
    """The first attempt at the page with this line fails."""
    scale: int = 0
    """How many tokens the model finds in each character; 0: no more than were planned; -1: now none, now too many."""


class Read(BaseModel):
    """The text that was there, and a value that no other execution has."""

    texts: list[str]
    values: list[str]


def _fits(ctx: Context, *texts: str) -> None:
    # Clients count as ever, the workers of a simulation characters, which are more.
    if sum(map(tokens.count, texts)) > ROOM:
        LEDGER[-1].squeezed.append(ctx.task_id)


@agent(retries=1, backoff_seconds=0.2, max_deliveries=30, window=400, reserve=20, above="paginate")
async def comb(ctx: Context, sheet: Sheet) -> Read:
    _fits(ctx, sheet.text)
    if sheet.scale < 0:
        await asyncio.sleep(random.choice((0.0, 0.2, 2.0)))  # noqa: S311 - no secret
    scale = sheet.scale if sheet.scale >= 0 else random.choice((0, 0, 2))  # noqa: S311 - no secret
    if (found := scale * len(sheet.text)) > ROOM:
        message = "the model found too much"
        raise ContextOverflow(message, measured_tokens=found)
    if sheet.fail and sheet.fail in sheet.text:
        message = "this page was told to fail"
        raise Reject(message)
    if sheet.flaky and sheet.flaky in sheet.text and ctx.attempt == 1:
        message = "this page fails once"
        raise ValueError(message)
    return Read(texts=[sheet.text], values=[LEDGER[-1].unique(ctx.task_id)])


@agent(retries=1, backoff_seconds=0.2, max_deliveries=30, window=400, reserve=20)
async def glue(ctx: Context, texts: list[str]) -> str:
    _fits(ctx, *texts)
    return "".join(texts)


@agent(
    retries=1, backoff_seconds=0.2, max_deliveries=30, window=400, reserve=20, above="paginate", merge=glue
)
async def initials(ctx: Context, lines: list[str]) -> str:
    _fits(ctx, *lines)
    return "".join(line[0] for line in lines)


combs = Pipeline("combs", takes=Sheet, gives=Read)
combs.returns(combs.step(comb, combs.input))
folds = Pipeline("folds", takes=list[str], gives=str)
folds.returns(folds.step(initials, folds.input))
sheets = Pipeline("sheets", takes=list[Sheet], gives=list[Read])
sheets.returns(sheets.map(comb, over=sheets.input, max_parallel=2))

_OURS = (combs, folds, sheets)
_AGENTS: Mapping[str, Agent[..., Any]] = agents_of((*PIPELINES, *_OURS))


def _lines(count: int) -> list[str]:
    return [f"{chr(97 + number % 26)} line of a few words, number {number}" for number in range(count)]


def _sheet(chance: random.Random, **more: str | int) -> Sheet:
    return Sheet.model_validate({"text": "\n".join(_lines(chance.choice(_LINES))) + "\n", **more})


def _some(chance: random.Random) -> str:
    return _lines(3)[chance.randrange(3)] + "\n"


def _many(chance: random.Random) -> list[Sheet]:
    return [_sheet(chance) for _ in range(chance.choice((0, 1, 3)))]


_CANCELLED = frozenset({"succeeded", "cancelled"})
PAGED: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = {
    **{name: (weight / 8, make) for name, (weight, make) in KINDS.items()},
    "paged": (3, lambda chance: Plan(combs, _sheet(chance))),
    "paged_flaky": (1, lambda chance: Plan(combs, _sheet(chance, flaky=_some(chance)))),
    "paged_fail": (
        1,
        lambda chance: Plan(
            combs, _sheet(chance, fail=_some(chance)), frozenset({"failed"}), fault="rejected"
        ),
    ),
    "measured": (2, lambda chance: Plan(combs, _sheet(chance, scale=chance.choice((-1, -1, 1, 2, 3))))),
    "folds": (2, lambda chance: Plan(folds, _lines(chance.choice(_LINES)))),
    "sheets": (2, lambda chance: Plan(sheets, _many(chance))),
    "cancel": (1, lambda chance: Plan(combs, _sheet(chance), _CANCELLED)),
    "short": (
        0.7,
        lambda chance: Plan(
            combs,
            _sheet(chance),
            frozenset({"expired", "succeeded", "failed"}),
            chance.choice((1, 3, 5)),
        ),
    ),
}
"""As `KINDS`."""


@dataclass
class PagedLoad(SimulatedLoad):
    """As `SimulatedLoad`, by rules 2."""

    agents: Mapping[str, Agent[..., Any]] = field(default_factory=lambda: _AGENTS)
    kinds: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = field(default_factory=lambda: PAGED)

    def __post_init__(self) -> None:
        super().__post_init__()
        settings = self.world.settings
        settings.fleet = settings.fleet.model_copy(update={"rules": 2})

    def judged(self, run_id: str, plan: Plan, story: Story) -> Iterator[Finding]:
        """Judge also that nothing of an input is missing, nor there twice, nor made of what wasn't taken."""
        if plan.pipeline not in _OURS:
            yield from super().judged(run_id, plan, story)
            return
        end = story.ended[0]
        if plan.fault and end.fault is not None and end.fault.code not in {plan.fault, "payload_gone"}:
            yield Finding("wrong fault", f"{run_id}: {end.fault}")
        result = loaded(end, self.world)
        if end.outcome != "succeeded" or result is None:
            return
        if plan.pipeline is folds:
            if result != "".join(line[0] for line in plan.value):
                yield Finding("not all of the input", f"{run_id}: {result}")
            return
        given = plan.value if plan.pipeline is sheets else [plan.value]
        found = result if plan.pipeline is sheets else [result]
        assert isinstance(found, list)
        made = _values(story, self.world)
        for number, (sheet, read) in enumerate(zip(given, found, strict=True)):
            assert isinstance(read, dict)
            texts = cast("list[str]", read["texts"])
            if "".join(texts) != sheet.text:
                yield Finding("not all of the input", f"{run_id}: {number}: {texts}")
            local = f"comb.{number}" if plan.pipeline is sheets else "comb"
            if made is not None and read["values"] not in _taken(local, made):
                yield Finding("inputs differ", f"{run_id}: {number}: {read['values']}, taken: {made}")


def _values(story: Story, world: World) -> dict[str, list[str]] | None:
    """Return what each task's first success gave; None if the store has lost some of it."""
    found: dict[str, list[str]] = {}
    for local, settled in first_successes(story).items():
        value: Any = loaded(settled, world)
        if value is None:
            return None
        if isinstance(value, dict) and "values" in value:
            found[local] = value["values"]
    return found


def _taken(local: str, made: Mapping[str, list[str]]) -> list[list[str]]:
    """List what a task's result may be made of: its own success, or one of each of its pages, in their order."""
    if not any(f"{name}/".startswith(f"{local}/") for name in made):
        return []
    whole = [made[local]] if local in made else []
    joined: list[list[str]] = [[]]
    number = 0
    while several := _taken(f"{local}/p1.{number}", made):
        joined = [[*before, *after] for before in joined for after in several]
        number += 1
    return whole + (joined if number else [])
