"""Grafana dashboards as data: rows of panels, each of a few expressions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from argosy.console.monitoring_promql import (
    AGENT,
    CALLS_FAILED,
    ERROR,
    MODEL,
    PIPELINE,
    STATE,
    counted,
    gauge,
    grown,
    quantile,
    rate,
    totalled,
)
from argosy.telemetry import metric_table as table
from argosy.telemetry import names
from argosy.telemetry.asking_table import RUNS_ASKING
from argosy.telemetry.gateway_table import EVENTS_DROPPED, HTTP_ACTIVE, HTTP_DURATION, WATCHERS
from argosy.telemetry.prometheus_names import label

_LANE: Final = label(names.LANE_STATE)
_LEASE: Final = label(names.LEASE)
_OUTCOME: Final = label(names.RUN_OUTCOME)
_TASK_OUTCOME: Final = label(names.TASK_OUTCOME)
_HOW: Final = label(names.DUPLICATE)
_KIND: Final = label(names.TOKEN_TYPE)
_TOOL: Final = label(names.TOOL_NAME)
_ROUTE: Final = label(names.HTTP_ROUTE)
_STATUS: Final = label(names.HTTP_STATUS)
_ONE: Final[Mapping[str, str]] = {AGENT: "~$agent"}
"""What the variable `agent` picks."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: expressions by legend, and Grafana's unit. `stat`: the last number, large."""

    title: str
    exprs: Mapping[str, str]
    unit: str = "short"
    stat: bool = False
    stacked: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard; `rows` are titled. Without an `agent` variable where no panel asks for it."""

    uid: str
    title: str
    rows: Mapping[str, tuple[Panel, ...]]


def _shown(name: str) -> str:
    return f"{{{{{name}}}}}"


_BY_AGENT: Final = _shown(AGENT)
_BY_MODEL: Final = _shown(MODEL)

FLEET: Final = Dashboard(
    "argosy-fleet",
    "argosy: fleet",
    {
        "Now": (
            Panel("Oldest waiting work", {"": gauge(table.LAG_SECONDS, "max")}, "s", stat=True),
            Panel("Work waiting", {"": gauge(table.LAG_MESSAGES, "sum", **{STATE: "waiting"})}, stat=True),
            Panel("Tokens waiting", {"": gauge(table.LAG_TOKENS, "sum", **{STATE: "waiting"})}, stat=True),
            Panel(
                "Runs under way", {"": gauge(table.RUNS_UNDER_WAY, "max", **{STATE: "under_way"})}, stat=True
            ),
            Panel("Lanes not live", {"": gauge(table.LANES, "sum", **{_LANE: "!live"})}, stat=True),
            Panel("Dead letters, 1 h", {"": grown(table.DEAD, over="1h")}, stat=True),
        ),
        "Work": (
            Panel("Settled attempts", {_BY_AGENT: rate(table.TASKS, AGENT)}, "ops"),
            Panel("Oldest waiting work", {_BY_AGENT: gauge(table.LAG_SECONDS, "max", AGENT)}, "s"),
            Panel("Work by state", {_shown(STATE): gauge(table.LAG_MESSAGES, "sum", STATE)}, stacked=True),
            Panel(
                "Slots used",
                {
                    _BY_AGENT: f"{gauge(table.LAG_MESSAGES, 'sum', AGENT, **{STATE: 'in_flight'})}"
                    f" / {gauge(table.SLOTS, 'sum', AGENT)}"
                },
                "percentunit",
                about="At 1 all workers of an agent are busy: more of them help.",
            ),
        ),
        "Runs": (
            Panel(
                "Accepted and ended",
                {"accepted": rate(table.RUNS_ACCEPTED), _shown(_OUTCOME): rate(table.RUNS, _OUTCOME)},
                "ops",
            ),
            Panel(
                "Duration by pipeline, p50 and p95",
                {
                    f"p50 {_shown(PIPELINE)}": quantile(0.5, table.RUN_DURATION, PIPELINE),
                    f"p95 {_shown(PIPELINE)}": quantile(0.95, table.RUN_DURATION, PIPELINE),
                },
                "s",
            ),
            Panel("Submits refused", {_shown(ERROR): grown(table.REFUSED, ERROR, over="5m")}, stacked=True),
            Panel(
                "Under way, and as many as may be", {_shown(STATE): gauge(table.RUNS_UNDER_WAY, "max", STATE)}
            ),
            Panel(
                "Waiting for a larger budget",
                {_shown(PIPELINE): gauge(RUNS_ASKING, "sum", PIPELINE)},
                stacked=True,
                about="argosy limits names them; argosy runs budget RUN answers.",
            ),
        ),
        "Coordinators": (
            Panel("Lanes by state", {_shown(_LANE): gauge(table.LANES, "sum", _LANE)}, stacked=True),
            Panel("From the run log to the state, p95", {"": quantile(0.95, table.LANE_DELAY)}, "s"),
            Panel(
                "Tasks out, of the dispatch windows",
                {
                    _BY_AGENT: f"{gauge(table.DISPATCHES, 'sum', AGENT, **{STATE: 'out'})}"
                    f" / {gauge(table.DISPATCHES, 'sum', AGENT, **{STATE: 'most'})}"
                },
                "percentunit",
            ),
            Panel("Retries", {_BY_AGENT: rate(table.RETRIES, AGENT)}, "ops"),
            Panel("Malformed traces, 5 m", {"": grown(table.MALFORMED_TRACE, over="5m")}),
            Panel(
                "Spans lost, 5 m", {_shown(ERROR): grown(table.SPANS_LOST, ERROR, over="5m")}, stacked=True
            ),
        ),
    },
)

AGENTS: Final = Dashboard(
    "argosy-agents",
    "argosy: agents",
    {
        "Latency": (
            Panel("In the queue, p95", {_BY_AGENT: quantile(0.95, table.HANDOFF, AGENT, **_ONE)}, "s"),
            Panel(
                "In the handler, p95", {_BY_AGENT: quantile(0.95, table.TASK_DURATION, AGENT, **_ONE)}, "s"
            ),
            Panel("In the handler, p50", {_BY_AGENT: quantile(0.5, table.TASK_DURATION, AGENT, **_ONE)}, "s"),
        ),
        "Outcomes": (
            Panel(
                "Attempts by outcome",
                {_shown(_TASK_OUTCOME): rate(table.TASKS, _TASK_OUTCOME, **_ONE)},
                "ops",
                stacked=True,
            ),
            Panel(
                "Errors by type",
                {f"{_BY_AGENT} {_shown(ERROR)}": rate(table.ERRORS, AGENT, ERROR, **_ONE)},
                "ops",
            ),
            Panel("Retries", {_BY_AGENT: rate(table.RETRIES, AGENT, **_ONE)}, "ops"),
            Panel("Duplicates caught", {_shown(_HOW): rate(table.DUPLICATES, _HOW, **_ONE)}, "ops"),
            Panel(
                "Leases lost, 5 m",
                {f"{_BY_AGENT} {_shown(_LEASE)}": grown(table.LEASES_LOST, AGENT, _LEASE, over="5m", **_ONE)},
            ),
            Panel("Dead letters, 5 m", {_shown(ERROR): grown(table.DEAD, ERROR, over="5m")}),
        ),
        "Queue": (
            Panel(
                "Messages by state",
                {f"{_BY_AGENT} {_shown(STATE)}": gauge(table.LAG_MESSAGES, "sum", AGENT, STATE, **_ONE)},
                stacked=True,
            ),
            Panel(
                "Tokens by state",
                {f"{_BY_AGENT} {_shown(STATE)}": gauge(table.LAG_TOKENS, "sum", AGENT, STATE, **_ONE)},
                stacked=True,
            ),
            Panel("Slots", {_BY_AGENT: gauge(table.SLOTS, "sum", AGENT, **_ONE)}),
        ),
        "Context and tools": (
            Panel(
                "Context window used, p95",
                {_BY_AGENT: quantile(0.95, table.CONTEXT_SHARE, AGENT, **_ONE)},
                "percentunit",
            ),
            Panel("Tools, p95", {_shown(_TOOL): quantile(0.95, table.TOOL_DURATION, _TOOL, **_ONE)}, "s"),
            Panel("Answers asked for again", {_BY_AGENT: rate(table.REPAIRS, AGENT, **_ONE)}, "ops"),
        ),
    },
)

MODELS: Final = Dashboard(
    "argosy-models",
    "argosy: models, tokens and cost",
    {
        "Calls": (
            Panel("Calls", {_BY_MODEL: counted(table.CALL_DURATION, MODEL)}, "ops"),
            Panel("Duration, p95", {_BY_MODEL: quantile(0.95, table.CALL_DURATION, MODEL)}, "s"),
            Panel("Share that fails", {_BY_MODEL: CALLS_FAILED}, "percentunit"),
        ),
        "Tokens and cost": (
            Panel(
                "Tokens a minute",
                {f"{_BY_MODEL} {_shown(_KIND)}": f"60 * {totalled(table.TOKEN_USAGE, MODEL, _KIND)}"},
                stacked=True,
            ),
            Panel(
                "Tokens a minute by agent",
                {_BY_AGENT: f"60 * {totalled(table.TOKEN_USAGE, AGENT)}"},
                stacked=True,
            ),
            Panel(
                "Cost an hour",
                {_BY_MODEL: f"3600 * {rate(table.COST, MODEL)} / 1e6"},
                "currencyUSD",
                stacked=True,
            ),
            Panel(
                "Cost an hour by agent",
                {_BY_AGENT: f"3600 * {rate(table.COST, AGENT)} / 1e6"},
                "currencyUSD",
                stacked=True,
            ),
        ),
        "Limits and budgets": (
            Panel("Tokens in the bucket", {_BY_MODEL: gauge(table.BUCKET_TOKENS, "min", MODEL)}),
            Panel("Rate, of the limit", {_BY_MODEL: gauge(table.BUCKET_RATE, "min", MODEL)}, "percentunit"),
            Panel(
                "Calls by state",
                {f"{_BY_MODEL} {_shown(STATE)}": gauge(table.BUCKET_CALLS, "max", MODEL, STATE)},
            ),
            Panel("Wait for a turn, p95", {_BY_MODEL: quantile(0.95, table.TURN_WAIT, MODEL)}, "s"),
            Panel("Refused by the server", {_BY_MODEL: rate(table.LIMITED, MODEL)}, "ops"),
            Panel("Refused by a budget, 5 m", {_BY_AGENT: grown(table.BUDGET_REFUSED, AGENT, over="5m")}),
        ),
    },
)

GATEWAY: Final = Dashboard(
    "argosy-gateway",
    "argosy: HTTP gateway",
    {
        "Requests": (
            Panel(
                "Requests",
                {f"{_shown(_ROUTE)} {_shown(_STATUS)}": counted(HTTP_DURATION, _ROUTE, _STATUS)},
                "ops",
            ),
            Panel("Duration, p95", {_shown(_ROUTE): quantile(0.95, HTTP_DURATION, _ROUTE)}, "s"),
            Panel("Under way", {"": gauge(HTTP_ACTIVE, "sum")}),
            Panel("Event streams", {"": gauge(WATCHERS, "sum")}),
            Panel("Events dropped, 5 m", {"": grown(EVENTS_DROPPED, over="5m")}),
        ),
    },
)

DASHBOARDS: Final = (FLEET, AGENTS, MODELS, GATEWAY)
