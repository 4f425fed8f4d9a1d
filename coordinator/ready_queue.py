"""What may go out, by agent: a sorted set of ranges of tasks.

The backpressure of the fleet is that it waits here.

Member: `<run>|<step>|<attempt>|<first or ->|<past or ->`: the shards first … past-1 of a map step, or a whole
task. Entries that have become moot are not hunted: whoever takes one asks the run.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from argosy.coordinator.decision import Ready
from argosy.coordinator.front import Front

PRIORITY_MS: Final = 60_000
"""A step of priority goes before what is ready this much earlier."""
_NONE: Final = "-"
_NOTHING: Final = "", None
_NO_CHANGES: Final[dict[str, int | None]] = {}


class Range(NamedTuple):
    """Tasks of one step that may go out."""

    run_id: str
    step: str
    attempt: int
    first: int | None
    past: int | None

    @property
    def member(self) -> str:
        """Its name in the sorted set."""
        first = _NONE if self.first is None else self.first
        past = _NONE if self.past is None else self.past
        return f"{self.run_id}|{self.step}|{self.attempt}|{first}|{past}"

    @staticmethod
    def parse(member: str) -> "Range":
        """Read a member."""
        run_id, step, attempt, first, past = member.split("|")
        return Range(
            run_id,
            step,
            int(attempt),
            None if first == _NONE else int(first),
            None if past == _NONE else int(past),
        )

    def locals(self) -> Iterator[tuple[str, int | None]]:
        """Name the tasks, each with the index of the one after it."""
        if self.first is None or self.past is None:
            yield self.step, None
            return
        for shard in range(self.first, self.past):
            yield f"{self.step}.{shard}", shard + 1


class ReadyQueue:
    """The fronts of all agents. Changes wait for the next commit."""

    def __init__(self) -> None:
        """Start empty; `load` names the agents."""
        self.fronts: dict[str, Front] = {}
        self._changes: dict[str, dict[str, int | None]] = {}
        self._last: dict[tuple[str, str], tuple[str, Range]] = {}
        self._new_agents: dict[str, None] = {}
        self._unstored: dict[str, Range] = {}
        """What was added since the last commit, and that commit had not."""

    def know(self, agent: str) -> Front:
        """Return the front of an agent, perhaps a new one."""
        if agent not in self.fronts:
            self.fronts[agent] = Front()
            self._new_agents[agent] = None
        return self.fronts[agent]

    def load(self, agent: str) -> Front:
        """Return the front of an agent that Redis knows, to be filled."""
        self.fronts[agent] = Front()
        return self.fronts[agent]

    @property
    def empty(self) -> bool:
        """Whether nothing waits for any agent."""
        return all(front.empty for front in self.fronts.values())

    def add(self, run_id: str, ready: Ready) -> None:
        """Let tasks wait; ranges of one step that follow each other become one entry."""
        front = self.know(ready.agent)
        past = None if ready.first is None else ready.first + ready.count
        new = Range(run_id, ready.step, ready.attempt, ready.first, past)
        score = ready.ready_at_ms - ready.priority * PRIORITY_MS
        before, old = self._last.get((run_id, ready.step), _NOTHING)
        if old and before in front and old.past == new.first is not None and old.attempt == new.attempt:
            self.remove(ready.agent, before)
            new = old._replace(past=new.past)
        self._put(ready.agent, new, score)

    def put_back(self, agent: str, rest: Range, score: int) -> None:
        """Let the rest of a range that was taken go on waiting, at its old place."""
        self._put(agent, rest, score)

    def remove(self, agent: str, member: str) -> None:
        """Remove an entry: it was released, or is moot."""
        self.fronts[agent].remove(member)
        if self._unstored.pop(member, None) is not None:
            del self._changes[agent][member]
            if not self._changes[agent]:
                del self._changes[agent]
        else:
            self._changes.setdefault(agent, {})[member] = None
        if self._last:
            entry = Range.parse(member)
            if self._last.get((entry.run_id, entry.step), ("", None))[0] == member:
                del self._last[entry.run_id, entry.step]

    @property
    def dirty(self) -> bool:
        """Whether a commit has something to write."""
        return bool(self._changes or self._new_agents)

    def take_new_agents(self) -> Iterable[str]:
        """Take the agents that a commit has to add to those known."""
        new, self._new_agents = self._new_agents, {}
        return new

    def take_changes(self) -> dict[str, dict[str, int | None]]:
        """Take what a commit has to set (score) or remove (None), by agent."""
        changes, self._changes, self._unstored = self._changes, {}, {}
        return changes

    def entry(self, member: str) -> Range:
        """Return what a member says."""
        return self._unstored.get(member) or Range.parse(member)

    def _put(self, agent: str, entry: Range, score: int) -> None:
        member = entry.member
        front = self.know(agent)
        if member not in front and member not in self._changes.get(agent, _NO_CHANGES):
            self._unstored[member] = entry
        front.add(member, score)
        self._changes.setdefault(agent, {})[member] = score
        if member in front and entry.first is not None:
            self._last[entry.run_id, entry.step] = member, entry
