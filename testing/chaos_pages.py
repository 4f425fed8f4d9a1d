"""Runs of the chaos app whose input is more than the agent's window: read page by page, or summarised.

A page's print can be joined with the next one's, and says then whether both together are the text, in its order.
"""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, JsonValue

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.pipeline import Pipeline
from argosy.testing.chaos_work import work

MODEL: Final = "openai:chaos"
SUMMARY: Final = "It is all about lines of no interest."
"""What the scripted model says of every page."""
DOCUMENTS: Final = (30, 240, 240, 1000)
"""Lines of the documents: one fits, two have several pages each, the last one goes by the payload store too."""
_PRIME: Final = 2_147_483_647
_FLAKY_PAGE: Final = 2


class Leaf(BaseModel):
    """What was read: a part of the text, or several, one after the other."""

    print: int
    size: int
    values: list[str]
    """Of its pages, in their order."""
    value: str


class Short(BaseModel):
    """What is left of a text that was summarised."""

    parts: list[str]
    fits: bool
    value: str


def document(lines: int) -> str:
    """Write a text of so many lines, no two the same."""
    return "\n".join(
        f"Line {number} of {lines}: the number {number * 7919 % 1_000_003} belongs here, and nowhere else."
        for number in range(1, lines + 1)
    )


def print_of(text: str) -> tuple[int, int]:
    """Give the print of a text, and its size."""
    data = text.encode()
    return int.from_bytes(data, "big") % _PRIME, len(data)


def joined(left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
    """Give the print of two texts, one after the other."""
    return (left[0] * pow(256, right[1], _PRIME) + right[0]) % _PRIME, left[1] + right[1]


@agent(concurrency=16, retries=3, backoff_seconds=0.2, window=600, reserve=0)
async def binder(ctx: Context, leaves: list[Leaf]) -> Leaf:
    """Make one of the parts, in their order."""
    whole = (0, 0)
    for leaf in leaves:
        whole = joined(whole, (leaf.print, leaf.size))
    values = [value for leaf in leaves for value in leaf.values]
    return Leaf(print=whole[0], size=whole[1], values=values, value=await work(ctx))


@agent(
    concurrency=16,
    retries=3,
    backoff_seconds=0.2,
    window=2500,
    reserve=0,
    above="paginate",
    overlap=40,
    merge=binder,
)
async def reader(ctx: Context, text: str) -> Leaf:
    """Read a text or a page of one; one of the pages fails once."""
    value = (await work(ctx))[-12:]
    if ctx.page is not None and ctx.page.number == _FLAKY_PAGE and ctx.attempt == 1:
        message = "this page fails once"
        raise ValueError(message)
    own, size = print_of(text[ctx.page.overlap if ctx.page else 0 :])
    return Leaf(print=own, size=size, values=[value], value=value)


@agent(
    concurrency=16,
    retries=3,
    backoff_seconds=0.2,
    model=MODEL,
    window=2500,
    reserve=400,
    above="summarise",
)
async def shortener(ctx: Context, text: str) -> Short:
    """Take what is left of a text: summaries of its pages."""
    fits = ctx.tokens.count(text) <= ctx.tokens.left
    return Short(parts=text.split("\n\n"), fits=fits, value=await work(ctx))


papers = Pipeline("papers", takes=str, gives=Leaf)
papers.returns(papers.step(reader, papers.input))

summaries = Pipeline("summaries", takes=str, gives=Short)
summaries.returns(summaries.step(shortener, summaries.input))


def wrong_papers(_run_id: str, given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    """Say what is wrong with a result: every page in it once, in order, as it took effect. Empty: nothing.

    `given` is None where the input was too large for the record.
    """
    text = given if isinstance(given, str) else document(max(DOCUMENTS))
    if not isinstance(whole, dict):
        return f"it says {whole}"
    if (whole["print"], whole["size"]) != print_of(text):
        return f"the pages are not the text: {whole['size']} bytes of {len(text.encode())}"
    pages = [f"reader/p1.{number}" for number in range(len(took))]
    values = [took[page] for page in pages if page in took] or [took.get("reader", "")]
    return "" if whole["values"] == values else f"it says {whole['values']}, took {values}"


def wrong_summaries(_run_id: str, _given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    """Say what is wrong with a result: as many summaries as pages, and room for them."""
    if not isinstance(whole, dict):
        return f"it says {whole}"
    parts, pages = whole["parts"], sum(local.startswith("shortener/p1.") for local in took)
    if not whole["fits"]:
        return "what is left is more than the window"
    right = isinstance(parts, list) and len(parts) == pages > 1 and set(map(str, parts)) == {SUMMARY}
    return "" if right else f"{pages} pages were summarised, and it says {parts}"
