"""Every metric of argosy, in one table: names, units, buckets."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "histogram", "gauge"]

# The buckets that the messaging conventions advise end at 10 s: far too short for work that asks a model.
TASK_SECONDS: Final = (
    0.005,
    0.025,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1800.0,
)
CALL_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
RUN_SECONDS: Final = (0.05, 0.25, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 86400.0)
TOKENS: Final = tuple(float(4**power) for power in range(14))
SHARES: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.5, 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric: what it is called, what it counts, and in which unit (UCUM). Compared as itself: it is looked up."""

    name: str
    kind: Kind
    unit: str
    description: str
    buckets: tuple[float, ...] = ()


TASK_DURATION: Final = Metric(
    "argosy.task.duration", "histogram", "s", "Wall time of a handler", TASK_SECONDS
)
TASKS: Final = Metric("argosy.tasks", "counter", "{task}", "Attempts settled, by outcome")
ERRORS: Final = Metric("argosy.task.errors", "counter", "{error}", "Attempts that failed, by error.type")
RETRIES: Final = Metric("argosy.task.retries", "counter", "{attempt}", "Attempts ordered after the first one")
HANDOFF: Final = Metric(
    "argosy.handoff.delay",
    "histogram",
    "s",
    "Time from a dispatch's append to the start of its handler",
    TASK_SECONDS,
)
DUPLICATES: Final = Metric("argosy.task.duplicates", "counter", "{message}", "Duplicates caught, by how")
CONTEXT_SHARE: Final = Metric(
    "argosy.context.utilisation",
    "histogram",
    "1",
    "Prompt and reserve as a share of the context window",
    SHARES,
)
RUNS: Final = Metric("argosy.runs", "counter", "{run}", "Runs ended, by outcome")
RUNS_UNDER_WAY: Final = Metric(
    "argosy.runs.under_way",
    "gauge",
    "{run}",
    "Runs under way, those that may be, and submits that wait for room",
)
RUN_DURATION: Final = Metric("argosy.run.duration", "histogram", "s", "Time from submit to end", RUN_SECONDS)
DEAD: Final = Metric("argosy.dead_letters", "counter", "{message}", "Dead letters written, by reason")
LAG_MESSAGES: Final = Metric(
    "argosy.lag.messages", "gauge", "{message}", "Work of an agent by state, in messages"
)
LAG_SECONDS: Final = Metric("argosy.lag.time", "gauge", "s", "Age of the oldest waiting message of an agent")
LAG_TOKENS: Final = Metric(
    "argosy.lag.tokens", "gauge", "{token}", "Work of an agent by state, in input tokens"
)
CALL_DURATION: Final = Metric(
    "gen_ai.client.operation.duration", "histogram", "s", "Duration of a model call", CALL_SECONDS
)
TOKEN_USAGE: Final = Metric(
    "gen_ai.client.token.usage",
    "histogram",
    "{token}",
    "Tokens of a model call, by gen_ai.token.type",
    TOKENS,
)
TOOL_DURATION: Final = Metric(
    "gen_ai.execute_tool.duration", "histogram", "s", "Duration of a call of a tool", CALL_SECONDS
)
REPAIRS: Final = Metric(
    "argosy.model.repairs",
    "counter",
    "{answer}",
    "Answers that were not of the asked type and were asked for again",
)
TURN_WAIT: Final = Metric(
    "argosy.model.turn.wait",
    "histogram",
    "s",
    "Time that a call of a limited model waited for its turn",
    TASK_SECONDS,
)
LIMITED: Final = Metric(
    "argosy.model.limited", "counter", "{call}", "Calls that a model server refused for now (429, 503)"
)
BUCKET_TOKENS: Final = Metric(
    "argosy.model.bucket.tokens", "gauge", "{token}", "Tokens in a model's bucket; below zero, owed"
)
BUCKET_RATE: Final = Metric(
    "argosy.model.bucket.rate", "gauge", "1", "Rate of a model's bucket as a share of its limit"
)
BUCKET_CALLS: Final = Metric(
    "argosy.model.bucket.calls", "gauge", "{call}", "Calls of a limited model in the whole fleet, by state"
)
MALFORMED_TRACE: Final = Metric(
    "argosy.trace.malformed", "counter", "{message}", "Messages whose trace context was malformed and ignored"
)

TABLE: Final = (
    TASK_DURATION, TASKS, ERRORS, RETRIES, HANDOFF, DUPLICATES, CONTEXT_SHARE, RUNS, RUNS_UNDER_WAY, RUN_DURATION, DEAD,
    LAG_MESSAGES, LAG_SECONDS, LAG_TOKENS, CALL_DURATION, TOKEN_USAGE, TOOL_DURATION, REPAIRS,
    TURN_WAIT, LIMITED, BUCKET_TOKENS, BUCKET_RATE, BUCKET_CALLS, MALFORMED_TRACE,
)  # fmt: skip
