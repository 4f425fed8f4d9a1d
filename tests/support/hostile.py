"""An app whose handlers do harm: for `argosy worker` in tests of what that may cost, and whom.

`misbehave` does what its act says, `neighbour` works beside it in the same process. Both tell the ledger
(`ARGOSY_TEST_LEDGER`) that they began, so that a test can wait for it.
"""

import asyncio
import math
import os
import resource
import signal
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from pydantic import BaseModel, field_validator

from argosy import Context, Pipeline, Reject, Retry, agent
from support.ledger import the_ledger

HARD_RESULT_BYTES: Final = 2_000_000
BLOCKED_SECONDS: Final = 30
"""Longer than any lease here: the process ends before the handler goes on."""


class Act(BaseModel):
    """What to do; `size` is in bytes, `text` is ballast."""

    kind: str
    size: int = 0
    text: str = ""
    times: int = 1
    """How many deliveries do harm; later ones return."""


class Answer(BaseModel):
    """What came of it."""

    kind: str
    pid: int
    text: str = ""
    more: Any = None

    @field_validator("kind")
    @classmethod
    def _whole(cls, kind: str) -> str:
        if kind == "broken-validator":
            raise ZeroDivisionError(kind)  # pydantic passes on what is no ValueError
        return kind


class OwnBaseError(BaseException):
    """Not an Exception."""


class MuteError(Exception):
    """Can't even say itself."""

    def __str__(self) -> str:
        raise OwnBaseError


def began(task_id: str) -> str:
    """Name the ledger's entry that a handler has begun."""
    return f"{task_id}|began"


def stopped(task_id: str) -> str:
    """Name the ledger's entry that a neighbour's handler was cancelled."""
    return f"{task_id}|stopped"


async def _exit(_: Context) -> NoReturn:
    sys.exit("a handler must not end its worker")


async def _cancel_itself(_: Context) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(3600)


async def _group(_: Context) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_raise(ValueError("one")), name="one")
        group.create_task(_raise(Reject("two")), name="two")


async def _raise(error: BaseException) -> NoReturn:
    await asyncio.sleep(0)
    raise error


async def _hang(_: Context) -> None:
    await asyncio.sleep(3600)


async def _ignore(_: Context) -> None:
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:  # what must not be done
            continue


async def _block(_: Context) -> None:
    time.sleep(BLOCKED_SECONDS)  # noqa: ASYNC251 - the harm itself


async def _die(_: Context) -> None:
    os._exit(9)


async def _be_killed(_: Context) -> None:
    """Eat memory until the kernel ends the process, as its OOM killer does: no cleanup, no last word."""
    eaten = bytearray(b"x" * (128 * 1024 * 1024))
    os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(len(eaten))


async def _devour(_: Context) -> None:
    """Eat all the memory that the process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])  # noqa: ASYNC240 - no disk behind it
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 256 * 1024 * 1024, hard))
    eaten: list[bytearray] = []
    try:
        while True:
            eaten.append(bytearray(16 * 1024 * 1024))
    finally:
        eaten.clear()
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


async def _exit_beside(_: Context) -> None:
    """A task of its own that calls sys.exit: asyncio ends the loop for that, whoever waits for it."""
    await asyncio.create_task(_exit(_), name="exits")


async def _stop_loop(_: Context) -> None:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(3600)


async def _cancel_all(_: Context) -> None:
    for task in asyncio.all_tasks():
        task.cancel()
    await asyncio.sleep(3600)


def _raising(make: Callable[[], BaseException]) -> Callable[[Context], Awaitable[None]]:
    async def raising(_: Context) -> None:
        raise make()

    return raising


RAISES: Final[dict[str, tuple[Callable[[Context], Awaitable[None]], str, str]]] = {
    "exception": (_raising(lambda: ValueError("no such luck")), "handler_error", "no such luck"),
    "base-exception": (_raising(lambda: OwnBaseError("odd")), "handler_error", "OwnBaseError: odd"),
    "sys-exit": (_exit, "exit", "a handler must not end its worker"),
    "keyboard-interrupt": (_raising(KeyboardInterrupt), "exit", "KeyboardInterrupt"),
    "generator-exit": (_raising(GeneratorExit), "exit", "GeneratorExit"),
    "cancelled-error": (_raising(asyncio.CancelledError), "handler_error", "cancelled itself"),
    "cancels-itself": (_cancel_itself, "handler_error", "cancelled itself"),
    "stop-iteration": (_raising(StopIteration), "handler_error", "StopIteration"),
    "stop-async-iteration": (_raising(StopAsyncIteration), "handler_error", "StopAsyncIteration"),
    "mute": (_raising(MuteError), "handler_error", "MuteError"),
    "no-json": (_raising(lambda: ValueError("lone \ud800 surrogate")), "handler_error", "lone"),
    "long": (_raising(lambda: ValueError("x" * 5_000_000)), "handler_error", "characters)"),
    "memory": (_raising(MemoryError), "handler_error", "MemoryError"),
    "endless-retry": (_raising(lambda: Retry("never", after_seconds=float("nan"))), "retry", "never"),
    "reject": (_raising(lambda: Reject("won't do")), "rejected", "won't do"),
    "group": (_group, "rejected", "two"),
}
"""What a handler may raise: how, the fault's code, and a part of its text."""

FATAL: Final = {"die": _die, "oom": _be_killed, "exit-beside": _exit_beside, "stop-loop": _stop_loop}
"""What ends the worker itself."""

HARMS: Final[dict[str, Callable[[Context], Awaitable[None]]]] = {
    **{name: raising for name, (raising, _, _) in RAISES.items()},
    "hang": _hang,
    "ignore": _ignore,
    "block": _block,
    **FATAL,
    "cancel-all": _cancel_all,
    "devour": _devour,
}


def _nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def _endless() -> object:
    value: list[object] = []
    value.append(value)
    return value


UNSAYABLE: Final[dict[str, Callable[[], object]]] = {
    "nan": lambda: math.nan,
    "infinity": lambda: {"a": [-math.inf]},
    "surrogate": lambda: "half a \ud83d pair",
    "surrogate-key": lambda: {"\udfff": 1},
    "digits": lambda: 10**5_000,
    "deep": lambda: _nested(3_000),
    "deeper-than-a-reader": lambda: _nested(250),
    "object": object,
    "endless": _endless,
}
"""Results that JSON can't say, or that nobody could read back."""


def _harmful(act: Act, ctx: Context) -> bool:
    """Count the deliveries of a task in the ledger, as the task itself can't."""
    key = began(ctx.task_id)
    the_ledger().make(key, uuid.uuid4().hex)
    return the_ledger().times(key) <= act.times


@agent(concurrency=16, retries=0, timeout_seconds=60, max_deliveries=2)
async def misbehave(ctx: Context, act: Act) -> Answer:
    """Do what the act says."""
    harm = HARMS.get(act.kind)
    if harm is not None and _harmful(act, ctx):
        await harm(ctx)
    if act.kind == "another-type":
        return cast("Answer", [act.kind])
    more = UNSAYABLE[act.kind]() if act.kind in UNSAYABLE else None
    return Answer(kind=act.kind, pid=os.getpid(), text="x" * act.size, more=more)


@agent(concurrency=16, retries=0, timeout_seconds=5, max_deliveries=2)
async def hurried(ctx: Context, act: Act) -> Answer:
    """The same in five seconds."""
    return await misbehave(ctx, act)


@agent(concurrency=16, retries=0, timeout_seconds=900)
async def neighbour(ctx: Context, act: Act) -> Answer:
    """Work; of kind `wait` until the ledger has an effect called by the act's text."""
    the_ledger().make(began(ctx.task_id), uuid.uuid4().hex)
    try:
        while act.kind == "wait" and act.text not in the_ledger().effects():  # noqa: ASYNC110 - made by another process
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        the_ledger().make(stopped(ctx.task_id), uuid.uuid4().hex)
        raise
    return Answer(kind=act.kind, pid=os.getpid(), text=str(len(act.text)))


harmful = Pipeline("harmful", takes=Act, gives=Answer)
harmful.returns(harmful.step(misbehave, harmful.input))

hasty = Pipeline("hasty", takes=Act, gives=Answer)
hasty.returns(hasty.step(hurried, hasty.input))

peaceful = Pipeline("peaceful", takes=Act, gives=Answer)
peaceful.returns(peaceful.step(neighbour, peaceful.input))

chained = Pipeline("chained", takes=Act, gives=Answer)
_first = chained.step(neighbour, chained.input)
chained.step(misbehave, chained.input, name="beside")
chained.returns(chained.step(neighbour, chained.input, name="second", after=[_first]))
