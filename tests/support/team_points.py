"""Where a worker of the software team dies, or stands still, once: plugged into its process before it begins."""

import functools
import inspect
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

from argosy.agents import sandbox
from argosy.agents.repository import Repository
from argosy.agents.step import Steps
from argosy.agents.suite import Suite
from argosy.schemas.ids import local_part

FOLDER: Final = "ARGOSY_TEST_POINTS"
"""The variable that names the folder where each point leaves a file when it was reached; without one, none hurts."""
PLUG: Final = "support.team_points:plug"

KILLS: Final = {
    "before_writing": "code.0",
    "before_the_ref": "code.1",
    "after_the_ref": "code.2",
    "before_the_memo": "code.3",
    "after_the_memo": "join",
    "in_the_sandbox": "test",
    "after_the_verdict": "test",
    "after_main_moved": "release",
}
"""Each kills the worker of one task; the last name of the task's id, so that it says nothing of loops."""
FREEZES: Final = {"freezes_before_the_ref": "mend"}
POINTS: Final = {**KILLS, **FREEZES}


def reach(point: str, task_id: str) -> None:
    """Die here, or stop, if the point is this task's and nobody was here before."""
    folder = os.environ.get(FOLDER)
    if folder is None or local_part(task_id).rpartition("/")[2] != POINTS[point]:
        return
    try:
        (Path(folder) / point).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGSTOP if point in FREEZES else signal.SIGKILL)


_task: list[str] = [""]
"""Of the memo that was asked for last: its effect is what runs now, as there is one handler at a time."""


def plug() -> None:
    """Put the points in."""

    def first_word(point: str) -> Callable[..., None]:
        def hook(_repository: Repository, task_id: str, *_: object) -> None:
            reach(point, task_id)

        return hook

    def of_last(point: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            reach(point, _task[0])

        return hook

    def of_memo(point: str, name: str) -> Callable[..., None]:
        def hook(steps: Steps, asked: str, *_: object) -> None:
            if asked == name:
                reach(point, _of(steps))

        return hook

    def remember(steps: Steps, *_: object) -> None:
        _task[0] = _of(steps)

    _around(Repository, "commit", before=first_word("before_writing"))
    _around(Repository, "_first", before=first_word("before_the_ref"), after=first_word("after_the_ref"))
    _around(Repository, "_first", before=first_word("freezes_before_the_ref"))
    _around(Repository, "advance", after=of_last("after_main_moved"))
    _around(Steps, "_record", before=of_memo("before_the_memo", "commit"))
    _around(Steps, "memoised", before=remember, after=of_memo("after_the_memo", "merge"))
    _around(Suite, "run", after=of_last("after_the_verdict"))
    _around(sandbox, "taken_by", before=of_last("in_the_sandbox"))  # asked while the command runs


def _of(steps: Steps) -> str:
    return steps.running.order.body.task_id


def _nothing(*_: object) -> None:
    """Do that."""


def _around(
    owner: object, name: str, *, before: Callable[..., None] = _nothing, after: Callable[..., None] = _nothing
) -> None:
    """Call two functions before and after another one, with its arguments by position."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def plain(*args: object, **named: object) -> object:
        before(*args)
        found = function(*args, **named)
        after(*args)
        return found

    @functools.wraps(function)
    async def later(*args: object, **named: object) -> object:
        before(*args)
        found = await function(*args, **named)
        after(*args)
        return found

    setattr(owner, name, later if inspect.iscoroutinefunction(function) else plain)
