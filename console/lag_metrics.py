"""The whole fleet's lag as metrics, for who measures it alone: `argosy lag --listen`.

Workers tell `argosy.lag.*` of what is theirs, and are silent where there is none. These are of the fleet, by one
process: one series for each agent (and state), receivers and lanes among them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from argosy.console.lag_amount import Amount
from argosy.console.lag_measure import LagReport
from argosy.console.lag_scale import Scale, scale
from argosy.console.lag_standing import Standing
from argosy.console.lag_status import RULES
from argosy.console.lag_text import who

Values = Iterable[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True)
class LagMetric:
    """A gauge. `values` gives values of its labels, beside the agent, and numbers; what isn't known is left out."""

    name: str
    description: str
    labels: tuple[str, ...]
    values: Callable[[Standing, Scale], Values]


def _states(group: Standing) -> dict[str, Amount]:
    return {
        "waiting": group.waiting,
        "in_flight": group.in_flight,
        "parked": group.parked,
        "held": group.held,
        "retry": group.retry,
        "dead": group.dead,
    }


def _messages(group: Standing, _scale: Scale) -> Values:
    return [((state,), float(each.messages)) for state, each in _states(group).items()]


def _tokens(group: Standing, _scale: Scale) -> Values:
    return [
        ((state,), float(each.tokens)) for state, each in _states(group).items() if each.tokens is not None
    ]


def _one(value: float | None) -> Values:
    return [] if value is None else [((), value)]


def _words(group: Standing, _scale: Scale) -> Values:
    return [((word,), float(group.status == word)) for word in dict.fromkeys(rule.word for rule in RULES)]


def _rates(group: Standing, _scale: Scale) -> Values:
    rates = {"arriving": group.arriving, "finishing": group.finishing}
    return [((name,), value) for name, value in rates.items() if value is not None]


WANTED: Final = "argosy_fleet_replicas_wanted"
METRICS: Final = (
    LagMetric("argosy_fleet_lag_messages", "Work by state, in messages", ("state",), _messages),
    LagMetric("argosy_fleet_lag_tokens", "Work by state, in input tokens", ("state",), _tokens),
    LagMetric(
        "argosy_fleet_lag_seconds",
        "Age of the oldest unfinished message",
        (),
        lambda group, _scale: _one(group.unfinished.seconds or 0.0),
    ),
    LagMetric(
        "argosy_fleet_lag_drain_seconds",
        "Time that what is to do takes at the pace of the last minute; absent while nothing is finished",
        (),
        lambda group, _scale: _one(group.drain_seconds),
    ),
    LagMetric("argosy_fleet_lag_rate", "Messages a second in the last minute", ("way",), _rates),
    LagMetric("argosy_fleet_lag_status", "1 for the status that a group has", ("status",), _words),
    LagMetric(
        "argosy_fleet_lag_members",
        "Members of the group",
        (),
        lambda group, _scale: _one(float(group.members)),
    ),
    LagMetric(
        "argosy_fleet_dispatch_window",
        "Tasks of an agent that may be out at once, in all lanes: those beyond are held back",
        (),
        lambda group, _scale: _one(None if group.window is None else float(group.window.tasks)),
    ),
    LagMetric(
        WANTED,
        "Workers that an agent needs now",
        (),
        lambda group, wanted: _one(float(wanted.replicas)) if group.agent else (),
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class _Report(Collector):
    report: LagReport
    goal_seconds: float

    def collect(self) -> Iterable[GaugeMetricFamily]:
        groups = [(group, scale(group, goal_seconds=self.goal_seconds)) for group in self.report.groups]
        for metric in METRICS:
            family = GaugeMetricFamily(metric.name, metric.description, labels=("agent", *metric.labels))
            for group, wanted in groups:
                for labels, value in metric.values(group, wanted):
                    if self.report.hands_known or not _of_redis(metric, labels):
                        family.add_metric((who(group), *labels), value)
            yield family


def _of_redis(metric: LagMetric, labels: tuple[str, ...]) -> bool:
    """Say whether a figure is made of what Redis tells: without it, nothing would stand there, and pass for none."""
    return metric.name == WANTED or bool({"in_flight", "parked", "held", "retry"} & set(labels))


def metrics_text(report: LagReport, goal_seconds: float) -> bytes:
    """Write a measure as Prometheus reads it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Report(report, goal_seconds))
    return generate_latest(registry)
