"""The app of the fault runs: the diamond of the kill matrix, and handlers that wait, race, kill or answer too much."""

import asyncio
import os
import signal
import uuid

from pydantic import BaseModel

from argosy import Context, Hole, Pipeline, Retry, agent, any_of, quorum
from support.crash_app import branch, diamond, joiner
from support.ledger import the_ledger

__all__ = ["branch", "diamond", "joiner"]


class Act(BaseModel):
    """What a handler is to do."""

    kind: str = ""
    seconds: float = 0.0
    size: int = 0
    padding: str = ""


class Done(BaseModel):
    """What it did, in an execution that no other is like."""

    value: str
    text: str = ""


def begun(task_id: str) -> str:
    """Name the ledger's entry of a handler that has begun."""
    return f"{task_id}~begun"


def gate(name: str) -> str:
    """Name the ledger's entry that lets handlers go on."""
    return f"gate {name}"


@agent(concurrency=8, retries=3, timeout_seconds=300)
async def later(ctx: Context, act: Act) -> Done:
    """Ask to come again after a while: between two attempts the fleet has nothing but a timer."""
    the_ledger().make(begun(ctx.task_id), uuid.uuid4().hex)
    if ctx.attempt == 1:
        raise Retry("not yet", after_seconds=act.seconds)
    return Done(value=f"{ctx.task_id}:{uuid.uuid4().hex}")


@agent(concurrency=8, retries=0, timeout_seconds=300, max_deliveries=5)
async def harm(ctx: Context, act: Act) -> Done:
    """Do what the act says: die, answer far too much, or wait at a gate; else just work."""
    the_ledger().make(begun(ctx.task_id), uuid.uuid4().hex)
    match act.kind:
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "wait":
            while gate(ctx.run_id) not in the_ledger().effects():  # noqa: ASYNC110 - made by another process
                await asyncio.sleep(0.05)
        case _:
            await asyncio.sleep(act.seconds)
    return Done(value=f"{ctx.task_id}:{uuid.uuid4().hex}", text="x" * act.size)


@agent(concurrency=256, retries=0, timeout_seconds=600)
async def racer(_: Context, number: int) -> int:
    """The low numbers win at once; the others run until they are told to stop."""
    if number >= WINNERS:
        await asyncio.sleep(3600)
    return number


@agent(concurrency=64)
async def finish(_: Context, given: list[int | Hole]) -> int:
    """Count who won."""
    return sum(not isinstance(one, Hole) for one in given)


WINNERS = 2
RACERS = 4

lonely = Pipeline("lonely", takes=Act, gives=Done)
lonely.returns(lonely.step(later, lonely.input))

harming = Pipeline("harming", takes=Act, gives=Done)
harming.returns(harming.step(harm, harming.input))

first_of = Pipeline("first_of", takes=list[int], gives=int)
first_of.returns(first_of.step(finish, first_of.map(racer, over=first_of.input, join=any_of())))

some_of = Pipeline("some_of", takes=list[int], gives=int)
some_of.returns(some_of.step(finish, some_of.map(racer, over=some_of.input, join=quorum(WINNERS))))

all_of_them = Pipeline("all_of_them", takes=list[int], gives=list[int])
all_of_them.returns(all_of_them.map(racer, over=all_of_them.input))
