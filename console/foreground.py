"""Run until told to stop: SIGINT or SIGTERM cancels the work, whose clean-up then ends what it started."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Final

from argosy.console.output import note

STOPPING: Final = "stopping … (once more stops at once)"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def run_in_foreground(
    work: Coroutine[object, object, int | None],
    *,
    stopping: str = "",
    interrupt: Callable[[], None] | None = None,
) -> int:
    """Run `work` to its end and return its exit code, or 128 + the signal's number if one stopped it.

    The first signal cancels, and `stopping` is said; a second one cancels the clean-up too. With `interrupt` the first
    SIGINT calls that instead, and the work ends by itself.
    """
    return asyncio.run(_cancelled_by_signals(work, stopping, interrupt))


async def _cancelled_by_signals(
    work: Coroutine[object, object, int | None], stopping: str, interrupt: Callable[[], None] | None
) -> int:
    received: list[signal.Signals] = []
    first = [interrupt] if interrupt is not None else []
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        if number == signal.SIGINT and first and not received:
            first.pop()()
            return
        if stopping and not received:
            note(stopping)
        received.append(number)
        task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        return await task or 0
    except asyncio.CancelledError:
        if not received:
            raise
        return 128 + received[0]
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
