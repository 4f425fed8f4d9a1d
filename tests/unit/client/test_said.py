"""Whatever a caller gives: what can't be is told in three lines before anything is sent, never as a traceback."""

import math
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any, Final

import pytest

from argosy.broker.log import Partition
from argosy.client.connection import Argosy
from argosy.schemas.errors import ArgosyError, BadArgument, InvalidInput, ResultTimeout
from support.shell_world import ShellWorld, client_of, first, hello, shell_world

Call = Callable[[Any], Awaitable[object]]
"""A call with values that its types forbid: producers have no type checker in notebooks and services."""


async def _all(generator: AsyncIterable[object]) -> list[object]:
    return [each async for each in generator]


async def _calls(method: str, client: Argosy, *args: object, **options: object) -> object:
    return getattr(client, method)(*args, **options)


NO_ARGUMENT: Final[dict[str, tuple[Call, str]]] = {
    "priority too high": (lambda c: c.submit(hello, "x", priority=99), "submit: priority can't be that"),
    "a hash that is none": (
        lambda c: c.run("r").approve("ok", sha256="abc"),
        "approve: sha256",
    ),
    "priority below none": (lambda c: c.submit(hello, "x", priority=-1), "priority"),
    "priority of words": (lambda c: c.submit(hello, "x", priority="high"), "priority"),
    "no time at all": (lambda c: c.submit(hello, "x", deadline_seconds=0), "deadline_seconds"),
    "time that is none": (lambda c: c.submit(hello, "x", deadline_seconds=math.nan), "deadline_seconds"),
    "endless time": (lambda c: c.submit(hello, "x", deadline_seconds=math.inf), "deadline_seconds"),
    "no budget": (lambda c: c.submit(hello, "x", budget=0), "budget"),
    "half a token": (lambda c: c.submit(hello, "x", budget=0.5), "budget"),
    "long tenant": (lambda c: c.submit(hello, "x", tenant="t" * 129), "tenant"),
    "tenant of bytes": (lambda c: c.submit(hello, "x", tenant="\ud800"), "tenant"),
    "run id of digits": (lambda c: c.submit(hello, "x", run_id=5), "5 is no run id"),
    "run id with a slash": (lambda c: c.submit(hello, "x", run_id="a/b"), "'a/b' is no run id"),
    "run id with a newline": (lambda c: c.submit(hello, "x", run_id="a\n"), "is no run id"),
    "an agent": (lambda c: c.submit(first, "x"), "an agent is no pipeline"),
    "nothing to run": (lambda c: c.submit(None, "x"), "None is no pipeline"),
    "no name": (lambda c: c.submit("", "x"), "is no pipeline"),
    "a handle of nothing": (lambda c: _calls("run", c, None), "None is no run id"),
    "a receipt as text": (lambda c: _calls("run", c, "r", receipt="0-1-2-3"), "receipt"),
    "one text as many": (lambda c: _calls("submit_many", c, hello, "xyz"), "values"),
    "a number as many": (lambda c: _calls("submit_many", c, hello, 7), "values"),
    "none in flight": (lambda c: _calls("submit_many", c, hello, ["x"], in_flight=0), "in_flight"),
    "many with wrong ids": (lambda c: _all(c.submit_many(hello, ["x"], run_id=len)), "1 is no run id"),
    "many of wrong priority": (lambda c: _all(c.submit_many(hello, ["x"], priority=99)), "priority"),
    "a long reason": (lambda c: c.run("r").cancel("x" * 1_001), "cancel: reason can't be that"),
    "no reason": (lambda c: c.run("r").cancel(None), "reason"),
    "half a character": (lambda c: c.run("r").cancel("\ud83d"), "reason"),
    "a signal without name": (lambda c: c.run("r").signal(None), "name"),
    "a signal's long id": (lambda c: c.run("r").signal("s", signal_id="x" * 257), "signal_id"),
    "a signal's empty id": (lambda c: c.run("r").signal("s", signal_id=""), "signal_id"),
    "a signal's id of two lines": (lambda c: c.run("r").signal("s", signal_id="a\nb"), "signal_id"),
    "a signal's id that is none": (lambda c: c.run("r").signal("s", signal_id=5), "signal_id"),
    "wait for less than nothing": (lambda c: c.run("r").result(timeout_seconds=-1), "timeout_seconds"),
    "wait for NaN": (lambda c: c.run("r").ended(timeout_seconds=math.nan), "timeout_seconds"),
    "wait for words": (lambda c: c.run("r").result(timeout_seconds="soon"), "timeout_seconds"),
    "events since ever": (lambda c: _all(c.run("r").events(since_ms=-1)), "since_ms"),
    "events since words": (lambda c: _all(c.run("r").events(since_ms="now")), "since_ms"),
}

NO_INPUT: Final[dict[str, Call]] = {
    "not the pipeline's type": lambda c: c.submit(hello, 5),
    "no JSON": lambda c: c.submit("hello", object()),
    "NaN, which would be sent as null": lambda c: c.run("r").signal("s", math.nan),
    "half a character in a signal": lambda c: c.run("r").signal("s", {"a": "\udfff"}),
    "a signal that is no JSON": lambda c: c.run("r").signal("s", object()),
    "many, one of which is wrong": lambda c: _all(c.submit_many(hello, [5])),
}


async def _sent(world: ShellWorld) -> int:
    inbox = world.names.inbox
    partitions = await world.kafka.partitions(inbox)
    return sum([(await world.kafka.edges(Partition(inbox, n)))[1] for n in range(partitions)])


async def _raised(call: Call, client: Argosy) -> ArgosyError:
    with pytest.raises(ArgosyError) as raised:
        await call(client)
    return raised.value


async def test_a_wrong_argument_is_named_with_why_and_what_to_do_and_nothing_is_sent() -> None:
    async with shell_world() as world, client_of(world) as client:
        for case, (call, text) in NO_ARGUMENT.items():
            error = await _raised(call, client)
            assert isinstance(error, BadArgument), case
            assert text in error.what, case
            assert error.why, case
            assert error.do, case
            assert error.__suppress_context__ or error.__context__ is None, f"{case}: shows another's error"
        assert await _sent(world) == 0


async def test_a_value_that_can_not_travel_is_an_invalid_input_and_nothing_is_sent() -> None:
    async with shell_world() as world, client_of(world) as client:
        for case, call in NO_INPUT.items():
            assert isinstance(await _raised(call, client), InvalidInput), case
        assert await _sent(world) == 0


async def test_who_does_not_wait_at_all_is_told_at_once() -> None:
    async with shell_world() as world, client_of(world) as client:
        world.handler = lambda _: None
        run = await client.submit(hello, "x")
        with pytest.raises(ResultTimeout):
            await run.result(timeout_seconds=0)
