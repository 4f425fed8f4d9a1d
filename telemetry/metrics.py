"""One typed function to record each metric of the table. Each costs about a microsecond.

Run and task ids are never labels: a label's values must be few.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from opentelemetry import metrics as api

from argosy.schemas.chat import Usage
from argosy.telemetry import names
from argosy.telemetry.metric_table import (
    BUCKET_CALLS,
    BUCKET_RATE,
    BUCKET_TOKENS,
    CALL_DURATION,
    CONTEXT_SHARE,
    DEAD,
    DUPLICATES,
    ERRORS,
    HANDOFF,
    LAG_MESSAGES,
    LAG_SECONDS,
    LAG_TOKENS,
    LIMITED,
    MALFORMED_TRACE,
    REPAIRS,
    RETRIES,
    RUN_DURATION,
    RUNS,
    RUNS_UNDER_WAY,
    TABLE,
    TASK_DURATION,
    TASKS,
    TOKEN_USAGE,
    TOOL_DURATION,
    TURN_WAIT,
    Metric,
)
from argosy.telemetry.tallies import Count, Distribution

DuplicateKind = Literal["over", "settled", "busy", "attached", "stale"]
LagState = Literal["waiting", "in_flight", "parked", "dead"]


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
    _record(TASK_DURATION, seconds, whose, how)
    _counted(TASKS).add(whose, how, more=len(seconds))
    if error_type is not None:
        _counted(ERRORS).add(whose, (names.ERROR_TYPE, error_type), more=len(seconds))


def task_retried(agent: str) -> None:
    """Count another attempt that the coordinator ordered."""
    _counted(RETRIES).add((names.GEN_AI_AGENT, agent))


def handed_off(agent: str, seconds: Sequence[float]) -> None:
    """Record that handlers started so many `seconds` after their dispatches were appended."""
    _record(HANDOFF, [max(0.0, one) for one in seconds], (names.GEN_AI_AGENT, agent))


def duplicate_caught(agent: str, how: DuplicateKind) -> None:
    """Count a copy of a task that was found and did no harm."""
    _counted(DUPLICATES).add((names.GEN_AI_AGENT, agent), (names.DUPLICATE, how))


def context_used(agent: str, share: float) -> None:
    """Record that a prompt and its reserve take `share` of the window."""
    _record(CONTEXT_SHARE, (share,), (names.GEN_AI_AGENT, agent))


def run_ended(pipeline: str, outcome: str, seconds: float) -> None:
    """Count a run that ended `seconds` after its submit."""
    which, how = (names.PIPELINE, pipeline), (names.RUN_OUTCOME, outcome)
    _counted(RUNS).add(which, how)
    _record(RUN_DURATION, (max(0.0, seconds),), which, how)


def runs_under_way(runs: int, most: int, waiting: int) -> None:
    """Set how many runs are under way in the fleet, how many may be, and how many submits wait here for room."""
    gauge = _gauge(RUNS_UNDER_WAY)
    gauge.set(runs, {names.LAG_STATE: "under_way"})
    gauge.set(most, {names.LAG_STATE: "most"})
    gauge.set(waiting, {names.LAG_STATE: "waiting"})


def dead_lettered(topic: str, reason: str) -> None:
    """Count a message of `topic` that went to the dead letters."""
    _counted(DEAD).add((names.DESTINATION, topic), (names.ERROR_TYPE, reason))


def lag_seen(agent: str, state: LagState, *, messages: int, tokens: int | None = None) -> None:
    """Set what lies in one state of an agent's queue now."""
    labels = {names.GEN_AI_AGENT: agent, names.LAG_STATE: state}
    _gauge(LAG_MESSAGES).set(messages, labels)
    if tokens is not None:
        _gauge(LAG_TOKENS).set(tokens, labels)


def lag_age_seen(agent: str, seconds: float) -> None:
    """Set how old the oldest waiting message of an agent is now."""
    _gauge(LAG_SECONDS).set(seconds, {names.GEN_AI_AGENT: agent})


def model_called(call: ModelCall, seconds: float, usage: Usage, *, error_type: str | None = None) -> None:
    """Record one logical model call, all its HTTP tries together."""
    labels = [
        (names.GEN_AI_OPERATION, names.CHAT),
        (names.GEN_AI_PROVIDER, call.provider),
        (names.REQUEST_MODEL, call.model),
    ]
    if call.agent:
        labels.append((names.GEN_AI_AGENT, call.agent))
    for kind, tokens in (("input", usage.input_tokens), ("output", usage.output_tokens)):
        if tokens:
            _record(TOKEN_USAGE, (tokens,), *labels, (names.TOKEN_TYPE, kind))
    if error_type is not None:
        labels.append((names.ERROR_TYPE, error_type))
    _record(CALL_DURATION, (seconds,), *labels)


def turn_awaited(provider: str, model: str, agent: str, seconds: float) -> None:
    """Record that a call waited so long until its turn came, or until it gave its slot away."""
    whose = ((names.GEN_AI_PROVIDER, provider), (names.REQUEST_MODEL, model), (names.GEN_AI_AGENT, agent))
    _record(TURN_WAIT, (seconds,), *whose)


def model_limited(provider: str, model: str) -> None:
    """Count a call that the server refused for now, though the bucket had let it in."""
    _counted(LIMITED).add((names.GEN_AI_PROVIDER, provider), (names.REQUEST_MODEL, model))


def bucket_seen(model: str, *, tokens: int | None, rate_per_mille: int, held: int, waiting: int) -> None:
    """Set how the bucket of a model (`<provider>:<model>`) stands now; all workers tell the same one."""
    whose = {names.REQUEST_MODEL: model}
    if tokens is not None:
        _gauge(BUCKET_TOKENS).set(tokens, whose)
    _gauge(BUCKET_RATE).set(rate_per_mille / 1000, whose)
    _gauge(BUCKET_CALLS).set(held, {**whose, names.LAG_STATE: "in_flight"})
    _gauge(BUCKET_CALLS).set(waiting, {**whose, names.LAG_STATE: "waiting"})


def tool_called(agent: str, tool: str, seconds: float, *, error_type: str | None = None) -> None:
    """Record a call of a tool, or the reading of its memo."""
    labels = [(names.GEN_AI_AGENT, agent), (names.TOOL_NAME, tool)]
    if error_type is not None:
        labels.append((names.ERROR_TYPE, error_type))
    _record(TOOL_DURATION, (seconds,), *labels)


def answer_repaired(agent: str, model: str) -> None:
    """Count an answer that was not of the asked type and is asked for again."""
    _counted(REPAIRS).add((names.GEN_AI_AGENT, agent), (names.REQUEST_MODEL, model))


def malformed_trace() -> None:
    """Count a message whose trace context was malformed, and ignored."""
    _counted(MALFORMED_TRACE).add()


# Instruments made before a provider is set up are proxies that count once it is: caching them is safe.


@cache
def _counted(metric: Metric) -> Count:
    count = Count()
    api.get_meter(names.SCOPE).create_observable_counter(
        metric.name, [count.observe], metric.unit, metric.description
    )
    return count


DISTRIBUTIONS: Final = {
    metric.name: Distribution(metric.name, metric.unit, metric.description, metric.buckets)
    for metric in TABLE
    if metric.kind == "histogram"
}


class _Tallied:
    on = False


def tally(*, on: bool) -> None:
    """Keep distributions ourselves from now on: a reader tells `DISTRIBUTIONS`. Otherwise the SDK keeps them."""
    _Tallied.on = on


def _record(metric: Metric, values: Sequence[float], *labels: tuple[str, str]) -> None:
    if _Tallied.on:
        DISTRIBUTIONS[metric.name].record(values, *labels)
    else:
        histogram, found = _histogram(metric), dict(labels)
        for value in values:
            histogram.record(value, found)


@cache
def _histogram(metric: Metric) -> api.Histogram:
    return api.get_meter(names.SCOPE).create_histogram(
        metric.name, metric.unit, metric.description, explicit_bucket_boundaries_advisory=list(metric.buckets)
    )


@cache
def _gauge(metric: Metric) -> api._Gauge:
    return api.get_meter(names.SCOPE).create_gauge(metric.name, metric.unit, metric.description)
