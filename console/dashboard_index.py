"""The index of runs: a line for each, in memory, made of the run log's records. Pure: `dashboard_taking` feeds it.

Asking for a page of the list costs as much as the page; with a text to search for, as much as there are runs.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from argosy.console.dashboard_histories import Histories
from argosy.console.dashboard_run_line import RunLine, RunState
from argosy.console.dashboard_series import AllSeries
from argosy.schemas.prices import Price

PAGE: Final = 50
MOST_FAILURES: Final = 200
ENDED_LATELY: Final = 64
"""Runs whose attempts are known for a while after their end, when repeats of their last ones come."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs. Empty: all. `text` is looked for in run ids, pipelines, tenants and faults, whatever its case."""

    text: str = ""
    state: str = ""
    pipeline: str = ""
    tenant: str = ""
    waits: bool = False
    """Only those under way that have a step that waits for somebody."""
    since_ms: int = 0
    until_ms: int = 0
    """Accepted then, or before: pages of one moment's list stay as they are whatever comes. 0: no limit, both."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of the list, newest first. `count` is of all that fit; pages count from 1."""

    lines: tuple[RunLine, ...]
    count: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that did not succeed."""

    run_id: str
    task_id: str
    agent: str
    attempt: int
    at_ms: int
    outcome: str
    code: str
    message: str
    offset: int


@dataclass(slots=True)
class Reading:
    """How far old records are read. `of` is known once reading began."""

    read: int = 0
    of: int = 0
    done: bool = False

    @property
    def said(self) -> str:
        """In words; empty once done."""
        if self.done:
            return ""
        if not self.of:
            return "reading the run log …"
        part = min(99, self.read * 100 // self.of)
        return (
            f"reading the run log: {part} % of {self.of} records; what is older than that is not listed yet"
        )


@dataclass(slots=True)
class Index:
    """All runs. `dashboard_taking` adds to it; pages ask."""

    most_runs: int = 200_000
    prices: dict[str, Price] = field(default_factory=dict[str, Price])
    series: AllSeries = field(default_factory=AllSeries)
    histories: Histories = field(default_factory=Histories)
    reading: Reading = field(default_factory=Reading)
    troubles: dict[str, str] = field(default_factory=dict[str, str])
    """Who is away, in words, by name."""
    revision: int = 0
    """Grows with each record that changed something."""
    _runs: dict[str, RunLine] = field(default_factory=dict[str, RunLine])
    _order: list[RunLine] = field(default_factory=list[RunLine])
    _sorted: bool = True
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """By (pipeline, state)."""
    _failures: dict[str, deque[Failure]] = field(default_factory=dict[str, deque[Failure]])
    _ended: deque[RunLine] = field(default_factory=deque[RunLine])

    def __len__(self) -> int:
        """Count the runs."""
        return len(self._runs)

    def begin(self) -> None:
        """Forget all: the log is read from its beginning, and may be another one."""
        self.series, self.reading = AllSeries(), Reading(of=self.reading.of)
        self._runs.clear()
        self._order.clear()
        self._counts.clear()
        self._failures.clear()
        self._ended.clear()
        self.histories.forget()
        self._sorted, self.revision = True, self.revision + 1

    def run(self, run_id: str) -> RunLine | None:
        """Find a run."""
        return self._runs.get(run_id)

    def active(self) -> Iterator[RunLine]:
        """Give the runs under way, newest first."""
        return (line for line in self._newest_first() if line.state == "active")

    def states(self, pipeline: str = "") -> Counter[str]:
        """Count runs by state, of all pipelines or of one."""
        found: Counter[str] = Counter()
        for (name, state), count in self._counts.items():
            if not pipeline or name == pipeline:
                found[state] += count
        return found

    def pipelines(self) -> dict[str, Counter[str]]:
        """Count runs by pipeline and state."""
        found: dict[str, Counter[str]] = {}
        for (name, state), count in self._counts.items():
            if count:
                found.setdefault(name, Counter())[state] += count
        return dict(sorted(found.items()))

    def failures(self, agent: str = "", most: int = 20) -> tuple[Failure, ...]:
        """Give an agent's latest failures, or of all agents, newest first."""
        if agent:
            return tuple(reversed(self._failures.get(agent, ())))[:most]
        every = (each for one in self._failures.values() for each in one)
        return tuple(sorted(every, key=lambda each: each.at_ms, reverse=True)[:most])

    def find(self, wanted: Filter, page: int = 1, size: int = PAGE) -> Found:
        """Give a page of the runs that fit, newest first. A page that isn't there is the last one."""
        count = self._count(wanted)
        pages = max(1, -(-count // size))
        page = min(max(1, page), pages)
        skip, lines = (page - 1) * size, list[RunLine]()
        if wanted == Filter():
            newest = self._sorted_order()
            end = len(newest) - skip
            return Found(tuple(reversed(newest[max(0, end - size) : end])), count, page, pages)
        for line in self._fitting(wanted):
            if skip:
                skip -= 1
                continue
            lines.append(line)
            if len(lines) == size:
                break
        return Found(tuple(lines), count, page, pages)

    def notes(self) -> tuple[str, ...]:
        """Say what holds now: how far old records are read, and who is away."""
        said = self.reading.said
        return (*self.troubles.values(), *((said,) if said else ()))

    def _count(self, wanted: Filter) -> int:
        if not (wanted.text or wanted.tenant or wanted.waits or wanted.since_ms or wanted.until_ms):
            return sum(
                count
                for (name, state), count in self._counts.items()
                if (not wanted.pipeline or name == wanted.pipeline)
                and (not wanted.state or state == wanted.state)
            )
        return sum(1 for _ in self._fitting(wanted))

    def _fitting(self, wanted: Filter) -> Iterator[RunLine]:
        text = wanted.text.lower()
        for line in self._newest_first():
            if wanted.since_ms and line.accepted_ms < wanted.since_ms:
                return
            if (
                (not wanted.until_ms or line.accepted_ms <= wanted.until_ms)
                and (not wanted.state or line.state == wanted.state)
                and (not wanted.pipeline or line.shape.pipeline == wanted.pipeline)
                and (not wanted.tenant or line.tenant == wanted.tenant)
                and (not wanted.waits or (line.state == "active" and line.waits))
                and (not text or _holds(line, text))
            ):
                yield line

    def _newest_first(self) -> Iterator[RunLine]:
        return reversed(self._sorted_order())

    def _sorted_order(self) -> list[RunLine]:
        if not self._sorted:
            self._order.sort(key=lambda line: line.accepted_ms)
            self._sorted = True
        return self._order

    def add(self, line: RunLine) -> None:
        """Take in a run; above the bound make room for it."""
        self._runs[line.run_id] = line
        self._sorted = self._sorted and (not self._order or self._order[-1].accepted_ms <= line.accepted_ms)
        self._order.append(line)
        self._counts[line.pipeline, line.state] += 1
        if len(self._runs) > self.most_runs:
            self._forget()

    def end(self, line: RunLine, state: RunState, ended_ms: int) -> None:
        """Note how a run ended."""
        self._counts[line.pipeline, line.state] -= 1
        self._counts[line.pipeline, state] += 1
        line.state, line.ended_ms = state, ended_ms
        line.heard = set() if line.heard is None else line.heard
        self._ended.append(line)
        if len(self._ended) > ENDED_LATELY:
            old = self._ended.popleft()
            old.heard = old.planned = None

    def failed(self, failure: Failure) -> None:
        """Keep one of an agent's latest failures."""
        kept = self._failures.get(failure.agent)
        if kept is None:
            if len(self._failures) >= AllSeries.MOST:
                return
            kept = self._failures[failure.agent] = deque(maxlen=MOST_FAILURES)
        kept.append(failure)

    def _forget(self) -> None:
        """Make room: a tenth goes, the oldest that have ended, and else the oldest."""
        order = self._sorted_order()
        many = max(1, self.most_runs // 10)
        gone = [line for line in order if line.state != "active"][:many] or order[:many]
        names = {line.run_id for line in gone}
        for line in gone:
            del self._runs[line.run_id]
            self._counts[line.pipeline, line.state] -= 1
        self._order = [line for line in order if line.run_id not in names]


def _holds(line: RunLine, text: str) -> bool:
    return (
        text in line.run_id.lower()
        or text in line.shape.pipeline
        or text in line.tenant.lower()
        or text in line.fault.lower()
    )
