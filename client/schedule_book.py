"""How far schedules are, in Redis: advice alone. What it loses is found again, or counts as missed.

That a slot runs once rests on the id of its run.
"""

from dataclasses import dataclass
from typing import Final

from argosy.broker.keys import schedule_key
from argosy.broker.store import Script, Store
from argosy.schemas.errors import Refused

_NOTE: Final = Script(__file__, "schedule")


@dataclass(frozen=True, slots=True)
class Noted:
    """How far a schedule is; 0: not known. Times are epoch milliseconds."""

    last_ms: int
    """The last slot that was dealt with: submitted, or left out."""
    run_ms: int
    """The last slot that was submitted."""
    seen_ms: int
    """When a scheduler was there last."""
    paused: bool


class ScheduleBook:
    """One hash per schedule; any number of processes may write."""

    def __init__(self, store: Store, prefix: str) -> None:
        """`prefix` is that of all keys."""
        self._store, self._prefix = store, prefix

    async def note(
        self,
        name: str,
        *,
        last_ms: int | None = None,
        run_ms: int | None = None,
        seen_ms: int | None = None,
        paused: bool | None = None,
    ) -> Noted:
        """Note what is given, where it is later than what is known; return all. Raises Unreachable, Refused."""
        times = ["" if at is None else str(at) for at in (last_ms, run_ms, seen_ms)]
        pause = "" if paused is None else str(int(paused))
        reply = await self._store.run(_NOTE, [schedule_key(self._prefix, name)], [*times, pause])
        if not isinstance(reply, list):
            message = f"schedule.lua answered {reply!r}"
            raise Refused(message)
        last, run, seen, held = (part if isinstance(part, bytes) else b"" for part in reply)
        return Noted(int(last or 0), int(run or 0), int(seen or 0), held == b"1")
