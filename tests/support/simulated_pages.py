"""A simulated load whose runs are accepted by rules 2, and most of which are too large for their agents."""

import asyncio
import itertools
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import BaseModel

from argosy import Context, Pipeline, Reject, agent
from argosy.agents.model_client import ModelClient
from argosy.broker import tokens
from argosy.pipelines.agent import Agent
from argosy.schemas.errors import ContextOverflow
from argosy.testing.fake_model import FakeModel
from argosy.testing.oracle import Finding, Story
from argosy.testing.stage import agents_of
from argosy.testing.world import World
from support.simulated_agents import LEDGER, PIPELINES
from support.simulated_load import SimulatedLoad
from support.simulated_runs import KINDS, Plan, first_successes, loaded, wrong_fault

ROOM = 300
"""Tokens that an agent's inputs may have: 400 x 0.8 - 20."""
DIGEST_ROOM = 1_200
"""1600 x 0.8 - 80, as more is needed of a window for the prompt of a summary."""
_LINES = (3, 20, 40, 90, 150)
_DIGEST_LINES = (3, 40, 90, 150, 400)


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


def _fits(ctx: Context, *texts: str, room: int = ROOM) -> None:
    # Clients count as ever, the workers of a simulation characters, which are more.
    if sum(map(tokens.count, texts)) > room:
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


@agent(
    retries=1,
    backoff_seconds=0.2,
    max_deliveries=30,
    window=1_600,
    reserve=80,
    above="summarise",
    model="fake:model",
)
async def digest(ctx: Context, sheet: Sheet) -> Read:
    _fits(ctx, sheet.text, room=DIGEST_ROOM)
    if sheet.scale * len(sheet.text) > DIGEST_ROOM:
        message = "the model found too much"
        raise ContextOverflow(message, measured_tokens=sheet.scale * len(sheet.text))
    return Read(texts=[sheet.text], values=[LEDGER[-1].unique(ctx.task_id)])


_NUMBERS = itertools.count()


def _summary(question: str) -> str:
    """Say in all the room that there is what nobody else says."""
    asked = re.search(r"At most (\d+) tokens", question)
    assert asked is not None
    return f"#{next(_NUMBERS)}".ljust(int(asked[1]), ".")


combs = Pipeline("combs", takes=Sheet, gives=Read)
combs.returns(combs.step(comb, combs.input))
folds = Pipeline("folds", takes=list[str], gives=str)
folds.returns(folds.step(initials, folds.input))
sheets = Pipeline("sheets", takes=list[Sheet], gives=list[Read])
sheets.returns(sheets.map(comb, over=sheets.input, max_parallel=2))
digests = Pipeline("digests", takes=Sheet, gives=Read)
digests.returns(digests.step(digest, digests.input))
many_digests = Pipeline("many-digests", takes=list[Sheet], gives=list[Read])
many_digests.returns(many_digests.map(digest, over=many_digests.input, max_parallel=2))

_OURS = (combs, folds, sheets, digests, many_digests)
_AGENTS: Mapping[str, Agent[..., Any]] = agents_of((*PIPELINES, *_OURS))


def _lines(count: int) -> list[str]:
    return [f"{chr(97 + number % 26)} line of a few words, number {number}" for number in range(count)]


def _sheet(chance: random.Random, **more: str | int) -> Sheet:
    return Sheet.model_validate({"text": "\n".join(_lines(chance.choice(_LINES))) + "\n", **more})


def _digested(chance: random.Random, **more: int) -> Sheet:
    return Sheet.model_validate({"text": "\n".join(_lines(chance.choice(_DIGEST_LINES))) + "\n", **more})


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
    "digests": (2, lambda chance: Plan(digests, _digested(chance, scale=chance.choice((0, 0, 1, 2))))),
    "many_digests": (
        1,
        lambda chance: Plan(many_digests, [_digested(chance) for _ in range(chance.choice((1, 3)))]),
    ),
    "cancel_digest": (0.5, lambda chance: Plan(digests, _digested(chance), _CANCELLED)),
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
    model: ModelClient | None = field(default_factory=lambda: FakeModel().reply(_summary))

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
        yield from wrong_fault(run_id, plan, end)
        result = loaded(end, self.world)
        if end.outcome != "succeeded" or result is None:
            return
        if plan.pipeline is folds:
            if result != "".join(line[0] for line in plan.value):
                yield Finding("not all of the input", f"{run_id}: {result}")
            return
        several = plan.pipeline in (sheets, many_digests)
        given = plan.value if several else [plan.value]
        found = result if several else [result]
        assert isinstance(found, list)
        if plan.pipeline in (digests, many_digests):
            name = "digest.{}" if several else "digest"
            yield from self._digested(run_id, story, name, list(zip(given, found, strict=True)))
            return
        made = _values(story, self.world)
        for number, (sheet, read) in enumerate(zip(given, found, strict=True)):
            assert isinstance(read, dict)
            texts = cast("list[str]", read["texts"])
            if "".join(texts) != sheet.text:
                yield Finding("not all of the input", f"{run_id}: {number}: {texts}")
            local = f"comb.{number}" if plan.pipeline is sheets else "comb"
            if made is not None and read["values"] not in _taken(local, made):
                yield Finding("inputs differ", f"{run_id}: {number}: {read['values']}, taken: {made}")

    def _digested(
        self, run_id: str, story: Story, name: str, read: list[tuple[Sheet, Any]]
    ) -> Iterator[Finding]:
        """Judge that what was read is the text, or the first successes of its summaries in their order."""
        made = {local: loaded(settled, self.world) for local, settled in first_successes(story).items()}
        if None in made.values():
            return  # the store has lost some of it
        for number, (sheet, found) in enumerate(read):
            local = name.format(number)
            may_be = list(_digests(local, sheet.text, made))
            if (found["values"], found["texts"]) not in may_be:
                yield Finding("inputs differ", f"{run_id}: {local}: {found}, might be {may_be}")


def _digests(local: str, text: str, made: Mapping[str, Any]) -> Iterator[tuple[list[str], list[str]]]:
    """List what a task may have given, and of which text: its own success, or that of one with summaries."""
    if local in made and made[local]["texts"] == [text]:
        yield made[local]["values"], [text]
    for round_ in range(2, 9, 2):
        names = itertools.takewhile(
            made.__contains__, (f"{local}/p{round_ - 1}.{n}" for n in itertools.count())
        )
        text = "\n\n".join(made[name] for name in names) or text
        whole = f"{local}/p{round_}.0"
        if any(f"{name}/".startswith(f"{whole}/") for name in made):
            yield from _digests(whole, text, made)


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
