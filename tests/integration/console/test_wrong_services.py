"""Services that say no, or hold another fleet's topics: the command ends with what, why and what to do."""

import asyncio
import uuid
from pathlib import Path

import pytest
from pydantic import SecretStr

from argosy.broker.cluster import KafkaCluster
from argosy.broker.provision import ensure
from argosy.schemas.settings import FleetSettings, KafkaSettings, Settings
from support.command_line import CommandLine
from support.sasl_kafka import sasl_kafka
from support.stack import StackThread
from support.valkey import Valkey

APP = """
from argosy import Context, Pipeline, agent

@agent
async def echo(ctx: Context, text: str) -> str:
    return text

talk = Pipeline("talk", takes=str, gives=str)
talk.returns(talk.step(echo, talk.input))
"""
RIGHT, WRONG = "r1ght-w0rd", "wr0ng-w0rd"
COORDINATOR = ("coordinator",)
WORKER = ("worker", "app.py")
RUN = ("run", "talk", "--app", "app.py", "--input", '"x"')

pytestmark = pytest.mark.timeout(900)


def variables(stack: StackThread) -> dict[str, str]:
    """A fleet of its own on the shared servers."""
    return {
        "ARGOSY_KAFKA__BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "ARGOSY_REDIS__URL": stack.redis_url,
        "ARGOSY_KAFKA__TOPIC_PREFIX": f"wrong-{uuid.uuid4().hex[:8]}",
    }


def in_three_lines(said: str) -> None:
    """See that an error is one for people, and tells no secret."""
    assert "error:" in said
    assert "why:" in said
    assert "do:" in said
    assert "Traceback" not in said
    assert WRONG not in said
    assert RIGHT not in said


def app_in(folder: Path) -> Path:
    """Write an app."""
    (folder / "app.py").write_text(APP, encoding="utf-8")
    return folder


@pytest.mark.parametrize("words", [COORDINATOR, WORKER])
def test_a_wrong_password_for_redis_ends_the_process_and_says_so(
    tmp_path: Path, stack: StackThread, words: tuple[str, ...]
) -> None:
    fleet = variables(stack)
    if words == WORKER:
        make_topics(Settings(kafka=kafka_of(fleet)))
    with Valkey(tmp_path, "--requirepass", RIGHT) as server:
        url = server.url.replace("redis://", f"redis://:{WRONG}@")
        said = CommandLine(app_in(tmp_path), {**fleet, "ARGOSY_REDIS__URL": url})(*words, expect=3).stderr
    in_three_lines(said)
    assert "user or password is wrong" in said


async def test_a_wrong_password_for_kafka_ends_every_command_and_says_so(
    tmp_path: Path, stack: StackThread
) -> None:
    (tmp_path / "kafka").mkdir()
    async with sasl_kafka(tmp_path / "kafka", RIGHT) as server:
        cluster = KafkaCluster(server.settings())
        await ensure(cluster, Settings(kafka=server.settings()))  # the right one serves
        await cluster.close()
        fleet = {**variables(stack), **server.variables(WRONG)}
        command = CommandLine(await asyncio.to_thread(app_in, tmp_path), fleet)
        for words in (COORDINATOR, WORKER, RUN, ("lag",)):
            done = await asyncio.to_thread(command, *words, expect=3)
            in_three_lines(done.stderr)
            assert "uthentication failed" in done.stderr, done.stderr


@pytest.mark.parametrize("words", [COORDINATOR, WORKER])
def test_topics_with_another_number_of_lanes_end_the_process_with_the_cure(
    tmp_path: Path, stack: StackThread, words: tuple[str, ...]
) -> None:
    fleet = variables(stack)
    make_topics(Settings(kafka=kafka_of(fleet), fleet=FleetSettings(lanes=3)))
    command = CommandLine(app_in(tmp_path), {**fleet, "ARGOSY_FLEET__LANES": "5"})
    said = command(*words, expect=3).stderr
    assert f"topic {fleet['ARGOSY_KAFKA__TOPIC_PREFIX']}.runs has 3 partitions, but lanes = 5" in said
    assert "set ARGOSY_FLEET__LANES=3" in said
    assert "Traceback" not in said


def kafka_of(fleet: dict[str, str]) -> KafkaSettings:
    """Settings of the same fleet in this process."""
    return KafkaSettings(
        bootstrap_servers=fleet["ARGOSY_KAFKA__BOOTSTRAP_SERVERS"],
        topic_prefix=fleet["ARGOSY_KAFKA__TOPIC_PREFIX"],
        sasl_password=SecretStr(RIGHT),
    )


def make_topics(settings: Settings) -> None:
    """Make the topics of a fleet."""

    async def make() -> None:
        cluster = KafkaCluster(settings.kafka)
        try:
            await ensure(cluster, settings)
        finally:
            await cluster.close()

    asyncio.run(make())
