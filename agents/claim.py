"""Claiming an attempt: grant and lease are one thing, judged by `claim.lua` against the run itself."""

import secrets
import time
from dataclasses import dataclass
from typing import Final

from argosy.agents.lanes import Lanes
from argosy.agents.order import Order
from argosy.broker.fence import Fence
from argosy.broker.keys import LaneKeys
from argosy.broker.store import Reply, Script, Store


@dataclass(frozen=True, slots=True)
class NotYet:
    """The lane isn't marked live for this server: absence never grants."""


@dataclass(frozen=True, slots=True)
class Over:
    """The run, the task or the attempt is over: nothing is to be run."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A result is stored: publish it again. One letter of its outcome, then the body of `task.settled`."""

    stored: bytes


@dataclass(frozen=True, slots=True)
class Busy:
    """Another holds a live lease, for so many milliseconds more."""

    left_ms: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """A task with lost leases behind it: granted only where no other suspect is."""


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Its deliveries are used up: poison."""

    deliveries: int


@dataclass(frozen=True, slots=True)
class Granted:
    """Ours, under this fence. `deliveries`: leases that were lost before; `now_ms`: the server's clock."""

    fence: str
    deliveries: int
    now_ms: int


Claim = NotYet | Over | Settled | Busy | Suspect | Exhausted | Granted

_CLAIM: Final = Script(__file__, "claim")


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims attempts. Safe to repeat with the same fence: after Unreachable, ask again with it."""

    store: Store
    lanes: Lanes
    lease_ms: int
    window_ms: int
    """What a task's key outlives its run's deadline by."""
    grace_ms: int = 0
    """No lease outlives its attempt's time limit and this."""

    async def claim(self, order: Order, fence: str, *, suspects: bool) -> Claim:
        """Claim an attempt under a fence of `new_fence`; `suspects`: one may be granted.

        Raises Unreachable, Refused.
        """
        body = order.body
        args = (
            order.local,
            body.attempt,
            fence,
            int(suspects),
            min(self.lease_ms, body.contract.timeout_millis + self.grace_ms),
            body.contract.max_deliveries,
            body.run_deadline_ms + self.window_ms,
        )

        async def call(keys: LaneKeys, epoch: str) -> Reply:
            names = (keys.checkpoint, keys.live, keys.run(epoch, order.run_id), keys.task(body.task_id))
            return await self.store.run(_CLAIM, names, (epoch, *args))

        return _read(fence, await self.lanes.ask(body.lane, call))


def new_fence(holder: str = "") -> str:
    """Make a fence: unique, compared for equality only, so that no rollback of Redis can issue it again.

    It also says who claimed and when (epoch milliseconds of that process): for people who look (`broker.fence`).
    """
    return str(Fence(secrets.token_hex(12), time.time_ns() // 1_000_000, holder))


def _read(fence: str, reply: object) -> Claim:  # noqa: PLR0911 - one return for each verdict
    match reply:
        case [b"granted", int(deliveries), int(now_ms)]:
            return Granted(fence, deliveries, now_ms)
        case [b"not_yet"]:
            return NotYet()
        case [b"over"]:
            return Over()
        case [b"settled", bytes(stored)]:
            return Settled(stored)
        case [b"busy", int(left_ms)]:
            return Busy(left_ms)
        case [b"suspect", int()]:
            return Suspect()
        case [b"exhausted", int(deliveries)]:
            return Exhausted(deliveries)
        case _:
            message = f"claim.lua gave {reply!r}"
            raise TypeError(message)
