"""The whole shell on the twins: runs end, once, whatever happens to Kafka, Redis and coordinators meanwhile."""

import asyncio
from functools import partial

import pytest

from argosy.broker.keys import LaneKeys
from argosy.schemas.errors import RunConflict, RunExpired, RunFailed
from argosy.schemas.fault import Fault
from argosy.schemas.task import TaskDispatched
from support.shell_world import ShellWorld, client_of, diamond, hello, many, patient, settings_of, shell_world


def seen_more_than(world: ShellWorld, count: int) -> bool:
    return len(world.seen) > count


async def nothing_left(world: ShellWorld) -> None:
    await world.until(lambda: not world.left_over())


async def test_a_run_ends_with_its_result_and_leaves_nothing_behind() -> None:
    async with shell_world() as world, client_of(world) as client:
        run = await client.submit(hello, "world")
        assert await run.result(timeout_seconds=150) == "done"
        assert await run.state() == "succeeded"
        await nothing_left(world)


async def test_a_join_gets_its_inputs_in_declared_order() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda order: f"{order.agent}!"
        run = await client.submit(diamond, "x")
        assert await run.result(timeout_seconds=150) == "both!"
        joined = next(order for order in world.seen if order.agent == "both")
        values = [given.source.model_dump()["value"] for given in joined.inputs]
        assert values == ["first!", "second!"]


async def test_a_hundred_runs_on_two_coordinators() -> None:
    async with shell_world(coordinators=2) as world, client_of(world) as client:
        runs = [await client.submit(diamond, "x", run_id=f"run-{n}") for n in range(100)]
        results = await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
        assert results == ["done"] * 100
        await nothing_left(world)


async def test_a_repeated_submit_is_answered_with_the_result_again() -> None:
    async with shell_world(patient()) as world:
        async with client_of(world) as client:
            run = await client.submit(hello, "a", run_id="again")
            await run.result(timeout_seconds=150)
        async with client_of(world) as later:
            repeated = await later.submit(hello, "a", run_id="again")
            assert await repeated.result(timeout_seconds=150) == "done"
        assert len(world.seen) == 1


async def test_a_run_submitted_elsewhere_is_found_by_its_id() -> None:
    async with shell_world() as world:
        async with client_of(world) as client:
            await (await client.submit(hello, "a", run_id="elsewhere")).result(timeout_seconds=150)
        async with client_of(world) as later:
            assert await later.run("elsewhere", hello).result(timeout_seconds=150) == "done"
            world.server.wipe()
            assert await later.run("elsewhere", hello).result(timeout_seconds=150) == "done"


async def test_other_data_under_a_known_id_conflict_and_change_nothing() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda _: None
        run = await client.submit(hello, "a", run_id="taken")
        await world.until(lambda: len(world.seen) >= 1)  # more: it is sent again and again
        other = await client.submit(hello, "b", run_id="taken")
        with pytest.raises(RunConflict):
            await other.result(timeout_seconds=150)
        world.handler = lambda _: "late"
        assert await run.result(timeout_seconds=150) == "late"


async def test_a_lost_dispatch_is_sent_again() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda _: None if len(world.seen) < 3 else "third"
        run = await client.submit(hello, "a")
        assert await run.result(timeout_seconds=150) == "third"
        assert {order.attempt for order in world.seen} == {1}


async def test_a_failed_attempt_is_retried_after_its_backoff() -> None:
    async with shell_world() as world, client_of(world) as client:
        flaky = Fault(code="flaky", message="once", retriable=True)
        world.handler = lambda order: flaky if order.attempt == 1 else "second time"
        run = await client.submit(hello, "a")
        assert await run.result(timeout_seconds=150) == "second time"
        await nothing_left(world)


async def test_attempts_used_up_fail_the_run_with_the_fault() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda _: Fault(code="broken", message="always", retriable=True)
        run = await client.submit(hello, "a")
        with pytest.raises(RunFailed, match="always"):
            await run.result(timeout_seconds=150)


async def test_a_deadline_ends_a_run_that_nobody_works_on() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda _: None
        run = await client.submit(hello, "a", deadline_seconds=0.3)
        with pytest.raises(RunExpired):
            await run.result(timeout_seconds=150)
        await nothing_left(world)


async def test_a_wide_map_goes_out_within_the_dispatch_window() -> None:
    most = 0

    async with (
        shell_world(settings_of(dispatch_window=8, patience_seconds=30)) as world,
        client_of(world) as client,
    ):
        open_tasks: set[str] = set()

        def hold(order: TaskDispatched) -> str:
            nonlocal most
            open_tasks.add(order.task_id)
            most = max(most, len(open_tasks))
            open_tasks.discard(order.task_id)
            return order.task_id

        world.handler = hold
        run = await client.submit(many, [f"item {n}" for n in range(100)])
        result = await run.result(timeout_seconds=150)
        assert result == [f"{run.run_id}/one_of_many.{n}" for n in range(100)]
        assert len(world.seen) == 100
        await nothing_left(world)


async def test_no_more_than_the_window_is_out_while_nobody_settles() -> None:
    async with (
        shell_world(settings_of(dispatch_window=8, patience_seconds=30)) as world,
        client_of(world) as client,
    ):
        world.handler = lambda _: None
        run = await client.submit(many, [f"item {n}" for n in range(50)])
        await world.until(lambda: len(world.seen) == 8)
        await run.cancel("enough")
        await world.until(lambda: not world.left_over())
        assert len(world.seen) == 8


@pytest.mark.parametrize("loss", ["wipe", "rollback", "restart", "failover", "failback"])
async def test_runs_end_right_when_redis_loses_data_in_the_middle(loss: str) -> None:
    async with shell_world(coordinators=2) as world, client_of(world) as client:
        count = 0

        def lose(order: TaskDispatched) -> str:
            nonlocal count
            count += 1
            if count in (30, 60):
                match loss:
                    case "wipe":
                        world.server.wipe()
                    case "rollback":
                        world.server.rollback(15)
                    case "restart":
                        world.server.restart(20)
                    case "failover":
                        world.server.failover(10)
                    case _:
                        world.server.failover(10)
                        world.server.failover(0)
            return f"{order.task_id}"

        world.handler = lose
        runs = [await client.submit(diamond, "x", run_id=f"run-{n}") for n in range(40)]
        results = await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
        assert results == [f"run-{n}/both" for n in range(40)]
        await nothing_left(world)


async def test_a_wiped_idle_lane_is_noticed_without_any_traffic() -> None:
    async with shell_world() as world:
        live = LaneKeys(world.settings.redis.key_prefix, 0).live.encode()
        world.server.wipe()
        assert live not in world.server.dump()
        await world.until(lambda: live in world.server.dump())


async def test_a_wiped_idle_lane_rebuilds_its_timer() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda _: None
        run = await client.submit(hello, "a", deadline_seconds=3.0)
        await world.until(lambda: len(world.seen) >= 1)  # more: it is sent again and again
        world.server.wipe()
        with pytest.raises(RunExpired):
            await run.result(timeout_seconds=150)


async def test_commits_of_unknown_outcome_take_effect_once() -> None:
    async with shell_world() as world, client_of(world) as client:

        def lose(order: TaskDispatched) -> str:
            world.server.lose_replies(2)
            return order.task_id

        world.handler = lose
        runs = [await client.submit(diamond, "x", run_id=f"run-{n}") for n in range(10)]
        results = await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
        assert results == [f"run-{n}/both" for n in range(10)]


async def test_work_pauses_while_redis_is_away_and_goes_on_after() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.server.down()
        run = await client.submit(hello, "a")
        await asyncio.sleep(0.3)
        assert not world.seen
        world.server.up()
        assert await run.result(timeout_seconds=150) == "done"


async def test_work_pauses_while_kafka_is_away_and_goes_on_after() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.kafka.broker.deadline_seconds = 0.2
        world.handler = lambda _: None
        run = await client.submit(hello, "a")
        await world.until(lambda: len(world.seen) >= 1)  # more: it is sent again and again
        world.kafka.broker.stop()
        await asyncio.sleep(0.5)
        world.handler = lambda _: "after"
        world.kafka.broker.start()
        assert await run.result(timeout_seconds=150) == "after"


async def test_lost_acknowledgements_of_kafka_lose_nothing() -> None:
    async with shell_world() as world, client_of(world) as client:
        runs = [await client.submit(diamond, "x", run_id=f"run-{n}") for n in range(10)]
        world.kafka.broker.lose_replies(5)
        results = await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
        assert results == ["done"] * 10
        await nothing_left(world)


async def test_the_other_coordinator_goes_on_when_one_is_killed() -> None:
    async with shell_world(coordinators=2) as world, client_of(world) as client:
        runs = [await client.submit(diamond, "x", run_id=f"run-{n}") for n in range(20)]
        world.processes[0].kill()
        runs += [await client.submit(diamond, "x", run_id=f"more-{n}") for n in range(20)]
        results = await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
        assert results == ["done"] * 40
        await nothing_left(world)


async def test_runs_end_while_coordinators_come_and_go() -> None:
    async with shell_world(coordinators=2) as world, client_of(world) as client:
        runs = [await client.submit(diamond, "x", run_id=f"run-{n}") for n in range(60)]
        for index in range(3):
            await world.until(partial(seen_more_than, world, 30 * index))
            world.processes[index].kill()
            await world.start()
        results = await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs))
        assert results == ["done"] * 60


async def test_a_stop_drains_and_leaves_at_once() -> None:
    async with shell_world() as world, client_of(world) as client:
        await (await client.submit(hello, "a")).result(timeout_seconds=150)
        world.processes[0].stop.set()
        async with asyncio.timeout(60):
            await world.processes[0].task
