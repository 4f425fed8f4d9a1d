"""Dispatches that are out: sent, and not yet answered as far as the lane has folded.

Lost ones are no special case.

Each has a time to be sent again, same attempt, its wait doubled; claims make duplicates harmless. All of it
is in memory: the dispatch window bounds it. It mirrors two keys in Redis, less what waits for the next
commit.
"""

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from argosy.coordinator.outbox import FIRST_PAUSE_MS


@dataclass(slots=True)
class Dispatch:
    """One attempt that is out. `due_ms`: when to send it (again)."""

    run_id: str
    local: str
    attempt: int
    agent: str
    wait_ms: int
    due_ms: int = 0
    sent: int = 0
    released_ms: int = 0
    """When it was let out, by the lane's clock; 0: before the lane was taken."""
    too_large: bool = False
    """Kafka will never take it: a failure is appended in its place."""
    member: str = field(init=False)
    """Its name in the sorted set."""

    def __post_init__(self) -> None:
        """Name it."""
        self.member = f"{self.run_id}/{self.local}#{self.attempt}"


class Out:
    """By task: of each at most one attempt is out."""

    def __init__(self, patience_ms: int, most_ms: int) -> None:
        """Start empty; `patience_ms` is the first wait, `most_ms` the longest."""
        self._patience_ms, self._most_ms = patience_ms, most_ms
        self._tasks: dict[tuple[str, str], Dispatch] = {}
        self._runs: dict[str, dict[str, None]] = {}
        self._heap: list[tuple[int, str, str, int]] = []
        self._changes: dict[str, Dispatch | None] = {}
        self.by_agent: Counter[str] = Counter()

    def __len__(self) -> int:
        """Count what is out."""
        return len(self._tasks)

    def load(self, scores: Iterable[tuple[str, float]], waits: Iterable[tuple[str, str]]) -> None:
        """Take in what Redis has, and nothing else. All of it is due at once: nobody knows what of it was sent."""
        self._tasks, self._runs, self._heap, self._changes = {}, {}, [], {}
        self.by_agent.clear()
        known = dict(waits)
        for member, _ in scores:
            task, _, attempt = member.rpartition("#")
            run_id, _, local = task.partition("/")
            agent, _, wait = known.get(member, "").partition(" ")
            self._keep(Dispatch(run_id, local, int(attempt), agent, int(wait or self._patience_ms)))

    def release(self, run_id: str, local: str, attempt: int, agent: str, now_ms: int) -> None:
        """Let an attempt out: it is stored by the next commit, and sent only after that."""
        dispatch = Dispatch(run_id, local, attempt, agent, self._patience_ms, now_ms, released_ms=now_ms)
        if (old := self._tasks.get((run_id, local))) is not None:
            self._drop(old)
        self._keep(dispatch)
        self._changes[dispatch.member] = dispatch

    def withdraw(self, run_id: str, local: str) -> Dispatch | None:
        """Let a task go out no more; return its attempt that was out."""
        dispatch = self._tasks.get((run_id, local))
        if dispatch is not None:
            self._drop(dispatch)
        return dispatch

    def withdraw_run(self, run_id: str) -> None:
        """Nothing of this run goes out any more."""
        for local in list(self._runs.get(run_id, ())):
            self.withdraw(run_id, local)

    def due(self, now_ms: int, limit: int) -> list[Dispatch]:
        """Take what is to be sent now. Each is due again after its wait, or sooner by `failed`."""
        found: list[Dispatch] = []
        while self._heap and self._heap[0][0] <= now_ms and len(found) < limit:
            due_ms, run_id, local, attempt = heapq.heappop(self._heap)
            dispatch = self._tasks.get((run_id, local))
            if dispatch is None or dispatch.attempt != attempt or dispatch.due_ms != due_ms:
                continue
            if dispatch.sent:
                dispatch.wait_ms = min(dispatch.wait_ms * 2, self._most_ms)
            dispatch.sent += 1
            self._later(dispatch, now_ms + dispatch.wait_ms)
            # What was loaded or released is stored already; only a repeat changes what Redis has.
            if dispatch.sent > 1:
                self._changes[dispatch.member] = dispatch
            found.append(dispatch)
        return found

    def failed(self, dispatch: Dispatch, now_ms: int) -> None:
        """Send it soon, as if it had not been tried: it wasn't acknowledged."""
        if self._tasks.get((dispatch.run_id, dispatch.local)) is dispatch:
            dispatch.sent -= 1
            self._later(dispatch, now_ms + 10 * FIRST_PAUSE_MS)

    def next_due(self) -> int | None:
        """Return when the next one is due (perhaps of one that is gone: then nothing happens)."""
        return self._heap[0][0] if self._heap else None

    @property
    def dirty(self) -> bool:
        """Whether a commit has something to write."""
        return bool(self._changes)

    def take_changes(self) -> dict[str, Dispatch | None]:
        """Take what a commit has to store, or (None) to remove."""
        changes, self._changes = self._changes, {}
        return changes

    def _keep(self, dispatch: Dispatch) -> None:
        self._tasks[dispatch.run_id, dispatch.local] = dispatch
        self._runs.setdefault(dispatch.run_id, {})[dispatch.local] = None
        self.by_agent[dispatch.agent] += 1
        heapq.heappush(self._heap, (dispatch.due_ms, dispatch.run_id, dispatch.local, dispatch.attempt))

    def _later(self, dispatch: Dispatch, due_ms: int) -> None:
        dispatch.due_ms = due_ms
        heapq.heappush(self._heap, (due_ms, dispatch.run_id, dispatch.local, dispatch.attempt))

    def _drop(self, dispatch: Dispatch) -> None:
        del self._tasks[dispatch.run_id, dispatch.local]
        of_run = self._runs[dispatch.run_id]
        del of_run[dispatch.local]
        if not of_run:
            del self._runs[dispatch.run_id]
        self.by_agent[dispatch.agent] -= 1
        self._changes[dispatch.member] = None
