"""How records of the run log become the index of runs. Repeats count once, as they do for coordinators."""

from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from argosy.broker.log import Record
from argosy.console.dashboard_index import Failure, Index
from argosy.console.dashboard_records import Accepted, Ended, PlanMade, Settled
from argosy.console.dashboard_run_line import RunLine, Shape, path_of
from argosy.console.dashboard_series import Outcome
from argosy.schemas.chat import Usage
from argosy.schemas.envelope import read_envelope
from argosy.schemas.errors import BadMessage, NewerVersion
from argosy.schemas.prices import price_of
from argosy.schemas.runlog import RunAccepted, RunEnded, TaskSettled

_FAULT_CHARACTERS: Final = 200
_MOST_SHAPES: Final = 2_000
_DEFAULT_PROVIDER: Final = "openai"


class Taking:
    """Feeds an index: `take` each record, in order within a lane."""

    def __init__(self, index: Index) -> None:
        """`index` is changed by nobody else."""
        self._index = index
        self._shapes: dict[tuple[object, ...], Shape] = {}

    def take(self, record: Record) -> None:
        """Take the next record; what can't be read, or is of a run that isn't known, is passed over."""
        try:
            envelope = read_envelope(record.headers)
        except (BadMessage, NewerVersion):
            return
        run_id, value = envelope.subject, record.value or b""
        if not run_id:
            return
        self._index.histories.take(run_id, record)
        line = self._index.run(run_id)
        try:
            if envelope.kind == RunAccepted.KIND:
                if line is None:
                    self._accepted(run_id, record, Accepted.model_validate_json(value))
            elif line is not None:
                if envelope.kind == TaskSettled.KIND:
                    self._settled(line, record, Settled.model_validate_json(value))
                elif envelope.kind == RunEnded.KIND:
                    self._ended(line, record, Ended.model_validate_json(value))
                line.last_ms = max(line.last_ms, record.timestamp_ms)
                line.revision += 1
        except ValidationError:
            return
        self._index.revision += 1

    def _accepted(self, run_id: str, record: Record, body: Accepted) -> None:
        made = body.pipeline.shape()
        if len(self._shapes) >= _MOST_SHAPES:
            self._shapes.clear()
        shape = self._shapes.setdefault(made.key, made)
        self._index.add(
            RunLine(
                run_id,
                shape,
                record.partition,
                record.offset,
                record.timestamp_ms,
                record.timestamp_ms,
                body.tenant or "",
                body.priority,
                "" if body.replay_of is None else body.replay_of.run_id,
                body.on_spent == "ask",
                tasks=len(shape.agents),
            )
        )

    def _settled(self, line: RunLine, record: Record, body: Settled) -> None:
        if body.is_look or (line.heard is None and line.state != "active"):
            return  # of a run that ended long ago nobody knows whether this is a repeat
        line.heard = line.heard if line.heard is not None else set()
        mark = hash((body.task_id, body.attempt))
        if mark in line.heard:
            return
        line.heard.add(mark)
        failed = body.outcome != "succeeded"
        local = body.task_id.partition("/")[2]
        agent = line.agent(local)
        if not failed and path_of(local) in line.shape.plans:
            _plan(line, local, record.value or b"")
        micros = body.usage.micros or self._price(line.shape, agent, body.usage)
        usage = body.usage
        if line.state == "active":  # the record of its end has all that counted
            line.settled += not failed
            line.failed += failed
            line.micros += micros
            line.input_tokens += usage.input_tokens
            line.output_tokens += usage.output_tokens
        self._index.series.add(
            agent,
            Outcome(
                record.timestamp_ms, failed, body.duration_ms, usage.input_tokens, usage.output_tokens, micros
            ),
        )
        if failed and agent is not None:
            self._index.failed(
                Failure(
                    line.run_id,
                    body.task_id,
                    agent,
                    body.attempt,
                    record.timestamp_ms,
                    body.outcome,
                    "" if body.fault is None else body.fault.code,
                    "" if body.fault is None else body.fault.message[:_FAULT_CHARACTERS],
                    record.offset,
                )
            )

    def _ended(self, line: RunLine, record: Record, body: Ended) -> None:
        if line.state != "active" or body.outcome == "active":
            return
        self._index.end(line, body.outcome, record.timestamp_ms)
        line.tasks = line.tasks if body.tasks is None else body.tasks
        if body.usage is not None:
            line.input_tokens, line.output_tokens = body.usage.input_tokens, body.usage.output_tokens
        if body.fault is not None:
            line.fault = f"{body.fault.code}: {body.fault.message}"[:_FAULT_CHARACTERS]

    def _price(self, shape: Shape, agent: str | None, usage: Usage) -> int:
        model = shape.models.get(agent or "")
        if not model or not usage.total_tokens:
            return 0
        provider, colon, name = model.partition(":")
        price = price_of(
            self._index.prices, provider if colon else _DEFAULT_PROVIDER, name if colon else model
        )
        return 0 if price is None else price.of(usage)


def _plan(line: RunLine, planner: str, value: bytes) -> None:
    """Note for whom the tasks of a plan are; of what is no plan nothing."""
    with suppress(ValidationError):
        made = PlanMade.model_validate_json(value)
        line.planned = dict(line.planned or {}) | dict(made.agents(planner))
