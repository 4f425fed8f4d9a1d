"""Blocking calls that share a thread: what each gives, and what one that fails does to the others."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial

import pytest

from argosy.broker.thread_turns import ThreadTurns
from argosy.schemas.errors import Unreachable


def name_of(number: int) -> tuple[int, int]:
    return number, threading.get_ident()


def fail() -> None:
    raise Unreachable("away")


def take_too_much() -> None:
    raise MemoryError


def crash() -> None:
    raise ZeroDivisionError


async def test_calls_of_one_turn_share_a_thread_up_to_so_many() -> None:
    turns = ThreadTurns(threads=16, at_once=3, name="t")
    together = threading.Barrier(3)

    def call(number: int) -> tuple[int, int]:
        if number % 3 == 0:  # each first one waits for those of the other threads
            together.wait(60)
        return name_of(number)

    found = await asyncio.gather(*(turns.call(partial(call, number)) for number in range(9)))
    assert [number for number, _ in found] == list(range(9))
    threads = [thread for _, thread in found]
    assert [len(set(threads[first : first + 3])) for first in (0, 3, 6)] == [1, 1, 1]
    assert len(set(threads)) == 3
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(("call", "error"), [(fail, Unreachable), (take_too_much, MemoryError)])
async def test_a_refusal_is_told_to_who_asked_and_the_rest_go_on(
    call: Callable[[], None], error: type[Exception]
) -> None:
    turns = ThreadTurns(threads=1, at_once=8, name="t")
    first, failed, last = await asyncio.gather(
        turns.call(lambda: 1), turns.call(call), turns.call(lambda: 2), return_exceptions=True
    )
    assert (first, last) == (1, 2)
    assert isinstance(failed, error)


async def test_nobody_waits_for_ever_behind_a_call_that_crashed() -> None:
    turns = ThreadTurns(threads=1, at_once=8, name="t")
    first, *others = await asyncio.gather(
        turns.call(lambda: 1), turns.call(crash), turns.call(lambda: 2), return_exceptions=True
    )
    assert first == 1
    assert [type(other) for other in others] == [ZeroDivisionError, ZeroDivisionError]


async def test_nobody_waits_for_ever_where_no_thread_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    turns = ThreadTurns(threads=2, at_once=1, name="t")
    monkeypatch.setattr(threading.Thread, "start", start)
    async with asyncio.timeout(60):
        told = await asyncio.gather(
            *(turns.call(partial(name_of, number)) for number in range(3)), return_exceptions=True
        )
        assert [str(each) for each in told] == ["can't start new thread"] * 3
        monkeypatch.undo()
        assert (await turns.call(partial(name_of, 3)))[0] == 3


async def test_a_call_that_is_given_up_leaves_the_others_alone() -> None:
    turns = ThreadTurns(threads=1, at_once=8, name="t")
    given_up = asyncio.ensure_future(turns.call(lambda: 1))
    kept = asyncio.ensure_future(turns.call(lambda: 2))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await kept == 2
    with pytest.raises(asyncio.CancelledError):
        await given_up


def test_each_loop_has_calls_of_its_own() -> None:
    turns = ThreadTurns(threads=1, at_once=8, name="t")
    assert [asyncio.run(turns.call(lambda: each)) for each in (1, 2)] == [1, 2]  # noqa: B023 - called at once
