"""Tables of `docs/observability.md` that are made from the code: `cd tests && python -m support.observability_page`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from argosy.console.lag_metrics import METRICS
from argosy.console.monitoring_rules import ALERTS
from argosy.telemetry.inference_table import INFERENCE
from argosy.telemetry.metric import Metric
from argosy.telemetry.metric_table import TABLE
from argosy.telemetry.prometheus_names import family, series
from support.page_tables import renewed

PAGE: Final = Path(__file__).parents[2] / "docs" / "observability.md"
_UNITS: Final = {"1": "share", "s": "s"}


def tables() -> dict[str, str]:
    """Return each table by the name of its marks."""
    return {
        "metrics": "\n".join(_metrics(TABLE)),
        "latest metrics": "\n".join(_metrics(INFERENCE)),
        "fleet lag": "\n".join(_fleet_lag()),
        "alerts": "\n".join(_alerts()),
    }


def _metrics(table: Iterable[Metric]) -> Iterator[str]:
    yield "| metric | in Prometheus | kind, unit | labels | told by | what |"
    yield "|---|---|---|---|---|---|"
    for metric in table:
        unit = _UNITS.get(metric.unit, metric.unit.strip("{}"))
        name = f"{family(metric)}_bucket" if metric.kind == "histogram" else series(metric)
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        tellers = ", ".join(metric.tellers)
        yield f"| `{metric.name}` | `{name}` | {metric.kind}, {unit} | {labels} | {tellers} | {metric.description} |"


def _fleet_lag() -> Iterator[str]:
    yield "| in Prometheus | labels | what |"
    yield "|---|---|---|"
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in ("agent", *metric.labels))
        yield f"| `{metric.name}` | {labels} | {metric.description} |"


def _alerts() -> Iterator[str]:
    yield "| alert | after | severity | what to do |"
    yield "|---|---|---|---|"
    for alert in ALERTS:
        after = f"{alert.minutes} min" if alert.minutes else "at once"
        yield f"| `{alert.name}` | {after} | {alert.severity} | {alert.do} |"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), tables()), encoding="utf-8")
