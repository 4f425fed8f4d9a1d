"""The log events of handoffs: who tells each, and with which fields. A test holds real logs to this table."""

from dataclasses import dataclass
from typing import Final

from argosy.telemetry.names import Handoff

ALWAYS: Final = ("event", "level", "timestamp", "logger")
"""Of every line."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event: by whom it is told, what it says, its fields, and those that only apply at times."""

    by: str
    meaning: str
    fields: tuple[str, ...]
    sometimes: tuple[str, ...] = ("trace_id",)


_TASK: Final = ("run_id", "task_id", "agent", "attempt")

HANDOFFS: Final[dict[Handoff, Told]] = {
    "submitted": Told("client", "Kafka has the submit", ("run_id", "pipeline", "topic")),
    "accepted": Told(
        "coordinator (receiver)",
        "the submit passed, and is in the run log; `partition` and `offset` are the inbox's",
        ("run_id", "pipeline", "partition", "offset"),
    ),
    "dispatched": Told(
        "coordinator",
        "an attempt was sent to its agent's topic; `again`: not for the first time; `cause`: the offset in the run log "
        "that ordered it",
        (*_TASK, "again", "cause"),
    ),
    "claimed": Told(
        "worker",
        "an attempt begins; `delivery` counts from 1: more means that a worker died or lost its lease before",
        (*_TASK, "delivery", "handoff_seconds"),
    ),
    "parked": Told("worker", "a record waits, without a slot", (*_TASK, "reason", "seconds")),
    "settled": Told(
        "worker",
        "the outcome is stored and in the run log; `again`: published for a delivery that had stored it and died",
        (*_TASK, "outcome"),
        ("trace_id", "wall_seconds", "input_tokens", "output_tokens", "code", "again"),
    ),
    "taken": Told(
        "coordinator",
        "an outcome took effect in the run; without `agent` and a worker's word where a task or a step was skipped, "
        "cancelled, expired or refused, and where a wait ended; `offset` is the run log's: what it caused names it as "
        "`cause`",
        ("run_id", "task_id", "attempt", "outcome", "offset"),
        ("trace_id", "why"),
    ),
    "asked": Told(
        "coordinator",
        "a task that the budget of its run refused waits until somebody raises it",
        ("run_id", "task_id", "attempt", "offset", "why"),
    ),
    "answered": Told(
        "coordinator",
        "somebody raised the budget of a run, or said no, or nobody did in time; `outcome`: `budget_raised`, "
        "`budget_denied`, or `budget_kept` for an answer that changed nothing",
        ("run_id", "outcome", "offset", "why"),
    ),
    "joined": Told(
        "coordinator",
        "a task of several parents has all that it waited for; told just before it is dispatched",
        ("run_id", "task_id", "parents", "holes", "cause"),
    ),
    "ended": Told(
        "coordinator",
        "the run's outcome is in the run log",
        ("run_id", "pipeline", "outcome", "tasks", "input_tokens", "output_tokens"),
        ("trace_id", "code"),
    ),
    "dead": Told(
        "whoever buries it",
        "a message that can't be processed is in the dead letters",
        ("topic", "partition", "offset", "reason"),
        ("error",),
    ),
}


def table() -> str:
    """Write the table as Markdown, as it stands in `docs/observability.md`."""
    rows = [
        f"| `{event}` | {told.by} | {', '.join(f'`{name}`' for name in told.fields)}"
        f"{''.join(f', [`{name}`]' for name in told.sometimes)} | {told.meaning} |"
        for event, told in HANDOFFS.items()
    ]
    return "\n".join(("| event | told by | fields | what it says |", "|---|---|---|---|", *rows, ""))
