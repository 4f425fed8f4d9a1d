"""Arm starts: how long a worker takes to its first poll, `import argosy` to be done, `argosy --help` to be read."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from app import one
from drain import UNTRACED, WIDE
from figures import Figure, at_most
from fleet import APP, LIMIT_SECONDS, Fleet, bytecode, fleet_on
from submitting import ITEM, submit

from argosy.console.fleet_children import worker_child
from argosy.console.stack import LocalStack

COMMANDS = 7
"""Of each kind in a repeat: the quickest of them counts, as it met the fewest other programs."""
_NOTHING = (sys.executable, "-c", "pass")
_IMPORT = (sys.executable, "-c", "import argosy")
_HELP = (sys.executable, "-m", "argosy", "--help")
LOOK_SECONDS = 0.005


async def measure(stack: LocalStack, repeats: int) -> list[Figure]:
    """Measure each of them as somebody at a terminal would see it."""
    polls: list[float] = []
    firsts: list[float] = []
    variables = bytecode(stack)
    commands = [[_quickest(words, variables) for words in (_NOTHING, _IMPORT, _HELP)] for _ in range(repeats)]
    try:
        for number in range(1 + repeats):
            async with asyncio.timeout(LIMIT_SECONDS), fleet_on(stack, ["noop"], **WIDE, **UNTRACED) as fleet:
                poll, first = await _worker(fleet)
            if number:  # the first one compiled what it loads, as installing does
                polls.append(poll)
                firsts.append(first)
    except TimeoutError:
        polls, firsts = [], []
    imports = [(imported - nothing) * 1e3 for nothing, imported, _ in commands]
    return [
        Figure("starts", "a worker: to its first poll", "s", polls, at_most(0.5)),
        Figure("starts", "a worker: to its first result", "s", firsts),
        Figure("starts", "python -c pass", "ms", [nothing * 1e3 for nothing, _, _ in commands]),
        Figure("starts", "import argosy, beside it", "ms", imports, at_most(50)),
        Figure("starts", "argosy --help", "s", [helped for _, _, helped in commands], at_most(0.2)),
    ]


async def _worker(fleet: Fleet) -> tuple[float, float]:
    """Give the seconds from the start of the process to its first poll, and to the first result of a waiting task.

    It polls as soon as it has its partitions: nothing lies between the two but the start of that call.
    """
    await fleet.coordinator()
    async with fleet.connect() as client:
        await submit(client, one, [ITEM])
    await fleet.until(fleet.names.tasks("noop"), 1)
    before = await fleet.appended(fleet.names.runs)
    began = time.monotonic()
    spec = worker_child("worker", f"{APP}:noop", fleet.stack.folder, fleet.environment)
    starting = asyncio.create_task(fleet.stack.supervisor.start(spec))
    await fleet.owned("noop", LOOK_SECONDS)
    poll = time.monotonic() - began
    await fleet.until(fleet.names.runs, before + 1)
    first = time.monotonic() - began
    await starting
    return poll, first


def _quickest(words: Sequence[str], variables: Mapping[str, str]) -> float:
    took: list[float] = []
    for _ in range(COMMANDS):
        began = time.perf_counter()
        environment = {**os.environ, **variables, "PYTHONSAFEPATH": "1"}
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=environment)  # noqa: S603 - our words
        took.append(time.perf_counter() - began)
    return min(took)
