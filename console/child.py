"""What is supervised: a child process, described as data, and the rules for starting it again."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, assert_never

from argosy.console.process import ProcessId

BACKOFF_FIRST_SECONDS: Final = 0.2
BACKOFF_LAST_SECONDS: Final = 10.0
STEADY_SECONDS: Final = 10.0


class Restart(StrEnum):
    """When a child that ended by itself is started again."""

    ALWAYS = "always"
    ON_FAILURE = "on_failure"
    NEVER = "never"


class ChildState(StrEnum):
    """Where a child is in its life."""

    STARTING = "starting"
    READY = "ready"
    BACKOFF = "backoff"
    HELD = "held"
    ENDED = "ended"


class Intent(StrEnum):
    """What its supervisor wants of a child."""

    RUN = "run"
    HOLD = "hold"
    END = "end"


@dataclass(frozen=True)
class ChildSpec:
    """A process to supervise.

    Secrets belong in `env`, never in `argv`, which every user of the machine can read. `ready` is asked until
    it says True; without it a child is ready once it runs. `env` is added to the supervisor's environment.
    Children of a higher `stage` are stopped before those of a lower one: who uses a server ends before it.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: Path | None = None
    restart: Restart = Restart.ALWAYS
    ready: Callable[[], Awaitable[bool]] | None = None
    ready_within_seconds: float = 180
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_seconds: float = 15
    stage: int = 0


@dataclass
class Child:
    """A supervised process as it is now; only its supervisor writes here.

    `quick_ends` counts the ends in a row that came before it had been ready and up for `STEADY_SECONDS`;
    `problem` says in words why it last ended.
    """

    spec: ChildSpec
    intent: Intent = Intent.RUN
    state: ChildState = ChildState.STARTING
    process: ProcessId | None = None
    starts: int = 0
    quick_ends: int = 0
    last_exit: int | None = None
    problem: str = ""
    told_ended: bool = False
    """People were told that it ended, and not yet that it is ready again."""

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return max(0, self.starts - 1)


def restart_delay_seconds(policy: Restart, exit_code: int, quick_ends: int) -> float | None:
    """Say how long to wait before a child is started again; None: leave it ended."""
    match policy:
        case Restart.NEVER:
            return None
        case Restart.ON_FAILURE if exit_code == 0:
            return None
        case Restart.ALWAYS | Restart.ON_FAILURE:
            if quick_ends == 0:
                return 0.0
            return min(BACKOFF_LAST_SECONDS, BACKOFF_FIRST_SECONDS * 2.0 ** min(quick_ends - 1, 10))
        case _:
            assert_never(policy)


def exit_in_words(exit_code: int) -> str:
    """Turn a wait status as asyncio gives it (negative: signal) into words."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"killed by signal {-exit_code}"
