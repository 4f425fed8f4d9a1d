"""An app whose map runs a pipeline for each item, with conditions on the item and on what the map made."""

import asyncio
from collections.abc import Sequence

from pydantic import BaseModel

from argosy import Context, Hole, Pipeline, Reject, agent, all_ended, size
from support.ledger import make_effect, the_ledger


class Parcel(BaseModel):
    """An item. `label` is made by the first step inside, `packed` by the last."""

    number: int
    heavy: bool = False
    lost: bool = False
    parts: list[str] = []
    label: str = ""


class Delivery(BaseModel):
    """What the run gives."""

    labels: list[str]
    missing: list[str]
    parts: list[str]


@agent(concurrency=8, retries=4, backoff_seconds=0.1)
async def label(ctx: Context, parcel: Parcel) -> Parcel:
    """Make an effect once per task; fail now and then, and for good where the parcel is lost."""
    if parcel.lost:
        raise Reject("it is lost")
    if parcel.number % 5 == 0 and ctx.attempt == 1:
        message = "the printer jams"
        raise RuntimeError(message)
    key = f"{ctx.task_id}|{ctx.idempotency_key('effect')}"
    the_ledger().know(key, await ctx.step("effect", make_effect, key))
    await asyncio.sleep(0.02)
    return parcel.model_copy(update={"label": f"#{parcel.number}"})


@agent(concurrency=8, retries=4)
async def weigh(ctx: Context, parcel: Parcel) -> str:  # noqa: ARG001
    """Only asked of heavy ones."""
    return f"{parcel.label} is heavy"


@agent(concurrency=8)
async def split(ctx: Context, part: str) -> str:  # noqa: ARG001
    """One of the parts of an item."""
    return part.upper()


@agent(concurrency=8)
async def pack(ctx: Context, parcel: Parcel, weight: str | Hole, parts: list[str]) -> Parcel:  # noqa: ARG001
    """Put together what the steps inside made."""
    said = parcel.label if isinstance(weight, Hole) else weight
    return parcel.model_copy(update={"label": said, "parts": parts})


@agent
async def deliver(ctx: Context, parcels: Sequence[Parcel | Hole], parts: list[str]) -> Delivery:  # noqa: ARG001
    """The one step after the map."""
    return Delivery(
        labels=[parcel.label for parcel in parcels if not isinstance(parcel, Hole)],
        missing=[parcel.task_id for parcel in parcels if isinstance(parcel, Hole)],
        parts=parts,
    )


one = Pipeline("one", takes=Parcel, gives=Parcel)
_labelled = one.step(label, one.input)
_weight = one.step(weigh, _labelled, when=one.input.pick(lambda parcel: parcel.heavy))
_parts = one.map(split, over=one.input.pick(lambda parcel: parcel.parts))
one.returns(one.step(pack, _labelled, _weight.or_hole(), _parts))

parcels = Pipeline("parcels", takes=list[Parcel], gives=Delivery)
_packed = parcels.map(one, over=parcels.input, max_parallel=10, join=all_ended())
_more = parcels.map(split, over=_packed.query("[].parts[]", list[str]), name="more")
parcels.returns(parcels.step(deliver, _packed, _more, when=_packed.pick(lambda found: size(found) > 1)))
