"""Bugs to put into the real code for a while: does the simulation see each of them?

Each plant is a rule of the design, taken out. They live here only: nothing in the package knows of them.
"""

# ruff: noqa: ANN401, SLF001 - what is replaced is private, and is passed on as it comes
# pyright: reportPrivateUsage=false

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final
from unittest.mock import patch

from argosy.agents import claim, hold, memo
from argosy.agents.step import Steps
from argosy.broker.offsets import Tracker
from argosy.broker.script import Script
from argosy.coordinator import chain, settled
from argosy.coordinator.front import Front
from argosy.coordinator.out import Out
from argosy.coordinator.outbox import Outbox
from argosy.coordinator.owned_lane import OwnedLane
from argosy.coordinator.receive import Receivers
from argosy.coordinator.turn import Turn
from argosy.schemas.ids import local_part
from argosy.schemas.runlog import TaskSettled

Bug = AbstractContextManager[object]
Plant = Callable[[], Bug]
"""Makes a context manager: the bug is there while it is entered."""


@contextmanager
def _script(script: Script, old: str, new: str) -> Generator[None]:
    """Change a script's text."""
    assert old in script.text, f"{script.name} no longer says {old!r}"
    changed = Script.of_text(script.name, script.text.replace(old, new))
    with patch.object(script, "text", changed.text), patch.object(script, "sha", changed.sha):
        yield


@contextmanager
def _scripts(scripts: "list[Script]", old: str, new: str) -> Generator[None]:
    if not scripts:
        yield
        return
    with _script(scripts[0], old, new), _scripts(scripts[1:], old, new):
        yield


_JUDGED: Final = [claim._CLAIM, hold.HOLD, memo._MEMO]


@contextmanager
def absence_grants() -> Generator[None]:
    """S22: what Redis doesn't know may run."""
    with (
        _scripts(_JUDGED, "if not stored or not is_live() then return 'not_yet' end", ""),
        _scripts(
            _JUDGED, "if known[1] ~= 'active'", "if not known[1] then return nil end if known[1] ~= 'active'"
        ),
    ):
        yield


def live_without_identity() -> Bug:
    """S23: the mark of another server counts."""
    return _scripts(_JUDGED, "live_here = live and live == identity()", "live_here = live and true")


def no_chain() -> Bug:
    """S3, S5: a commit is applied whatever was committed before."""
    return _script(chain._COMMIT, "if last ~= before then", "if false then")


def stale_fence() -> Bug:
    """S29: another's fence is as good as mine."""
    return _scripts(_JUDGED, "return holder == fence and 'mine' or 'loss'", "return 'mine'")


def result_moot() -> Bug:
    """S2: at a reload nobody owes the result of a run that has ended."""
    plain = Outbox.__init__

    def init(self: Outbox, stored: Any = ()) -> None:
        plain(self, [(entry, value) for entry, value in stored if not entry.startswith("result:")])

    return patch.object(Outbox, "__init__", init)


def outbox_forgets() -> Bug:
    """Nothing that was owed before a reload is sent after it."""
    plain = Outbox.__init__

    def init(self: Outbox, stored: Any = ()) -> None:
        del stored
        plain(self)

    return patch.object(Outbox, "__init__", init)


def timer_lost_at_reload() -> Bug:
    """Timers that were armed before a reload are not read again."""
    plain = Front.fill

    def fill(self: Front, entries: Any, asked: int) -> None:
        plain(
            self,
            [] if any("|" in member and member.count("|") == 1 for member, _ in entries) else entries,
            asked,
        )

    return patch.object(Front, "fill", fill)


def no_resend() -> Bug:
    """A dispatch that was lost is never sent again."""
    plain = Out.load

    def load(self: Out, scores: Any, waits: Any) -> None:
        del scores
        plain(self, [], waits)

    return patch.object(Out, "load", load)


def old_failure_counts() -> Bug:
    """S9: a failure counts for whatever attempt is current."""
    plain = settled.settle

    def settle(turn: Turn, one: TaskSettled) -> None:
        task = turn.state.task(local_part(one.task_id))
        if task is not None and one.outcome != "succeeded":
            one = one.model_copy(update={"attempt": task.attempt})
        plain(turn, one)

    return patch.object(settled, "settle", settle)


def idle_lane_sleeps() -> Bug:
    """S6: a lane without traffic commits nothing, and so notices nothing."""
    plain = OwnedLane.__init__

    def init(self: OwnedLane, *args: Any) -> None:
        plain(self, *args)
        self._heartbeat = 10_000.0

    return patch.object(OwnedLane, "__init__", init)


def offset_past_a_gap() -> Bug:
    """Promise 5: the committed offset is the highest finished one."""

    def committable(self: Tracker) -> int | None:
        return self._next

    return patch.object(Tracker, "committable", property(committable))


def receiver_commits_first() -> Bug:
    """Promise 1: the inbox's offset moves before the run is in the log."""

    async def one(self: Any, tracker: Tracker, record: Any) -> None:
        tracker.finish(tracker.epoch, record.offset)
        self._finished.set()
        await self._judge.receive(record)

    return patch.object(Receivers, "_one", one)


def log_never() -> Bug:
    """S30: a memo with `log=True` is an ordinary one."""
    plain = Steps.memoised

    async def memoised(self: Steps, name: str, port: Any, effect: Any, *, log: bool = False) -> Any:
        del log
        return await plain(self, name, port, effect)

    return patch.object(Steps, "memoised", memoised)


PLANTS: Final[Mapping[str, tuple[Plant, str, int]]] = {
    "absence_grants": (absence_grants, "wipes", 4),
    "live_without_identity": (live_without_identity, "failback", 1),
    "no_chain": (no_chain, "swarm", 0),
    "stale_fence": (stale_fence, "zombie", 2),
    "result_moot": (result_moot, "crash", 0),
    "outbox_forgets": (outbox_forgets, "crash", 0),
    "timer_lost_at_reload": (timer_lost_at_reload, "crash", 0),
    "no_resend": (no_resend, "crash", 0),
    "idle_lane_sleeps": (idle_lane_sleeps, "wipes", 0),
    "offset_past_a_gap": (offset_past_a_gap, "crash", 0),
    "receiver_commits_first": (receiver_commits_first, "crash", 0),
    "log_never": (log_never, "wipes", 5),
}
"""Each with the profile that shows it, and a seed that did."""
