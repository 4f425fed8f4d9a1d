"""From ready to out: as many tasks per agent and lane as the dispatch window allows.

This is the fleet's backpressure.
"""

from typing import Final

from argosy.coordinator.decision import Ready
from argosy.coordinator.out import Out
from argosy.coordinator.quarantine import Quarantine
from argosy.coordinator.ready_queue import Range, ReadyQueue
from argosy.coordinator.runs import Runs
from argosy.coordinator.windows import Windows

MOST_AT_ONCE: Final = 1_000
"""Tasks released per turn and agent: a commit stays small."""
_LOOK: Final = 64
_FOREVER: Final = float("inf")


def wait_or_go(run_id: str, ready: Ready, queue: ReadyQueue, out: Out, windows: Windows | None) -> None:
    """Let a task out as it becomes ready, if nobody waits before it and its window has room; else it waits.

    `windows` is None as long as nothing may go out.
    """
    agent = ready.agent
    alone = windows is not None and ready.first is None and queue.know(agent).empty
    if windows is not None and alone and out.by_agent[agent] < windows.of(agent).size:
        out.release(run_id, ready.step, ready.attempt, agent, windows.now_ms)
    else:
        queue.add(run_id, ready)


class Release:
    """Moves entries; what it changed waits in `ready` and `out` for the next commit."""

    def __init__(
        self, ready: ReadyQueue, out: Out, runs: Runs, quarantine: Quarantine, windows: Windows
    ) -> None:
        """`windows`: how many tasks of each agent may be out in this lane."""
        self._ready, self._out, self._runs, self._quarantine = ready, out, runs, quarantine
        self._windows = windows

    async def fill(self, now_ms: int) -> int:
        """Release what fits, the lowest score first; return how many. Loads the runs it asks about."""
        released = 0
        for agent, front in self._ready.fronts.items():
            window = self._windows.of(agent)
            room = min(window.size - self._out.by_agent[agent], MOST_AT_ONCE)
            while room > 0 and (members := front.take(_FOREVER, min(room, _LOOK))):
                entries = [self._ready.entry(member) for member in members]
                await self._runs.load(entry.run_id for entry in entries)
                for entry in entries:
                    if room <= 0:
                        front.give_back(entry.member)
                        continue
                    gone = self._one(agent, entry, room, now_ms)
                    room -= gone
                    released += gone
            window.full = front.lowest() is not None and self._out.by_agent[agent] >= window.size
        return released

    @property
    def possible(self) -> bool:
        """Whether an entry is known that the window has room for, moot or not: another turn may release it."""
        return any(
            front.lowest() is not None and self._out.by_agent[agent] < self._windows.of(agent).size
            for agent, front in self._ready.fronts.items()
        )

    def _one(self, agent: str, entry: Range, room: int, now_ms: int) -> int:
        score = self._ready.fronts[agent].score(entry.member)
        self._ready.remove(agent, entry.member)
        released = 0
        for local, following in entry.locals():
            if self._is_current(entry, local):
                self._out.release(entry.run_id, local, entry.attempt, agent, now_ms)
                released += 1
            if released == room and following is not None and following != entry.past:
                self._ready.put_back(agent, entry._replace(first=following), int(score or now_ms))
                break
        return released

    def _is_current(self, entry: Range, local: str) -> bool:
        state = self._runs[entry.run_id]
        if state is None or state.st != "active" or entry.run_id in self._quarantine:
            return False
        task = state.task(local)
        return task is not None and task.letter == "r" and task.attempt == entry.attempt
