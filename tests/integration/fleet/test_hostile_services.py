"""Services that are away or wrong, and processes that are told to leave: clear words, nothing lost, soon over."""

import asyncio
import os
import signal
from typing import cast

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from argosy.client.connection import Argosy
from argosy.console.child import ChildState
from argosy.schemas.errors import Unreachable
from argosy.schemas.ids import new_run_id
from argosy.schemas.settings import Settings
from support.command_line import CommandLine
from support.hostile import Act, peaceful
from support.hostile_world import AGENTS, ENDED_SECONDS, HostileWorld
from support.patient_redis import patient
from support.valkey import Valkey

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]


async def members(world: HostileWorld, group: str) -> int:
    """How many members Kafka counts in a group."""
    settings = world.fleet.settings.kafka
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([f"{settings.topic_prefix}.{group}"])
        # The shape of the answer depends on the broker's version; the members are its one list.
        groups: list[tuple[object, ...]] = answer.groups
        return next(len(cast("list[object]", part)) for part in groups[0] if isinstance(part, list))
    finally:
        await admin.close()


async def counted(world: HostileWorld, count: int) -> bool:
    """Say whether Kafka counts so many coordinators in both of their groups."""
    return await members(world, "lanes") == await members(world, "receivers") == count


def hasty_client(world: HostileWorld) -> Settings:
    """Settings of a client that soon gives up; not so soon that a busy machine makes it."""
    found = world.fleet.settings.model_copy()
    found.kafka = found.kafka.model_copy(update={"send_deadline_seconds": 10.0})
    return found


async def argosy(world: HostileWorld, *words: str, expect: int, **variables: str) -> str:
    """Run a command; return what it says on stderr."""
    command = CommandLine(world.fleet.stack.folder, {**world.fleet.environment, **variables})
    return (await asyncio.to_thread(command, *words, expect=expect)).stderr


async def maxmemory(world: HostileWorld, size: int) -> None:
    """Limit Redis to so many bytes; 0 is no limit."""
    redis = patient(world.fleet.stack.redis_url)
    try:
        await redis.config_set("maxmemory", size)  # pyright: ignore[reportUnknownMemberType] (its **kwargs)
    finally:
        await redis.aclose()


async def until_again(world: HostileWorld, name: str, pid: int) -> None:
    """Wait until a child serves in another process."""
    child = world.fleet.stack.supervisor.children[name]

    async def so() -> bool:
        return child.state is ChildState.READY and child.process is not None and child.process.pid != pid

    await world.until(so, f"{name} serves again")


async def test_when_one_of_two_coordinators_dies_the_other_goes_on(world: HostileWorld) -> None:
    supervisor = world.fleet.stack.supervisor
    async with world.neighbours("survivor", count=8):
        await supervisor.hold("coordinator-1")
        runs = [await world.submit(peaceful) for _ in range(8)]
        world.release("survivor")
        await world.unharmed(runs)
    assert supervisor.children["coordinator-1"].state is ChildState.HELD
    await world.quiet()
    await supervisor.resume("coordinator-1")


async def test_a_coordinator_that_is_told_to_leave_leaves_its_groups_at_once(world: HostileWorld) -> None:
    supervisor = world.fleet.stack.supervisor

    # Kafka counts one that was killed until its session is over: an earlier test's would be taken for one of the two.
    await supervisor.stop("coordinator-2")
    await world.until(lambda: counted(world, 1), "nobody but the first coordinator is counted")
    await world.unharmed([await world.submit(peaceful) for _ in range(8)])
    await world.fleet.coordinator("coordinator-2")
    await world.until(lambda: counted(world, 2), "two coordinators share both groups")
    child = await supervisor.stop("coordinator-2")
    # None, where Kafka has just given up the other one, whom a busy machine gave no turn for a whole session.
    assert max(await members(world, "lanes"), await members(world, "receivers")) <= 1
    assert child.last_exit == 0
    await world.until(lambda: counted(world, 1), "the first coordinator is in both groups")
    await world.unharmed([await world.submit(peaceful) for _ in range(8)])
    await world.fleet.coordinator("coordinator-2")
    await world.quiet()


async def test_a_worker_that_is_told_to_leave_finishes_what_it_can_and_hands_back_the_rest(
    world: HostileWorld,
) -> None:
    supervisor = world.fleet.stack.supervisor
    await supervisor.stop("worker-2")
    soon = await world.submit(peaceful, "wait", text="soon")
    late = await world.submit(peaceful, "wait", text="late")
    for run in (soon, late):
        await world.until_began(f"{run.run_id}/neighbour")
    await world.fleet.worker("worker-2", AGENTS)
    first = world.pid("worker-1")
    os.kill(first, signal.SIGTERM)
    await world.until_logged("draining", "worker-1")
    world.release("soon")
    assert (await world.answer(soon)).pid == first
    await world.until_began(f"{late.run_id}/neighbour", times=2)
    world.release("late")
    assert (await world.answer(late)).pid != first
    (settled,) = await world.settled(late)
    assert settled.deliveries == 1, "a task that was handed back counts no delivery"
    await until_again(world, "worker-1", first)
    await world.quiet()


async def test_a_second_signal_ends_a_worker_at_once_and_others_take_its_tasks(world: HostileWorld) -> None:
    child = world.fleet.stack.supervisor.children["worker-1"]
    await world.fleet.stack.supervisor.stop("worker-2")
    async with world.neighbours("twice"):
        await world.fleet.worker("worker-2", AGENTS)
        pid, drains = world.pid("worker-1"), world.log("worker-1").count("draining")
        os.kill(pid, signal.SIGTERM)

        async def draining() -> bool:
            return world.log("worker-1").count("draining") > drains

        await world.until(draining, "worker-1 drains")
        os.kill(pid, signal.SIGTERM)
        await until_again(world, "worker-1", pid)
        assert child.last_exit == 128 + signal.SIGTERM
    await world.quiet()


async def test_without_kafka_a_submit_fails_at_its_deadline_and_starts_nothing(world: HostileWorld) -> None:
    supervisor = world.fleet.stack.supervisor
    run_id = new_run_id()
    async with Argosy.connect(hasty_client(world)) as client:
        await supervisor.hold("kafka")
        try:
            with pytest.raises(
                Unreachable, match=r"send to argosy.inbox: not acknowledged within 10 s"
            ) as raised:
                await client.submit(peaceful, Act(kind="x"), run_id=run_id)
            assert f"do:  submit again with run_id='{run_id}'" in raised.value.__notes__[0]
            with pytest.raises(Unreachable):
                async with Argosy.connect(hasty_client(world)):
                    pass
            said = await argosy(
                world, "runs", "cancel", "x", expect=4, ARGOSY_KAFKA__SEND_DEADLINE_SECONDS="10"
            )
            assert "error:" in said
            assert "why:" in said
            assert "do:" in said
            assert "Traceback" not in said
        finally:
            await supervisor.resume("kafka")
        await world.until_ready()
        await world.unharmed([await world.submit(peaceful)])
        assert await client.run(run_id).state() == "unknown"
        again = await client.submit(peaceful, Act(kind="x"), run_id=run_id)
        assert (await again.result(timeout_seconds=ENDED_SECONDS)).kind == "x"
    await world.quiet()


async def test_without_redis_work_pauses_and_nothing_is_lost(world: HostileWorld) -> None:
    supervisor = world.fleet.stack.supervisor
    restarts = world.restarts()
    async with world.neighbours("paused"):
        await supervisor.hold("valkey")
        try:
            runs = [await world.submit(peaceful) for _ in range(4)]
            await world.until_logged("leases were not renewed")
            world.release("paused")
            await world.until_logged("results of lane")
        finally:
            await supervisor.resume("valkey")
        await world.unharmed(runs)
    assert world.restarts() == restarts
    await world.quiet()


async def test_while_redis_is_full_work_pauses_and_nothing_is_lost(world: HostileWorld) -> None:
    restarts = world.restarts(*world.fleet.stack.supervisor.children)
    async with world.neighbours("full"):
        await maxmemory(world, 1)
        try:
            runs = [await world.submit(peaceful) for _ in range(4)]
            world.release("full")
            await world.until_logged("OOM", *world.workers)
            await world.until_logged("OOM", "coordinator-1", "coordinator-2")
        finally:
            await maxmemory(world, 0)
        await world.unharmed(runs)
    assert world.restarts(*world.fleet.stack.supervisor.children) == restarts
    await world.quiet()


async def test_a_coordinator_refuses_a_redis_that_evicts_keys_and_says_the_cure(world: HostileWorld) -> None:
    folder = world.fleet.stack.folder / "evicts"
    folder.mkdir()
    with Valkey(folder, "--maxmemory-policy", "allkeys-lru") as wrong:
        said = await argosy(world, "coordinator", expect=3, ARGOSY_REDIS__URL=wrong.url)
    assert "error: Redis evicts keys: maxmemory-policy is allkeys-lru" in said
    assert "why: the state of running work would silently disappear" in said
    assert "do:  set `maxmemory-policy noeviction`" in said
    await world.quiet()
