"""An app whose runs fill every page: a map, a loop, joins with holes, an approval, retries, memos, hostile words."""

import asyncio
from pathlib import Path

from pydantic import BaseModel

from argosy import Approval, Context, Hole, Pipeline, Reject, agent, all_ended

HERE = Path(__file__).parent
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\x1b[31m\u202edetoor"


class Draft(BaseModel):
    """A text, and how often it was made better."""

    text: str
    rounds: int = 0


@agent(retries=2, backoff_seconds=0.2, concurrency=16)
async def research(ctx: Context, topic: str) -> str:
    """Find something out; slow topics wait for a file, bad ones fail, shaky ones fail once."""
    while topic.startswith("slow") and not (HERE / "go").exists():  # noqa: ASYNC110 - the word comes as a file
        await asyncio.sleep(0.05)
    if topic.startswith("bad") and not (HERE / "mended").exists():
        raise Reject(f"nothing is known of {topic}: {HOSTILE}")
    if topic.startswith("shaky") and ctx.attempt == 1:
        raise ValueError("not today")
    await ctx.step("looked", _looked, topic, log=True)
    return f"what is known of {topic}"


async def _looked(topic: str) -> str:
    return f"in the archive, for {topic}"


@agent
async def summarise(ctx: Context, found: list[str | Hole]) -> Draft:  # noqa: ARG001 - agents take it
    """Put all in one text."""
    return Draft(text="\n".join(part for part in found if isinstance(part, str)) + "\n" + HOSTILE)


@agent
async def check(ctx: Context, draft: Draft) -> bool:  # noqa: ARG001
    """Say whether a text will do."""
    return len(draft.text) > 3


@agent
async def tidy(ctx: Context, draft: Draft) -> Draft:  # noqa: ARG001
    """Make it better each time."""
    return Draft(text=draft.text.strip(), rounds=draft.rounds + 1)


@agent
async def publish(ctx: Context, draft: Draft, checked: bool, answer: Approval) -> str:  # noqa: ARG001, FBT001
    """Say who let it out."""
    return f"{draft.text} (let out by {answer.by or 'somebody'})"


report = Pipeline("report", takes=list[str], gives=str)
found = report.map(research, over=report.input, name="research", max_parallel=50, join=all_ended())
told = report.step(summarise, found, name="summarise")
good = report.step(check, told, name="check")
nice = report.loop(
    tidy, told, name="tidy", until=lambda draft: draft.rounds >= 2, max_iterations=3, exhausted="last"
)
ok = report.approval("Shall it be published?", about=nice, name="ok", within_seconds=3_600)
report.returns(
    report.step(publish, nice, good, ok, when=ok.pick(lambda answer: answer.approved), name="publish")
)

many = Pipeline("many", takes=list[str], gives=list[str])
many.returns(many.map(research, over=many.input, name="each", max_parallel=50))
