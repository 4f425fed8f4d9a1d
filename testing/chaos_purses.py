"""Runs of the chaos app that ask when their budget is spent: somebody raises it, in one go or bit by bit, or says no.

What was refused waits: whoever is refused more often than it may fail still comes to its end once there is enough.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, Literal, Protocol

from pydantic import BaseModel, JsonValue

from argosy.client.awaited import Awaited
from argosy.client.run import RunStatus
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.join import all_ended
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.hole import Hole
from argosy.testing.chaos_pages import MODEL
from argosy.testing.chaos_tools import QUESTION
from argosy.testing.chaos_work import first_time, work

PURSE_TOKENS: Final = 200
"""The budget: for half of the calls of a run."""
ENOUGH: Final = 20_000
BITS: Final = 12
"""So often the budget is raised by less than a call reserves."""
_BIT_TOKENS: Final = 4
_RESERVE: Final = 40
_AT_ONCE: Final = 2
UNTOLD_TOKENS: Final = 2 * _AT_ONCE * (_RESERVE + 10)
"""More than what the calls take that are under way when Redis is wiped, twice: nobody knows of these."""
_ASK_SECONDS: Final = 4.0
_LOOK_SECONDS: Final = 0.2
_BANKER: Final = "the banker"

ITEMS: Final = (*range(6), -6, -7, -8, *range(9, 16))
"""Those fail once whose calls come to the budget's edge."""

Says = Literal["more", "bits", "no", "nothing"]


class Purse(BaseModel):
    """What a run has to do, and what is said to it when it asks."""

    items: list[int]
    says: Says


class Paid(BaseModel):
    """What a step answered."""

    value: str


class Sum(BaseModel):
    """What the join was given; empty texts for holes."""

    values: list[str]
    value: str


@agent(concurrency=16, retries=3, backoff_seconds=0.2, model=MODEL, window=8000, reserve=_RESERVE)
async def payer(ctx: Context, item: int) -> Paid:
    """Make its effect, then ask the model: the effect is not made again when the call was refused.

    A negative item fails once it was let in, the first time: refusals must have used no attempt up.
    """
    value = await work(ctx)
    await ctx.model.ask(f"{QUESTION}{ctx.task_id}", name="answer")
    if item < 0 and first_time(ctx):
        message = f"item {item} fails once"
        raise ValueError(message)
    return Paid(value=value)


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def tallies(ctx: Context, paid: Sequence[Paid | Hole]) -> Sum:
    """Take what there is."""
    values = ["" if isinstance(one, Hole) else one.value for one in paid]
    return Sum(values=values, value=await work(ctx))


purses = Pipeline("purses", takes=Purse, gives=Sum)
_paid = purses.map(
    payer,
    over=purses.input.pick(lambda purse: purse.items),
    max_parallel=_AT_ONCE,
    join=all_ended(),
    name="pay",
)
purses.returns(purses.step(tallies, _paid))


def asking(name: str, given: JsonValue) -> dict[str, Any]:
    """Give what a submit says of asking, of a run of these; nothing of others."""
    if name != purses.name:
        return {}
    silent = Purse.model_validate(given).says == "nothing"
    return {"on_spent": "ask", **({"ask_seconds": _ASK_SECONDS} if silent else {})}


def misled(says: JsonValue, missing: int) -> str:
    """Say what is wrong with how many holes a run has, by what it was told; empty: nothing."""
    if says in ("more", "bits"):
        return f"{missing} are missing, though there was enough" if missing else ""
    return "" if missing else "nothing is missing, though there was not enough"


def wrong_purses(_run_id: str, given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    """Say what is wrong with a result: all where there was enough, else holes for what was refused. Empty: nothing."""
    purse = Purse.model_validate(given)
    values = [took.get(f"pay.{item}", "") for item in range(len(purse.items))]
    right: dict[str, JsonValue] = {"values": [*values], "value": took.get("tallies")}
    return misled(purse.says, values.count("")) or (
        "" if whole == right else f"it says {whole}, took {right}"
    )


class Asking(Protocol):
    """The part of a run's handle that is used here."""

    async def state(self) -> RunStatus:
        """Say how far it is."""
        ...

    async def waiting(self) -> list[Awaited]:
        """List what it waits for."""
        ...

    async def raise_budget(
        self,
        tokens: int | None = None,
        *,
        micros: int | None = None,
        by: str = "",
        reason: str = "",
        answer_id: str | None = None,
    ) -> None:
        """Raise it."""

    async def deny_budget(self, *, reason: str = "", by: str = "", answer_id: str | None = None) -> None:
        """Don't."""


async def pays(run: Asking, purse: Purse, *, early: bool) -> None:
    """Answer a run, before it asks (`early`) or once it does. Safe to repeat from the beginning.

    An answer is given twice, and no answer that was acknowledged is given again later. Raises as the handle does.
    """
    if purse.says == "nothing":
        return
    asked = await _until_asked(run, PURSE_TOKENS, early=early)
    bits = range(1, BITS + 1) if purse.says == "bits" and not early else ()
    for bit in bits:
        if not asked:
            return
        more = PURSE_TOKENS + bit * _BIT_TOKENS
        await run.raise_budget(more, by=_BANKER, answer_id=f"bit-{bit}")
        asked = await _until_asked(run, more, early=False)
    for _ in range(2 if asked else 0):
        if purse.says == "no":
            await run.deny_budget(by=_BANKER, answer_id="no")
        else:
            await run.raise_budget(ENOUGH, by=_BANKER, answer_id="enough")
            await run.raise_budget(PURSE_TOKENS, by="a stranger", answer_id="less")


async def _until_asked(run: Asking, tokens: int, *, early: bool) -> bool:
    """Wait until a run is there (`early`), or asks for more than so much; False: it has ended."""
    async for status in _states(run):
        if status not in ("unknown", "running"):
            return False
        if status == "running" and (early or await _asks(run, tokens)):
            return True
    return False


async def _states(run: Asking) -> AsyncIterator[RunStatus]:
    while True:
        yield await run.state()
        await asyncio.sleep(_LOOK_SECONDS)


async def _asks(run: Asking, tokens: int) -> bool:
    return any(one.budget is not None and one.budget >= tokens for one in await run.waiting())
