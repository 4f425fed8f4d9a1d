import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from argosy.agents.answer import Answer
from argosy.agents.model_client import ModelRequest
from argosy.agents.openai_client import OpenAIClient
from argosy.console.local_model import MODEL, WINDOW_TOKENS
from argosy.console.model_child import LocalModel, model_ready
from argosy.console.ports import free_ports
from argosy.schemas.chat import Message, Reply
from argosy.schemas.errors import ContextOverflow, ModelRefused
from argosy.schemas.settings import ModelSettings, Settings
from support.waiting import eventually

pytestmark = pytest.mark.timeout(600)

TEXT = "A lighthouse shows a light, so that ships at night know where the rocks are."


@dataclass(frozen=True)
class Running:
    process: "subprocess.Popen[bytes]"
    model: LocalModel
    log: Path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The model's process, as the supervisor starts it; it may still be loading."""
    folder = tmp_path_factory.mktemp("model")
    model = LocalModel(free_ports(1)[0], secrets.token_urlsafe(24))
    spec = model.child(folder / "model.log")
    with spec.log.open("wb") as log:
        process = subprocess.Popen(spec.argv, env=os.environ | spec.env, stdout=log, stderr=log, cwd=folder)
    try:
        yield Running(process, model, spec.log)
    finally:
        process.terminate()
        assert process.wait(150) == 0


@asynccontextmanager
async def client_of(running: Running, *, key: str | None = None) -> AsyncGenerator[OpenAIClient]:
    await eventually(model_ready(running.model.port), "the model answers")
    settings = ModelSettings(
        base_url=running.model.environment["ARGOSY_MODEL__BASE_URL"],
        api_key=SecretStr(key or running.model.key),
        timeout_seconds=100.0,
    )
    client = OpenAIClient(settings)
    try:
        yield client
    finally:
        await client.close()


def request(text: str) -> ModelRequest:
    turns = (Message(role="user", content=text),)
    return ModelRequest(
        provider="local", model=MODEL, agent="a", turns=turns, prompt_tokens=1, max_output_tokens=12
    )


async def test_it_answers_with_text_and_usage_and_the_same_each_time(running: Running) -> None:
    async with client_of(running) as client:
        first = (await client.complete(request(f"{TEXT}\n\nWhat does it show?"))).reply
        again = (await client.complete(request(f"{TEXT}\n\nWhat does it show?"))).reply
    assert first.text
    assert first.text == again.text
    assert first.usage.input_tokens > 20
    assert 0 < first.usage.output_tokens <= 12


class Verdict(BaseModel):
    mood: Literal["calm", "angry"]
    points: Annotated[list[Annotated[str, Field(max_length=20)]], Field(min_length=1, max_length=2)]


async def test_it_keeps_to_a_schema(running: Running) -> None:
    answer = Answer(Verdict)
    asked = replace(request(f"{TEXT}\n\nJudge this text."), answer=answer.schema, max_output_tokens=80)
    async with client_of(running) as client:
        reply = (await client.complete(asked)).reply
    verdict = answer.read(reply.text)
    assert verdict.mood in {"calm", "angry"}
    assert len(verdict.points) in {1, 2}


async def test_it_streams(running: Running) -> None:
    async with client_of(running) as client:
        pieces = [piece async for piece in client.stream(request(TEXT))]
    *texts, reply = pieces
    assert isinstance(reply, Reply)
    assert len(texts) > 1
    assert "".join(map(str, texts)) == reply.text
    assert reply.usage.output_tokens > 0


async def test_another_key_is_refused(running: Running) -> None:
    async with client_of(running, key="a-wrong-key") as client:
        with pytest.raises(ModelRefused, match="key"):
            await client.complete(request(TEXT))


async def test_a_prompt_over_its_window_is_an_overflow_with_figures(running: Running) -> None:
    async with client_of(running) as client:
        with pytest.raises(ContextOverflow) as caught:
            await client.complete(request("word " * (WINDOW_TOKENS + 100)))
    assert caught.value.measured_tokens > WINDOW_TOKENS


async def test_the_key_is_nowhere_to_be_read(running: Running) -> None:
    await eventually(model_ready(running.model.port), "the model answers")
    assert running.model.key not in "".join(await asyncio.to_thread(_seen_by_others, running))


def _seen_by_others(running: Running) -> list[str]:
    seen = [repr(running.model), running.log.read_text(encoding="utf-8", errors="replace")]
    if sys.platform == "linux":
        seen.append(Path(f"/proc/{running.process.pid}/cmdline").read_text(encoding="utf-8"))
    return seen


def test_a_workers_settings_come_from_its_environment(
    running: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in running.model.environment.items():
        monkeypatch.setenv(name, value)
    model = Settings().model
    assert model.api_key is not None
    assert model.api_key.get_secret_value() == running.model.key
    assert (model.replace_with, model.window) == ("local:smollm2", WINDOW_TOKENS)


async def test_a_port_that_is_silent_is_not_ready() -> None:
    assert not await model_ready(free_ports(1)[0])()
