"""Nothing of a run overtakes its submit, and no answer the one before it, whatever makes a record wait."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager

import pytest

from argosy.broker.log import Outgoing, Partition, Record
from argosy.coordinator.inbox_record import InboxRecord, Judged
from argosy.coordinator.registry import publish
from argosy.schemas.codec import Message, decode_body, encode_body
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.inbox import BudgetAnswered, CancelRequested, RunSubmitted, SignalSent
from argosy.schemas.runlog import BudgetReceived
from support.shell_world import ShellWorld, hello, settings_of, shell_world
from support.waiting import eventually

FOLLOWERS: dict[str, tuple[Message, str]] = {
    "signal": (SignalSent(name="go", value=1), "signal.received"),
    "large signal": (SignalSent(name="go", value="x" * 70_000), "signal.received"),
    "answer": (BudgetAnswered(tokens=500), "budget.received"),
}
EACH = pytest.mark.parametrize("follower", FOLLOWERS)


@asynccontextmanager
async def inbox_world() -> AsyncGenerator[ShellWorld]:
    """Park unknown names for long; a submit of a known pipeline passes at once."""
    async with shell_world(settings_of(unknown_pipeline_seconds=60)) as world:
        await put(world, "earlier", [RunSubmitted(pipeline=hello.compile(), input="x")])
        await kinds(world, "earlier", ["run.accepted"])
        yield world


async def put(world: ShellWorld, run_id: str, bodies: Sequence[Message], key: bytes | None = None) -> None:
    """Append to one partition of the inbox, at once; some clients' keys are their own."""
    producer = await world.kafka.producer()
    outgoing = [
        Outgoing(
            world.names.inbox,
            run_id.encode() if key is None else b"%b%d" % (key, number),
            encode_body(body),
            Envelope(body.KIND, f"{run_id}-{number}-{body.KIND}", "test", subject=run_id).headers(),
            partition=0,
        )
        for number, body in enumerate(bodies)
    ]
    await producer.send_many(outgoing)


async def log_of(world: ShellWorld, run_id: str) -> list[Message]:
    partitions = range(await world.kafka.partitions(world.names.runs))
    return [
        decode_body(read_envelope(record.headers), record.value)
        for number in partitions
        async for record in world.kafka.scan(Partition(world.names.runs, number), 0)
        if record.key == run_id.encode()
    ]


async def kinds(world: ShellWorld, run_id: str, wanted: Collection[str]) -> list[str]:
    """Wait until the log has all these kinds, and give them in its order."""

    async def there() -> bool:
        return set(wanted) <= {body.KIND for body in await log_of(world, run_id)}

    await eventually(there, f"{wanted} of {run_id}")
    return [body.KIND for body in await log_of(world, run_id) if body.KIND in wanted]


def fail_once(monkeypatch: pytest.MonkeyPatch, kind: str, *, slow: bool = False) -> list[str]:
    """Fail the first append of this kind; all others pass. `slow`: it is told only when others have passed."""
    failed, append = list[str](), InboxRecord.append

    async def failing(self: InboxRecord, judged: Sequence[Judged]) -> list[Record]:
        bad = [one for one in judged if not failed and read_envelope(one.inbox.headers).kind == kind][:1]
        failed.extend(kind for _ in bad)
        again = await append(self, [one for one in judged if one not in bad])
        if bad and slow:
            await asyncio.sleep(0.2)  # as a time-out would
        return [*again, *(one.inbox for one in bad)]

    monkeypatch.setattr(InboxRecord, "append", failing)
    return failed


@EACH
async def test_what_follows_a_parked_submit_comes_after_it(follower: str) -> None:
    body, kind = FOLLOWERS[follower]
    async with inbox_world() as world:
        await put(world, "r", [RunSubmitted(pipeline="hello", input="x"), body])
        await put(world, "other", [RunSubmitted(pipeline=hello.compile(), input="x"), body])
        assert await kinds(world, "other", ["run.accepted", kind]) == ["run.accepted", kind]
        assert await log_of(world, "r") == []
        await publish(await world.kafka.producer(), world.names, hello.compile(), "test")
        assert await kinds(world, "r", ["run.accepted", kind]) == ["run.accepted", kind]


@EACH
async def test_the_run_is_what_counts_and_not_the_key_that_a_client_gave(follower: str) -> None:
    body, kind = FOLLOWERS[follower]
    async with inbox_world() as world:
        await put(world, "r", [RunSubmitted(pipeline="hello", input="x"), body], key=b"mine")
        await put(world, "other", [RunSubmitted(pipeline=hello.compile(), input="x")])
        await kinds(world, "other", ["run.accepted"])
        await publish(await world.kafka.producer(), world.names, hello.compile(), "test")
        assert await kinds(world, "r", ["run.accepted", kind]) == ["run.accepted", kind]


@pytest.mark.parametrize("slow", [False, True])
@EACH
async def test_what_follows_a_submit_whose_append_failed_comes_after_it(
    follower: str, monkeypatch: pytest.MonkeyPatch, *, slow: bool
) -> None:
    body, kind = FOLLOWERS[follower]
    async with inbox_world() as world:
        failed = fail_once(monkeypatch, "run.submitted", slow=slow)
        await put(world, "r", [RunSubmitted(pipeline=hello.compile(), input="x"), body])
        assert await kinds(world, "r", ["run.accepted", kind]) == ["run.accepted", kind]
        assert failed


async def test_a_no_does_not_overtake_the_raise_before_it_whose_append_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with inbox_world() as world:
        await put(world, "r", [RunSubmitted(pipeline=hello.compile(), input="x")])
        await kinds(world, "r", ["run.accepted"])
        failed = fail_once(monkeypatch, "budget.answered", slow=True)
        answers = [BudgetAnswered(tokens=500), BudgetAnswered(refused=True), BudgetAnswered(tokens=900)]
        await put(world, "r", answers)

        async def answered() -> list[BudgetReceived]:
            return [body for body in await log_of(world, "r") if isinstance(body, BudgetReceived)]

        async def all_three() -> bool:
            return len(await answered()) == len(answers)

        await eventually(all_three, "three answers")
        assert [(each.tokens, each.refused) for each in await answered()] == [
            (500, False), (None, True), (900, False),
        ]  # fmt: skip
        assert failed


async def test_a_cancel_does_not_wait_for_a_parked_submit() -> None:
    async with inbox_world() as world:
        await put(world, "r", [RunSubmitted(pipeline="hello", input="x"), CancelRequested(reason="no")])
        assert await kinds(world, "r", ["cancel.received"]) == ["cancel.received"]
        await publish(await world.kafka.producer(), world.names, hello.compile(), "test")
        assert await kinds(world, "r", ["cancel.received", "run.accepted", "run.ended"]) == [
            "cancel.received", "run.accepted", "run.ended",
        ]  # fmt: skip


async def test_what_waits_behind_a_submit_at_a_stop_is_read_again_by_the_next_receiver() -> None:
    async with inbox_world() as world:
        await put(world, "r", [RunSubmitted(pipeline="hello", input="x"), BudgetAnswered(tokens=500)])
        await put(world, "other", [RunSubmitted(pipeline=hello.compile(), input="x")])
        await kinds(world, "other", ["run.accepted"])
        first = world.processes[0]
        first.stop.set()
        await world.until(first.task.done)
        assert await log_of(world, "r") == []
        await world.start()
        await world.all_live()
        await publish(await world.kafka.producer(), world.names, hello.compile(), "test")
        wanted = ["run.accepted", "budget.received"]
        assert await kinds(world, "r", wanted) == wanted
