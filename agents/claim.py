"""Claiming attempts: grant and lease are one thing, judged by `claim.lua` against the runs themselves."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from argosy.agents.lanes import Lanes
from argosy.agents.order import Order
from argosy.agents.running import NO_USAGE
from argosy.broker.fence import Fence
from argosy.broker.keys import LaneKeys
from argosy.broker.store import Arg, Reply, Script, Store
from argosy.schemas.chat import Usage

MOST: Final = 100
"""Attempts in one call: a script must not hold the server for long."""


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
    """Its deliveries are used up: poison. `again`: an earlier claim was told so too."""

    deliveries: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """Ours, under the fence that was asked with.

    `deliveries`: leases that were lost before; `now_ms`: the server's clock; `spent`: what deliveries took that were
    handed back, which this one settles; `lost`: the fence of the delivery before, which lost its lease.
    """

    deliveries: int
    now_ms: int
    spent: Usage = NO_USAGE
    lost: str = ""


Refusal = NotYet | Over | Settled | Busy | Suspect | Exhausted
"""Why an attempt isn't granted."""
Claim = Granted | Refusal

Ask = tuple[Order, str]
"""An attempt, and the fence that it is to be granted under: one of `new_fences`."""

_CLAIM: Final = Script(__file__, "claim")
_NOT_YET: Final = NotYet()
_OVER: Final = Over()
_SUSPECT: Final = Suspect()


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims attempts. Safe to repeat with the same fences: after Unreachable, ask again with them."""

    store: Store
    lanes: Lanes
    lease_ms: int
    window_ms: int
    """What a task's key outlives its run's deadline by."""
    grace_ms: int = 0
    """No lease outlives its attempt's time limit and this."""

    async def claim(self, lane: int, asks: Sequence[Ask], *, suspects: bool) -> list[Claim]:
        """Claim attempts of one lane, at most `MOST`, in one call; `suspects`: one may be granted.

        Answers stand in the order of `asks`. Two asks for one task are two claims: the second finds it busy.
        Raises Unreachable, Refused.
        """

        async def call(keys: LaneKeys, epoch: str) -> Reply:
            names = [keys.checkpoint, keys.live]
            args: list[Arg] = [epoch, int(suspects)]
            run, task, lease_ms = keys.run(epoch, ""), keys.task(""), self.lease_ms
            for order, fence in asks:
                body = order.body
                contract = body.contract
                names += (run + order.run_id, task + body.task_id)
                args += (
                    order.local,
                    body.attempt,
                    fence,
                    min(lease_ms, contract.timeout_millis + self.grace_ms),
                    contract.max_deliveries,
                    body.run_deadline_ms + self.window_ms,
                )
            return await self.store.run(_CLAIM, names, args)

        now_ms, *said = await self.lanes.ask(lane, call)
        if not isinstance(now_ms, int) or len(said) != len(asks):
            message = f"claim.lua gave {now_ms!r} and {len(said)} answers to {len(asks)}"
            raise TypeError(message)
        fresh = Granted(0, now_ms)
        return [fresh if one == 0 else _read(one, now_ms) for one in said]


def new_fences(count: int, holder: str = "") -> list[str]:
    """Make fences: unique, compared for equality only, so that no rollback of Redis can issue one again.

    They also say who claimed and when (epoch milliseconds of that process): for people who look
    (`broker.fence`).
    """
    token, now_ms = secrets.token_hex(12), time.time_ns() // 1_000_000
    first, rest = str(Fence(token, now_ms, holder)).split("/", 1)
    return [f"{first}.{number}/{rest}" for number in range(count)]


def _read(said: Reply, now_ms: int) -> Claim:  # noqa: PLR0911 - one return for each verdict
    match said:
        case int(deliveries):
            return Granted(deliveries, now_ms)
        case [b"spent", int(deliveries), bytes(spent), bytes(lost)]:
            usage = NO_USAGE
            if spent:
                given, made = map(int, spent.split())
                usage = Usage(input_tokens=given, output_tokens=made)
            return Granted(deliveries, now_ms, usage, lost.decode())
        case b"not_yet":
            return _NOT_YET
        case b"over":
            return _OVER
        case b"suspect":
            return _SUSPECT
        case [b"settled", bytes(stored)]:
            return Settled(stored)
        case [b"busy", int(left_ms)]:
            return Busy(left_ms)
        case [b"exhausted", int(deliveries), int(first)]:
            return Exhausted(deliveries, again=not first)
        case _:
            message = f"claim.lua gave {said!r}"
            raise TypeError(message)
