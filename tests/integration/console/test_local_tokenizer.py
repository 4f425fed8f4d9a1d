# ruff: noqa: RUF001 - the marks of several scripts
"""Contracts by the model's own tokenizer, that of the local model: where ours is wrong, what is learned of it helps."""

import json
import os
import secrets
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest

from argosy import Context, Pipeline, agent
from argosy.agents.model_client import Completion, ModelRequest
from argosy.broker import tokens
from argosy.console.model_child import LocalModel, model_ready
from argosy.console.ports import LOOPBACK, free_ports
from argosy.schemas.chat import Message, Reply, Usage
from argosy.schemas.errors import ContextOverflow
from argosy.testing import Fleet
from support.waiting import eventually

pytestmark = pytest.mark.timeout(600)

WINDOW, RESERVE = 1_000, 100
CHINESE = "山高月小，水落石出。曾日月之幾何，而江山不可復識矣。予乃攝衣而上，履巉巖，披蒙茸。" * 60
ENGLISH = "The keeper of the lighthouse wrote down every ship that passed, and the hour.\n" * 150


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalModel]:
    folder = tmp_path_factory.mktemp("model")
    model = LocalModel(free_ports(1)[0], secrets.token_urlsafe(24))
    spec = model.child(folder / "model.log")
    with spec.log.open("wb") as log:
        process = subprocess.Popen(spec.argv, env=os.environ | spec.env, stdout=log, stderr=log, cwd=folder)
    try:
        yield model
    finally:
        process.terminate()
        assert process.wait(150) == 0


def counted(model: LocalModel, text: str) -> int:
    """Count as the model does. Blocking: virtual time stands still meanwhile."""
    asked = urllib.request.Request(
        f"http://{LOOPBACK}:{model.port}/tokenize",
        json.dumps({"content": text}).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {model.key}"},
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310 - loopback
        return len(json.load(answer)["tokens"])


@dataclass
class ItsTokens:
    """A model that says nothing, and counts as the local one does; its window is what it says."""

    model: LocalModel
    asked: list[int] = field(default_factory=list[int])
    refused: int = 0

    async def complete(self, request: ModelRequest) -> Completion:
        text = "\n".join(turn.content for turn in request.turns if isinstance(turn, Message))
        size = counted(self.model, text)
        if size + RESERVE > WINDOW:
            self.refused += 1
            message = f"{size} tokens are too many"
            raise ContextOverflow(message, measured_tokens=size)
        self.asked.append(size)
        return Completion(Reply(text="read", usage=Usage(input_tokens=size, output_tokens=1), model="m"))

    async def stream(self, request: ModelRequest) -> AsyncIterator[str | Reply]:
        yield (await self.complete(request)).reply

    async def close(self) -> None:
        pass


@agent(window=WINDOW, reserve=RESERVE, above="paginate", model="local:smollm2", retries=0)
async def read(ctx: Context, text: str) -> list[str]:
    await ctx.model.ask(f"Read this page of a book:\n\n{text}")
    return [text]


reads = Pipeline("reads", takes=str, gives=list[str])
reads.returns(reads.step(read, reads.input))


@pytest.mark.parametrize(
    ("text", "is_wrong"), [(CHINESE, True), (ENGLISH, False)], ids=["chinese", "english"]
)
async def test_no_prompt_is_above_the_threshold_by_the_models_own_tokenizer(
    model: LocalModel, text: str, *, is_wrong: bool
) -> None:
    await eventually(model_ready(model.port), "the model answers")
    client = ItsTokens(model)
    assert (counted(model, text) > 1.3 * tokens.count(text)) == is_wrong
    async with Fleet(reads, model=client) as fleet:
        first = await fleet.submit(reads, text)
        await fleet.settle()
        assert "".join(await first.result()) == text
        assert bool(client.refused) == is_wrong
        await fleet.advance(120)
        await (await fleet.submit(reads, "A line.")).result()
        await fleet.advance(120)
        client.asked.clear()
        client.refused = 0
        later = await fleet.submit(reads, text)
        await fleet.settle()
        assert "".join(await later.result()) == text
    assert client.refused == 0
    assert len(client.asked) > 3
    assert WINDOW * 0.5 < max(client.asked) <= WINDOW * 0.8 - RESERVE
