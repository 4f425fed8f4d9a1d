"""What a run that waits tells: a span for each wait, with the times of its records."""

# ruff: noqa: ARG001 - a handler's parameters are its interface

import pytest

from argosy import Approval, Context, Pipeline, agent
from argosy.schemas.canonical import canonical_hash
from argosy.testing import Fleet
from support.traces import Spans, attributes


@agent
async def say(ctx: Context, text: str, answer: Approval, word: str) -> str:
    return f"{text} {answer.approved} {word}"


slow = Pipeline("slow", takes=str, gives=str)
_slept = slow.sleep(3600, name="nap")
_ok = slow.approval("Good?", about=slow.input, name="ok", within_seconds=86_400)
_word = slow.signal("word", str, within_seconds=86_400)
slow.returns(slow.step(say, slow.input, _ok, _word, after=[_slept]))


async def test_each_wait_is_a_span_as_long_as_it_was() -> None:
    spans = Spans()
    async with Fleet(slow) as fleet:
        run = await fleet.submit(slow, "v", run_id="r")
        await fleet.advance(60)
        await run.approve("ok", by="ann", sha256=canonical_hash("v"))
        await fleet.advance(60)
        await run.signal("word", "go")
        assert await run.result(timeout_seconds=7200) == "v True go"
    told = {span.name: span for span in spans.all()}
    seconds = {
        name: round(((span.end_time or 0) - (span.start_time or 0)) / 1e9)
        for name, span in told.items()
        if name.startswith("wait ")
    }
    assert seconds["wait nap"] == 3600
    assert seconds["wait ok"] == pytest.approx(60, abs=5)
    assert seconds["wait word"] == pytest.approx(120, abs=5)
    assert attributes(told["wait ok"])["argosy.wait.for"] == "approval"
    assert attributes(told["wait word"])["argosy.wait.outcome"] == "succeeded"
    assert attributes(told["invoke_workflow slow"])["argosy.run.invocations"] == 1
