"""One typed function to record each metric of the table. Each costs about a microsecond.

Run and task ids are never labels: a label's values must be few, and are (`label_bounds`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from argosy.schemas.chat import Usage
from argosy.telemetry import names
from argosy.telemetry.asking_table import RUNS_ASKING
from argosy.telemetry.dialect import gen_ai
from argosy.telemetry.inference_table import INFERENCE_DURATION, INFERENCE_INPUT, INFERENCE_OUTPUT
from argosy.telemetry.instruments import counted, record, set_to
from argosy.telemetry.metric_table import (
    BUCKET_CALLS,
    BUCKET_RATE,
    BUCKET_TOKENS,
    BUDGET_REFUSED,
    CALL_DURATION,
    CONTEXT_SHARE,
    COST,
    DEAD,
    DISPATCHES,
    DUPLICATES,
    ERRORS,
    HANDOFF,
    LAG_MESSAGES,
    LAG_SECONDS,
    LAG_TOKENS,
    LANE_DELAY,
    LANES,
    LEASES_LOST,
    LIMITED,
    MALFORMED_TRACE,
    REFUSED,
    REPAIRS,
    RETRIES,
    RUN_DURATION,
    RUNS,
    RUNS_ACCEPTED,
    RUNS_UNDER_WAY,
    SLOTS,
    SPANS_LOST,
    TASK_DURATION,
    TASKS,
    TOKEN_USAGE,
    TOOL_DURATION,
    TURN_WAIT,
)

DuplicateKind = Literal["over", "settled", "busy", "attached", "stale"]
LagState = Literal["waiting", "in_flight", "parked", "dead"]
LaneState = Literal["live", "reloading", "paused"]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """What a model call's metrics are told apart by."""

    provider: str
    model: str
    agent: str = ""


def tasks_settled(
    agent: str, outcome: str, seconds: Sequence[float], *, error_type: str | None = None
) -> None:
    """Count attempts that ended after so many `seconds` of their handlers; with `error_type` each is an error too."""
    whose, how = (names.GEN_AI_AGENT, agent), (names.TASK_OUTCOME, outcome)
    record(TASK_DURATION, seconds, whose, how)
    counted(TASKS).add(whose, how, more=len(seconds))
    if error_type is not None:
        counted(ERRORS).add(whose, (names.ERROR_TYPE, error_type), more=len(seconds))


def poisoned(agent: str) -> None:
    """Count an attempt that is given up as poison: no handler ran, and its last delivery lost its lease too."""
    whose = (names.GEN_AI_AGENT, agent)
    counted(TASKS).add(whose, (names.TASK_OUTCOME, "poison"))
    counted(ERRORS).add(whose, (names.ERROR_TYPE, "poison"))
    counted(LEASES_LOST).add(whose, (names.LEASE, "taken_over"))


def task_retried(agent: str) -> None:
    """Count another attempt that the coordinator ordered."""
    counted(RETRIES).add((names.GEN_AI_AGENT, agent))


def handed_off(agent: str, seconds: Sequence[float]) -> None:
    """Record that handlers started so many `seconds` after their dispatches were appended."""
    record(HANDOFF, [max(0.0, one) for one in seconds], (names.GEN_AI_AGENT, agent))


def duplicate_caught(agent: str, how: DuplicateKind) -> None:
    """Count a copy of a task that was found and did no harm."""
    counted(DUPLICATES).add((names.GEN_AI_AGENT, agent), (names.DUPLICATE, how))


def lease_lost(agent: str, how: Literal["taken_over", "lost"]) -> None:
    """Count a task whose lease ran out: where it is `taken_over`, and where it was `lost`, if anybody lives there."""
    counted(LEASES_LOST).add((names.GEN_AI_AGENT, agent), (names.LEASE, how))


def slots(agent: str, most: int) -> None:
    """Set how many handlers of an agent may run at once here."""
    set_to(SLOTS, most, (names.GEN_AI_AGENT, agent))


def context_used(agent: str, share: float) -> None:
    """Record that a prompt and its reserve take `share` of the window."""
    record(CONTEXT_SHARE, (share,), (names.GEN_AI_AGENT, agent))


def run_accepted(pipeline: str) -> None:
    """Count a submit that was accepted."""
    counted(RUNS_ACCEPTED).add((names.PIPELINE, pipeline))


def submit_refused(reason: str) -> None:
    """Count a submit that was refused, or turned away (`busy`)."""
    counted(REFUSED).add((names.ERROR_TYPE, reason))


def folded(seconds: Sequence[float]) -> None:
    """Record that records of the run log were stored so many `seconds` after their append."""
    record(LANE_DELAY, [max(0.0, one) for one in seconds])


def lanes_are(state: LaneState, lanes: int) -> None:
    """Set how many lanes of this coordinator are in a state."""
    set_to(LANES, lanes, (names.LANE_STATE, state))


def dispatched(agent: str, out: int, most: int) -> None:
    """Set how many tasks of an agent are out in this coordinator's lanes, and how many may be."""
    set_to(DISPATCHES, out, (names.GEN_AI_AGENT, agent), (names.LAG_STATE, "out"))
    set_to(DISPATCHES, most, (names.GEN_AI_AGENT, agent), (names.LAG_STATE, "most"))


def run_ended(pipeline: str, outcome: str, seconds: float) -> None:
    """Count a run that ended `seconds` after its submit."""
    which, how = (names.PIPELINE, pipeline), (names.RUN_OUTCOME, outcome)
    counted(RUNS).add(which, how)
    record(RUN_DURATION, (max(0.0, seconds),), which, how)


def runs_under_way(runs: int, most: int, waiting: int) -> None:
    """Set how many runs are under way in the fleet, how many may be, and how many submits wait here for room."""
    set_to(RUNS_UNDER_WAY, runs, (names.LAG_STATE, "under_way"))
    set_to(RUNS_UNDER_WAY, most, (names.LAG_STATE, "most"))
    set_to(RUNS_UNDER_WAY, waiting, (names.LAG_STATE, "waiting"))


def runs_asking(pipeline: str, runs: int) -> None:
    """Set how many runs of a pipeline wait for a larger budget in this coordinator's lanes."""
    set_to(RUNS_ASKING, runs, (names.PIPELINE, pipeline))


def dead_lettered(topic: str, reason: str) -> None:
    """Count a message of `topic` that went to the dead letters."""
    counted(DEAD).add((names.DESTINATION, topic), (names.ERROR_TYPE, reason))


def lag_seen(agent: str, state: LagState, *, messages: int, tokens: int | None = None) -> None:
    """Set what lies in one state of an agent's queue now."""
    labels = (names.GEN_AI_AGENT, agent), (names.LAG_STATE, state)
    set_to(LAG_MESSAGES, messages, *labels)
    if tokens is not None:
        set_to(LAG_TOKENS, tokens, *labels)


def lag_age_seen(agent: str, seconds: float) -> None:
    """Set how old the oldest waiting message of an agent is now."""
    set_to(LAG_SECONDS, seconds, (names.GEN_AI_AGENT, agent))


def model_called(call: ModelCall, seconds: float, usage: Usage, *, error_type: str | None = None) -> None:
    """Record one logical model call, all its HTTP tries together, by the names that are asked for."""
    labels = [
        (names.GEN_AI_OPERATION, names.CHAT),
        (names.GEN_AI_PROVIDER, call.provider),
        (names.REQUEST_MODEL, call.model),
    ]
    if call.agent:
        labels.append((names.GEN_AI_AGENT, call.agent))
    ended = labels if error_type is None else [*labels, (names.ERROR_TYPE, error_type)]
    dialect = gen_ai()
    if dialect != "latest":
        for kind, tokens in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if tokens:
                record(TOKEN_USAGE, (tokens,), *labels, (names.TOKEN_TYPE, kind))
        record(CALL_DURATION, (seconds,), *ended)
    if dialect != "usual":
        for metric, tokens in (
            (INFERENCE_INPUT, usage.input_tokens),
            (INFERENCE_OUTPUT, usage.output_tokens),
        ):
            if tokens:
                counted(metric).add(*labels, more=tokens)
        record(INFERENCE_DURATION, (seconds,), *ended)


def model_cost(call: ModelCall, micros: int) -> None:
    """Count what a model call cost, in millionths of the unit of money."""
    labels = [(names.GEN_AI_PROVIDER, call.provider), (names.REQUEST_MODEL, call.model)]
    if call.agent:
        labels.append((names.GEN_AI_AGENT, call.agent))
    counted(COST).add(*labels, more=micros)


def budget_refused(agent: str, of: Literal["run", "tenant"]) -> None:
    """Count a model call that a spent budget refused."""
    counted(BUDGET_REFUSED).add((names.GEN_AI_AGENT, agent), (names.BUDGET_OF, of))


def turn_awaited(provider: str, model: str, agent: str, seconds: float) -> None:
    """Record that a call waited so long until its turn came, or until it gave its slot away."""
    whose = ((names.GEN_AI_PROVIDER, provider), (names.REQUEST_MODEL, model), (names.GEN_AI_AGENT, agent))
    record(TURN_WAIT, (seconds,), *whose)


def model_limited(provider: str, model: str) -> None:
    """Count a call that the server refused for now, though the bucket had let it in."""
    counted(LIMITED).add((names.GEN_AI_PROVIDER, provider), (names.REQUEST_MODEL, model))


def bucket_seen(model: str, *, tokens: int | None, rate_per_mille: int, held: int, waiting: int) -> None:
    """Set how the bucket of a model (`<provider>:<model>`) stands now; all workers tell the same one."""
    whose = (names.REQUEST_MODEL, model)
    if tokens is not None:
        set_to(BUCKET_TOKENS, tokens, whose)
    set_to(BUCKET_RATE, rate_per_mille / 1000, whose)
    set_to(BUCKET_CALLS, held, whose, (names.LAG_STATE, "in_flight"))
    set_to(BUCKET_CALLS, waiting, whose, (names.LAG_STATE, "waiting"))


def tool_called(agent: str, tool: str, seconds: float, *, error_type: str | None = None) -> None:
    """Record a call of a tool, or the reading of its memo."""
    labels = [(names.GEN_AI_AGENT, agent), (names.TOOL_NAME, tool)]
    if error_type is not None:
        labels.append((names.ERROR_TYPE, error_type))
    record(TOOL_DURATION, (seconds,), *labels)


def answer_repaired(agent: str, model: str) -> None:
    """Count an answer that was not of the asked type and is asked for again."""
    counted(REPAIRS).add((names.GEN_AI_AGENT, agent), (names.REQUEST_MODEL, model))


def malformed_trace() -> None:
    """Count a message whose trace context was malformed, and ignored."""
    counted(MALFORMED_TRACE).add()


def spans_lost(why: Literal["queue_full", "not_taken"], spans: int) -> None:
    """Count spans that came to nobody."""
    counted(SPANS_LOST).add((names.ERROR_TYPE, why), more=spans)
