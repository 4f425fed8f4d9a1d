"""The rules as Prometheus reads them, and the cases that `promtool test rules` plays."""

import json
from collections.abc import Iterator, Mapping

from argosy.console.monitoring_rules import ALERTS, RECORDED, Alert

RULES_FILE = "argosy-rules.yml"
_SEEN_MINUTES = 59


def rules() -> str:
    """Write the rules file: what is recorded, then the alerts."""
    lines = ["groups:", "  - name: argosy-recorded", "    rules:"]
    for name, expr in RECORDED.items():
        lines += [f"      - record: {name}", f"        expr: {json.dumps(expr)}"]
    lines += ["  - name: argosy-alerts", "    rules:"]
    for alert in ALERTS:
        lines += [
            f"      - alert: {alert.name}",
            f"        expr: {json.dumps(alert.expr)}",
            *([f"        for: {alert.minutes}m"] if alert.minutes else []),
            "        labels:",
            f"          severity: {alert.severity}",
            "        annotations:",
            f"          summary: {json.dumps(alert.summary)}",
            f"          description: {json.dumps(alert.do)}",
        ]
    return "\n".join(lines) + "\n"


def cases() -> str:
    """Write promtool's test file: each alert fires in one case, and is quiet in another."""
    lines = ["rule_files:", f"  - {RULES_FILE}", "evaluation_interval: 1m", "tests:"]
    for alert in ALERTS:
        lines += _case(f"{alert.name} fires", alert, alert.fires, fires=True)
        lines += _case(f"{alert.name} is quiet", alert, alert.quiet, fires=False)
    return "\n".join(lines) + "\n"


def _case(name: str, alert: Alert, series: Mapping[str, str], *, fires: bool) -> Iterator[str]:
    yield f"  - name: {json.dumps(name)}"
    yield "    interval: 1m"
    yield "    input_series:"
    for title, values in series.items():
        yield f"      - series: {json.dumps(title)}"
        yield f"        values: {json.dumps(values)}"
    yield "    alert_rule_test:"
    yield f"      - eval_time: {_SEEN_MINUTES}m"
    yield f"        alertname: {alert.name}"
    if not fires:
        return
    yield "        exp_alerts:"
    yield "          - exp_labels:"
    yield f"              severity: {alert.severity}"
    for key, value in alert.about.items():
        yield f"              {key}: {json.dumps(value)}"
    yield "            exp_annotations:"
    yield f"              summary: {json.dumps(_filled(alert.summary, alert.about))}"
    yield f"              description: {json.dumps(alert.do)}"


def _filled(text: str, labels: Mapping[str, str]) -> str:
    for key, value in labels.items():
        text = text.replace(f"{{{{ $labels.{key} }}}}", value)
    return text
