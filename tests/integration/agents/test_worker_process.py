"""A worker as a process of its own: how it ends, with which exit code, and what it leaves to others."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from argosy.broker.cluster import KafkaCluster
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.broker.redis import RedisStore
from argosy.pipelines.discover import discover
from argosy.schemas.ids import lane_of
from support.stack import StackThread
from support.worker_bench import Bench, eventually, fast_settings, input_of

pytestmark = pytest.mark.timeout(600)

APP = """
import asyncio
import os
import time
from argosy import Context, Pipeline, agent

@agent(timeout_seconds=0.5)
async def stubborn(ctx: Context, text: str) -> str:
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

@agent
async def blocking(ctx: Context, text: str) -> str:
    time.sleep(3600)
    return text

@agent
async def waiting(ctx: Context, text: str) -> str:
    await asyncio.sleep(3600)
    return text

@agent
async def threaded(ctx: Context, text: str) -> str:
    await asyncio.to_thread(time.sleep, 3600)
    return text

@agent(max_deliveries=2)
async def killer(ctx: Context, text: str) -> str:
    os._exit(139)

p = Pipeline("p", takes=str, gives=str)
a = p.step(stubborn, p.input)
b = p.step(blocking, a)
c = p.step(waiting, p.step(threaded, b))
p.returns(p.step(killer, c))
"""


@pytest.fixture
async def bench(stack: StackThread, tmp_path: Path) -> AsyncGenerator[Bench, None]:
    (tmp_path / "app.py").write_text(APP)
    settings = fast_settings(f"p{uuid4().hex[:8]}")
    settings.kafka = settings.kafka.model_copy(update={"bootstrap_servers": stack.bootstrap_servers})
    settings.redis = settings.redis.model_copy(update={"url": SecretStr(stack.redis_url)})
    cluster, store = KafkaCluster(settings.kafka), RedisStore(settings.redis)
    found = Bench(settings, cluster, store, MemoryPayloads())
    found.lane = lane_of("run-1", settings.fleet.lanes)
    await found.create("stubborn", "blocking", "waiting", "threaded", "killer")
    await found.live()
    await found.run("run-1", a="r 1")
    yield found
    await cluster.close()
    await store.close()


async def start(
    bench: Bench, folder: Path, name: str, *, lease_seconds: float = 60, drain_seconds: float = 0.5
) -> asyncio.subprocess.Process:
    """Start a worker of one agent, and order its one task.

    A loop that stands still for a lease ends the process: only a test of what leases do has a short one.
    """
    settings = bench.settings
    environment = {
        **os.environ,
        "PYTHONFAULTHANDLER": "1",
        "ARGOSY_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "ARGOSY_KAFKA__TOPIC_PREFIX": settings.kafka.topic_prefix,
        "ARGOSY_KAFKA__WORK_PARTITIONS": "2",
        "ARGOSY_REDIS__URL": settings.redis.url.get_secret_value(),
        "ARGOSY_REDIS__KEY_PREFIX": settings.redis.key_prefix,
        "ARGOSY_FLEET__LANES": "2",
        "ARGOSY_FLEET__LEASE_SECONDS": str(lease_seconds),
        "ARGOSY_FLEET__RENEW_SECONDS": "0.5",
        "ARGOSY_WORKER__GRACE_SECONDS": "0.3",
        "ARGOSY_WORKER__DRAIN_SECONDS": str(drain_seconds),
        "ARGOSY_PAYLOADS": str(folder / "payloads"),
    }
    agent = discover(str(folder / "app.py")).agent(name)
    if await bench.field("run-1/a", "attempt") is None:
        await bench.order(agent, "run-1/a", input_of("text", "x"))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "argosy", "worker", f"{folder / 'app.py'}:{name}",
        env=environment, cwd=folder, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    reading = asyncio.create_task(process.communicate())
    done, _ = await asyncio.wait({reading}, timeout=150)
    if not done:
        process.send_signal(signal.SIGABRT)  # says where it is
    _, said = await reading
    assert done, f"it did not end: {said.decode()}"
    return process.returncode, said.decode()


async def test_a_handler_that_ignores_its_cancellation_ends_the_process(bench: Bench, tmp_path: Path) -> None:
    # To settle what it leaves behind may take as long as Kafka likes; nothing else is drained.
    code, said = await ended(await start(bench, tmp_path, "stubborn", drain_seconds=60))
    assert code == 70, said
    assert "run-1/a#1 was told to stop (limit) and still runs" in said
    (settled,) = await bench.settled()
    assert settled.fault is not None
    assert settled.fault.code == "timeout"


async def test_a_handler_that_blocks_the_loop_ends_the_process_and_loses_its_lease(
    bench: Bench, tmp_path: Path
) -> None:
    code, said = await ended(await start(bench, tmp_path, "blocking", lease_seconds=6))
    assert code == 70, said
    assert "the event loop has not run" in said
    assert await bench.field("run-1/a", "fence") is not None, "nothing ran yet"
    assert await bench.settled() == []


@pytest.mark.parametrize("name", ["waiting", "threaded"])
async def test_sigterm_hands_back_what_does_not_end_and_exits_clean(
    bench: Bench, tmp_path: Path, name: str
) -> None:
    process = await start(bench, tmp_path, name)
    await eventually(lambda: bench.field("run-1/a", "fence"), bool)
    process.send_signal(signal.SIGTERM)
    code, said = await ended(process)
    assert code == 0, said
    assert await bench.field("run-1/a", "fence") is None
    assert await bench.field("run-1/a", "deliveries") == b"0"


async def test_a_task_that_kills_its_worker_each_time_is_poison(bench: Bench, tmp_path: Path) -> None:
    for _ in range(2):
        code, said = await ended(await start(bench, tmp_path, "killer", lease_seconds=6))
        assert code == 139, said
    last = await start(bench, tmp_path, "killer", lease_seconds=6)
    (settled,) = await bench.until_settled()
    assert settled.outcome == "poison"
    assert last.returncode is None
    last.send_signal(signal.SIGTERM)
    code, said = await ended(last)
    assert code == 0, said
