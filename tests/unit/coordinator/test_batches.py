"""What is judged, folded and sent many at once: one that is bad among them, and answers that are lost."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest
from pydantic import JsonValue

from argosy.broker.log import Outgoing, Partition, Record
from argosy.coordinator.state import RunState
from argosy.schemas.codec import Message, decode_body, encode_body
from argosy.schemas.deadletter import DeadLetter
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.errors import RunFailed, Unreachable
from argosy.schemas.fault import Fault
from argosy.schemas.ids import lane_of
from argosy.schemas.inbox import CancelRequested, RunSubmitted
from argosy.schemas.runlog import CancelReceived, RunAccepted, RunEnded, TaskSettled
from argosy.schemas.task import TaskDispatched
from support.shell_world import ShellWorld, client_of, diamond, hello, patient, settings_of, shell_world
from support.waiting import eventually

SUBMIT = RunSubmitted(pipeline=hello.compile(), input="x")


async def records(world: ShellWorld, topic: str) -> list[Record]:
    found = [
        record
        for number in range(await world.kafka.partitions(topic))
        async for record in world.kafka.scan(Partition(topic, number), 0)
    ]
    return sorted(found, key=lambda record: (record.partition, record.offset))


def bodies(found: Sequence[Record]) -> list[tuple[str, Message]]:
    envelopes = [(read_envelope(record.headers), record.value) for record in found]
    return [(envelope.subject, decode_body(envelope, value)) for envelope, value in envelopes]


async def put(world: ShellWorld, sent: Sequence[tuple[str, str, bytes]]) -> None:
    """Put (run, kind, body) into one partition of the inbox, one after another, before anybody can read them."""
    for run_id, kind, body in sent:
        headers = Envelope(kind, f"id-{run_id}-{kind}", "test", subject=run_id).headers()
        world.kafka.broker.append(Outgoing(world.names.inbox, b"k", body, headers, partition=0))


async def warm(world: ShellWorld) -> None:
    """Let the receiver know the pipeline, so that what follows is judged in one go."""
    async with client_of(world) as client:
        await (await client.submit(hello, "x", run_id="warm")).result(timeout_seconds=150)


async def outcomes(world: ShellWorld, runs: set[str]) -> dict[str, set[bytes]]:
    """Wait for the results of runs; return the different ones of each."""
    async with asyncio.timeout(60):
        while True:
            found: dict[str, set[bytes]] = {}
            for record in await records(world, world.names.results):
                envelope = read_envelope(record.headers)
                if isinstance(decode_body(envelope, record.value), RunEnded):
                    found.setdefault(envelope.subject, set()).add(record.value or b"")
            if runs <= found.keys():
                return found
            await asyncio.sleep(0.01)


async def test_garbage_in_the_middle_of_submits_holds_none_of_them_up() -> None:
    async with shell_world() as world:
        await warm(world)
        good, submit = encode_body(SUBMIT), RunSubmitted.KIND
        late = encode_body(SUBMIT)[:-1] + b',"deadline_seconds":99999999}'
        await put(
            world,
            [
                ("a", submit, good),
                ("b", submit, good[:-1]),
                ("c", submit, good),
                ("d", submit, late),
                ("no/run", submit, good),
                ("e", "no.such.kind", good),
                ("f", submit, good),
            ],
        )
        await outcomes(world, {"a", "c", "f"})
        told = {subject for subject, _ in bodies(await records(world, world.names.runs))}
        assert told == {"warm", "a", "c", "f"}
        end = world.kafka.broker.log(Partition(world.names.inbox, 0)).end

        async def committed() -> bool:
            group = await world.kafka.group(world.names.receivers)
            return group.committed.get(Partition(world.names.inbox, 0)) == end

        await eventually(committed, "the inbox committed to its end")
        letters = [body for _, body in bodies(await records(world, world.names.dead))]
        assert sorted(body.reason for body in letters if isinstance(body, DeadLetter)) == [
            "undecodable",
            "undecodable",
            "unknown_kind",
        ]


async def test_what_comes_for_one_run_is_appended_in_its_order() -> None:
    async with shell_world() as world:
        await warm(world)
        good, reason = encode_body(SUBMIT), encode_body(CancelRequested(reason="no"))
        runs = [f"run-{number}" for number in range(40)]
        sent = [(run, RunSubmitted.KIND, good) for run in runs] + [
            (run, CancelRequested.KIND, reason) for run in runs
        ]
        await put(world, sent)
        await outcomes(world, set(runs))
        log = bodies(await records(world, world.names.runs))
        for run in runs:
            kinds = [type(body) for subject, body in log if subject == run]
            assert kinds.index(RunAccepted) < kinds.index(CancelReceived)


async def test_submits_whose_answer_from_kafka_is_lost_start_each_run_once() -> None:
    async with shell_world() as world:
        await warm(world)
        runs = {f"run-{number}" for number in range(30)}
        world.kafka.broker.lose_replies(3)
        await put(world, [(run, RunSubmitted.KIND, encode_body(SUBMIT)) for run in sorted(runs)])
        found = await outcomes(world, runs)
        assert {len(found[run]) for run in runs} == {1}
        orders = Counter(order.task_id for order in world.seen if order.attempt > 1)
        assert not orders
        await world.until(lambda: not world.left_over())


async def test_of_many_runs_in_one_batch_the_one_that_can_not_be_written_is_set_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = RunState.write

    def broken(self: RunState) -> None:
        if self.run_id == "poison" and self.st == "active" and self.succeeded("first"):
            message = "can't be written"
            raise ValueError(message)
        write(self)

    monkeypatch.setattr(RunState, "write", broken)
    async with shell_world() as world, client_of(world) as client:
        poison = await client.submit(diamond, "x", run_id="poison", deadline_seconds=3.0)
        others = [await client.submit(diamond, "x", run_id=f"run-{number}") for number in range(10)]
        assert await asyncio.gather(*(run.result(timeout_seconds=150) for run in others)) == ["done"] * 10
        with pytest.raises(RunFailed, match=r"coordinator: .*can't be written"):
            await poison.result(timeout_seconds=150)
        await world.until(lambda: not world.left_over())


async def test_a_late_answer_and_garbage_in_the_middle_of_a_lanes_batch_change_nothing_for_the_others() -> (
    None
):
    async with shell_world() as world:
        await warm(world)
        runs = [f"run-{number}" for number in range(200) if lane_of(f"run-{number}", 2) == 0][:20]
        stale = TaskSettled(task_id=f"{runs[3]}/first", attempt=7, outcome="failed")
        world.handler = lambda _: None
        await put(world, [(run, RunSubmitted.KIND, encode_body(SUBMIT)) for run in runs])

        def orders() -> list[TaskDispatched]:  # of each task one: they are sent again and again
            found = {order.task_id: order for order in world.seen if order.task_id != "warm/first"}
            return list(found.values())

        await world.until(lambda: len(orders()) == len(runs))
        log = Partition(world.names.runs, 0)

        def settle(body: TaskSettled, run_id: str, value: bytes | None = None) -> None:
            headers = Envelope(body.KIND, "x", "test", subject=run_id).headers()
            record = Outgoing(
                log.topic, run_id.encode(), value or encode_body(body), headers, partition=log.number
            )
            world.kafka.broker.append(record)

        for number, order in enumerate(orders()):
            if number == len(runs) // 2:
                settle(stale, runs[3])
                settle(stale, runs[4], b"\x00garbage")
            run_id = order.task_id.partition("/")[0]
            settle(TaskSettled(task_id=order.task_id, attempt=order.attempt, outcome="succeeded"), run_id)
        await outcomes(world, set(runs))
        ended = [body for _, body in bodies(await records(world, world.names.results))]
        assert {body.outcome for body in ended if isinstance(body, RunEnded)} == {"succeeded"}
        await world.until(lambda: not world.left_over())


async def test_a_commit_whose_answer_is_lost_and_an_owner_that_dies_then_lose_nothing() -> None:
    async with shell_world(coordinators=2) as world, client_of(world) as client:
        runs = [await client.submit(diamond, "x", run_id=f"run-{number}") for number in range(20)]
        world.server.lose_replies(6)
        await world.until(lambda: len(world.seen) >= 5)
        world.server.lose_replies(2)
        world.processes[0].kill()
        assert await asyncio.gather(*(run.result(timeout_seconds=150) for run in runs)) == ["done"] * 20
        found = await outcomes(world, {run.run_id for run in runs})
        assert {len(results) for results in found.values()} == {1}
        await world.until(lambda: not world.left_over())


@pytest.mark.parametrize("lost", ["requests", "answers"])
async def test_what_kafka_did_not_take_or_acknowledge_in_one_turn_is_sent_again(
    lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = ShellWorld.settle

    async def settled(
        self: ShellWorld, order: TaskDispatched, found: JsonValue | Fault, envelope: Envelope
    ) -> None:
        try:
            await settle(self, order, found, envelope)
        except Unreachable:
            await asyncio.sleep(0.02)
            await settled(self, order, found, envelope)

    monkeypatch.setattr(ShellWorld, "settle", settled)
    async with shell_world(patient()) as world, client_of(world) as client:
        await warm(world)
        stopped = asyncio.Event()

        def handler(order: object) -> str:
            del order
            if not stopped.is_set():
                stopped.set()
                if lost == "answers":
                    world.kafka.broker.lose_replies(4)
                else:
                    world.kafka.broker.stop()
                    asyncio.get_running_loop().call_later(0.2, world.kafka.broker.start)
            return "done"

        runs = [await client.submit(diamond, "x", run_id=f"run-{number}") for number in range(10)]
        world.handler = handler
        results = await asyncio.gather(*(run.ended() for run in runs))
        assert {ended.outcome for ended in results} <= {"succeeded"}
        found = await outcomes(world, {run.run_id for run in runs})
        assert {len(found[run.run_id]) for run in runs} == {1}
        assert {order.attempt for order in world.seen} == {1}


async def test_a_coordinator_that_stops_leaves_nothing_to_be_sent_again() -> None:
    async with shell_world(settings_of(lane_heartbeat_seconds=30)) as world, client_of(world) as client:
        run = await client.submit(hello, "x", run_id="run-a")
        await run.result(timeout_seconds=150)
        world.processes[0].stop.set()
        await world.processes[0].task
        assert not world.left_over()
