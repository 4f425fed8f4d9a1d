"""An app whose one agent has a small window: what is larger is cut into pages."""

from pydantic import BaseModel

from argosy import Context, Pipeline, agent


class Text(BaseModel):
    """What is to be read."""

    text: str


@agent(concurrency=8, retries=2, backoff_seconds=0.2, window=400, reserve=20, above="paginate")
async def lines(_: Context, text: Text) -> list[str]:
    """Each line that it was given."""
    return text.text.splitlines()


reading = Pipeline("reading", takes=Text, gives=list[str])
reading.returns(reading.step(lines, reading.input))
