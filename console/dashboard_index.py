"""The index of runs: a line for each, in memory, made of the run log's records. Pure: `dashboard_reading` feeds it.

Asking for a page of the list costs as much as the page; with a text to search for, as much as there are runs.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from argosy.broker.log import Record
from argosy.console.dashboard_histories import Histories
from argosy.console.dashboard_run_line import RunLine, Shape, outcome, shape_of
from argosy.console.dashboard_series import AllSeries, Outcome
from argosy.schemas.chat import Usage
from argosy.schemas.envelope import read_envelope
from argosy.schemas.errors import BadMessage, NewerVersion
from argosy.schemas.ids import local_part
from argosy.schemas.prices import Price, price_of

PAGE: Final = 50
MOST_FAILURES: Final = 200
_FAULT_CHARACTERS: Final = 200
_MOST_SHAPES: Final = 2_000


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
    """All runs. `take` is called for each record of the run log, in order within a lane; nothing else changes it."""

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
    _shapes: dict[bytes, Shape] = field(default_factory=dict[bytes, Shape])
    _failures: dict[str, deque[Failure]] = field(default_factory=dict[str, deque[Failure]])

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
                and (not wanted.waits or (line.state == "active" and line.shape.waits))
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

    def take(self, record: Record) -> None:
        """Take the next record; what can't be read, or is of a run that isn't known, is passed over."""
        try:
            envelope = read_envelope(record.headers)
        except (BadMessage, NewerVersion):
            return
        run_id, kind = envelope.subject, envelope.kind
        self.histories.take(run_id, record)
        if kind not in _KINDS or not run_id:
            return
        try:
            body: dict[str, Any] = orjson.loads(record.value or b"")
            _KINDS[kind](self, record, run_id, self._runs.get(run_id), body)
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        self.revision += 1

    def _accepted(self, record: Record, run_id: str, line: RunLine | None, body: dict[str, Any]) -> None:
        if line is not None:
            return
        again = body.get("replay_of") or {}
        shape = self._shape(body["pipeline"])
        made = RunLine(
            run_id,
            shape,
            record.partition,
            record.offset,
            record.timestamp_ms,
            record.timestamp_ms,
            str(body.get("tenant") or ""),
            int(body.get("priority", 5)),
            str(again.get("run_id", "")),
            tasks=len(shape.agents),
        )
        self._runs[run_id] = made
        self._sorted = self._sorted and (not self._order or self._order[-1].accepted_ms <= made.accepted_ms)
        self._order.append(made)
        self._counts[shape.pipeline, "active"] += 1
        if len(self._runs) > self.most_runs:
            self._forget()

    def _settled(self, record: Record, run_id: str, line: RunLine | None, body: dict[str, Any]) -> None:
        if line is None:
            return
        task, failed = str(body["task_id"]), body["outcome"] != "succeeded"
        usage = Usage.model_validate(body.get("usage") or {})
        agent = line.shape.agent(local_part(task))
        micros = usage.micros or self._price(line.shape, agent, usage)
        self._touched(line, record)
        attempt, heard = int(body.get("attempt", 1)), line.heard
        if line.state == "active":
            heard = line.heard = heard or set()
            mark = hash((task, attempt))
            if mark in heard:
                return
            heard.add(mark)
        line.settled += not failed
        line.failed += failed
        if line.state == "active":
            line.input_tokens += usage.input_tokens
            line.output_tokens += usage.output_tokens
        line.micros += micros
        duration = int(body.get("duration_ms", 0))
        self.series.add(
            agent,
            Outcome(record.timestamp_ms, failed, duration, usage.input_tokens, usage.output_tokens, micros),
        )
        if failed and agent is not None:
            fault = body.get("fault") or {}
            kept = self._failures.setdefault(agent, deque(maxlen=MOST_FAILURES))
            kept.append(
                Failure(
                    run_id,
                    task,
                    agent,
                    attempt,
                    record.timestamp_ms,
                    str(body["outcome"]),
                    str(fault.get("code", "")),
                    str(fault.get("message", ""))[:_FAULT_CHARACTERS],
                    record.offset,
                )
            )

    def _ended(self, record: Record, _: str, line: RunLine | None, body: dict[str, Any]) -> None:
        if line is None or line.state != "active":
            return
        state = outcome(body["outcome"])
        self._touched(line, record)
        self._counts[line.shape.pipeline, "active"] -= 1
        self._counts[line.shape.pipeline, state] += 1
        line.state, line.ended_ms, line.heard = state, record.timestamp_ms, None
        line.tasks = int(body.get("tasks", line.tasks))
        usage = body.get("usage") or {}
        line.input_tokens = int(usage.get("input_tokens", line.input_tokens))
        line.output_tokens = int(usage.get("output_tokens", line.output_tokens))
        fault = body.get("fault") or {}
        if fault:
            line.fault = f"{fault.get('code', '')}: {fault.get('message', '')}"[:_FAULT_CHARACTERS]

    def _other(self, record: Record, _: str, line: RunLine | None, __: dict[str, Any]) -> None:
        if line is not None:
            self._touched(line, record)

    def _touched(self, line: RunLine, record: Record) -> None:
        line.last_ms = max(line.last_ms, record.timestamp_ms)
        line.revision += 1

    def _shape(self, pipeline: dict[str, Any]) -> Shape:
        key = orjson.dumps([pipeline["name"], pipeline["version"], pipeline["steps"]])
        found = self._shapes.get(key)
        if found is None:
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            found = self._shapes[key] = shape_of(pipeline)
        return found

    def _price(self, shape: Shape, agent: str | None, usage: Usage) -> int:
        model = shape.models.get(agent or "")
        if not model or not usage.total_tokens:
            return 0
        provider, colon, name = model.partition(":")
        price = price_of(self.prices, provider if colon else "openai", name if colon else model)
        return 0 if price is None else price.of(usage)

    def _forget(self) -> None:
        """Make room: a tenth goes, the oldest that have ended, and else the oldest."""
        order = self._sorted_order()
        many = max(1, self.most_runs // 10)
        gone = [line for line in order if line.state != "active"][:many] or order[:many]
        names = {line.run_id for line in gone}
        for line in gone:
            del self._runs[line.run_id]
            self._counts[line.shape.pipeline, line.state] -= 1
        self._order = [line for line in order if line.run_id not in names]


def _holds(line: RunLine, text: str) -> bool:
    return (
        text in line.run_id.lower()
        or text in line.shape.pipeline
        or text in line.tenant.lower()
        or text in line.fault.lower()
    )


_KINDS: Final = {
    "run.accepted": Index._accepted,  # noqa: SLF001 - a table of our own methods
    "task.settled": Index._settled,  # noqa: SLF001
    "run.ended": Index._ended,  # noqa: SLF001
    "step.recorded": Index._other,  # noqa: SLF001
    "signal.received": Index._other,  # noqa: SLF001
    "cancel.received": Index._other,  # noqa: SLF001
    "timer.fired": Index._other,  # noqa: SLF001
}
