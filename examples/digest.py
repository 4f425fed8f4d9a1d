"""A folder of documents, read side by side: nine of ten are enough, and the digest says what is missing.

    argosy dev examples/digest.py              then, in another shell:
    python examples/digest.py FOLDER [--urgent]

`extract` runs once per document. The map goes on with 90 % of them; what did not succeed is a `Hole` in the list.
A digest with something missing is checked first, unless it is urgent; a checker that takes too long holds nobody up.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

import argosy
from argosy import Context, Hole, Pipeline, Reject, agent, by_deadline, quorum, size


class Document(BaseModel):
    """One of many."""

    title: str
    text: str


class Corpus(BaseModel):
    """What a run is about."""

    topic: str
    documents: list[Document]
    urgent: bool = False


class Finding(BaseModel):
    """What one document says about the topic."""

    title: str
    text: str


class Draft(BaseModel):
    """The findings together, and how many documents are not among them."""

    markdown: str
    missing: int


class Opinion(BaseModel):
    """What a checker thinks of a draft."""

    text: str


class Digest(BaseModel):
    """The result."""

    markdown: str
    missing: int
    checked: bool


@agent(model="openai:gpt-5-mini", reserve=512, concurrency=32)
async def extract(ctx: Context, document: Document, topic: str) -> Finding:
    """Read one document."""
    if not document.text.strip():
        message = f"the document {document.title!r} is empty"
        raise Reject(message)  # a hole, where the map can do without it
    text = await ctx.model.ask(f"{document.text}\n\nIn one sentence: what does this say about {topic}?")
    return Finding(title=document.title, text=text)


@agent
async def draft(ctx: Context, findings: Sequence[Finding | Hole], topic: str) -> Draft:
    """Put the findings together, in the order of the documents; this takes no model."""
    lines = [f"# {topic}"]
    for found in findings:
        if isinstance(found, Hole):
            ctx.log.info("a document is missing", task=found.task_id, reason=found.reason)
        else:
            lines.append(f"- {found.title}: {found.text}")
    return Draft(markdown="\n".join(lines), missing=sum(isinstance(found, Hole) for found in findings))


@agent(model="openai:gpt-5-mini", reserve=512)
async def check(ctx: Context, text: Draft) -> Opinion:
    """Look at a digest that has gaps."""
    missing = f"{text.missing} documents are missing."
    return Opinion(text=await ctx.model.ask(f"{text.markdown}\n\n{missing} In one sentence: is this sound?"))


@agent
async def publish(ctx: Context, text: Draft, opinion: Opinion | Hole) -> Digest:
    """Hand over what there is. No opinion is no obstacle: nobody asked for one, or it came too late."""
    if isinstance(opinion, Hole):
        ctx.log.info("published unchecked", outcome=opinion.outcome, reason=opinion.reason)
        return Digest(markdown=text.markdown, missing=text.missing, checked=False)
    markdown = f"{text.markdown}\n\nA checker says: {opinion.text}"
    return Digest(markdown=markdown, missing=text.missing, checked=True)


digest = Pipeline("digest", version="1", takes=Corpus, gives=Digest)
topic = digest.input.pick(lambda c: c.topic)
findings = digest.map(
    extract,
    over=digest.input.pick(lambda c: c.documents),
    sharing=topic,
    max_parallel=32,
    join=quorum(0.9, within_seconds=600),
)
drafted = digest.step(draft, findings, topic)
opinion = digest.step(
    check,
    drafted,
    when=drafted.pick(lambda d: (d.missing > 0) & (size(d.markdown) > 0)),
    unless=digest.input.pick(lambda c: c.urgent),
)
digest.returns(digest.step(publish, drafted, opinion.or_hole(), join=by_deadline(60)))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    documents = [
        Document(title=file.stem, text=file.read_text(encoding="utf-8"))
        for file in sorted(folder.glob("*.txt"))
    ]
    corpus = Corpus(topic=folder.name, documents=documents, urgent="--urgent" in sys.argv)
    done = argosy.run(digest, corpus)
    print(done.markdown)
    print(f"missing: {done.missing}, checked: {'yes' if done.checked else 'no'}")
