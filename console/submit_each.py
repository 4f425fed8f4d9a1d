"""`argosy run PIPELINE --each FILE`: one run per line, as many as there are, acknowledged and answered as they come."""

import asyncio
import json
import sys
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, TextIO

from pydantic import JsonValue
from pydantic_core import from_json

from argosy.client.connection import Argosy
from argosy.client.run import Run
from argosy.console.exits import FAILED
from argosy.console.interruption import if_interrupted
from argosy.console.output import note, show_json
from argosy.schemas.errors import BadArgument, ConfigurationError, InvalidInput, MessageTooLarge, RunError
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.result import Full

MOST_OPEN: Final = 20_000
"""Runs that are waited for at once; above that, submitting waits for results."""
_FIRST_SECONDS: Final = 0.25
_PROGRESS_SECONDS: Final = 4.0
"""Between two words on how far it is: soon at first, seldom when it takes long."""


@dataclass(slots=True)
class Tally:
    """How far it is; `detached`: ends are not waited for."""

    detached: bool = False
    acknowledged: int = 0
    ended: int = 0
    failed: int = 0

    def text(self) -> str:
        """Say it."""
        if self.detached:
            return f"{self.acknowledged} acknowledged"
        return f"{self.acknowledged} acknowledged, {self.ended} ended, {self.failed} of them not well"


@contextmanager
def opened(file: str) -> Generator[TextIO]:
    """Open the file, `-` for stdin. Raises ConfigurationError."""
    if file == "-":
        yield sys.stdin
        return
    try:
        found = Path(file.removeprefix("@")).open(encoding="utf-8")  # noqa: SIM115 - closed below; only opening it is tried
    except OSError as error:
        raise ConfigurationError(
            "the inputs can't be read", str(error), "--each FILE takes JSON, one value per line"
        ) from None
    with found:
        yield found


def value_of(text: str) -> JsonValue:
    """Read JSON. Raises ValueError, and OverflowError for a number that would come to be infinite."""
    value: JsonValue = from_json(text, allow_inf_nan=False)
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        message = "a number in it is larger than a number of JSON may be (about 1.8e308)"
        raise OverflowError(message) from None
    return value


def values_of(lines: Iterable[str]) -> Generator[tuple[int, JsonValue]]:
    """Read one value per line, as they are asked for, with the line's number; empty lines are none.

    Raises ConfigurationError that names the line, when it comes to it.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                value = value_of(line)
            except (ValueError, OverflowError) as error:
                raise ConfigurationError(
                    f"line {number} is no JSON",
                    str(error),
                    "mend it and repeat the whole: with the same --run-id no run is made twice",
                ) from None
            yield number, value


async def submit_each(  # noqa: PLR0913 - the options of a run
    fleet: Argosy,
    what: CompiledPipeline | str,
    values: Iterable[tuple[int, JsonValue]],
    *,
    prefix: str | None,
    detach: bool,
    timeout_seconds: float | None,
    **options: Any,  # noqa: ANN401 - those of `Argosy.submit_many`
) -> int:
    """Submit all, print a line of JSON for each as it is known, and return the exit code.

    Values come with the numbers of their lines. With a prefix the ids are `<prefix>-1`, …: a repeat makes no run twice.
    """
    tally, room, names = Tally(detach), asyncio.Semaphore(MOST_OPEN), count(1)
    run_id: Callable[[JsonValue], str] | None = None
    if prefix is not None:
        run_id = lambda _: f"{prefix}-{next(names)}"  # noqa: E731 - asked once per value, in order

    async def ended(run: Run[JsonValue], number: int) -> None:
        try:
            line: dict[str, JsonValue] = {"result": await run.result(timeout_seconds=timeout_seconds)}
        except RunError as error:
            tally.failed += 1
            line = {"error": {"code": error.code, "what": error.reason}}
        finally:
            room.release()
        tally.ended += 1
        show_json({"run_id": run.run_id, "line": number, **line})

    again = "some more may have been sent"
    if prefix is not None:
        again = f"repeat the whole with --run-id {prefix}: no run is made twice"
    if_interrupted(f"nothing was acknowledged yet; {again}")
    telling = asyncio.create_task(_tell(tally, lambda: fleet.full(name_of(what))), name="progress")
    try:
        async with (
            asyncio.TaskGroup() as group,
            aclosing(_started(fleet, what, values, run_id=run_id, **options)) as runs,
        ):
            async for number, run in runs:
                tally.acknowledged += 1
                if_interrupted(f"{tally.acknowledged} runs were acknowledged and go on; {again}")
                if detach:
                    show_json({"run_id": run.run_id, "line": number})
                else:
                    await room.acquire()
                    group.create_task(ended(run, number), name=f"result of {run.run_id}")
    finally:
        telling.cancel()
        note(tally.text())
    return FAILED if tally.failed else 0


async def _started(
    fleet: Argosy,
    what: CompiledPipeline | str,
    values: Iterable[tuple[int, JsonValue]],
    **options: Any,  # noqa: ANN401 - those of `Argosy.submit_many`
) -> AsyncGenerator[tuple[int, Run[JsonValue]]]:
    """Yield each run with its line, in order. Raises ConfigurationError that names the line of what can't be."""
    open_lines: deque[int] = deque()

    def taken() -> Generator[JsonValue]:
        for number, value in values:
            open_lines.append(number)
            yield value

    async with aclosing(fleet.submit_many(what, taken(), **options)) as runs:
        try:
            async for run in runs:
                yield open_lines.popleft(), run
        except BadArgument as error:
            raise ConfigurationError(f"line {open_lines[0]}: {error.what}", error.why, error.do) from None
        except (InvalidInput, MessageTooLarge) as error:
            raise ConfigurationError(
                f"line {open_lines[0]} can't be submitted", str(error), error.do
            ) from None


def name_of(what: CompiledPipeline | str) -> str:
    """Name a pipeline, without its version."""
    return what.partition("@")[0] if isinstance(what, str) else what.name


async def _tell(tally: Tally, full: Callable[[], Awaitable[Full | None]]) -> None:
    said, pause = "", _FIRST_SECONDS
    while True:
        await asyncio.sleep(pause)
        pause = min(2 * pause, _PROGRESS_SECONDS)
        bound = await full()
        text = tally.text() + ("" if bound is None else f"; the rest waits for room: {bound.bounds}")
        if text != said:
            note(text)
            said = text
