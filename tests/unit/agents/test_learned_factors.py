"""Where a model counts more tokens than we do: what it told of earlier runs is pinned by those that begin later."""

from argosy import Context, Pipeline, agent
from argosy.agents.model_client import Completion, ModelRequest
from argosy.broker import tokens
from argosy.schemas.chat import Reply, Usage
from argosy.schemas.errors import ContextOverflow
from argosy.testing import FakeModel, Fleet

WINDOW = 1_000


class CountsDouble(FakeModel):
    """A model whose tokens are half as long as ours, and whose window is what it says."""

    largest = 0

    async def complete(self, request: ModelRequest) -> Completion:
        theirs = 2 * request.prompt_tokens
        if theirs > WINDOW:
            message = "too large"
            raise ContextOverflow(message, measured_tokens=theirs)
        self.largest = max(self.largest, theirs)
        usage = Usage(input_tokens=theirs, output_tokens=1)
        return Completion(Reply(text="read", usage=usage, model=request.model))

    def forget(self) -> None:
        self.largest = 0


@agent(window=WINDOW, reserve=100, above="paginate", model="fake:double")
async def read(ctx: Context, text: str) -> list[str]:
    await ctx.model.ask(text)
    return [text]


reads = Pipeline("reads", takes=str, gives=list[str])
reads.returns(reads.step(read, reads.input))


async def test_what_the_model_found_is_pinned_by_later_runs_and_no_call_of_them_is_above_the_threshold() -> (
    None
):
    model, text = CountsDouble(), "Several words in a line.\n" * 800
    async with Fleet(reads, model=model) as fleet:
        first = await fleet.submit(reads, text)
        await fleet.settle()
        assert "".join(await first.result()) == text
        cut_again = fleet.story.count("/p0#1")
        assert cut_again > 1
        await fleet.advance(120)
        await (await fleet.submit(reads, "little")).result()
        await fleet.advance(120)
        model.forget()
        later = await fleet.submit(reads, text)
        await fleet.settle()
        assert "".join(await later.result()) == text
        planned = f"{later.run_id}/read/p0#1"
        assert planned in fleet.story
        assert fleet.story.count(f"{later.run_id}/read/p1.0/p0#1") == 0
    assert 600 < model.largest <= WINDOW * 0.8 - 100
    assert tokens.count(text) > WINDOW
