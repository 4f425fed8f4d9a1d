"""Recording rules and alerts for Prometheus, as data; each alert has a case in which it fires, and one where not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from argosy.console.monitoring_promql import (
    AGENT,
    CALLS_FAILED,
    ERROR,
    ERROR_SHARE,
    MODEL,
    PIPELINE,
    STATE,
    gauge,
    grown,
    picked,
    quantile,
    rate,
)
from argosy.telemetry import metric_table as table
from argosy.telemetry import names
from argosy.telemetry.prometheus_names import family, label, series

LANE: Final = label(names.LANE_STATE)
LEASE: Final = label(names.LEASE)
OUTCOME: Final = label(names.RUN_OUTCOME)

RECORDED: Final[Mapping[str, str]] = {
    "argosy:lag_messages:sum": gauge(table.LAG_MESSAGES, "sum", AGENT, STATE),
    "argosy:lag_tokens:sum": gauge(table.LAG_TOKENS, "sum", AGENT, STATE),
    "argosy:lag_seconds:max": gauge(table.LAG_SECONDS, "max", AGENT),
    "argosy:tasks:rate5m": rate(table.TASKS, AGENT),
    "argosy:errors:share5m": ERROR_SHARE,
    "argosy:drain_seconds": (
        f'sum by ({AGENT}) (argosy:lag_messages:sum{{{STATE}="waiting"}}) / argosy:tasks:rate5m'
    ),
    "argosy:slots_used:share": (
        f"{gauge(table.LAG_MESSAGES, 'sum', AGENT, **{STATE: 'in_flight'})} / {gauge(table.SLOTS, 'sum', AGENT)}"
    ),
    "argosy:cost_micros:rate1h": rate(table.COST, over="1h"),
}


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert. `fires` and `quiet` are series with promtool's values by minute, looked at after an hour.

    `{labels}` of what fires stand in `about`.
    """

    name: str
    expr: str
    minutes: int
    severity: Literal["critical", "warning", "info"]
    summary: str
    do: str
    fires: Mapping[str, str]
    quiet: Mapping[str, str]
    about: Mapping[str, str]


_CRITIC: Final = {AGENT: "critic"}
_M: Final = {MODEL: "m"}
_BUCKET: Final = f"{family(table.LANE_DELAY)}_bucket"
_SHARE: Final = f"{family(table.CONTEXT_SHARE)}_bucket"
_CALLS: Final = f"{family(table.CALL_DURATION)}_count"
_REFUSED: Final = series(table.REFUSED)
_SHOWN_BY_AGENT: Final = f"`{{{{ $labels.{AGENT} }}}}`"

ALERTS: Final = (
    Alert(
        "ArgosyProcessDown",
        'up{job=~"argosy.*"} == 0',
        5,
        "warning",
        "{{ $labels.instance }} does not answer",
        "See its log; work that it had is taken over by others when its leases run out.",
        {'up{job="argosy", instance="a:1"}': "0x60"},
        {'up{job="argosy", instance="a:1"}': "1x60"},
        {"job": "argosy", "instance": "a:1"},
    ),
    Alert(
        "ArgosyNoCoordinator",
        f"sum(max_over_time({picked(series(table.LANES), **{LANE: 'live'})}[5m])) == 0"
        f" or absent({picked(series(table.LANES), **{LANE: 'live'})})",
        5,
        "critical",
        "No lane is live: no run goes on",
        "Start a coordinator, or see in the log of those that run why they take no lane (`argosy lane list`).",
        {picked(series(table.LANES), **{LANE: "live"}): "0x60"},
        {picked(series(table.LANES), **{LANE: "live"}): "8x60"},
        {},
    ),
    Alert(
        "ArgosyLaneNotLive",
        f"{gauge(table.LANES, 'sum', LANE, **{LANE: '!live'})} > 0",
        10,
        "warning",
        f"Lanes are {{{{ $labels.{LANE} }}}}: their runs stand still",
        "`paused`: a roll-out is under way, finish it. `reloading`: Redis or Kafka is away or slow: `argosy doctor`.",
        {picked(series(table.LANES), **{LANE: "paused"}): "1x60"},
        {picked(series(table.LANES), **{LANE: "paused"}): "0x60"},
        {LANE: "paused"},
    ),
    Alert(
        "ArgosyNoWorkers",
        f"{gauge(table.DISPATCHES, 'sum', AGENT, **{STATE: 'out'})} > 0"
        f" unless on ({AGENT}) {gauge(table.SLOTS, 'sum', AGENT)} > 0",
        5,
        "critical",
        f"Agent {_SHOWN_BY_AGENT} has work and no workers",
        "Start a worker: `argosy worker APP:AGENT`.",
        {picked(series(table.DISPATCHES), **_CRITIC, **{STATE: "out"}): "3x60"},
        {
            picked(series(table.DISPATCHES), **_CRITIC, **{STATE: "out"}): "3x60",
            picked(series(table.SLOTS), **_CRITIC): "4x60",
        },
        _CRITIC,
    ),
    Alert(
        "ArgosyQueueOld",
        f"{gauge(table.LAG_SECONDS, 'max', AGENT)} > 300",
        10,
        "warning",
        f"Work of {_SHOWN_BY_AGENT} waits longer than five minutes",
        "`argosy lag` says whether it is behind or stalled; more workers help where slots are full.",
        {picked(series(table.LAG_SECONDS), **_CRITIC): "400x60"},
        {picked(series(table.LAG_SECONDS), **_CRITIC): "20x60"},
        _CRITIC,
    ),
    Alert(
        "ArgosyQueueGrows",
        f'sum by ({AGENT}) (deriv(argosy:lag_messages:sum{{{STATE}="waiting"}}[15m])) > 0'
        f" and on ({AGENT}) argosy:lag_seconds:max > 60",
        15,
        "warning",
        f"The queue of {_SHOWN_BY_AGENT} grows",
        "More comes than is done: add workers, or see what became slow (task duration, model turn wait).",
        {
            picked(series(table.LAG_MESSAGES), **_CRITIC, **{STATE: "waiting"}): "0+10x60",
            picked(series(table.LAG_SECONDS), **_CRITIC): "0+5x60",
        },
        {
            picked(series(table.LAG_MESSAGES), **_CRITIC, **{STATE: "waiting"}): "600-10x60",
            picked(series(table.LAG_SECONDS), **_CRITIC): "300-5x60",
        },
        _CRITIC,
    ),
    Alert(
        "ArgosyErrors",
        f"argosy:errors:share5m > 0.1 and on ({AGENT}) argosy:tasks:rate5m > 0.02",
        10,
        "warning",
        f"More than a tenth of the attempts of {_SHOWN_BY_AGENT} fail",
        "`argosy dead list` and the log of its workers say with what; retries go on meanwhile.",
        {
            picked(series(table.ERRORS), **_CRITIC, **{ERROR: "handler_failed"}): "0+30x60",
            picked(series(table.TASKS), **_CRITIC): "0+60x60",
        },
        {
            picked(series(table.ERRORS), **_CRITIC, **{ERROR: "handler_failed"}): "0+1x60",
            picked(series(table.TASKS), **_CRITIC): "0+60x60",
        },
        _CRITIC,
    ),
    Alert(
        "ArgosyRunsFail",
        f"{rate(table.RUNS, PIPELINE, over='15m', **{OUTCOME: 'failed'})}"
        f" / {rate(table.RUNS, PIPELINE, over='15m')} > 0.1",
        15,
        "warning",
        f"More than a tenth of the runs of `{{{{ $labels.{PIPELINE} }}}}` fail",
        "`argosy runs list`, then `argosy why RUN`.",
        {
            picked(series(table.RUNS), **{PIPELINE: "p", OUTCOME: "failed"}): "0+2x60",
            picked(series(table.RUNS), **{PIPELINE: "p", OUTCOME: "succeeded"}): "0+2x60",
        },
        {
            picked(series(table.RUNS), **{PIPELINE: "p", OUTCOME: "failed"}): "0x60",
            picked(series(table.RUNS), **{PIPELINE: "p", OUTCOME: "succeeded"}): "0+2x60",
        },
        {PIPELINE: "p"},
    ),
    Alert(
        "ArgosyDeadLetters",
        f"{grown(table.DEAD, ERROR, over='15m')} > 0",
        0,
        "warning",
        f"Messages were buried: {{{{ $labels.{ERROR} }}}}",
        "`argosy dead list`, then `argosy dead show` and `redrive`.",
        {picked(series(table.DEAD), **{ERROR: "undecodable"}): "0x50 1x10"},
        {picked(series(table.DEAD), **{ERROR: "undecodable"}): "7x60"},
        {ERROR: "undecodable"},
    ),
    Alert(
        "ArgosyLeasesLost",
        f"{grown(table.LEASES_LOST, AGENT, over='15m', **{LEASE: 'taken_over'})} > 5",
        0,
        "warning",
        f"Workers of {_SHOWN_BY_AGENT} die or stand still",
        "Look for kills (memory), and for handlers that block the event loop: a worker says so before it ends itself.",
        {picked(series(table.LEASES_LOST), **_CRITIC, **{LEASE: "taken_over"}): "0+1x60"},
        {picked(series(table.LEASES_LOST), **_CRITIC, **{LEASE: "taken_over"}): "3x60"},
        _CRITIC,
    ),
    Alert(
        "ArgosyBusy",
        f"{grown(table.REFUSED, over='10m', **{ERROR: 'busy'})} > 0",
        0,
        "warning",
        "Submits are turned away: the fleet has as many runs as it may hold",
        "Raise `fleet.most_runs`, or let fewer come; `argosy why` says which bound.",
        {picked(_REFUSED, **{ERROR: "busy"}): "0+1x60"},
        {picked(_REFUSED, **{ERROR: "invalid"}): "0+1x60"},
        {},
    ),
    Alert(
        "ArgosyNearlyFull",
        f"{gauge(table.RUNS_UNDER_WAY, 'max', **{STATE: 'under_way'})}"
        f" / {gauge(table.RUNS_UNDER_WAY, 'max', **{STATE: 'most'})} > 0.9",
        10,
        "warning",
        "Nine tenths of the runs that may be under way are",
        "Runs that wait for people or signals count too: `argosy runs list`.",
        {
            picked(series(table.RUNS_UNDER_WAY), **{STATE: "under_way"}): "95x60",
            picked(series(table.RUNS_UNDER_WAY), **{STATE: "most"}): "100x60",
        },
        {
            picked(series(table.RUNS_UNDER_WAY), **{STATE: "under_way"}): "15x60",
            picked(series(table.RUNS_UNDER_WAY), **{STATE: "most"}): "100x60",
        },
        {},
    ),
    Alert(
        "ArgosyLaneSlow",
        f"{quantile(0.95, table.LANE_DELAY)} > 5",
        10,
        "warning",
        "Coordinators are behind: a result waits more than five seconds for the next step",
        "Start another coordinator (up to one for each lane), or see whether Redis is slow.",
        {
            f'{_BUCKET}{{le="5.0"}}': "0x60",
            f'{_BUCKET}{{le="10.0"}}': "0+60x60",
            f'{_BUCKET}{{le="+Inf"}}': "0+60x60",
        },
        {f'{_BUCKET}{{le="0.5"}}': "0+60x60", f'{_BUCKET}{{le="+Inf"}}': "0+60x60"},
        {},
    ),
    Alert(
        "ArgosyContextNearlyFull",
        f"{quantile(0.95, table.CONTEXT_SHARE, AGENT, over='30m')} > 0.9",
        30,
        "info",
        f"Prompts of {_SHOWN_BY_AGENT} nearly fill the window",
        "Larger ones are paged, summarised or refused by its contract: see docs/contracts.md.",
        {
            picked(_SHARE, **_CRITIC, le="0.9"): "0x60",
            picked(_SHARE, **_CRITIC, le="1.0"): "0+9x60",
            picked(_SHARE, **_CRITIC, le="+Inf"): "0+9x60",
        },
        {picked(_SHARE, **_CRITIC, le="0.5"): "0+9x60", picked(_SHARE, **_CRITIC, le="+Inf"): "0+9x60"},
        _CRITIC,
    ),
    Alert(
        "ArgosyModelFails",
        f"{CALLS_FAILED} > 0.2",
        10,
        "warning",
        f"A fifth of the calls of `{{{{ $labels.{MODEL} }}}}` fail",
        "See error_type; calls are tried again, and tasks after them.",
        {picked(_CALLS, **_M, **{ERROR: "model_failed"}): "0+5x60", picked(_CALLS, **_M): "0+5x60"},
        {picked(_CALLS, **_M, **{ERROR: "model_failed"}): "0x60", picked(_CALLS, **_M): "0+5x60"},
        _M,
    ),
    Alert(
        "ArgosyModelLimited",
        f"{gauge(table.BUCKET_RATE, 'min', MODEL)} < 0.5",
        15,
        "info",
        f"The provider lets less than half of the set rate of `{{{{ $labels.{MODEL} }}}}` through",
        "`argosy limits`; others may use the same key, or the limit is set too high.",
        {picked(series(table.BUCKET_RATE), **_M): "0.3x60"},
        {picked(series(table.BUCKET_RATE), **_M): "1x60"},
        _M,
    ),
    Alert(
        "ArgosyBudgetSpent",
        f"{grown(table.BUDGET_REFUSED, label(names.BUDGET_OF), over='1h')} > 0",
        0,
        "info",
        f"A budget of a {{{{ $labels.{label(names.BUDGET_OF)} }}}} is spent",
        "`argosy limits`; a run goes on after `argosy runs redrive` with another budget, a tenant's at midnight (UTC).",
        {picked(series(table.BUDGET_REFUSED), **{label(names.BUDGET_OF): "run"}): "0+1x60"},
        {picked(series(table.BUDGET_REFUSED), **{label(names.BUDGET_OF): "run"}): "4x60"},
        {label(names.BUDGET_OF): "run"},
    ),
)
