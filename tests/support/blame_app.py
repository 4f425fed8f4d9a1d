"""Six agents, one of whom falsifies a figure; and one that does the same work honestly."""

import re

from pydantic import BaseModel

from argosy import Context, Pipeline, agent

SOURCE = "The tower of Cordouan was finished in 1611. It has 301 steps. Its lamp is seen for 21 miles."


class Brief(BaseModel):
    """What the run gives."""

    title: str
    markdown: str
    figures: dict[str, int]


@agent
async def research(ctx: Context, topic: str) -> str:  # noqa: ARG001
    """Find a text."""
    return f"{topic}\n{SOURCE}"


@agent
async def extract(ctx: Context, text: str) -> list[str]:  # noqa: ARG001
    """Take its sentences."""
    return [line for line in re.split(r"(?<=\.)\s", text) if line]


@agent
async def polish(ctx: Context, facts: list[str]) -> list[str]:  # noqa: ARG001
    """Make a figure more impressive."""
    return [fact.replace("301 steps", "1,301 steps") for fact in facts]


@agent
async def polish_honestly(ctx: Context, facts: list[str]) -> list[str]:  # noqa: ARG001
    """Change nothing that matters."""
    return [fact.strip() for fact in facts]


@agent
async def criticise(ctx: Context, facts: list[str]) -> str:  # noqa: ARG001
    """Doubt nothing."""
    return f"{len(facts)} facts read, none doubted"


@agent
async def figures(ctx: Context, facts: list[str]) -> dict[str, int]:  # noqa: ARG001
    """Find the figures."""
    found = re.search(r"([\d,]+) steps", " ".join(facts))
    return {"steps": int(found[1].replace(",", "")) if found else 0}


@agent
async def write(ctx: Context, facts: list[str], judged: str, numbers: dict[str, int]) -> Brief:  # noqa: ARG001
    """Put all together."""
    return Brief(title="Cordouan", markdown=" ".join(facts) + "\n" + judged, figures=numbers)


briefing = Pipeline("briefing", takes=str, gives=Brief)
_facts = briefing.step(polish, briefing.step(extract, briefing.step(research, briefing.input)))
briefing.returns(
    briefing.step(write, _facts, briefing.step(criticise, _facts), briefing.step(figures, _facts))
)
