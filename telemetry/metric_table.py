"""Every metric of argosy, in one table: names, units, buckets, labels, and which processes tell it.

`docs/observability.md`, the dashboards and the rules in `deploy/` are made from it.
"""

from typing import Final

from argosy.telemetry import names
from argosy.telemetry.asking_table import RUNS_ASKING
from argosy.telemetry.gateway_table import GATEWAY
from argosy.telemetry.metric import (
    CALL_SECONDS,
    RUN_SECONDS,
    SHARES,
    TASK_SECONDS,
    TOKENS,
    Metric,
    Teller,
)

_AGENT: Final = (names.GEN_AI_AGENT,)
_CALL: Final = (names.GEN_AI_OPERATION, names.GEN_AI_PROVIDER, names.REQUEST_MODEL, names.GEN_AI_AGENT)
_COORDINATOR: Final[tuple[Teller, ...]] = ("coordinator",)
_SERVING: Final[tuple[Teller, ...]] = ("worker", "coordinator")

# -- tasks

TASK_DURATION: Final = Metric(
    "argosy.task.duration",
    "histogram",
    "s",
    "Wall time of a handler",
    TASK_SECONDS,
    labels=(*_AGENT, names.TASK_OUTCOME),
)
TASKS: Final = Metric(
    "argosy.tasks",
    "counter",
    "{task}",
    "Attempts settled, by outcome",
    labels=(*_AGENT, names.TASK_OUTCOME),
)
ERRORS: Final = Metric(
    "argosy.task.errors",
    "counter",
    "{error}",
    "Attempts that failed, by error.type",
    labels=(*_AGENT, names.ERROR_TYPE),
)
RETRIES: Final = Metric(
    "argosy.task.retries",
    "counter",
    "{attempt}",
    "Attempts ordered after the first one",
    tellers=_COORDINATOR,
    labels=_AGENT,
)
HANDOFF: Final = Metric(
    "argosy.handoff.delay",
    "histogram",
    "s",
    "Time from a dispatch's append to the start of its handler: how long it lay in the queue",
    TASK_SECONDS,
    labels=_AGENT,
)
DUPLICATES: Final = Metric(
    "argosy.task.duplicates",
    "counter",
    "{message}",
    "Duplicates caught, by how",
    labels=(*_AGENT, names.DUPLICATE),
)
LEASES_LOST: Final = Metric(
    "argosy.leases.lost",
    "counter",
    "{claim}",
    "Leases lost: a task was `taken_over` whose lease ran out, or a claim was `lost` here",
    labels=(*_AGENT, names.LEASE),
)
CONTEXT_SHARE: Final = Metric(
    "argosy.context.utilisation",
    "histogram",
    "1",
    "Prompt and reserve as a share of the context window",
    SHARES,
    labels=_AGENT,
)
SLOTS: Final = Metric(
    "argosy.worker.slots", "gauge", "{task}", "Handlers that may run at once in a worker", labels=_AGENT
)

# -- runs, and the coordinator's part

RUNS_ACCEPTED: Final = Metric(
    "argosy.runs.accepted",
    "counter",
    "{run}",
    "Submits that were accepted, repeats among them",
    tellers=_COORDINATOR,
    labels=(names.PIPELINE,),
)
REFUSED: Final = Metric(
    "argosy.submits.refused",
    "counter",
    "{submit}",
    "Submits that were refused or turned away, by reason",
    tellers=_COORDINATOR,
    labels=(names.ERROR_TYPE,),
)
RUNS: Final = Metric(
    "argosy.runs",
    "counter",
    "{run}",
    "Runs ended, by outcome",
    tellers=_COORDINATOR,
    labels=(names.PIPELINE, names.RUN_OUTCOME),
)
RUNS_UNDER_WAY: Final = Metric(
    "argosy.runs.under_way",
    "gauge",
    "{run}",
    "Runs under way in the fleet (each coordinator tells all), those that may be, and submits that wait for room here",
    tellers=_COORDINATOR,
    labels=(names.LAG_STATE,),
)
RUN_DURATION: Final = Metric(
    "argosy.run.duration",
    "histogram",
    "s",
    "Time from submit to end",
    RUN_SECONDS,
    _COORDINATOR,
    (names.PIPELINE, names.RUN_OUTCOME),
)
LANE_DELAY: Final = Metric(
    "argosy.lane.delay",
    "histogram",
    "s",
    "Time from a record's append to the run log until a lane has folded and stored it",
    TASK_SECONDS,
    _COORDINATOR,
)
LANES: Final = Metric(
    "argosy.lanes",
    "gauge",
    "{lane}",
    "Lanes of a coordinator, by state: `live`, `reloading`, `paused` (for a newer release)",
    tellers=_COORDINATOR,
    labels=(names.LANE_STATE,),
)
DISPATCHES: Final = Metric(
    "argosy.dispatch.tasks",
    "gauge",
    "{task}",
    "Tasks of an agent in a coordinator's lanes: `out`, and how many of them may be (`most`, the dispatch windows)",
    tellers=_COORDINATOR,
    labels=(*_AGENT, names.LAG_STATE),
)
DEAD: Final = Metric(
    "argosy.dead_letters",
    "counter",
    "{message}",
    "Dead letters written, by reason",
    tellers=_SERVING,
    labels=(names.DESTINATION, names.ERROR_TYPE),
)
MALFORMED_TRACE: Final = Metric(
    "argosy.trace.malformed",
    "counter",
    "{message}",
    "Messages whose trace context was malformed and ignored",
    tellers=("worker", "coordinator", "gateway"),
)
SPANS_LOST: Final = Metric(
    "argosy.spans.lost",
    "counter",
    "{span}",
    "Spans that came to nobody: `queue_full`, or `not_taken` by a collector in time or by the disk",
    tellers=_SERVING,
    labels=(names.ERROR_TYPE,),
)

# -- lag

LAG_MESSAGES: Final = Metric(
    "argosy.lag.messages",
    "gauge",
    "{message}",
    "Work of an agent by state, in messages, as far as it is this worker's",
    labels=(*_AGENT, names.LAG_STATE),
)
LAG_SECONDS: Final = Metric(
    "argosy.lag.time", "gauge", "s", "Age of the oldest waiting message of an agent", labels=_AGENT
)
LAG_TOKENS: Final = Metric(
    "argosy.lag.tokens",
    "gauge",
    "{token}",
    "Work of an agent by state, in input tokens",
    labels=(*_AGENT, names.LAG_STATE),
)

# -- models and tools

CALL_DURATION: Final = Metric(
    "gen_ai.client.operation.duration",
    "histogram",
    "s",
    "Duration of a model call",
    CALL_SECONDS,
    labels=(*_CALL, names.ERROR_TYPE),
)
TOKEN_USAGE: Final = Metric(
    "gen_ai.client.token.usage",
    "histogram",
    "{token}",
    "Tokens of a model call, by gen_ai.token.type",
    TOKENS,
    labels=(*_CALL, names.TOKEN_TYPE),
)
COST: Final = Metric(
    "argosy.model.cost",
    "counter",
    "{micro}",
    "What model calls cost, in millionths of the unit of money; of models whose price is known",
    labels=(names.GEN_AI_PROVIDER, names.REQUEST_MODEL, names.GEN_AI_AGENT),
)
TOOL_DURATION: Final = Metric(
    "gen_ai.execute_tool.duration",
    "histogram",
    "s",
    "Duration of a call of a tool",
    CALL_SECONDS,
    labels=(*_AGENT, names.TOOL_NAME, names.ERROR_TYPE),
)
REPAIRS: Final = Metric(
    "argosy.model.repairs",
    "counter",
    "{answer}",
    "Answers that were not of the asked type and were asked for again",
    labels=(*_AGENT, names.REQUEST_MODEL),
)
TURN_WAIT: Final = Metric(
    "argosy.model.turn.wait",
    "histogram",
    "s",
    "Time that a call of a limited model waited for its turn",
    TASK_SECONDS,
    labels=(names.GEN_AI_PROVIDER, names.REQUEST_MODEL, names.GEN_AI_AGENT),
)
LIMITED: Final = Metric(
    "argosy.model.limited",
    "counter",
    "{call}",
    "Calls that a model server refused for now (429, 503)",
    labels=(names.GEN_AI_PROVIDER, names.REQUEST_MODEL),
)
BUCKET_TOKENS: Final = Metric(
    "argosy.model.bucket.tokens",
    "gauge",
    "{token}",
    "Tokens in a model's bucket; below zero, owed; each worker tells the fleet's",
    labels=(names.REQUEST_MODEL,),
)
BUCKET_RATE: Final = Metric(
    "argosy.model.bucket.rate",
    "gauge",
    "{share}",
    "Rate of a model's bucket as a share of its limit",
    labels=(names.REQUEST_MODEL,),
)
BUCKET_CALLS: Final = Metric(
    "argosy.model.bucket.calls",
    "gauge",
    "{call}",
    "Calls of a limited model in the whole fleet, by state",
    labels=(names.REQUEST_MODEL, names.LAG_STATE),
)
BUDGET_REFUSED: Final = Metric(
    "argosy.budget.refused",
    "counter",
    "{call}",
    "Model calls that a spent budget refused, of a `run` or of a `tenant`",
    labels=(*_AGENT, names.BUDGET_OF),
)

TABLE: Final = (
    TASK_DURATION, TASKS, ERRORS, RETRIES, HANDOFF, DUPLICATES, LEASES_LOST, CONTEXT_SHARE, SLOTS,
    RUNS_ACCEPTED, REFUSED, RUNS, RUNS_UNDER_WAY, RUNS_ASKING, RUN_DURATION, LANE_DELAY, LANES, DISPATCHES, DEAD,
    MALFORMED_TRACE, SPANS_LOST,
    LAG_MESSAGES, LAG_SECONDS, LAG_TOKENS,
    CALL_DURATION, TOKEN_USAGE, COST, TOOL_DURATION, REPAIRS, TURN_WAIT, LIMITED,
    BUCKET_TOKENS, BUCKET_RATE, BUCKET_CALLS, BUDGET_REFUSED,
    *GATEWAY,
)  # fmt: skip
