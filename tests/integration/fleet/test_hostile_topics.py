"""Topics that an operator changes under a running fleet: work goes on; who must not start on them says the cure."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from support.command_line import CommandLine
from support.hostile import peaceful
from support.hostile_world import HostileWorld, hostile_world
from support.raw_kafka import stranger

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HostileWorld]:
    """A fleet of its own: what is done to its topics can't be undone."""
    async with hostile_world(tmp_path_factory.mktemp("topics"), coordinators=2, workers=2) as world:
        yield world


async def widen(world: HostileWorld, **partitions: int) -> None:
    """Give topics more partitions; names with `_` for `.`."""
    kafka = world.fleet.settings.kafka
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_partitions(
            {
                f"{kafka.topic_prefix}.{name.replace('_', '.')}": NewPartitions(total_count=count)
                for name, count in partitions.items()
            }
        )
    finally:
        await admin.close()


async def test_more_partitions_for_submits_and_work_lose_nothing_and_run_nothing_twice(
    world: HostileWorld,
) -> None:
    restarts = world.restarts(*world.fleet.stack.supervisor.children)
    async with world.neighbours("wider"):
        before = [await world.submit(peaceful) for _ in range(20)]
        await widen(world, inbox=5, results=5, events=5, tasks_neighbour=9)
        after = [await world.submit(peaceful) for _ in range(40)]
        await world.unharmed(before)
        await world.unharmed(after)
    for run in (*before, *after):
        assert len(await world.settled(run)) == 1
    assert world.restarts(*world.fleet.stack.supervisor.children) == restarts
    await world.quiet()


async def test_more_partitions_of_the_run_log_stop_nobody_who_runs_and_who_starts_says_the_cure(
    world: HostileWorld,
) -> None:
    command = CommandLine(world.fleet.stack.folder, world.fleet.environment)
    async with world.neighbours("lanes"):
        await widen(world, runs=5)
        async with stranger(world.fleet.settings) as other:
            await other.send("argosy.runs", b"in a lane that is none", [], partition=0)
        await world.unharmed([await world.submit(peaceful) for _ in range(20)])
        for words in (("coordinator",), ("worker", f"{world.fleet.app}:neighbour")):
            said = (await asyncio.to_thread(command, *words, expect=3)).stderr
            assert "topic argosy.runs has 5 partitions, but lanes = 4" in said
            assert "do:" in said
            assert "Traceback" not in said
    await world.quiet()
